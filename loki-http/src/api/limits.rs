//! The limits of a tenant: `/config/tenant/v1/limits` and `/loki/api/v1/drilldown-limits`.

use super::status::json_line;
use crate::config;
use crate::context::Context;
use crate::push::OtlpRules;
use crate::respond::{self, Failure, TEXT};
use crate::tenant;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use loki_core::Limits;
use serde_json::{Map, Value, json};

/// The limits that a tenant may know, sorted.
const SHOWN: [&str; 14] = [
    "discover_log_levels",
    "discover_service_name",
    "log_level_fields",
    "max_entries_limit_per_query",
    "max_line_size_truncate",
    "max_query_bytes_read",
    "max_query_length",
    "max_query_lookback",
    "max_query_range",
    "max_query_series",
    "query_timeout",
    "retention_period",
    "volume_enabled",
    "volume_max_series",
];

/// The limits as YAML.
pub(crate) async fn tenant_limits(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = tenant::named(&headers).map_err(Failure::line)?;
    let shown = shown(&context, &context.engine().limits(&tenant));
    Ok(respond::ok(TEXT, config::to_yaml(&shown)))
}

/// The limits as Grafana's drilldown asks for them, which names no tenant where there is one. Loki refuses that.
pub(crate) async fn drilldown_limits(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = match tenant::named(&headers) {
        Err(failure) if failure.status() == StatusCode::UNAUTHORIZED => context.tenant(&headers),
        named => named,
    };
    let tenant = tenant.map_err(Failure::line)?;
    let shown = shown(&context, &context.engine().limits(&tenant));
    let page = json!({
        "limits": shown,
        "pattern_ingester_enabled": context.engine().has_patterns(),
        "version": env!("CARGO_PKG_VERSION"),
    });
    Ok(json_line(StatusCode::OK, &page))
}

fn shown(context: &Context, limits: &Limits) -> Value {
    let all = serde_json::to_value(limits).unwrap_or_default();
    let mut shown: Map<String, Value> = SHOWN
        .iter()
        .filter_map(|&name| Some((name.to_owned(), all.get(name)?.clone())))
        .collect();
    shown.insert("metric_aggregation_enabled".to_owned(), false.into());
    shown.insert("pattern_persistence_enabled".to_owned(), false.into());
    let rules = OtlpRules::new(&context.settings().otlp_labels, &limits.otlp_config);
    let rules = serde_json::to_value(rules.effective()).unwrap_or_default();
    shown.insert("otlp_config".to_owned(), rules);
    if let Some(streams) = all.get("retention_stream").filter(|streams| *streams != &json!([])) {
        shown.insert("retention_stream".to_owned(), streams.clone());
    }
    Value::Object(shown)
}
