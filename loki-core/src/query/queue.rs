//! What a query in order is handed next: units by their turns, and segments that are looked at when theirs has come.

use super::finder::Finder;
use super::turns::Turns;
use super::unit::Unit;
use crate::pool::Pool;
use loki_chunk::Direction;
use loki_logql::Error;

/// What is left of a selection.
#[derive(Debug)]
pub(super) struct Queue<'s> {
    turns: Turns,
    finder: Finder<'s>,
    /// How many units there were that have to be told apart or merged.
    overlaps: usize,
}

impl<'s> Queue<'s> {
    /// What `finder` finds, in its direction. So many bytes may blocks hold that are merged.
    pub(super) fn new(finder: Finder<'s>, max_memory_bytes: usize) -> Queue<'s> {
        let mut queue = Queue {
            turns: Turns::new(finder.direction(), max_memory_bytes),
            finder,
            overlaps: 0,
        };
        queue.take_units();
        queue
    }

    /// Which end of time comes first.
    pub(super) fn direction(&self) -> Direction {
        self.finder.direction()
    }

    /// How many units there were so far that have to be told apart or merged.
    pub(super) fn overlaps(&self) -> usize {
        self.overlaps
    }

    /// How many streams and blocks were found so far.
    pub(super) fn counts(&self) -> (usize, usize) {
        self.finder.counts()
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.finder.is_done() && self.turns.near_rank().is_none()
    }

    /// The unit whose turn it is. Segments are looked at by the threads of `pool`, if need be.
    ///
    /// # Errors
    ///
    /// A damaged segment.
    pub(super) fn pop(&mut self, pool: Option<&Pool>) -> Result<Option<Unit>, Error> {
        while self.finder.may_come_before(self.turns.near_rank()) {
            self.finder.advance(self.turns.near_rank(), pool)?;
            self.take_units();
        }
        Ok(self.turns.pop())
    }

    /// Lets units wait for their turns.
    pub(super) fn push(&mut self, units: impl IntoIterator<Item = Unit>) {
        units.into_iter().for_each(|unit| self.turns.push(unit));
    }

    fn take_units(&mut self) {
        let units = self.finder.units();
        self.overlaps += units.iter().filter(|unit| !unit.is_ready()).count();
        self.push(units);
    }
}
