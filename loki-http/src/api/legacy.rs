//! `/api/prom/query`: the log query of the early API.

use super::query::reader;
use crate::body;
use crate::context::Context;
use crate::encode;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::response::Response;
use loki_core::logql::QueryResult;

/// A log query over a range.
pub(crate) async fn query(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = reader(&context, &parts.headers, params.value("query"))?;
    let query = params.legacy_query(context.now())?;
    let encode = |response: loki_core::QueryResponse| match response.result {
        QueryResult::Streams(streams) => Ok(encode::legacy_streams(streams, &response.stats)),
        _ => Err(Failure::bad_request("legacy endpoints only support streams result type").rpc()),
    };
    Ok(respond::ok(JSON, context.query(reader, query, encode).await?))
}
