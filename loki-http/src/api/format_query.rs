//! `/loki/api/v1/format_query`.

use crate::body;
use crate::context::Context;
use crate::encode;
use crate::respond::Failure;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use loki_core::logql;

/// A query in its canonical form. No tenant is asked for.
pub(crate) async fn format_query(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let (status, body) = match logql::parse(params.value("query").unwrap_or_default()) {
        Ok(query) => (StatusCode::OK, encode::formatted_query(Ok(&query.pretty()))),
        Err(error) => {
            let problem = error.to_string();
            (StatusCode::BAD_REQUEST, encode::formatted_query(Err(&problem)))
        }
    };
    let content_type = HeaderValue::from_static("application/json; charset=utf-8");
    Ok((status, [(CONTENT_TYPE, content_type)], body).into_response())
}
