//! Reading of bodies: no more than a bound, no longer than a time.

use crate::params::Params;
use crate::respond::Failure;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;

/// What a body may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes.
    pub(crate) size: u64,
    /// From the first byte to the last.
    pub(crate) time: Duration,
}

/// Memory that a body's announced length is believed for; the rest grows as it arrives.
const BELIEVED_LENGTH: u64 = 4 << 20;

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("request body too large: message size too large than max ({size} vs {max})")]
    TooLarge { size: u64, max: u64 },
    #[error("the request body did not arrive within {0:?}")]
    TooSlow(Duration),
    #[error("unexpected EOF")]
    Torn,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Error::Torn => StatusCode::BAD_REQUEST,
        };
        Failure::new(status, error.to_string())
    }
}

/// The whole body.
pub(crate) async fn read(headers: &HeaderMap, body: Body, bounds: Bounds) -> Result<Vec<u8>, Error> {
    tokio::time::timeout(bounds.time, collect(headers, body, bounds.size))
        .await
        .unwrap_or(Err(Error::TooSlow(bounds.time)))
}

async fn collect(headers: &HeaderMap, mut body: Body, max: u64) -> Result<Vec<u8>, Error> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .unwrap_or(0);
    if announced > max {
        return Err(Error::TooLarge { size: announced, max });
    }
    let mut out = Vec::with_capacity(usize::try_from(announced.min(BELIEVED_LENGTH)).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Torn)?;
        if let Some(data) = frame.data_ref() {
            let size = out.len() as u64 + data.len() as u64;
            if size > max {
                return Err(Error::TooLarge { size, max });
            }
            out.extend_from_slice(data);
        }
    }
    Ok(out)
}

/// The parameters of a request, those of a form body before those of the URL; any other body is not read.
pub(crate) async fn parameters(request: Request, bounds: Bounds) -> Result<(Parts, Params), Failure> {
    let (parts, body) = request.into_parts();
    let is_form = parts.method == Method::POST && has_form(&parts.headers);
    let form = if is_form {
        read(&parts.headers, body, bounds).await?
    } else {
        Vec::new()
    };
    let params = Params::parse(&form, parts.uri.query().unwrap_or_default())?;
    Ok((parts, params))
}

fn has_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::Pin;
    use std::task::{Context as TaskContext, Poll};

    /// A body that sends nothing and does not end.
    struct Never;

    impl hyper::body::Body for Never {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut TaskContext<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    async fn parameters_of(method: Method, content_type: &str, body: &str) -> Vec<String> {
        let request = Request::builder()
            .method(method)
            .uri("/?query=url")
            .header(CONTENT_TYPE, content_type)
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let bounds = Bounds {
            size: 100,
            time: Duration::from_secs(1),
        };
        let (_, params) = parameters(request, bounds).await.expect("readable");
        params.values("query").map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn only_a_form_is_read_for_parameters() {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        assert_eq!(parameters_of(Method::POST, form, "query=body").await, ["body", "url"]);
        assert_eq!(parameters_of(Method::GET, form, "query=body").await, ["url"]);
        assert_eq!(
            parameters_of(Method::POST, "application/json", "query=body").await,
            ["url"]
        );
    }

    #[tokio::test]
    async fn a_body_ends_at_its_bound_and_its_time() {
        let bounds = Bounds {
            size: 3,
            time: Duration::ZERO,
        };
        let plain = HeaderMap::new();
        let announced = HeaderMap::from_iter([(CONTENT_LENGTH, "9".parse().expect("a header value"))]);
        assert_eq!(read(&plain, Body::from("abc"), bounds).await, Ok(b"abc".to_vec()));
        assert_eq!(
            read(&plain, Body::from("abcd"), bounds).await,
            Err(Error::TooLarge { size: 4, max: 3 })
        );
        assert_eq!(
            read(&announced, Body::from("abc"), bounds).await,
            Err(Error::TooLarge { size: 9, max: 3 })
        );
        let never = Body::new(Never);
        assert_eq!(read(&plain, never, bounds).await, Err(Error::TooSlow(Duration::ZERO)));
    }
}
