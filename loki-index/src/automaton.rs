//! A regular expression that must match a whole value, as an automaton stepped byte by byte.

use std::{fmt, sync::Arc};

use regex_automata::{
    Anchored, Input,
    dfa::{Automaton as _, dense},
    meta,
    nfa::thompson,
    util::primitives::StateID,
};
use regex_syntax::hir::{Hir, Look, literal};

use crate::{Error, ErrorKind};

/// Largest table of an automaton, in bytes. Larger ones take longer to make than they save over the fallback.
const DFA_BYTES: usize = 1 << 20;
/// Most memory that making the table may use, in bytes.
const DETERMINIZE_BYTES: usize = 4 << 20;
/// Largest program that a pattern may become, in bytes; beyond it the pattern is refused.
const NFA_BYTES: usize = 8 << 20;
/// A pattern that can match at most so many values (`api|web`) becomes the list of them.
const MAX_LITERALS: usize = 128;

/// What a pattern compiles to.
pub(crate) enum Compiled {
    /// It matches everything.
    Everything,
    /// It matches everything but the empty value.
    NotEmpty,
    /// It matches exactly these values, sorted.
    OneOf(Vec<Box<str>>),
    /// It has to be run.
    Automaton(Arc<Automaton>),
}

/// A compiled pattern.
#[expect(clippy::large_enum_variant, reason = "there are few of them, each behind an `Arc`")]
pub(crate) enum Automaton {
    /// A table; can be stepped, so values that share a prefix share its cost.
    Table(Table),
    /// The fallback where the table would be too large.
    Regex(meta::Regex),
}

/// A dense automaton and its start state.
pub(crate) struct Table {
    dfa: dense::DFA<Vec<u32>>,
    start: StateID,
}

/// Compiles a pattern of the regex-syntax dialect; `.` matches a newline too.
///
/// The anchors are added to the syntax tree, not to the text, so that no pattern can talk its way out of them.
pub(crate) fn compile(pattern: &str) -> Result<Compiled, Error> {
    let refuse = |message: String| {
        Error::new(
            ErrorKind::Pattern {
                message: message.into(),
            },
            0,
        )
    };
    let body = regex_syntax::ParserBuilder::new()
        .utf8(false)
        .dot_matches_new_line(true)
        .build()
        .parse(pattern)
        .map_err(|error| refuse(one_line(&error)))?;
    match pattern {
        ".*" => return Ok(Compiled::Everything),
        ".+" => return Ok(Compiled::NotEmpty),
        _ => {}
    }
    if let Some(values) = literals(&body) {
        return Ok(Compiled::OneOf(values));
    }
    let whole = Hir::concat(vec![Hir::look(Look::Start), body, Hir::look(Look::End)]);
    let nfa = thompson::Compiler::new()
        .configure(
            thompson::Config::new()
                .utf8(false)
                .shrink(false)
                .nfa_size_limit(Some(NFA_BYTES)),
        )
        .build_from_hir(&whole)
        .map_err(|error| refuse(error.to_string()))?;
    if let Some(table) = Table::new(&nfa) {
        return Ok(Compiled::Automaton(Arc::new(Automaton::Table(table))));
    }
    meta::Builder::new()
        .configure(meta::Config::new().utf8_empty(false).nfa_size_limit(Some(NFA_BYTES)))
        .build_from_hir(&whole)
        .map(|regex| Compiled::Automaton(Arc::new(Automaton::Regex(regex))))
        .map_err(|error| refuse(error.to_string()))
}

/// What is wrong with a pattern, without the drawing of it.
fn one_line(error: &regex_syntax::Error) -> String {
    match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    }
}

/// The values that a pattern matches, if they are few.
fn literals(body: &Hir) -> Option<Vec<Box<str>>> {
    // The extractor reads a look-around as the empty text, which is right for a prefix and wrong for a whole value.
    if !body.properties().look_set().is_empty() {
        return None;
    }
    let mut extractor = literal::Extractor::new();
    extractor
        .limit_total(MAX_LITERALS)
        .limit_literal_len(1 << 10)
        .limit_repeat(16)
        .limit_class(16);
    let found = extractor.extract(body);
    if !found.is_exact() {
        return None;
    }
    let values = found
        .literals()?
        .iter()
        .map(|literal| std::str::from_utf8(literal.as_bytes()).map(Box::from));
    let mut values: Vec<Box<str>> = values.collect::<Result<_, _>>().ok()?;
    values.sort_unstable();
    values.dedup();
    Some(values)
}

impl Automaton {
    pub(crate) fn matches(&self, value: &str) -> bool {
        match self {
            Self::Table(table) => {
                let mut state = table.start;
                for &byte in value.as_bytes() {
                    match table.step(state, byte) {
                        Some(next) => state = next,
                        None => return false,
                    }
                }
                table.accepts(state)
            }
            Self::Regex(regex) => regex.is_match(Input::new(value).anchored(Anchored::Yes)),
        }
    }
}

impl Table {
    /// The table of a program, unless it is too large or asks for what a table cannot do (Unicode word boundaries).
    fn new(nfa: &thompson::NFA) -> Option<Self> {
        let config = dense::Config::new()
            .accelerate(false)
            .start_kind(regex_automata::dfa::StartKind::Anchored)
            .dfa_size_limit(Some(DFA_BYTES))
            .determinize_size_limit(Some(DETERMINIZE_BYTES));
        let dfa = dense::Builder::new().configure(config).build_from_nfa(nfa).ok()?;
        let start = dfa.start_state_forward(&Input::new("").anchored(Anchored::Yes)).ok()?;
        Some(Self { dfa, start })
    }

    /// The state before the first byte.
    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    /// The state after one more byte, or `None` if nothing that goes on from here can match.
    pub(crate) fn step(&self, state: StateID, byte: u8) -> Option<StateID> {
        let next = self.dfa.next_state(state, byte);
        (!self.dfa.is_dead_state(next)).then_some(next)
    }

    /// Whether a value that ends in this state matches.
    pub(crate) fn accepts(&self, state: StateID) -> bool {
        self.dfa.is_match_state(self.dfa.next_eoi_state(state))
    }
}

impl fmt::Debug for Automaton {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Table(_) => "Table",
            Self::Regex(_) => "Regex",
        })
    }
}
