//! `/loki/api/v1/index/stats`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::response::Response;

/// How much a selector selects.
pub(crate) async fn index_stats(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.stats_request(context.now())?;
    let stats = context
        .blocking(Lane::Query, move |_| Ok(reader.index_stats(&asked)?))
        .await?;
    Ok(respond::ok(JSON, encode::index_stats(&stats)))
}
