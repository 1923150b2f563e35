//! An HTTP client that posts bodies to one endpoint.

use super::connector::{self, Connector};
use super::endpoint::Endpoint;
use crate::settings::{Authorization, Secret, TargetSettings};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::io;
use std::time::Duration;

/// Bytes of an answer that are looked at.
const ANSWER_BYTES: usize = 4096;
/// Connections that are kept without a request, and for how long.
const IDLE_CONNECTIONS: usize = 1;
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a body was not delivered.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    #[error("{0}")]
    Secret(io::Error),
    #[error("{}", with_sources(.0))]
    Http(legacy::Error),
    #[error("status {status}: {answer}")]
    Refused { status: StatusCode, answer: String },
}

impl Error {
    /// Whether the body itself is at fault, so that it will not be taken later either. Anything else can change: the
    /// server comes back, a password is mended.
    pub(super) fn is_about_the_body(&self) -> bool {
        use StatusCode as S;
        let about = [
            S::BAD_REQUEST,
            S::CONFLICT,
            S::PAYLOAD_TOO_LARGE,
            S::UNPROCESSABLE_ENTITY,
        ];
        matches!(self, Error::Refused { status, .. } if about.contains(status))
    }
}

/// The client says little itself; what happened stands in its sources.
fn with_sources(error: &legacy::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// Posts bodies to one endpoint.
#[derive(Debug)]
pub(super) struct Client {
    http: legacy::Client<Connector, Full<Bytes>>,
    url: Uri,
    authorization: Authorization,
    headers: HeaderMap,
    timeout: Duration,
}

impl Client {
    /// A client for `url`.
    ///
    /// # Errors
    ///
    /// It is no URL, a header is none, or a certificate cannot be read; the message names it.
    pub(super) fn new(url: &str, target: &TargetSettings, timeout: Duration) -> io::Result<Client> {
        let endpoint: Endpoint = url.parse().map_err(invalid)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &target.headers {
            let header = name.parse::<HeaderName>().ok().zip(value.parse::<HeaderValue>().ok());
            let (name, value) =
                header.ok_or_else(|| invalid(format!("{name:?} is no header, or its value is none")))?;
            headers.insert(name, value);
        }
        let authorization = match &target.authorization {
            Authorization::None => endpoint.authorization,
            given => given.clone(),
        };
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .build(connector::new(&endpoint.url, &target.tls)?);
        Ok(Client {
            http,
            url: endpoint.url,
            authorization,
            headers,
            timeout,
        })
    }

    /// Where it posts to, without a name and a password.
    pub(super) fn url(&self) -> &Uri {
        &self.url
    }

    /// Posts a body; the headers that it was made with go over `headers`.
    pub(super) async fn post(&self, headers: HeaderMap, body: Bytes) -> Result<(), Error> {
        tokio::time::timeout(self.timeout, self.post_now(headers, body))
            .await
            .unwrap_or(Err(Error::TimedOut(self.timeout)))
    }

    async fn post_now(&self, mut headers: HeaderMap, body: Bytes) -> Result<(), Error> {
        if let Some(value) = self.authorization().await.map_err(Error::Secret)? {
            headers.insert(AUTHORIZATION, value);
        }
        headers.extend(self.headers.clone());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = headers;
        let answer = self.http.request(request).await.map_err(Error::Http)?;
        let status = answer.status();
        // The connection is used again where the answer was read.
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        if status.is_success() {
            return Ok(());
        }
        let answer = body.map(|body| body.to_bytes()).unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer).trim().to_owned();
        Err(Error::Refused { status, answer })
    }

    async fn authorization(&self) -> io::Result<Option<HeaderValue>> {
        let text = match &self.authorization {
            Authorization::None => return Ok(None),
            Authorization::Basic { username, password } => {
                let pair = format!("{username}:{}", read(password).await?);
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
            Authorization::Token { scheme, credentials } => format!("{scheme} {}", read(credentials).await?),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| invalid("the credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

async fn read(secret: &Secret) -> io::Result<String> {
    match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::File(file) => match tokio::fs::read_to_string(file).await {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", file.display()))),
        },
    }
}

fn invalid(problem: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, problem)
}
