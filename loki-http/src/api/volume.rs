//! `/loki/api/v1/index/volume` and `/loki/api/v1/index/volume_range`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode::Answer;
use crate::params::EncodingFlags;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::response::Response;
use loki_core::{Reader, VolumeRequest};

/// How much each group of streams holds.
pub(crate) async fn volume(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    answer(&context, reader, params.volume_request(context.now())?).await
}

/// How much each group of streams holds, step by step.
pub(crate) async fn volume_range(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    answer(&context, reader, params.volume_range_request(context.now())?).await
}

async fn answer(context: &Context, reader: Reader, asked: VolumeRequest) -> Result<Response, Failure> {
    let volumes = context
        .blocking(Lane::Query, move |_| Ok(reader.volume(&asked)?))
        .await?;
    let answer = Answer::new(volumes, &EncodingFlags::default());
    Ok(respond::ok(JSON, respond::answer(answer)))
}
