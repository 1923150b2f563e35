//! Label names and values: `/loki/api/v1/labels`, `/loki/api/v1/label/{name}/values` and their early forms.

use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Path, Request, State};
use axum::response::Response;
use loki_core::Reader;

/// The names of labels.
pub(crate) async fn names(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    Ok(respond::ok(JSON, encode::values(&name_list(&context, request).await?)))
}

/// As [`names`], answered as the early API does.
pub(crate) async fn names_legacy(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    Ok(respond::ok(
        JSON,
        encode::legacy_values(&name_list(&context, request).await?),
    ))
}

/// The values of one label.
pub(crate) async fn values(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(respond::ok(
        JSON,
        encode::values(&value_list(&context, name, request).await?),
    ))
}

/// As [`values`], answered as the early API does.
pub(crate) async fn values_legacy(
    State(context): State<Context>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    Ok(respond::ok(
        JSON,
        encode::legacy_values(&value_list(&context, name, request).await?),
    ))
}

async fn name_list(context: &Context, request: Request) -> Result<Vec<String>, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = context.reader(&parts.headers)?;
    let asked = params.label_request(context.now())?;
    context.blocking(Lane::Query, move |_| Ok(reader.labels(&asked)?)).await
}

async fn value_list(context: &Context, name: String, request: Request) -> Result<Vec<String>, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let mut reader = context.reader(&parts.headers)?;
    // Whose data one sees may be asked for by one tenant too.
    if context.settings().multi_tenant_queries && name == Reader::TENANT_LABEL {
        reader = reader.labelled();
    }
    let asked = params.label_request(context.now())?;
    context
        .blocking(Lane::Query, move |_| Ok(reader.label_values(&name, &asked)?))
        .await
}
