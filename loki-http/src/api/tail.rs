//! `/loki/api/v1/tail` and `/api/prom/tail`: log queries followed over a WebSocket.

use super::query::encoding_flags;
use crate::body;
use crate::context::{Context, Lane};
use crate::encode;
use crate::params::EncodingFlags;
use crate::respond::Failure;
use axum::extract::ws::{CloseCode, CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::SEC_WEBSOCKET_VERSION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use loki_core::{ErrorKind, Tail, TailFrame, TailRequest, TenantId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often a client is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long a frame is filled.
const FRAME_INTERVAL: Duration = Duration::from_millis(500);
/// How long a client may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Frames that are sent before the client is listened to again.
const FRAMES_AT_ONCE: usize = 10;
/// Bytes of a close frame's reason; a longer one cannot be sent.
const MAX_REASON: usize = 123;
/// Bytes of a client's message; none has a meaning.
const MAX_MESSAGE: usize = 4096;

/// How frames are written.
#[derive(Debug, Clone)]
enum Form {
    Current(EncodingFlags),
    Legacy,
}

/// How a tail ended.
#[derive(Debug)]
enum End {
    /// The client went away.
    Gone,
    /// With a code and a reason for the client.
    Closed(CloseCode, String),
}

/// Follows a log query.
pub(crate) async fn tail(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let tenant = context.tenant(&parts.headers)?;
    let mut asked = params.tail_request(context.now())?;
    let flags = encoding_flags(&parts.headers);
    asked.categorize = flags.categorize();
    upgrade(parts, context, tenant, asked, Form::Current(flags)).await
}

/// As [`tail`], answered as the early API does.
pub(crate) async fn tail_legacy(State(context): State<Context>, request: Request) -> Result<Response, Failure> {
    let (parts, params) = body::parameters(request, context.form_bounds()).await?;
    let tenant = context.tenant(&parts.headers)?;
    let asked = params.legacy_tail_request(context.now())?;
    upgrade(parts, context, tenant, asked, Form::Legacy).await
}

/// Takes the handshake of a request that is right.
async fn upgrade(
    mut parts: Parts,
    context: Context,
    tenant: TenantId,
    asked: TailRequest,
    form: Form,
) -> Result<Response, Failure> {
    asked.check()?;
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return Ok(no_handshake());
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .on_upgrade(move |socket| serve(socket, context, tenant, asked, form)))
}

/// The answer to a request that is no WebSocket handshake.
fn no_handshake() -> Response {
    let version = HeaderMap::from_iter([(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))]);
    (version, Failure::bad_request("Bad Request").line()).into_response()
}

/// Serves a tail from its first frame to its close.
async fn serve(mut socket: WebSocket, context: Context, tenant: TenantId, asked: TailRequest, form: Form) {
    let _open = context.socket();
    let mut stopped = context.stopped();
    let end = tokio::select! {
        end = follow(&mut socket, &context, tenant, asked, &form) => end,
        // Fails when nobody is left to ask for a stop; then the server is gone anyway.
        _ = stopped.wait_for(|stopped| *stopped) => End::Closed(close_code::AWAY, String::new()),
    };
    // A client that does not listen, or that a reason is too long for, finds its connection closed.
    let _ = timeout(CLOSE_TIMEOUT, close(&mut socket, end)).await;
}

async fn follow(socket: &mut WebSocket, context: &Context, tenant: TenantId, asked: TailRequest, form: &Form) -> End {
    let opened = context.blocking(Lane::Query, move |engine| Ok(engine.tail(&tenant, &asked)));
    let mut tail = match opened.await {
        Ok(Ok(tail)) => tail,
        Ok(Err(error)) => return failed(&error),
        Err(_) => return End::Closed(close_code::ERROR, "error while processing request".to_owned()),
    };
    let arrival = Arc::new(Notify::new());
    let arrived = Arc::clone(&arrival);
    tail.set_waker(move || arrived.notify_one());
    let mut ping = interval(PING_INTERVAL);
    let mut frames = interval(FRAME_INTERVAL);
    frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let sent = tokio::select! {
            _ = frames.tick() => send_frames(socket, &mut tail, form).await,
            () = arrival.notified() => match tail.has_full_frame() {
                true => send_frames(socket, &mut tail, form).await,
                false => Ok(()),
            },
            _ = ping.tick() => send(socket, Message::Ping(Default::default())).await,
            message = socket.recv() => match message {
                None | Some(Err(_) | Ok(Message::Close(_))) => Err(End::Gone),
                Some(Ok(_)) => Ok(()),
            },
        };
        if let Err(end) = sent {
            return end;
        }
    }
}

/// Sends the frames that are there.
async fn send_frames(socket: &mut WebSocket, tail: &mut Tail, form: &Form) -> Result<(), End> {
    for _ in 0..FRAMES_AT_ONCE {
        let Some(frame) = tail.try_next().map_err(|error| failed(&error))? else {
            break;
        };
        send(socket, Message::text(form.encode(&frame))).await?;
    }
    Ok(())
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    socket.send(message).await.map_err(|_| End::Gone)
}

/// What the client is told of an error.
fn failed(error: &loki_core::Error) -> End {
    let text = error.message();
    match error.kind() {
        ErrorKind::Closed => End::Closed(close_code::AWAY, String::new()),
        // Loki finds these behind an internal call, whose words stand before the problem.
        ErrorKind::RateLimited => End::Closed(close_code::ERROR, format!("rpc error: code = Code(400) desc = {text}")),
        _ => End::Closed(close_code::ERROR, text.to_owned()),
    }
}

/// Says goodbye, or answers that of the client, and waits until the client has gone: a connection that is dropped
/// earlier can take the close frame with it.
async fn close(socket: &mut WebSocket, end: End) {
    if let End::Closed(code, reason) = end {
        if reason.len() > MAX_REASON {
            return;
        }
        let reason = reason.into();
        let frame = CloseFrame { code, reason };
        if socket.send(Message::Close(Some(frame))).await.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = socket.recv().await {}
}

impl Form {
    fn encode(&self, frame: &TailFrame) -> String {
        let encoded = match self {
            Form::Current(flags) => encode::tail_frame(frame, flags),
            Form::Legacy => encode::legacy_tail_frame(frame),
        };
        String::from_utf8(encoded).expect("the encoder writes UTF-8")
    }
}
