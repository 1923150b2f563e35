//! Flushing and stopping.

use crate::body;
use crate::context::{Context, Lane};
use crate::params::Params;
use crate::respond::{self, Failure, TEXT};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// Writes everything in memory to segments and, unless `settle=false`, lays these out for good.
pub(crate) async fn flush(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let flushed = context.blocking(Lane::Push, |engine| Ok(engine.flush()?)).await;
    flushed.map_err(Failure::line)?;
    if flag(&params, "settle").unwrap_or(true) {
        // Another may be at work that takes long: what was in memory did not wait for it.
        context.settle().await.map_err(Failure::line)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the next stop writes everything in memory to segments; set by `POST`, unset by `DELETE`.
pub(crate) async fn prepare_shutdown(State(context): State<Context>, request: Request) -> Response {
    match *request.method() {
        Method::GET => respond::ok(TEXT, if context.is_flush_prepared() { "set" } else { "unset" }),
        Method::POST => {
            context.prepare_flush(true);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => {
            context.prepare_flush(false);
            StatusCode::NO_CONTENT.into_response()
        }
    }
}

/// Stops taking pushes and, unless `terminate=false`, ends the process; unless `flush=false`, everything in memory is
/// in segments then. There are no tokens of a ring for `delete_ring_tokens` to delete.
pub(crate) async fn shutdown(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    let stop = Stop {
        flush: flag(&params, "flush").unwrap_or(true),
        terminate: flag(&params, "terminate").unwrap_or(true),
    };
    stop_ingester(&context, stop).await
}

/// As [`shutdown`] in early versions: flushes, and leaves the process running.
pub(crate) async fn flush_shutdown(State(context): State<Context>) -> Result<StatusCode, Failure> {
    let stop = Stop {
        flush: true,
        terminate: false,
    };
    stop_ingester(&context, stop).await
}

/// What a stop is to do beside taking no more pushes.
#[derive(Debug, Clone, Copy)]
struct Stop {
    flush: bool,
    terminate: bool,
}

async fn stop_ingester(context: &Context, stop: Stop) -> Result<StatusCode, Failure> {
    if context.is_stopping() || context.is_ingester_stopped() {
        let text = "Ingester is stopping or already stopped.";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    let stopping = context.blocking(Lane::Push, move |engine| {
        if !stop.terminate {
            engine.stop_pushes();
        }
        if stop.flush {
            engine.flush()?;
        }
        Ok(())
    });
    stopping.await.map_err(Failure::line)?;
    if stop.terminate {
        // Pushes that had begun are let through; what they bring is for the flush at the very end.
        context.set_flush_on_stop(stop.flush);
        context.stop();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A parameter that is true or false, in one of the ways to write that; anything else says nothing.
fn flag(params: &Params, name: &str) -> Option<bool> {
    match params.value(name)?.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}

/// There are no partitions to downscale.
pub(crate) async fn prepare_partition_downscale() -> Response {
    respond::method_not_allowed()
}
