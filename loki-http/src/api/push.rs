//! `POST /loki/api/v1/push` and `POST /api/prom/push`.

use crate::body;
use crate::context::{Context, Lane};
use crate::push::{self, Format};
use crate::respond::Failure;
use axum::extract::{Request, State};
use axum::http::StatusCode;

/// Stores entries; answered once they are durable.
pub(crate) async fn push(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    accept(&context, request, false).await.map_err(Failure::line)
}

/// As [`push`], with the early JSON.
pub(crate) async fn push_legacy(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    accept(&context, request, true).await.map_err(Failure::line)
}

async fn accept(context: &Context, request: Request, is_legacy: bool) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let tenant = context.tenant(&parts.headers)?;
    let format = Format::of(&parts.headers, is_legacy)?;
    let body = body::read(&parts.headers, body, context.push_bounds()).await?;
    let max = context.settings().max_push_decompressed_bytes;
    context
        .blocking(Lane::Push, move |engine| {
            let message = format.decompress(&body, max)?;
            engine.push(&tenant, &push::decode(format, &message)?)?;
            Ok(StatusCode::NO_CONTENT)
        })
        .await
}
