//! Reading of bodies: no more than a bound, no longer than a time.

use crate::params::Params;
use crate::respond::Failure;
use crate::room::{Reservation, Room};
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// What a body may cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'r> {
    /// Bytes.
    pub(crate) size: u64,
    /// From the first byte to the last; and before, until there is room.
    pub(crate) time: Duration,
    /// Where its memory comes from.
    pub(crate) room: &'r Room,
}

/// A body that was read, and the room that it has.
#[derive(Debug)]
pub(crate) struct ReadBody {
    bytes: Vec<u8>,
    _room: Reservation,
}

impl std::ops::Deref for ReadBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Memory that a body's announced length is believed for; the rest grows as it arrives.
const BELIEVED_LENGTH: u64 = 4 << 20;

/// A body for whose room others wait has to come at so many bytes a second, or makes room: some dozen clients that send
/// nothing could take it all otherwise.
const LEAST_RATE: u64 = 64 << 10;
/// How often that is looked at.
const RATE_CHECK: Duration = Duration::from_secs(1);

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("request body too large: message size too large than max ({size} vs {max})")]
    TooLarge { size: u64, max: u64 },
    #[error("the request body did not arrive within {0:?}")]
    TooSlow(Duration),
    #[error("no room for the request body within {0:?}, try again later")]
    NoRoom(Duration),
    #[error("the request body came at less than {LEAST_RATE} bytes a second while others waited, try again later")]
    Outrun,
    #[error("unexpected EOF")]
    Torn,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match error {
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            // Clients send again on this one.
            Error::NoRoom(_) | Error::Outrun => StatusCode::SERVICE_UNAVAILABLE,
            Error::Torn => StatusCode::BAD_REQUEST,
        };
        Failure::new(status, error.to_string())
    }
}

/// The whole body.
pub(crate) async fn read(headers: &HeaderMap, body: Body, bounds: Bounds<'_>) -> Result<ReadBody, Error> {
    let announced = body.size_hint().exact().or_else(|| {
        let length = headers.get(CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    });
    let max = bounds.size;
    if let Some(size) = announced.filter(|&size| size > max) {
        return Err(Error::TooLarge { size, max });
    }
    let roomless = |_| Error::NoRoom(bounds.time);
    let room = timeout(bounds.time, bounds.room.reserve(announced))
        .await
        .map_err(roomless)?;
    let slow = |_| Error::TooSlow(bounds.time);
    let mut reading = Reading {
        body,
        bytes: Vec::with_capacity(usize::try_from(room.bytes().min(max).min(BELIEVED_LENGTH)).unwrap_or(0)),
        max,
    };
    let is_whole = timeout(bounds.time, reading.until(room.bytes(), &room))
        .await
        .map_err(slow)??;
    if is_whole {
        return Ok(reading.whole(room));
    }
    let more = timeout(bounds.time, bounds.room.reserve_more(max))
        .await
        .map_err(roomless)?;
    drop(room);
    timeout(bounds.time, reading.until(max, &more)).await.map_err(slow)??;
    Ok(reading.whole(more))
}

/// A body that is being read.
struct Reading {
    body: Body,
    bytes: Vec<u8>,
    max: u64,
}

impl Reading {
    /// Reads into `room` until there is more than `enough` or no more; whether there is no more.
    async fn until(&mut self, enough: u64, room: &Reservation) -> Result<bool, Error> {
        let (started, had) = (Instant::now(), self.bytes.len());
        let mut checks = interval_at(started + RATE_CHECK, RATE_CHECK);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let frame = tokio::select! {
                frame = self.body.frame() => frame,
                _ = checks.tick() => {
                    let came = (self.bytes.len() - had) as u64;
                    if room.is_wanted() && came < LEAST_RATE * started.elapsed().as_secs() {
                        return Err(Error::Outrun);
                    }
                    continue;
                }
            };
            let Some(frame) = frame else { return Ok(true) };
            let frame = frame.map_err(|_| Error::Torn)?;
            let Some(data) = frame.data_ref() else { continue };
            let size = self.bytes.len() as u64 + data.len() as u64;
            if size > self.max {
                return Err(Error::TooLarge { size, max: self.max });
            }
            self.bytes.extend_from_slice(data);
            if size > enough {
                return Ok(false);
            }
        }
    }

    fn whole(self, room: Reservation) -> ReadBody {
        ReadBody {
            bytes: self.bytes,
            _room: room,
        }
    }
}

/// The parameters of a request, those of a form body before those of the URL; any other body is not read.
pub(crate) async fn parameters(request: Request, bounds: Bounds<'_>) -> Result<(Parts, Params), Failure> {
    let (parts, body) = request.into_parts();
    let is_form = parts.method == Method::POST && has_form(&parts.headers);
    let form = if is_form {
        Some(read(&parts.headers, body, bounds).await?)
    } else {
        None
    };
    let params = Params::parse(
        form.as_deref().unwrap_or_default(),
        parts.uri.query().unwrap_or_default(),
    )?;
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
    use std::sync::Arc;
    use std::task::{Context as TaskContext, Poll};
    use tokio::task::JoinSet;

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
        let room = Room::new();
        let bounds = Bounds {
            size: 100,
            time: Duration::from_secs(1),
            room: &room,
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
        let room = Room::new();
        let bounds = Bounds {
            size: 3,
            time: Duration::from_millis(10),
            room: &room,
        };
        let read = async |headers: &HeaderMap, body| read(headers, body, bounds).await.map(|body| body.to_vec());
        let plain = HeaderMap::new();
        let announced = HeaderMap::from_iter([(CONTENT_LENGTH, "9".parse().expect("a header value"))]);
        let too_large = |size| Err(Error::TooLarge { size, max: 3 });
        assert_eq!(read(&plain, Body::from("abc")).await, Ok(b"abc".to_vec()));
        assert_eq!(read(&plain, Body::from("abcd")).await, too_large(4));
        assert_eq!(read(&announced, Body::new(Never)).await, too_large(9));
        assert_eq!(read(&plain, Body::new(Never)).await, Err(Error::TooSlow(bounds.time)));
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_its_length_finds_room_as_it_grows() {
        let room = Room::new();
        let bounds = Bounds {
            size: 5 << 20,
            time: Duration::from_millis(100),
            room: &room,
        };
        let body = |chunks| Body::new(Chunks(chunks));
        let whole = read(&HeaderMap::new(), body(4), bounds).await.expect("fits");
        assert_eq!(whole.len(), 4 << 20);
        drop(whole);
        let error = read(&HeaderMap::new(), body(6), bounds).await.expect_err("too large");
        assert_eq!(
            error,
            Error::TooLarge {
                size: 6 << 20,
                max: 5 << 20
            }
        );
        // Where larger ones have taken all room, it waits and is told to come again.
        let all = room.reserve_more(u64::MAX).await;
        let error = read(&HeaderMap::new(), body(4), bounds).await.expect_err("no room");
        assert_eq!(error, Error::NoRoom(bounds.time));
        drop(all);
        assert!(read(&HeaderMap::new(), body(4), bounds).await.is_ok());
    }

    #[tokio::test]
    async fn clients_that_send_nothing_do_not_keep_out_those_that_do() {
        let time = Duration::from_secs(60);
        let room = Arc::new(Room::new());
        let reading = |body: Body| {
            let room = Arc::clone(&room);
            async move {
                let bounds = Bounds {
                    size: 100 << 20,
                    time,
                    room: &room,
                };
                read(&HeaderMap::new(), body, bounds).await.map(|body| body.to_vec())
            }
        };
        let mut idle = JoinSet::new();
        (0..64).for_each(|_| _ = idle.spawn(reading(Body::new(Never))));
        // Until they have taken all room.
        while timeout(Duration::from_millis(1), room.reserve(None)).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let started = Instant::now();
        assert_eq!(reading(Body::from("abc")).await, Ok(b"abc".to_vec()));
        assert!(started.elapsed() < time / 2);
        let gone = idle.join_next().await.expect("one of many").expect("no panic");
        assert_eq!(gone, Err(Error::Outrun));
    }

    /// So many chunks of a mebibyte.
    struct Chunks(usize);

    impl hyper::body::Body for Chunks {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut TaskContext<'_>,
        ) -> Poll<Option<Result<hyper::body::Frame<bytes::Bytes>, Self::Error>>> {
            let left = self.0.checked_sub(1);
            self.0 = left.unwrap_or(0);
            Poll::Ready(left.map(|_| Ok(hyper::body::Frame::data(vec![b' '; 1 << 20].into()))))
        }
    }
}
