//! `POST /otlp/v1/logs`.

use crate::body;
use crate::context::{Context, Lane};
use crate::push::OtlpFormat;
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
    let settings = context.settings();
    let (max, labels) = (settings.max_push_decompressed_bytes, settings.otlp_labels.clone());
    context
        .blocking(Lane::Push, move |engine| {
            let export = format.read(&body, max)?;
            let push = export.push(&labels, engine.now())?;
            engine.push(&tenant, &push).map_err(|error| match error.kind() {
                // Loki meets a bad name of an attribute in another place than one of a plain push.
                ErrorKind::InvalidMetadata => Failure::bad_request(format!("symbolizer lookup: {error}")),
                _ => error.into(),
            })?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}
