//! Memory for the bodies of requests: however many clients send at once, what is held of them is bounded.
//!
//! A body has its room before it is read; whoever waits for room reads nothing, and the client's connection fills up
//! instead. Small and large bodies have room apart, so that nobody waits for room who holds what others wait for.

use std::sync::Arc;
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
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Room that one body has; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    bytes: u64,
    _held: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new() -> Room {
        let all = |bytes: u64| Arc::new(Semaphore::new((bytes / GRAIN) as usize));
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
    async fn of(semaphore: &Arc<Semaphore>, bytes: u64, all: u64) -> Reservation {
        let grains = bytes.min(all).div_ceil(GRAIN);
        let grains = u32::try_from(grains).expect("all room is less than 4 TiB");
        let held = Arc::clone(semaphore).acquire_many_owned(grains).await;
        Reservation {
            bytes,
            _held: held.expect("the semaphores are never closed"),
        }
    }

    /// Bytes that there is room for.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
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
