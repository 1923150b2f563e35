//! The rings of a cluster, told truthfully of a single process: one member, which is active and owns everything.

use super::status::json_line;
use crate::context::Context;
use crate::respond::{self, TEXT};
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

/// The only member, and what it is doing.
#[derive(serde::Serialize)]
struct Member {
    id: &'static str,
    state: &'static str,
    address: String,
    timestamp: String,
    registered_timestamp: String,
    read_only: bool,
    read_only_updated_timestamp: &'static str,
    zone: &'static str,
    /// None: what one member owns, it owns without them.
    tokens: [u32; 0],
}

#[derive(serde::Serialize)]
struct Ring {
    shards: Vec<Member>,
    now: String,
}

/// The ring of any part.
pub(crate) async fn ring(State(context): State<Context>, headers: HeaderMap) -> Response {
    let time = |nanos| {
        let time = jiff::Timestamp::from_nanosecond(i128::from(nanos));
        time.unwrap_or_default().to_string()
    };
    let now = time(context.now());
    // An ingester that has stopped has left its ring.
    let state = match (context.is_ingester_stopped(), context.is_stopping()) {
        (true, _) => None,
        (false, true) => Some("LEAVING"),
        (false, false) => Some("ACTIVE"),
    };
    let member = state.map(|state| Member {
        id: "loki",
        state,
        address: context.address().to_string(),
        timestamp: now.clone(),
        registered_timestamp: time(context.started_at()),
        read_only: false,
        read_only_updated_timestamp: "",
        zone: "",
        tokens: [],
    });
    if wants_json(&headers) {
        let shards = member.into_iter().collect();
        return json_line(StatusCode::OK, &Ring { shards, now });
    }
    let row = |member: Member| {
        format!(
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            member.id, member.state, member.address
        )
    };
    let rows: String = member.into_iter().map(row).collect();
    page(&format!(
        "<p>Current time: {now}</p><table><tr><th>Instance ID</th><th>State</th><th>Address</th></tr>{rows}</table>"
    ))
}

/// The ring of rulers: one ruler evaluates all rules, so there is none.
pub(crate) async fn ruler() -> Response {
    page("<p>Ruler running with shards disabled</p>")
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("application/json"))
}

fn page(body: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html>\n<html><head><title>Ring Status</title></head><body><h1>Ring Status</h1>{body}</body></html>\n"
    );
    respond::ok("text/html; charset=utf-8", page)
}

/// The gossip of a cluster, which there is none of.
pub(crate) async fn memberlist() -> Response {
    respond::ok(TEXT, "This instance doesn't use memberlist.")
}
