//! Flushing and stopping.

use crate::body;
use crate::context::{Context, Lane};
use crate::respond::{self, Failure, TEXT};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

/// Writes everything in memory to segments.
pub(crate) async fn flush(State(context): State<Context>) -> Result<StatusCode, Failure> {
    context
        .blocking(Lane::Push, |engine| Ok(engine.flush()?))
        .await
        .map_err(Failure::line)?;
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

/// Takes no more pushes and, unless `terminate=false`, ends the process; unless `flush=false`, flushes first.
pub(crate) async fn shutdown(State(context): State<Context>, request: Request) -> Result<StatusCode, Failure> {
    let (_, params) = body::parameters(request, context.form_bounds()).await?;
    if context.is_stopping() {
        let text = "Ingester is stopping or already stopped.";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    let is_wanted = |name: &str| params.value(name) != Some("false");
    let (flush, terminate) = (is_wanted("flush"), is_wanted("terminate"));
    let closing = context.blocking(Lane::Push, move |engine| {
        if flush {
            engine.flush()?;
        }
        if !terminate {
            engine.close()?;
        }
        Ok(())
    });
    closing.await.map_err(Failure::line)?;
    if terminate {
        context.stop();
    }
    Ok(StatusCode::NO_CONTENT)
}

/// There are no partitions to downscale.
pub(crate) async fn prepare_partition_downscale() -> Response {
    respond::method_not_allowed()
}
