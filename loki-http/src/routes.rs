//! The table of endpoints: a row says where, by which methods, and who answers.

use crate::api::{
    admin, delete, detected, format_query, index_stats, labels, legacy, limits, openapi, otlp, patterns, push, query,
    ring, rules, series, status, tail, volume,
};
use crate::context::Context;
use crate::cors;
use crate::metrics::route_label;
use crate::respond::{Failure, method_not_allowed};
use axum::Router;
use axum::body::HttpBody;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use std::sync::Arc;
use std::time::Instant;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// The smallest answer that is worth compressing, as in Loki.
const COMPRESSED_BYTES: u64 = 1400;

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const GET_POST: &[Method] = &[Method::GET, Method::POST];
const GET_POST_DELETE: &[Method] = &[Method::GET, Method::POST, Method::DELETE];
const GET_POST_PUT_DELETE: &[Method] = &[Method::GET, Method::POST, Method::PUT, Method::DELETE];
const GET_DELETE: &[Method] = &[Method::GET, Method::DELETE];
/// No restriction.
const ANY: &[Method] = &[];

/// All endpoints.
fn table() -> Vec<Route> {
    vec![
        route("/loki/api/v1/push", POST, push::push).hidden(),
        route("/api/prom/push", POST, push::push_legacy).hidden(),
        route("/otlp/v1/logs", POST, otlp::logs).hidden(),
        route("/api/v1/push", POST, push::receive).hidden(),
        route("/loki/api/v1/raw", POST, push::receive_lines).hidden(),
        route("/api/v1/raw", POST, push::receive_lines).hidden(),
        route("/loki/api/v1/query_range", GET_POST, query::query_range),
        route("/loki/api/v1/query", GET_POST, query::query),
        route("/loki/api/v1/labels", GET_POST, labels::names),
        route("/loki/api/v1/label", GET_POST, labels::names),
        route("/loki/api/v1/label/{name}/values", GET_POST, labels::values),
        route("/loki/api/v1/series", GET_POST, series::series),
        route("/loki/api/v1/index/stats", GET_POST, index_stats::index_stats),
        route("/loki/api/v1/index/volume", GET_POST, volume::volume),
        route("/loki/api/v1/index/volume_range", GET_POST, volume::volume_range),
        route("/loki/api/v1/detected_labels", GET_POST, detected::labels),
        route("/loki/api/v1/detected_fields", GET_POST, detected::fields),
        route("/loki/api/v1/detected_field/{name}/values", GET_POST, detected::values),
        route("/loki/api/v1/format_query", GET_POST, format_query::format_query),
        route("/loki/api/v1/patterns", GET_POST, patterns::patterns),
        route("/loki/api/v1/tail", GET_POST, tail::tail).hidden(),
        route("/api/prom/tail", GET_POST, tail::tail_legacy).hidden(),
        route("/api/prom/query", GET_POST, legacy::query),
        route("/api/prom/label", GET_POST, labels::names_legacy),
        route("/api/prom/label/{name}/values", GET_POST, labels::values_legacy),
        route("/api/prom/series", GET_POST, series::series),
        route("/compactor/ui/api/v1/deletes", ANY, delete::page),
        route("/prometheus/api/v1/rules", GET, rules::status),
        route("/prometheus/api/v1/alerts", GET, rules::alerts),
        route("/ruler/rule_groups", GET, rules::everybodys),
        route("/ruler/delete_tenant_config", POST, rules::remove_tenant),
        route("/config/tenant/v1/limits", GET, limits::tenant_limits),
        route("/loki/api/v1/drilldown-limits", GET, limits::drilldown_limits),
        route("/ready", GET, status::ready),
        route("/metrics", ANY, status::metrics).compressed(),
        route("/services", GET, status::service_list),
        route("/config", GET, status::config),
        route("/loki/api/v1/status/buildinfo", GET, status::build_info),
        route("/log_level", GET_POST, log_level),
        route("/flush", GET_POST, admin::flush),
        route("/ingester/prepare_shutdown", GET_POST_DELETE, admin::prepare_shutdown),
        route(
            "/ingester/prepare_partition_downscale",
            ANY,
            admin::prepare_partition_downscale,
        ),
        route("/ingester/shutdown", GET_POST, admin::shutdown),
        route("/ingester/flush_shutdown", GET_POST, admin::flush_shutdown),
        route("/ring", GET_POST, ring::ring),
        route("/distributor/ring", GET_POST, ring::ring),
        route("/compactor/ring", GET_POST, ring::ring),
        route("/scheduler/ring", GET_POST, ring::ring),
        route("/memberlist", ANY, ring::memberlist),
        route("/openapi.yaml", GET, openapi::page),
    ]
}

/// The endpoints that are there where lines can be deleted.
fn delete_table() -> Vec<Route> {
    vec![
        route("/loki/api/v1/delete", GET_POST_PUT_DELETE, delete::delete),
        route("/loki/api/v1/cache/generation_numbers", GET, delete::generation),
    ]
}

/// The endpoints that are there where rules can be changed.
fn rules_table() -> Vec<Route> {
    vec![
        route("/ruler/ring", GET_POST, ring::ruler),
        route("/loki/api/v1/rules", GET, rules::all),
        route("/loki/api/v1/rules/{namespace}", GET_POST_DELETE, rules::namespace),
        route("/loki/api/v1/rules/{namespace}/{group}", GET_DELETE, rules::group),
        route("/api/prom/rules", GET, rules::all),
        route("/api/prom/rules/{namespace}", GET_POST_DELETE, rules::namespace),
        route("/api/prom/rules/{namespace}/{group}", GET_DELETE, rules::group),
        route("/prometheus/config/v1/rules", GET, rules::all),
        route(
            "/prometheus/config/v1/rules/{namespace}",
            GET_POST_DELETE,
            rules::namespace,
        ),
        route(
            "/prometheus/config/v1/rules/{namespace}/{group}",
            GET_DELETE,
            rules::group,
        ),
    ]
}

/// The endpoints that are there where patterns are mined.
fn pattern_table() -> Vec<Route> {
    vec![route("/pattern/ring", GET_POST, ring::ring)]
}

/// One endpoint.
struct Route {
    path: &'static str,
    methods: &'static [Method],
    handler: MethodRouter<Context>,
    /// Whether `GET`, `POST` and `DELETE` find nothing here where they are not among `methods`.
    is_hidden: bool,
    is_compressed: bool,
}

fn route<H, T>(path: &'static str, methods: &'static [Method], handler: H) -> Route
where
    H: Handler<T, Context>,
    T: 'static,
{
    Route {
        path,
        methods,
        handler: any(handler),
        is_hidden: false,
        is_compressed: false,
    }
}

impl Route {
    fn hidden(self) -> Route {
        Route {
            is_hidden: true,
            ..self
        }
    }

    fn compressed(self) -> Route {
        Route {
            is_compressed: true,
            ..self
        }
    }
}

/// The router of all endpoints.
pub(crate) fn router(context: &Context) -> Router {
    let prefix = context.settings().path_prefix.trim_end_matches('/').to_owned();
    let mut router = Router::new();
    let mut routes = table();
    if context.settings().deletes_enabled {
        routes.extend(delete_table());
    }
    if context.settings().ruler.api_enabled {
        routes.extend(rules_table());
    }
    if context.engine().has_patterns() {
        routes.extend(pattern_table());
    }
    for route in routes {
        let entrance = Entrance {
            context: context.clone(),
            methods: route.methods,
            is_hidden: route.is_hidden,
            label: route_label(route.path).into(),
        };
        let mut handler = route.handler.layer(from_fn_with_state(entrance, enter));
        if route.is_compressed || context.settings().compress_responses {
            handler = handler.layer(
                CompressionLayer::new()
                    .gzip(true)
                    .compress_when(SizeAbove::new(COMPRESSED_BYTES)),
            );
        }
        router = router.route(&format!("{prefix}{}", route.path), handler);
    }
    let nowhere = Entrance {
        context: context.clone(),
        methods: ANY,
        is_hidden: true,
        label: "other".into(),
    };
    let router = router
        .fallback_service(any(async || Failure::no_page()).layer(from_fn_with_state(nowhere, enter)))
        .with_state(context.clone());
    match &context.settings().cors {
        Some(settings) => router.layer(cors::layer(settings)),
        None => router,
    }
}

/// Changes or tells the level of the log.
async fn log_level(State(context): State<Context>, request: Request) -> Response {
    match *request.method() {
        Method::POST => status::set_log_level(State(context), request).await.into_response(),
        _ => status::log_level(State(context)).await,
    }
}

/// What stands before a handler.
#[derive(Clone)]
struct Entrance {
    context: Context,
    methods: &'static [Method],
    is_hidden: bool,
    label: Arc<str>,
}

/// Turns wrong methods away and counts.
async fn enter(State(entrance): State<Entrance>, request: Request, next: Next) -> Response {
    let metrics = entrance.context.metrics();
    let method = method_label(request.method());
    let received = request.body().size_hint().exact().unwrap_or(0);
    let started = Instant::now();
    let path = request.uri().path().to_owned();
    let _in_flight = metrics.begin(method, &entrance.label);
    let response = if entrance.methods.is_empty() || entrance.methods.contains(request.method()) {
        next.run(request).await
    } else if entrance.is_hidden && [Method::GET, Method::POST, Method::DELETE].contains(request.method()) {
        Failure::no_page().into_response()
    } else {
        method_not_allowed()
    };
    let sent = response.body().size_hint().exact().unwrap_or(0);
    let (status, took) = (response.status().as_u16(), started.elapsed());
    metrics.observe(method, &entrance.label, status, took, received, sent);
    // The path without its query, which may hold what is nobody else's business.
    tracing::debug!(method, path, status, seconds = took.as_secs_f64(), "answered");
    response
}

/// A method as a label; what clients invent must not make series.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Where a path that is not clean leads: doubled slashes and dot segments gone. None for one that is clean.
pub(crate) fn clean_path(path: &str) -> Option<String> {
    let is_clean = !path.contains("//") && !path.split('/').any(|segment| segment == "." || segment == "..");
    if is_clean {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if path.ends_with('/') && clean.len() > 1 {
        clean.push('/');
    }
    Some(clean)
}

/// Whether an escaped slash is a part of a name here: Mimir's paths of rules say so, Loki's do not.
pub(crate) fn takes_slashes(path: &str) -> bool {
    path.contains("/prometheus/config/v1/rules/")
}

/// A `301` to the clean form of a path, with the query kept.
pub(crate) fn moved(path: &str, query: Option<&str>) -> Response {
    let location = match query {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    match HeaderValue::try_from(location) {
        Ok(location) => (
            axum::http::StatusCode::MOVED_PERMANENTLY,
            [(header::LOCATION, location)],
        )
            .into_response(),
        Err(_) => Failure::no_page().into_response(),
    }
}

#[cfg(test)]
mod tests;
