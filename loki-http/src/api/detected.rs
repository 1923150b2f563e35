//! What there is to filter by: `/loki/api/v1/detected_labels`, `/loki/api/v1/detected_fields` and
//! `/loki/api/v1/detected_field/{name}/values`.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Path, Request, State};
use axum::response::Response;

/// Labels that one would filter by.
pub(crate) async fn labels(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.label_request(context.now())?;
    let labels = context
        .blocking(Lane::Query, move |_| Ok(reader.detected_labels(&asked)?))
        .await?;
    Ok(respond::ok(JSON, encode::detected_labels(&labels)))
}

/// The fields of the newest lines.
pub(crate) async fn fields(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.field_request(context.now())?;
    let limit = asked.limit;
    let fields = context
        .blocking(Lane::Query, move |_| Ok(reader.detected_fields(&asked)?))
        .await?;
    Ok(respond::ok(JSON, encode::detected_fields(&fields, limit)))
}

/// The values of one of those fields.
pub(crate) async fn values(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.field_request(context.now())?;
    let limit = asked.limit;
    let values = context
        .blocking(Lane::Query, move |_| Ok(reader.detected_field_values(&name, &asked)?))
        .await?;
    Ok(respond::ok(JSON, encode::detected_field_values(&values, limit)))
}
