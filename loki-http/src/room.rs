//! Memory for the bodies of requests: however many clients send at once, what is held of them is bounded.
//!
//! A body has its room before it is read; whoever waits for room reads nothing, and the client's connection fills up
//! instead. Small and large bodies have room apart, so that nobody waits for room who holds what others wait for. Whoever
//! has room that others wait for must use it: see `body::read`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of all small bodies together, and of one.
const SMALL: u64 = 64 << 20;
const SMALL_BODY: u64 = 1 << 20;
/// Bytes of all larger bodies together; one that may be larger still has it all.
const LARGE: u64 = 256 << 20;
/// Room is counted in so many bytes.
const GRAIN: u64 = 1 << 10;

/// The room of one server.
#[derive(Debug)]
pub(crate) struct Room {
    small: Arc<Part>,
    large: Arc<Part>,
}

/// What there is for bodies of one size.
#[derive(Debug)]
struct Part {
    free: Arc<Semaphore>,
    /// Bodies that wait for room.
    waiting: AtomicUsize,
}

/// Room that one body has; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    part: Arc<Part>,
    _held: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new() -> Room {
        let all = |bytes: u64| {
            Arc::new(Part {
                free: Arc::new(Semaphore::new((bytes / GRAIN) as usize)),
                waiting: AtomicUsize::new(0),
            })
        };
        Room {
            small: all(SMALL),
            large: all(LARGE),
        }
    }

    /// Waits for room for a body of `announced` bytes; for one that does not say, room for a small one.
    pub(crate) async fn reserve(&self, announced: Option<u64>) -> Reservation {
        match announced.unwrap_or(SMALL_BODY) {
            bytes if bytes <= SMALL_BODY => Reservation::of(&self.small, bytes, SMALL).await,
            bytes => Reservation::of(&self.large, bytes, LARGE).await,
        }
    }

    /// Waits for room for a body that became larger than it had room for: for the largest that it may become.
    pub(crate) async fn reserve_more(&self, max: u64) -> Reservation {
        Reservation::of(&self.large, max, LARGE).await
    }
}

impl Reservation {
    async fn of(part: &Arc<Part>, bytes: u64, all: u64) -> Reservation {
        let grains = bytes.min(all).div_ceil(GRAIN);
        let grains = u32::try_from(grains).expect("all room is less than 4 TiB");
        let waits = Waits::at(part);
        let held = Arc::clone(&part.free).acquire_many_owned(grains).await;
        drop(waits);
        Reservation {
            bytes,
            part: Arc::clone(part),
            _held: held.expect("the semaphores are never closed"),
        }
    }

    /// Bytes that there is room for.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether others wait for such room.
    pub(crate) fn is_wanted(&self) -> bool {
        self.part.waiting.load(Ordering::Relaxed) > 0
    }
}

/// One who waits for room, or gives up.
struct Waits<'p>(&'p Part);

impl Waits<'_> {
    fn at(part: &Part) -> Waits<'_> {
        part.waiting.fetch_add(1, Ordering::Relaxed);
        Waits(part)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    /// What is there without waiting.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn all_bodies_together_take_what_there_is_and_no_more() {
        let room = Room::new();
        let small: Vec<_> = (0..SMALL / SMALL_BODY).map_while(|_| now(room.reserve(None))).collect();
        assert_eq!(small.len() as u64, SMALL / SMALL_BODY);
        assert!(now(room.reserve(Some(1))).is_none());
        // Large bodies do not wait for small ones.
        let large = now(room.reserve(Some(LARGE))).expect("there is room");
        assert_eq!(large.bytes(), LARGE);
        assert!(now(room.reserve_more(SMALL_BODY + 1)).is_none());
        drop((small, large));
        assert!(now(room.reserve(Some(1))).is_some());
        // One that may be larger than all room has all of it, and is read.
        let huge = now(room.reserve_more(2 * LARGE)).expect("there is room");
        assert_eq!(huge.bytes(), 2 * LARGE);
        assert!(now(room.reserve_more(1)).is_none());
    }
}
