//! `/loki/api/v1/series` and `/api/prom/series`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::response::Response;

/// The label sets of the selected streams.
pub(crate) async fn series(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.series_request(context.now())?;
    let body = context
        .blocking(Lane::Query, move |_| Ok(encode::series(&reader.series(&asked)?)))
        .await?;
    Ok(respond::ok(JSON, body))
}
