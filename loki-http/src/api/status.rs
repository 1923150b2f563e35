//! The state of the process: readiness, metrics, configuration, version, log level.

use crate::body;
use crate::context::Context;
use crate::log::Level;
use crate::metrics;
use crate::respond::{self, Failure, TEXT};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// The content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The parts of Loki that this process stands for, as clients know them.
const SERVICES: [&str; 7] = [
    "compactor",
    "distributor",
    "ingester",
    "querier",
    "query-frontend",
    "server",
    "store",
];

/// The engine is open before the first connection is taken, so the server is ready until it stops.
pub(crate) async fn ready(State(context): State<Context>) -> Response {
    if context.is_stopping() {
        return Failure::new(StatusCode::SERVICE_UNAVAILABLE, "Application is stopping\n").into_response();
    }
    respond::ok(TEXT, "ready\n")
}

/// Counters in Prometheus' text format.
pub(crate) async fn metrics(State(context): State<Context>) -> Result<Response, Failure> {
    let page = metrics::page(context.metrics(), context.engine())
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).line())?;
    Ok(respond::ok(PROMETHEUS, page))
}

/// One line for each part.
pub(crate) async fn services(State(context): State<Context>) -> Response {
    let state = if context.is_stopping() { "Stopping" } else { "Running" };
    let lines: String = SERVICES.iter().map(|name| format!("{name} => {state}\n")).collect();
    respond::ok(TEXT, lines)
}

/// The configuration as YAML: the running one, with `mode=defaults` the one that holds where nothing is asked for, with
/// `mode=diff` the keys in which the two differ.
pub(crate) async fn config(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let pages = &context.settings().config_pages;
    let page = match params.value("mode") {
        Some("defaults") => &pages.defaults,
        Some("diff") => &pages.diff,
        _ => &pages.running,
    };
    Ok(respond::ok(TEXT, page.clone()))
}

/// The version.
pub(crate) async fn build_info() -> Response {
    let info = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "revision": "",
        "branch": "",
        "buildUser": "",
        "buildDate": "",
        "goVersion": "",
    });
    json_line(StatusCode::OK, &info)
}

/// The level of the log.
pub(crate) async fn log_level(State(context): State<Context>) -> Response {
    let level = context.level().level().map_or("unknown", Level::as_str);
    json_line(
        StatusCode::OK,
        &json!({ "message": format!("Current log level is {level}") }),
    )
}

/// Changes the level of the log.
pub(crate) async fn set_log_level(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let asked = params.value("log_level").unwrap_or_default().parse::<Level>();
    Ok(match asked {
        Ok(level) => {
            context.level().set(level);
            let message = format!("Log level set to {}", level.as_str());
            json_line(StatusCode::OK, &json!({ "status": "success", "message": message }))
        }
        Err(message) => json_line(
            StatusCode::BAD_REQUEST,
            &json!({ "status": "failed", "message": message }),
        ),
    })
}

/// A JSON value on a line of its own.
pub(super) fn json_line(status: StatusCode, value: &serde_json::Value) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    (status, [(CONTENT_TYPE, content_type)], format!("{value}\n")).into_response()
}
