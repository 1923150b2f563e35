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

/// The content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The parts of Loki that this process stands for, as clients know them, and the state of each.
fn services(context: &Context) -> Vec<(&'static str, &'static str)> {
    let settings = context.settings();
    let parts = [
        ("compactor", true),
        ("distributor", true),
        ("ingester", true),
        ("pattern-ingester", context.engine().has_patterns()),
        ("querier", true),
        ("query-frontend", true),
        (
            "ruler",
            settings.ruler.api_enabled || settings.ruler.rule_folder.is_some(),
        ),
        ("server", true),
        ("store", true),
    ];
    let state = |part| match part {
        "ingester" if context.is_ingester_stopped() => "Terminated",
        _ if context.is_stopping() => "Stopping",
        _ => "Running",
    };
    let in_use = parts.into_iter().filter(|(_, is_used)| *is_used);
    in_use.map(|(part, _)| (part, state(part))).collect()
}

/// The engine is open before the first connection is taken, so the server is ready until it stops.
pub(crate) async fn ready(State(context): State<Context>) -> Response {
    let unready = |text: String| Failure::new(StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    if context.is_stopping() {
        return unready("Application is stopping\n".to_owned());
    }
    let services = services(&context);
    let terminated = services.iter().filter(|(_, state)| *state == "Terminated").count();
    if terminated > 0 {
        let running = services.len() - terminated;
        let counts = format!("Running: {running}\nTerminated: {terminated}\n\n");
        return unready(format!("Some services are not Running:\n{counts}"));
    }
    respond::ok(TEXT, "ready\n")
}

/// Counters in Prometheus' text format.
pub(crate) async fn metrics(State(context): State<Context>) -> Result<Response, Failure> {
    let page = metrics::page(context.metrics(), context.engine(), context.level())
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).line())?;
    Ok(respond::ok(PROMETHEUS, page))
}

/// One line for each part.
pub(crate) async fn service_list(State(context): State<Context>) -> Response {
    let line = |(part, state): &(_, _)| format!("{part} => {state}\n");
    respond::ok(TEXT, services(&context).iter().map(line).collect::<String>())
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

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildInfo {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

/// The version. What else Loki tells of its build, this program does not know of itself.
pub(crate) async fn build_info() -> Response {
    let info = BuildInfo {
        version: env!("CARGO_PKG_VERSION"),
        revision: "",
        branch: "",
        build_user: "",
        build_date: "",
        go_version: "",
    };
    json_line(StatusCode::OK, &info)
}

/// What `/log_level` answers.
#[derive(serde::Serialize)]
struct LevelAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    message: String,
}

/// The level of the log.
pub(crate) async fn log_level(State(context): State<Context>) -> Response {
    let level = context.level().level().map_or("unknown", Level::as_str);
    let message = format!("Current log level is {level}");
    json_line(StatusCode::OK, &LevelAnswer { status: None, message })
}

/// Changes the level of the log.
pub(crate) async fn set_log_level(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let asked = params.value("log_level").unwrap_or_default().parse::<Level>();
    let (code, status, message) = match asked {
        Ok(level) => {
            context.level().set(level);
            (
                StatusCode::OK,
                "success",
                format!("Log level set to {}", level.as_str()),
            )
        }
        Err(message) => (StatusCode::BAD_REQUEST, "failed", message),
    };
    let status = Some(status);
    Ok(json_line(code, &LevelAnswer { status, message }))
}

/// A JSON value on a line of its own.
pub(super) fn json_line(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let content_type = HeaderValue::from_static("application/json");
    let mut body = serde_json::to_vec(value).expect("plain values are JSON");
    body.push(b'\n');
    (status, [(CONTENT_TYPE, content_type)], body).into_response()
}
