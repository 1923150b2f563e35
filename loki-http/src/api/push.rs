//! `POST /loki/api/v1/push` and `POST /api/prom/push`, and what a receiver such as Alloy's offers beside them:
//! `POST /api/v1/push`, `POST /loki/api/v1/raw` and `POST /api/v1/raw`.

use crate::body;
use crate::context::Context;
use crate::push::{self, Encoding, Format};
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

/// As [`push`], under the labels and times of the receiver.
pub(crate) async fn receive(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    accept_received(&context, request).await.map_err(Failure::line)
}

/// Stores each line of the body, under the labels of the receiver and the time of arrival.
pub(crate) async fn receive_lines(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    accept_lines(&context, request).await.map_err(Failure::line)
}

async fn accept(context: &Context, request: Request, is_legacy: bool) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let tenant = context.tenant(&parts.headers)?;
    let format = Format::of(&parts.headers, is_legacy)?;
    let body = body::read(&parts.headers, body, context.push_bounds()).await?;
    context
        .push(move |engine, bounds| {
            let message = format.decompress(&body, bounds.bytes)?;
            Ok(engine.push(&tenant, &push::decode(format, &message, bounds)?)?)
        })
        .await
}

async fn accept_received(context: &Context, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let tenant = context.tenant(&parts.headers)?;
    let format = Format::of(&parts.headers, false)?;
    let body = body::read(&parts.headers, body, context.receiver_bounds()).await?;
    let shared = context.clone();
    context
        .push(move |engine, bounds| {
            let message = format.decompress(&body, bounds.bytes)?;
            let mut push = push::decode(format, &message, bounds)?;
            shared.receiver().adopt(&mut push, engine.now())?;
            Ok(engine.push(&tenant, &push)?)
        })
        .await
}

async fn accept_lines(context: &Context, request: Request) -> Result<StatusCode, Failure> {
    let (parts, body) = request.into_parts();
    let tenant = context.tenant(&parts.headers)?;
    let encoding = Encoding::of(&parts.headers)?;
    let body = body::read(&parts.headers, body, context.receiver_bounds()).await?;
    let shared = context.clone();
    context
        .push(move |engine, bounds| {
            let lines = encoding.unfold(&body, bounds.bytes)?;
            let push = shared.receiver().lines(&lines, bounds, engine.now())?;
            Ok(engine.push(&tenant, &push)?)
        })
        .await
}
