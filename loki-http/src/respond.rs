//! Answers: bodies that are ready, failures, and the one table from an engine's error to a status.

use crate::encode::Answer;
use crate::{params, push};
use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::Frame;
use loki_core::ErrorKind;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The content type of the query family.
pub(crate) const JSON: &str = "application/json; charset=UTF-8";
/// The content type of errors and of pages for people.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The status of a request whose client went away, as proxies log it.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// A `200` with this body.
pub(crate) fn ok(content_type: &'static str, body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(content_type))], body.into()).into_response()
}

/// Bytes of an answer that are written at once, before the first is sent; a smaller one says its length.
const FIRST_BYTES: usize = 1 << 20;
/// Bytes of a large answer that are written at a time.
const PIECE_BYTES: usize = 64 << 10;

/// The body of a query's answer. Of a large one only what is about to be sent is ever written; the result that it is
/// written from shrinks meanwhile.
pub(crate) fn answer(mut answer: Answer) -> Body {
    let mut first = Vec::with_capacity(4096);
    match answer.write(&mut first, FIRST_BYTES) {
        true => Body::new(Pieces {
            first: Some(first),
            answer: Some(answer),
        }),
        false => first.into(),
    }
}

/// A body that is written as it is sent.
struct Pieces {
    first: Option<Vec<u8>>,
    /// None behind the last piece.
    answer: Option<Answer>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first.into()))));
        }
        let Some(answer) = &mut self.answer else {
            return Poll::Ready(None);
        };
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        if !answer.write(&mut piece, PIECE_BYTES) {
            self.answer = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }
}

/// A request that is not answered as asked: a status and a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    status: StatusCode,
    text: String,
    form: Form,
}

/// How a failure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// A `google.rpc.Status` that holds its message alone.
    Protobuf,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Failure {
        Failure {
            status,
            text: text.into(),
            form: Form::Text,
        }
    }

    pub(crate) fn bad_request(text: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, text)
    }

    /// A request without a tenant; its text ends in a newline in all families.
    pub(crate) fn no_tenant() -> Failure {
        Failure::new(StatusCode::UNAUTHORIZED, "no org id\n")
    }

    /// Several tenants where one is needed, of a request that reads.
    pub(crate) fn several_tenants() -> Failure {
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "multiple org IDs present")
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// Whether the request itself is wrong.
    pub(crate) fn is_bad_request(&self) -> bool {
        self.status == StatusCode::BAD_REQUEST
    }

    /// A path that is not there.
    pub(crate) fn no_page() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    /// As pushes and administration answer: the text ends in a newline.
    pub(crate) fn line(mut self) -> Failure {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self
    }

    /// As the receiver of OpenTelemetry answers.
    pub(crate) fn otlp(mut self) -> Failure {
        if self.status != StatusCode::UNAUTHORIZED {
            self.form = Form::Protobuf;
        }
        // Exporters retry 503 and give up on 500.
        if self.status == StatusCode::INTERNAL_SERVER_ERROR {
            self.status = StatusCode::SERVICE_UNAVAILABLE;
        }
        self
    }

    /// With the words that Loki's internal call puts before some texts.
    pub(crate) fn rpc(mut self) -> Failure {
        self.text.insert_str(0, "rpc error: code = Code(400) desc = ");
        self
    }
}

/// The status of an engine's error.
fn status(kind: ErrorKind) -> StatusCode {
    let code = match kind {
        ErrorKind::InvalidQuery | ErrorKind::InvalidRequest | ErrorKind::InvalidPush | ErrorKind::LimitExceeded => 400,
        // Loki answers 500, on which clients send the same push for ever.
        ErrorKind::InvalidMetadata => 400,
        ErrorKind::EmptyPush => 422,
        ErrorKind::RateLimited => 429,
        // The status is configured; one that no answer can have is as good as none.
        ErrorKind::Blocked(code) if code >= 200 => code,
        ErrorKind::Forbidden => 403,
        ErrorKind::NotFound => 404,
        ErrorKind::Cancelled => CLIENT_CLOSED_REQUEST,
        ErrorKind::TimedOut => 504,
        ErrorKind::Closed => 503,
        _ => 500,
    };
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl From<loki_core::Error> for Failure {
    fn from(error: loki_core::Error) -> Failure {
        Failure::new(status(error.kind()), error.message())
    }
}

impl From<params::Error> for Failure {
    fn from(error: params::Error) -> Failure {
        Failure::bad_request(error.to_string())
    }
}

impl From<push::Error> for Failure {
    fn from(error: push::Error) -> Failure {
        let status = match error {
            push::Error::TooLarge { .. } | push::Error::TooManyItems { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            _ => StatusCode::BAD_REQUEST,
        };
        Failure::new(status, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(status = self.status.as_u16(), error = self.text, "request failed");
        }
        if self.status == StatusCode::NO_CONTENT {
            return self.status.into_response();
        }
        let (content_type, body) = match self.form {
            Form::Text => (TEXT, self.text.into_bytes()),
            Form::Protobuf => ("application/octet-stream", rpc_status(&self.text)),
        };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (
                HeaderName::from_static("x-content-type-options"),
                HeaderValue::from_static("nosniff"),
            ),
        ];
        (self.status, headers, body).into_response()
    }
}

/// A `google.rpc.Status` with field 2, its message.
fn rpc_status(message: &str) -> Vec<u8> {
    let mut out = vec![0x12];
    prost::encode_length_delimiter(message.len(), &mut out).expect("a Vec takes every write");
    out.extend_from_slice(message.as_bytes());
    out
}

/// A `405` as Loki answers it: no body, no `Allow`.
pub(crate) fn method_not_allowed() -> Response {
    (
        StatusCode::METHOD_NOT_ALLOWED,
        [(CONTENT_LENGTH, HeaderValue::from_static("0"))],
    )
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_error_has_its_status() {
        for (kind, code) in [
            (ErrorKind::InvalidQuery, 400),
            (ErrorKind::InvalidPush, 400),
            (ErrorKind::InvalidMetadata, 400),
            (ErrorKind::EmptyPush, 422),
            (ErrorKind::LimitExceeded, 400),
            (ErrorKind::RateLimited, 429),
            (ErrorKind::Blocked(260), 260),
            (ErrorKind::Blocked(7), 500),
            (ErrorKind::Forbidden, 403),
            (ErrorKind::NotFound, 404),
            (ErrorKind::Unsupported, 500),
            (ErrorKind::Cancelled, 499),
            (ErrorKind::TimedOut, 504),
            (ErrorKind::Corrupt, 500),
            (ErrorKind::Io, 500),
            (ErrorKind::Locked, 500),
            (ErrorKind::Closed, 503),
        ] {
            assert_eq!(status(kind).as_u16(), code, "{kind:?}");
        }
    }

    #[test]
    fn pushes_answer_in_lines_and_exporters_in_messages() {
        assert_eq!(Failure::bad_request("x").line().text, "x\n");
        assert_eq!(Failure::no_tenant().line().text, "no org id\n");
        assert_eq!(rpc_status("message"), b"\x12\x07message");
        let failure = Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "disk full").otlp();
        assert_eq!(
            (failure.status, failure.form),
            (StatusCode::SERVICE_UNAVAILABLE, Form::Protobuf)
        );
        assert_eq!(Failure::no_tenant().otlp().form, Form::Text);
    }
}
