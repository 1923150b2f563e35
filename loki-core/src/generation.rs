//! Generations: the head that takes pushes, and the one that is being flushed.

use crate::head::Head;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The heads of an engine.
///
/// A push holds the read lock from its record in the write-ahead log to its entries in the head, so that both belong
/// to one generation; turning to the next generation takes the write lock.
#[derive(Debug)]
pub(crate) struct Generations(RwLock<Generation>);

/// The heads at one time.
#[derive(Debug)]
pub(crate) struct Generation {
    /// Takes pushes.
    pub(crate) active: Arc<Head>,
    /// Is being flushed: nothing is added to it.
    pub(crate) flushing: Option<Flushing>,
}

/// A head that is being flushed.
#[derive(Debug, Clone)]
pub(crate) struct Flushing {
    pub(crate) head: Arc<Head>,
    /// The last file of the write-ahead log that holds entries of it.
    pub(crate) wal_through: u64,
}

impl Generations {
    pub(crate) fn new(active: Head) -> Generations {
        Generations(RwLock::new(Generation {
            active: Arc::new(active),
            flushing: None,
        }))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Generation> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Generation> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generation {
    /// All heads, older first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Head>> {
        self.flushing
            .iter()
            .map(|flushing| &flushing.head)
            .chain([&self.active])
    }

    /// Bytes of all heads.
    pub(crate) fn bytes(&self) -> u64 {
        self.all().map(|head| head.bytes()).sum()
    }
}
