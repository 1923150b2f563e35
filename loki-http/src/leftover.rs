//! What a handler leaves of a request's body is read all the same, within bounds.
//!
//! A connection that is closed while bytes of it are unread is reset, and the reset can take the answer with it: whoever
//! posts to a wrong path would not learn that it is wrong. And the connection can serve the next request.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Bytes that are read of what is left, as in Go's server.
const MAX_BYTES: u64 = 256 << 10;
/// How long they may take.
const MAX_TIME: Duration = Duration::from_secs(1);

/// A body that reads itself to its end when it is dropped before.
#[derive(Debug)]
pub(crate) struct Leftover(Option<Incoming>);

impl Leftover {
    /// `is_expected`: the client waits to be told that its body is wanted. Then what nobody reads is not sent.
    pub(crate) fn new(body: Incoming, is_expected: bool) -> Result<Leftover, Incoming> {
        let is_small = body.size_hint().lower() <= MAX_BYTES;
        match is_small && !is_expected && !body.is_end_stream() {
            true => Ok(Leftover(Some(body))),
            false => Err(body),
        }
    }
}

impl Body for Leftover {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        let body = self.0.take().filter(|body| !body.is_end_stream());
        // Outside of a runtime there is no connection left either.
        if let (Some(body), Ok(runtime)) = (body, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(MAX_TIME, read_out(body)));
        }
    }
}

async fn read_out(mut body: Incoming) {
    use http_body_util::BodyExt;
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        if bytes > MAX_BYTES {
            break;
        }
    }
}
