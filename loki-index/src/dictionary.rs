//! The fst that leads from labels to their postings.

use std::ops::Range;

use fst::{IntoStreamer, Map, MapBuilder, Streamer, map::StreamBuilder};
use regex_automata::util::primitives::StateID;

use crate::{
    Error,
    automaton::{Automaton, Table},
    fst_audit::{self, Bounds},
    sorted::Sorted,
};

/// Stands between name and value in a key. No UTF-8 text holds it, so no two labels share a key.
const SEPARATOR: u8 = 0xff;

/// An fst from `name 0xff value` to the ordinal of the pair, which is the place of its postings.
///
/// Ordinals ascend with the values of a name, so the fst can share the ends of values, which it could not if it held
/// offsets of bitmaps: keys that follow each other differ by one wherever they lie.
pub(crate) struct Dictionary<'a> {
    map: Map<&'a [u8]>,
    /// Where the bytes lie, for errors.
    offset: u64,
}

/// The bytes of the dictionary of an index.
pub(crate) fn encode(sorted: &Sorted<'_>) -> Vec<u8> {
    let mut names: Vec<usize> = (0..sorted.names.len()).collect();
    // With the separator behind them names order otherwise than without, if one starts with the other.
    names.sort_unstable_by_key(|&name| key(sorted.names[name], ""));
    let mut builder = MapBuilder::memory();
    for name in names {
        let mut key = key(sorted.names[name], "");
        let prefix = key.len();
        for pair in sorted.name_pairs[name]..sorted.name_pairs[name + 1] {
            key.truncate(prefix);
            key.extend_from_slice(sorted.values[pair as usize].as_bytes());
            builder
                .insert(&key, u64::from(pair))
                .expect("keys are sorted, each is there once, and a vector takes all bytes");
        }
    }
    builder.into_inner().expect("writing to a vector does not fail")
}

/// Checks that bytes are an fst that can be used without a panic, and that all it leads to exists.
pub(crate) fn audit(bytes: &[u8], offset: u64, bounds: &Bounds) -> Result<(), Error> {
    let malformed = || Error::malformed("label dictionary", offset);
    fst_audit::audit(bytes, bounds).ok_or_else(malformed)?;
    let map = Map::new(bytes).map_err(|_| malformed())?;
    map.as_fst().verify().map_err(|_| malformed())
}

impl<'a> Dictionary<'a> {
    /// The dictionary of bytes that [`audit`] found good.
    pub(crate) fn new(bytes: &'a [u8], offset: u64) -> Result<Self, Error> {
        let map = Map::new(bytes).map_err(|_| Error::malformed("label dictionary", offset))?;
        Ok(Self { map, offset })
    }

    /// The ordinal of a pair.
    pub(crate) fn find(&self, name: &str, value: &str) -> Option<u32> {
        self.map.get(key(name, value)).map(|ordinal| ordinal as u32)
    }

    /// Hands over the ordinals of the pairs of a name whose values an automaton accepts, or does not, ascending.
    /// `pairs` are all of the name.
    pub(crate) fn scan(
        &self,
        name: &str,
        pairs: Range<u32>,
        automaton: &Automaton,
        accepted: bool,
        mut each: impl FnMut(u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Range { start: mut next, end } = pairs;
        self.accepted(name, automaton, |ordinal| {
            if ordinal < next || ordinal >= end {
                return Err(Error::malformed("label dictionary", self.offset));
            }
            if accepted {
                each(ordinal)?;
            } else {
                (next..ordinal).try_for_each(&mut each)?;
            }
            next = ordinal + 1;
            Ok(())
        })?;
        if accepted {
            Ok(())
        } else {
            (next..end).try_for_each(each)
        }
    }

    fn accepted(
        &self,
        name: &str,
        automaton: &Automaton,
        mut each: impl FnMut(u32) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let prefix = key(name, "");
        match automaton {
            Automaton::Table(table) => {
                let suffix = Suffix {
                    prefix: prefix.len(),
                    table,
                };
                let mut stream = within(self.map.search(suffix), &prefix).into_stream();
                while let Some((_, ordinal)) = stream.next() {
                    each(ordinal as u32)?;
                }
            }
            Automaton::Regex(_) => {
                let mut stream = within(self.map.range(), &prefix).into_stream();
                while let Some((key, ordinal)) = stream.next() {
                    if automaton.matches(self.value(key, &prefix)?) {
                        each(ordinal as u32)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn value<'k>(&self, key: &'k [u8], prefix: &[u8]) -> Result<&'k str, Error> {
        let value = key.strip_prefix(prefix).map(std::str::from_utf8);
        match value {
            Some(Ok(value)) => Ok(value),
            _ => Err(Error::malformed("label dictionary", self.offset)),
        }
    }
}

fn key(name: &str, value: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 1 + value.len());
    key.extend_from_slice(name.as_bytes());
    key.push(SEPARATOR);
    key.extend_from_slice(value.as_bytes());
    key
}

/// The keys that start with the prefix of a name.
fn within<'f, A: fst::Automaton>(stream: StreamBuilder<'f, A>, prefix: &[u8]) -> StreamBuilder<'f, A> {
    // Values are UTF-8, so all lie before one that would start with another separator.
    stream.ge(prefix).lt([prefix, &[SEPARATOR]].concat())
}

/// A table run over what lies behind a prefix of the keys.
struct Suffix<'a> {
    prefix: usize,
    table: &'a Table,
}

#[derive(Clone, Copy)]
enum Position {
    /// So many bytes of the prefix are to come.
    Before(usize),
    Inside(StateID),
    /// The value has ended; whether it matches.
    Ended(bool),
    /// Nothing that goes on from here can match.
    Stuck,
}

impl fst::Automaton for Suffix<'_> {
    type State = Position;

    fn start(&self) -> Position {
        Position::Before(self.prefix)
    }

    fn is_match(&self, position: &Position) -> bool {
        // The fst asks this of the state behind the end of a key alone.
        matches!(position, Position::Ended(true))
    }

    fn can_match(&self, position: &Position) -> bool {
        !matches!(position, Position::Stuck)
    }

    fn accept(&self, position: &Position, byte: u8) -> Position {
        match *position {
            Position::Before(bytes) if bytes > 1 => Position::Before(bytes - 1),
            Position::Before(_) => Position::Inside(self.table.start()),
            Position::Inside(state) => self.table.step(state, byte).map_or(Position::Stuck, Position::Inside),
            Position::Ended(_) | Position::Stuck => Position::Stuck,
        }
    }

    fn accept_eof(&self, position: &Position) -> Option<Position> {
        match *position {
            Position::Inside(state) => Some(Position::Ended(self.table.accepts(state))),
            _ => None,
        }
    }
}
