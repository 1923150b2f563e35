//! `POST /otlp/v1/logs`.

use crate::body;
use crate::context::Context;
use crate::push::{OtlpFormat, OtlpRules};
use crate::respond::Failure;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use loki_core::ErrorKind;

/// Stores log records of OpenTelemetry; answered once they are durable.
pub(crate) async fn logs(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    accept(&context, request).await.map_err(Failure::otlp)
}

async fn accept(context: &Context, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let tenant = context.tenant(&parts.headers)?;
    let format = OtlpFormat::of(&parts.headers)?;
    let body = body::read(&parts.headers, body, context.push_bounds()).await?;
    let shared = context.clone();
    context
        .push(move |engine, bounds| {
            let export = format.read(&body, bounds)?;
            let limits = engine.limits(&tenant);
            let rules = OtlpRules::new(&shared.settings().otlp_labels, &limits.otlp_config);
            let push = export.push(&rules, engine.now())?;
            engine.push(&tenant, &push).map_err(|error| match error.kind() {
                // Loki meets a bad name of an attribute in another place than one of a plain push.
                ErrorKind::InvalidMetadata => Failure::bad_request(format!("symbolizer lookup: {error}")),
                _ => error.into(),
            })
        })
        .await
}
