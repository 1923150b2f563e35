//! As much of an HTTP client as posting a body takes.

use axum::http::header::{CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::net::TcpStream;

/// Bytes of an answer that are looked at.
const ANSWER_BYTES: usize = 4096;

/// Why a body was not delivered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("{0}")]
    Connect(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("status {status}: {answer}")]
    Refused { status: StatusCode, answer: String },
}

impl Error {
    /// Whether the same body may be taken later.
    pub(super) fn is_worth_a_retry(&self) -> bool {
        match self {
            Error::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            _ => true,
        }
    }
}

/// A URL that bodies can be posted to: `http`, with a host.
pub(crate) fn parse_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text.parse().map_err(|error| format!("{text:?} is no URL: {error}"))?;
    match (url.scheme_str(), url.host()) {
        (Some("http"), Some(_)) => Ok(url),
        (Some("https"), _) => Err(format!("{text:?}: https is not supported; use a proxy")),
        _ => Err(format!("{text:?} is no URL with http and a host")),
    }
}

/// Posts a body.
pub(super) async fn post(url: &Uri, headers: HeaderMap, body: Bytes, timeout: Duration) -> Result<(), Error> {
    tokio::time::timeout(timeout, post_now(url, headers, body))
        .await
        .unwrap_or(Err(Error::TimedOut(timeout)))
}

async fn post_now(url: &Uri, headers: HeaderMap, body: Bytes) -> Result<(), Error> {
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, url.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Full::new(body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .parse()
        .unwrap_or_default();
    *request.headers_mut() = headers;
    if let Some(Ok(authority)) = url
        .authority()
        .map(|authority| HeaderValue::from_str(authority.as_str()))
    {
        request.headers_mut().insert(HOST, authority);
    }
    request.headers_mut().insert(CONTENT_LENGTH, body.len().into());
    let answer = sender.send_request(request).await;
    let done = match answer {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
            let answer = body.map(|body| body.to_bytes()).unwrap_or_default();
            let answer = String::from_utf8_lossy(&answer).trim().to_owned();
            Err(Error::Refused { status, answer })
        }
        Err(error) => Err(error.into()),
    };
    connection.abort();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_http_and_a_host() {
        assert!(parse_url("http://alertmanager:9093/prefix").is_ok());
        for bad in ["alertmanager:9093", "https://x", "/path", "http://", "a b"] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }
}
