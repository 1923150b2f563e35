//! Lines into literals, the order in which they follow each other, and columns of variables.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::blobs::BlobWriter;
use super::column;
use super::numbers;
use super::token::{self, Class, Token};
use crate::encoding::Compressor;

/// Variables of a context with fewer values than this stay in the text around them.
const LEAST_VALUES: u32 = 4;
/// Most literals that can follow one: their places take two bytes.
const MOST_SUCCESSORS: usize = 1 << 16;
/// Most values that buffers stay allocated for: as many as a block of short variables has.
const MOST_KEPT_VALUES: usize = 1 << 18;
/// Stands for no column: the line ends behind the literal.
pub(super) const NO_COLUMN: u32 = u32::MAX;
/// What stands before the first literal of a line.
const START: usize = 0;

/// Encodes the lines of blocks; keeps its tables and buffers, so one is used for many blocks.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    hasher: DefaultHashBuilder,
    tokens: Vec<Token>,
    /// Where the tokens of each line end.
    ends: Vec<u32>,
    contexts: Vec<ContextColumn>,
    context_of: HashTable<u32>,
    /// Of each token its context.
    token_contexts: Vec<u32>,
    literals: Vec<Literal>,
    literal_of: HashTable<u32>,
    transitions: Vec<(u32, u16)>,
    states: Vec<State>,
    successor_of: HashTable<(u32, u32, u16)>,
    columns: Vec<Vec<Range<u32>>>,
    column_scratch: column::Scratch,
    number_scratch: numbers::Scratch,
    blobs: BlobWriter,
    bytes: Vec<u8>,
    numbers: Vec<u64>,
}

/// The variables of one context.
#[derive(Debug, Clone)]
struct ContextColumn {
    context: u64,
    class: Class,
    count: u32,
    first: Range<u32>,
    is_constant: bool,
    /// Its number among the columns that are stored.
    column: u32,
}

/// Text between variables, and the column of the variable behind it.
#[derive(Debug, Clone)]
struct Literal {
    text: Range<u32>,
    column: u32,
}

/// What follows a literal.
#[derive(Debug, Clone, Default)]
struct State {
    successors: Vec<u32>,
    visits: u32,
}

impl Encoder {
    /// Appends `lines`, cut at `offsets`; answers `false` where they are nothing for it.
    pub(crate) fn lines(
        &mut self,
        lines: &[u8],
        offsets: &[u32],
        compressor: &mut Compressor,
        out: &mut Vec<u8>,
    ) -> bool {
        self.find_tokens(lines, offsets);
        self.number_columns();
        if !self.split(lines, offsets) {
            return false;
        }
        self.blobs.clear();
        self.put_literals(lines, compressor);
        self.put_transitions(compressor);
        self.put_columns(lines, compressor);
        self.blobs.finish(compressor, out);
        true
    }

    fn find_tokens(&mut self, lines: &[u8], offsets: &[u32]) {
        let Self {
            tokens,
            ends,
            contexts,
            context_of,
            token_contexts,
            ..
        } = self;
        tokens.clear();
        ends.clear();
        contexts.clear();
        context_of.clear();
        token_contexts.clear();
        for pair in offsets.windows(2) {
            token::tokens(lines, pair[0] as usize, pair[1] as usize, |token| tokens.push(token));
            ends.push(tokens.len() as u32);
        }
        for token in tokens.iter() {
            let text = |range: &Range<u32>| &lines[range.start as usize..range.end as usize];
            let range = token.start..token.end;
            let found = context_of.find(token.context, |&place| {
                let column = &contexts[place as usize];
                column.context == token.context && fits(column.class, token)
            });
            if let Some(&place) = found {
                let column = &mut contexts[place as usize];
                column.count += 1;
                column.is_constant = column.is_constant && text(&column.first) == text(&range);
                token_contexts.push(place);
                continue;
            }
            let place = contexts.len() as u32;
            contexts.push(ContextColumn {
                context: token.context,
                class: token.class,
                count: 1,
                first: range,
                is_constant: true,
                column: NO_COLUMN,
            });
            context_of.insert_unique(token.context, place, |&place| contexts[place as usize].context);
            token_contexts.push(place);
        }
    }

    fn number_columns(&mut self) {
        let mut columns = 0;
        for context in &mut self.contexts {
            if !context.is_constant && context.count >= LEAST_VALUES {
                context.column = columns;
                columns += 1;
            }
        }
        // Each block makes other columns long; what all of them once needed is not kept.
        let kept = self.columns.iter().map(Vec::capacity).sum::<usize>();
        if kept > MOST_KEPT_VALUES {
            self.columns.clear();
        }
        self.columns.iter_mut().for_each(Vec::clear);
        self.columns
            .resize_with(self.columns.len().max(columns as usize), Vec::new);
    }

    /// Cuts lines into literals and values; answers `false` where that leads nowhere.
    fn split(&mut self, lines: &[u8], offsets: &[u32]) -> bool {
        self.literals.clear();
        self.literal_of.clear();
        self.transitions.clear();
        self.successor_of.clear();
        self.states.clear();
        self.states.push(State::default());
        let mut token = 0;
        for (line, pair) in offsets.windows(2).enumerate() {
            let tokens_end = self.ends[line];
            let (mut at, mut state) = (pair[0], START);
            while token < tokens_end as usize {
                let column = self.contexts[self.token_contexts[token] as usize].column;
                let Token { start, end, .. } = self.tokens[token];
                token += 1;
                if column == NO_COLUMN {
                    continue;
                }
                let literal = intern(
                    lines,
                    Literal {
                        text: at..start,
                        column,
                    },
                    &mut self.literals,
                    &mut self.literal_of,
                    &self.hasher,
                );
                let Some(next) = self.step(state, literal) else {
                    return false;
                };
                state = next;
                self.columns[column as usize].push(start..end);
                at = end;
            }
            let rest = Literal {
                text: at..pair[1],
                column: NO_COLUMN,
            };
            let literal = intern(lines, rest, &mut self.literals, &mut self.literal_of, &self.hasher);
            if self.step(state, literal).is_none() {
                return false;
            }
        }
        true
    }

    /// Notes that `literal` follows; the state behind it.
    fn step(&mut self, state: usize, literal: u32) -> Option<usize> {
        let next = literal as usize + 1;
        if self.states.len() <= next {
            self.states.resize_with(next + 1, State::default);
        }
        let here = &mut self.states[state];
        here.visits += 1;
        let key = (state as u64) << 32 | u64::from(literal);
        let hash = self.hasher.hash_one(key);
        let found = self
            .successor_of
            .find(hash, |&(from, to, _)| from as usize == state && to == literal);
        let place = match found {
            Some(&(_, _, place)) => place,
            None => {
                if here.successors.len() == MOST_SUCCESSORS {
                    return None;
                }
                let place = here.successors.len() as u16;
                here.successors.push(literal);
                let hasher = &self.hasher;
                self.successor_of
                    .insert_unique(hash, (state as u32, literal, place), |&(from, to, _)| {
                        hasher.hash_one(u64::from(from) << 32 | u64::from(to))
                    });
                place
            }
        };
        self.transitions.push((state as u32, place));
        Some(next)
    }

    fn put_literals(&mut self, lines: &[u8], compressor: &mut Compressor) {
        let Self {
            blobs,
            bytes,
            numbers,
            number_scratch,
            literals,
            states,
            ..
        } = self;
        blobs.put_varint(literals.len() as u64);
        bytes.clear();
        for literal in literals.iter() {
            bytes.extend_from_slice(&lines[literal.text.start as usize..literal.text.end as usize]);
        }
        numbers.clear();
        numbers.extend(
            literals
                .iter()
                .map(|literal| u64::from(literal.text.end - literal.text.start)),
        );
        numbers::encode(numbers, number_scratch, blobs, compressor);
        blobs.put(bytes, compressor);
        numbers.clear();
        numbers.extend(literals.iter().map(|literal| u64::from(literal.column.wrapping_add(1))));
        numbers::encode(numbers, number_scratch, blobs, compressor);
        numbers.clear();
        numbers.extend(states.iter().map(|state| state.successors.len() as u64));
        numbers::encode(numbers, number_scratch, blobs, compressor);
        numbers.clear();
        numbers.extend(
            states
                .iter()
                .flat_map(|state| state.successors.iter().map(|&literal| u64::from(literal))),
        );
        numbers::encode(numbers, number_scratch, blobs, compressor);
        numbers.clear();
        numbers.extend(
            states
                .iter()
                .filter(|state| state.successors.len() > 1)
                .map(|state| u64::from(state.visits)),
        );
        numbers::encode(numbers, number_scratch, blobs, compressor);
    }

    fn put_transitions(&mut self, compressor: &mut Compressor) {
        // By state, each in the order of lines.
        let mut starts = Vec::with_capacity(self.states.len());
        let mut total = 0;
        for state in &self.states {
            starts.push(total);
            if state.successors.len() > 1 {
                total += state.visits as usize;
            }
        }
        let mut ordered = vec![0u16; total];
        let mut at = starts.clone();
        for &(state, place) in &self.transitions {
            let state = state as usize;
            if self.states[state].successors.len() > 1 {
                ordered[at[state]] = place;
                at[state] += 1;
            }
        }
        for (state, &start) in self.states.iter().zip(&starts) {
            if state.successors.len() < 2 {
                continue;
            }
            let places = &ordered[start..start + state.visits as usize];
            self.bytes.clear();
            self.bytes.extend(places.iter().map(|&place| place as u8));
            self.blobs.put(&self.bytes, compressor);
            if state.successors.len() > 256 {
                self.bytes.clear();
                self.bytes.extend(places.iter().map(|&place| (place >> 8) as u8));
                self.blobs.put(&self.bytes, compressor);
            }
        }
    }

    fn put_columns(&mut self, lines: &[u8], compressor: &mut Compressor) {
        let stored = self.contexts.iter().filter(|context| context.column != NO_COLUMN);
        self.blobs.put_varint(stored.clone().count() as u64);
        for (context, values) in stored.zip(&self.columns) {
            column::encode(
                lines,
                values,
                context.class,
                &mut self.column_scratch,
                &mut self.blobs,
                compressor,
            );
        }
    }
}

/// Whether a token can stand in a column of a class: digits alone are an id where ids of that length stand.
fn fits(class: Class, token: &Token) -> bool {
    match class {
        Class::HexLower(digits) | Class::HexUpper(digits) if token.class == Class::Digits => {
            digits == token.end - token.start
        }
        class => class == token.class,
    }
}

fn intern(
    lines: &[u8],
    literal: Literal,
    literals: &mut Vec<Literal>,
    index: &mut HashTable<u32>,
    hasher: &DefaultHashBuilder,
) -> u32 {
    let text = |literal: &Literal| &lines[literal.text.start as usize..literal.text.end as usize];
    let hash = hasher.hash_one((text(&literal), literal.column));
    let same = |&place: &u32| {
        let other = &literals[place as usize];
        other.column == literal.column && text(other) == text(&literal)
    };
    if let Some(&place) = index.find(hash, same) {
        return place;
    }
    let place = literals.len() as u32;
    literals.push(literal);
    index.insert_unique(hash, place, |&place| {
        let literal = &literals[place as usize];
        hasher.hash_one((text(literal), literal.column))
    });
    place
}
