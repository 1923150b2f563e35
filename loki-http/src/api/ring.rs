//! The rings of a cluster, told truthfully of a single process: one member, which is active and owns everything.

use super::status::json_line;
use crate::context::Context;
use crate::respond::{self, TEXT};
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

/// The ring of any part.
pub(crate) async fn ring(State(context): State<Context>, headers: HeaderMap) -> Response {
    let now = jiff::Timestamp::from_nanosecond(i128::from(context.now()))
        .unwrap_or_default()
        .to_string();
    let address = format!("{}:{}", context.settings().address, context.settings().port);
    let accept = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if accept.contains("application/json") {
        let member = json!({
            "id": "loki",
            "state": "ACTIVE",
            "address": address,
            "timestamp": now,
            "registered_timestamp": now,
            "read_only": false,
            "read_only_updated_timestamp": "",
            "zone": "",
            "tokens": [],
        });
        return json_line(StatusCode::OK, &json!({ "shards": [member], "now": now }));
    }
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Ring Status</title></head><body><h1>Ring Status</h1>\
         <p>Current time: {now}</p><table><tr><th>Instance ID</th><th>State</th></tr>\
         <tr><td>loki</td><td>ACTIVE</td></tr></table></body></html>\n"
    );
    respond::ok("text/html; charset=utf-8", page)
}

/// The gossip of a cluster, which there is none of.
pub(crate) async fn memberlist() -> Response {
    respond::ok(TEXT, "This instance doesn't use memberlist.")
}
