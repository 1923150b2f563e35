//! `/loki/api/v1/query_range` and `/loki/api/v1/query`.

use crate::body;
use crate::context::Context;
use crate::encode::Answer;
use crate::params::EncodingFlags;
use crate::respond::{self, Failure, JSON};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use loki_core::Reader;
use loki_core::logql::{self, Plan, QueryResult};

/// The header that asks for stream labels, structured metadata and parsed labels apart.
const ENCODING_FLAGS: &str = "x-loki-response-encoding-flags";

/// A log or metric query over a range.
pub(crate) async fn query_range(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = reader(&context, &parts.headers, params.value("query"))?;
    let flags = encoding_flags(&parts.headers);
    let mut query = params.range_query(context.now())?;
    query.categorize = flags.categorize();
    let encode = move |response| Ok(respond::answer(Answer::new(response, &flags)));
    Ok(respond::ok(JSON, context.query(reader, query, encode).await?))
}

/// A metric query at one time.
pub(crate) async fn query(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let reader = reader(&context, &parts.headers, params.value("query"))?;
    let query = params.instant_query(context.now())?;
    let encode = |response: loki_core::QueryResponse| match response.result {
        QueryResult::Streams(_) => Err(Failure::bad_request(
            "log queries are not supported as an instant query type, please change your query to a range query type",
        )),
        _ => Ok(respond::answer(Answer::new(response, &EncodingFlags::default()))),
    };
    Ok(respond::ok(JSON, context.query(reader, query, encode).await?))
}

/// The reading side for the tenants of a query.
///
/// Loki finds a bad tenant of a query behind an internal call, whose words stand before the problem. A query without a
/// selector asks no tenant for anything, so it may name several even where that is not allowed.
pub(super) fn reader(context: &Context, headers: &HeaderMap, query: Option<&str>) -> Result<Reader, Failure> {
    match context.reader(headers) {
        Err(failure) if failure.is_bad_request() => Err(failure.rpc()),
        Err(failure) if failure == Failure::several_tenants() && query.is_some_and(is_literal) => {
            Ok(context.engine().reader(&[]))
        }
        reader => reader,
    }
}

fn is_literal(query: &str) -> bool {
    let plan = logql::parse(query).and_then(|query| Plan::compile(&query));
    plan.is_ok_and(|plan| plan.selectors().is_empty())
}

/// How the client wants labels to be told apart.
pub(super) fn encoding_flags(headers: &HeaderMap) -> EncodingFlags {
    let header = headers.get(ENCODING_FLAGS).and_then(|value| value.to_str().ok());
    header.map(EncodingFlags::parse).unwrap_or_default()
}
