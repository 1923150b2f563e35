//! `/loki/api/v1/delete`, `/loki/api/v1/cache/generation_numbers` and `/compactor/ui/api/v1/deletes`.

use crate::context::{Context, Lane};
use crate::encode;
use crate::params::Params;
use crate::respond::{self, Failure, TEXT};
use crate::tenant;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use loki_core::{NewDelete, TenantId};

/// Names the request that was taken.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-delete-request-id");
/// Requests on the page of all tenants.
const PAGE: usize = 100;

/// Adds, lists and cancels delete requests.
pub(crate) async fn delete(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let tenant = context.tenant(request.headers()).map_err(Failure::line)?;
    let params = url_params(&request)?;
    let answer = match *request.method() {
        Method::GET => list(&context, tenant, &params).await,
        Method::DELETE => cancel(&context, tenant, &params).await,
        _ => add(&context, tenant, &params).await,
    };
    answer.map_err(Failure::line)
}

async fn add(context: &Context, tenant: TenantId, params: &Params) -> Result<Response, Failure> {
    context.engine().check_deletion(&tenant)?;
    let new = NewDelete {
        query: params.value("query").unwrap_or_default().parse()?,
        start: params.delete_start()?,
        end: params.delete_end()?,
        max_interval: params.max_interval()?,
    };
    let taken = context
        .blocking(Lane::Push, move |engine| Ok(engine.delete(&tenant, &new)?))
        .await?;
    Ok((StatusCode::NO_CONTENT, [(REQUEST_ID, taken.id)]).into_response())
}

async fn list(context: &Context, tenant: TenantId, params: &Params) -> Result<Response, Failure> {
    let mut requests = context.engine().delete_requests(&tenant)?;
    if let (Ok(start), Ok(Some(end))) = (params.delete_start(), params.delete_end()) {
        requests.retain(|request| request.start <= end && start <= request.end);
    }
    Ok(respond::ok("application/json", encode::delete_requests(&requests)))
}

async fn cancel(context: &Context, tenant: TenantId, params: &Params) -> Result<Response, Failure> {
    let id = params.value("request_id").unwrap_or_default().to_owned();
    let is_forced = params.value("force") == Some("true");
    let work = move |engine: &loki_core::Engine| Ok(engine.cancel_delete(&tenant, &id, is_forced)?);
    context.blocking(Lane::Push, work).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A number that changes when delete requests do.
pub(crate) async fn generation(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Failure> {
    let tenant = context.tenant(&headers).map_err(Failure::line)?;
    let generation = context.engine().delete_generation(&tenant).map_err(Failure::from);
    let generation = generation.map_err(Failure::line)?.map(|number| number.to_string());
    Ok(respond::ok(TEXT, format!("\"{}\"\n", generation.unwrap_or_default())))
}

/// The requests of all tenants; a `POST` adds one.
pub(crate) async fn page(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    if !context.settings().deletes_enabled {
        return Err(Failure::bad_request("Retention is not enabled\n"));
    }
    match *request.method() {
        Method::GET => {
            let params = url_params(&request)?;
            let status = params.value("status").unwrap_or("received");
            let mut all = context.engine().all_delete_requests();
            all.retain(|(_, request)| request.status.as_str() == status);
            all.truncate(PAGE);
            Ok(respond::ok("application/json", encode::all_delete_requests(&all)))
        }
        Method::POST => {
            let tenant = tenant::named(request.headers()).map_err(Failure::line)?;
            add(&context, tenant, &url_params(&request)?)
                .await
                .map_err(Failure::line)
        }
        _ => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed\n")),
    }
}

/// The parameters of the URL; a form is not read.
fn url_params(request: &Request) -> Result<Params, Failure> {
    let params = Params::parse(b"", request.uri().query().unwrap_or_default());
    params.map_err(|error| Failure::from(error).line())
}
