//! Which literal follows which: the part of typed lines that says how a line is put together.

use super::blobs::BlobReader;
use super::numbers;
use crate::error::{Error, Result};

/// Bytes of text that are copied at once, whatever the length.
pub(super) const COPY_BYTES: usize = 16;

/// The number of the state that stands before each line.
pub(super) const START: u32 = 0;

/// What is known of the lines of a block before they are read. The caller has checked it against the bounds of the format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) entries: usize,
    pub(crate) line_bytes: usize,
}

impl Shape {
    /// Most literals, visits of states and columns: each variable is of a byte at least, so there are at most as many literals
    /// as bytes and lines.
    pub(super) fn most_pieces(self) -> usize {
        self.line_bytes + self.entries
    }
}

/// A literal, and what follows it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct State {
    text_start: u32,
    text_length: u32,
    /// One more than the place of the column of the variable behind the literal; 0: the line ends here.
    column: u32,
    /// Where its successors start; where there is only one, that successor.
    successors: u32,
    successors_end: u32,
    /// How often a choice is made here; 0 where it has but one successor.
    visits: u32,
    /// Its part of the transitions: what is left of it.
    transitions: u32,
    transitions_end: u32,
}

impl State {
    /// How many literals can follow.
    fn branches(&self) -> usize {
        (self.successors_end - self.successors) as usize
    }

    /// Bytes of the text of the literal.
    #[inline]
    pub(super) fn text_length(&self) -> usize {
        self.text_length as usize
    }

    /// Where the text of the literal starts, in [`Automaton::text`].
    #[inline]
    pub(super) fn text_start(&self) -> usize {
        self.text_start as usize
    }

    /// The column of the variable behind the literal; `None`: the line ends here.
    #[inline]
    pub(super) fn column(&self) -> Option<usize> {
        (self.column as usize).checked_sub(1)
    }
}

/// The literals of a block as states, and what is left of the choices between those that can follow.
#[derive(Debug, Default)]
pub(super) struct Automaton {
    /// What stands before each line, and each literal.
    states: Vec<State>,
    /// Numbers of states.
    successors: Vec<u32>,
    /// Places among the successors of a state, one a visit.
    transitions: Vec<u16>,
    text: Vec<u8>,
    numbers: Vec<u64>,
}

impl Automaton {
    /// Reads literals and what can follow them, in place of what was there; no choices yet.
    ///
    /// # Errors
    ///
    /// Numbers that make no sense.
    pub(super) fn read(&mut self, blobs: &mut BlobReader<'_>, shape: Shape) -> Result<()> {
        let most_pieces = shape.most_pieces();
        let literals = blobs.table.count("literals", most_pieces)?;
        let numbers = &mut self.numbers;
        self.states.clear();
        self.states.resize(literals + 1, State::default());
        refill(numbers, blobs, literals)?;
        let mut at = 0u64;
        for (state, &length) in self.states[1..].iter_mut().zip(numbers.iter()) {
            (state.text_start, state.text_length) = (at as u32, length as u32);
            at = at.saturating_add(length);
            if at > shape.line_bytes as u64 {
                return Err(malformed("literals are longer than the lines"));
            }
        }
        self.text.clear();
        self.text.extend_from_slice(blobs.take(at as usize)?);
        self.text.resize(self.text.len() + COPY_BYTES, 0);

        refill(numbers, blobs, literals)?;
        for (state, &column) in self.states[1..].iter_mut().zip(numbers.iter()) {
            if column > most_pieces as u64 {
                return Err(malformed("a literal is followed by no column"));
            }
            state.column = column as u32;
        }

        refill(numbers, blobs, literals + 1)?;
        let mut successors = 0u64;
        for (state, &count) in self.states.iter_mut().zip(numbers.iter()) {
            state.successors = successors as u32;
            successors = successors.saturating_add(count);
            if successors > most_pieces as u64 {
                return Err(malformed("more successors than literals"));
            }
            state.successors_end = successors as u32;
        }
        refill(numbers, blobs, successors as usize)?;
        if numbers.iter().any(|&literal| literal >= literals as u64) {
            return Err(malformed("a successor is no literal"));
        }
        self.successors.clear();
        self.successors
            .extend(numbers.iter().map(|&literal| literal as u32 + 1));

        let branches = |state: &&mut State| state.branches() > 1;
        let count = self.states.iter_mut().filter(branches).count();
        refill(numbers, blobs, count)?;
        let mut transitions = 0u64;
        for (state, &visits) in self.states.iter_mut().filter(branches).zip(numbers.iter()) {
            transitions = transitions.saturating_add(visits);
            if transitions > most_pieces as u64 {
                return Err(malformed("more transitions than literals"));
            }
            state.visits = visits as u32;
        }
        Ok(())
    }

    /// Reads the choices that are made in the states that are wanted, and skips those of the others, which then have none.
    ///
    /// # Errors
    ///
    /// Bytes that are missing or make no sense.
    pub(super) fn read_choices(&mut self, blobs: &mut BlobReader<'_>, is_wanted: impl Fn(usize) -> bool) -> Result<()> {
        self.transitions.clear();
        for (number, state) in self.states.iter_mut().enumerate() {
            if state.branches() < 2 {
                continue;
            }
            let visits = state.visits as usize;
            let start = self.transitions.len();
            (state.transitions, state.transitions_end) = (start as u32, start as u32);
            let is_wide = state.branches() > 256;
            if !is_wanted(number) {
                (0..=usize::from(is_wide)).try_for_each(|_| blobs.skip(visits))?;
                continue;
            }
            self.transitions
                .extend(blobs.take(visits)?.iter().map(|&place| u16::from(place)));
            state.transitions_end = self.transitions.len() as u32;
            if is_wide {
                let high = blobs.take(visits)?;
                let places = self.transitions[start..].iter_mut().zip(high);
                places.for_each(|(place, &high)| *place |= u16::from(high) << 8);
            }
        }
        Ok(())
    }

    /// Refuses a literal that is followed by another column than the first so many.
    pub(super) fn check_columns(&self, columns: usize) -> Result<()> {
        if self.states.iter().any(|state| state.column as usize > columns) {
            return Err(malformed("a literal is followed by no column"));
        }
        Ok(())
    }

    /// Makes the next choice in the state of this number: the number of the state that follows, which is there. `None` where
    /// nothing follows.
    #[inline]
    pub(super) fn step(&mut self, number: u32) -> Option<u32> {
        let state = self.states.get_mut(number as usize)?;
        let mut next = state.successors;
        if state.transitions < state.transitions_end {
            next += u32::from(*self.transitions.get(state.transitions as usize)?);
            state.transitions += 1;
        } else if state.branches() != 1 {
            return None;
        }
        if next >= state.successors_end {
            return None;
        }
        self.successors.get(next as usize).copied()
    }

    /// All states; that of number [`START`] has no literal.
    #[inline]
    pub(super) fn states(&self) -> &[State] {
        &self.states
    }

    /// The numbers of the states that can follow one.
    pub(super) fn successors(&self, state: &State) -> &[u32] {
        &self.successors[state.successors as usize..state.successors_end as usize]
    }

    /// The texts of all literals, and [`COPY_BYTES`] more.
    #[inline]
    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// The text of the literal of a state.
    pub(super) fn text_of(&self, state: &State) -> &[u8] {
        &self.text[state.text_start()..state.text_start() + state.text_length()]
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        self.states.capacity() * size_of::<State>()
            + self.successors.capacity() * size_of::<u32>()
            + self.transitions.capacity() * size_of::<u16>()
            + self.text.capacity()
            + self.numbers.capacity() * size_of::<u64>()
    }
}

/// Reads `count` numbers in place of what was there.
fn refill(numbers: &mut Vec<u64>, blobs: &mut BlobReader<'_>, count: usize) -> Result<()> {
    numbers.clear();
    numbers::decode(blobs, count, numbers)
}

fn malformed(reason: &'static str) -> Error {
    Error::malformed("lines", reason, 0)
}
