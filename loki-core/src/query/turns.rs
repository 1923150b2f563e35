//! The order in which units have their turn.

use super::unit::{Content, Unit};
use loki_chunk::Direction;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Units by their newest (or oldest) timestamp; of those that are equal the one that came first.
#[derive(Debug)]
pub(super) struct Turns {
    direction: Direction,
    waiting: BinaryHeap<Turn>,
    /// How many have come.
    came: u64,
}

#[derive(Debug)]
struct Turn {
    /// The greatest comes first.
    key: (i64, Reverse<u64>),
    unit: Unit,
}

impl Turns {
    pub(super) fn new(direction: Direction, units: Vec<Unit>) -> Turns {
        let mut turns = Turns {
            direction,
            waiting: BinaryHeap::with_capacity(units.len()),
            came: 0,
        };
        units.into_iter().for_each(|unit| turns.push(unit));
        turns
    }

    /// Which end of time comes first.
    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether no unit waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds a unit; nothing happens where nothing of it is left.
    pub(super) fn push(&mut self, unit: Unit) {
        let nearest = match (&unit.content, self.direction) {
            (Content::Overlap(overlap), _) => overlap.nearest(),
            (_, Direction::Backward) => Some(unit.max_timestamp),
            (_, Direction::Forward) => Some(unit.min_timestamp),
        };
        let Some(nearest) = nearest else { return };
        let time = match self.direction {
            Direction::Backward => nearest,
            Direction::Forward => !nearest,
        };
        self.waiting.push(Turn {
            key: (time, Reverse(self.came)),
            unit,
        });
        self.came += 1;
    }

    /// The unit whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Unit> {
        self.waiting.pop().map(|turn| turn.unit)
    }
}

impl Ord for Turn {
    fn cmp(&self, other: &Turn) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Turn) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn {
    fn eq(&self, other: &Turn) -> bool {
        self.key == other.key
    }
}

impl Eq for Turn {}
