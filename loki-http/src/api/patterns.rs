//! `/loki/api/v1/patterns`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::response::Response;

/// The patterns of the lines that a selector selects.
pub(crate) async fn patterns(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let tenant = context.tenant(&parts.headers)?;
    let asked = params.pattern_request(context.now())?;
    let series = context
        .blocking(Lane::Query, move |engine| Ok(engine.patterns(&tenant, &asked)?))
        .await?;
    Ok(respond::ok(JSON, encode::patterns(&series)))
}
