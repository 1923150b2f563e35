//! Compiled expressions over bytes.

use super::literal;
use super::lower;
use super::needle;
use super::parse::parse;
use super::syntax::{Code, Node, SyntaxError};
use crate::Error;
use crate::source::{Literal, Needle};
use regex_automata::meta;
use regex_automata::nfa::thompson::State;
use regex_syntax::hir::{self, Hir};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The most that one compiled expression may take, in bytes.
const SIZE_LIMIT: usize = 10 << 20;

/// The most that the threads of a search may take, in bytes. Each state of an automaton has room for both ends of every
/// group, twice: without a bound, an expression of a hundred kilobytes takes gigabytes where it is searched.
const SLOTS_LIMIT: usize = 128 << 20;

/// What of a text an expression must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any part of it: a line filter.
    Search,
    /// All of it, as `^(?:re)$`: a label filter.
    Whole,
    /// All of it, as `^(?s:re)$`: a matcher of a selector.
    WholeDotAll,
}

/// A compiled expression in Go's dialect. Cheap to clone.
///
/// To Go every byte that is not part of valid UTF-8 is one U+FFFD. The automaton knows valid UTF-8 alone; so where a
/// subject is not valid and the expression can match U+FFFD or nothing at all, [`is_match`](Regex::is_match) looks at
/// a copy in which those bytes are replaced. Who searches with [`inner`](Regex::inner) gets such a copy from
/// [`subject`](Regex::subject).
#[derive(Clone)]
pub(crate) struct Regex(Arc<Compiled>);

struct Compiled {
    automaton: meta::Regex,
    root: Node,
    names: Vec<Option<Box<str>>>,
    reads_invalid: bool,
    /// Whether it has a `\B`.
    looks_between: bool,
}

impl Regex {
    /// Compiles `go_pattern`.
    ///
    /// # Errors
    ///
    /// Go's text: ``error parsing regexp: missing closing ): `(` ``.
    pub(crate) fn new(go_pattern: &str, shape: Shape) -> Result<Regex, String> {
        let root = parse(go_pattern, shape == Shape::WholeDotAll).map_err(|error| error.to_string())?;
        let hir = match shape {
            Shape::Search => lower::lower(&root),
            Shape::Whole | Shape::WholeDotAll => Hir::concat(vec![
                Hir::look(hir::Look::Start),
                lower::lower(&root),
                Hir::look(hir::Look::End),
            ]),
        };
        let looks_between = hir.properties().look_set().contains(hir::Look::WordAsciiNegate);
        let config = meta::Config::new().nfa_size_limit(Some(size_limit(&hir)));
        let automaton = meta::Regex::builder()
            .configure(config)
            .build_from_hir(&hir)
            // The expression is valid, so what cannot be built is too large in one way or another.
            .map_err(|_| SyntaxError::new(Code::TooLarge, go_pattern).to_string())?;
        Ok(Regex(Arc::new(Compiled {
            automaton,
            names: lower::group_names(&root),
            // The automaton takes no empty match before a byte that looks like the middle of a character.
            reads_invalid: lower::reads_replacement(&root) || hir.properties().minimum_len() == Some(0),
            looks_between,
            root,
        })))
    }

    /// Whether `haystack` matches.
    pub(crate) fn is_match(&self, haystack: &[u8]) -> bool {
        let subject = self.subject(haystack);
        if self.0.looks_between {
            // `is_match` stops at the first end of a match. Where that is an empty one inside a character, which does not
            // count, it goes on behind it and misses a longer match that began before.
            return self.0.automaton.find(&*subject).is_some();
        }
        self.0.automaton.is_match(&*subject)
    }

    /// The automaton. Its groups have numbers and no names; it sees bytes that are not UTF-8 as matching nothing.
    pub(crate) fn inner(&self) -> &meta::Regex {
        &self.0.automaton
    }

    /// `haystack` as [`inner`](Regex::inner) must see it: itself, but where it is not UTF-8 and that matters, with
    /// U+FFFD for every byte that is not.
    pub(crate) fn subject<'h>(&self, haystack: &'h [u8]) -> Cow<'h, [u8]> {
        if !self.0.reads_invalid || std::str::from_utf8(haystack).is_ok() {
            return Cow::Borrowed(haystack);
        }
        Cow::Owned(replace_invalid(haystack).into_bytes())
    }

    /// The named groups in order: number and name. Names may start with a digit, and may repeat.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.0
            .names
            .iter()
            .enumerate()
            .filter_map(|(i, name)| Some((i + 1, name.as_deref()?)))
    }

    /// What every text with a match holds: an AND of ORs of substrings; empty where nothing is known.
    pub(crate) fn required_literals(&self) -> Vec<Vec<Literal>> {
        literal::required(&self.0.root)
    }

    /// Needles of which a text that holds a match holds one, and no other text does; `None` where there are no such, or many.
    pub(crate) fn needles(&self) -> Option<Vec<Needle>> {
        needle::needles(&self.0.root)
    }
}

/// The most that the automaton of `hir` may take, in bytes.
fn size_limit(hir: &Hir) -> usize {
    let groups = hir.properties().explicit_captures_len().saturating_add(1);
    let slots_of_state = groups.saturating_mul(2 * 2 * size_of::<usize>());
    let states = SLOTS_LIMIT / slots_of_state;
    SIZE_LIMIT.min(states.saturating_mul(size_of::<State>()))
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Regex").field(&self.0.automaton).finish()
    }
}

/// `bytes` with U+FFFD for every byte that is not UTF-8.
fn replace_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

/// The bytes of a literal as the text of an expression.
///
/// # Errors
///
/// Go's text where they are not UTF-8: ``error parsing regexp: invalid UTF-8: `…` ``.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let fragment = replace_invalid(&bytes[error.valid_up_to()..]);
        SyntaxError::new(Code::InvalidUtf8, &fragment).to_string()
    })
}

/// Whether `go_pattern` is a regular expression, without compiling it.
///
/// # Errors
///
/// As [`Regex::new`].
pub(crate) fn check(go_pattern: &str) -> Result<(), String> {
    parse(go_pattern, false).map(drop).map_err(|error| error.to_string())
}

/// The names of the named groups of `go_pattern` in their order, without compiling it.
///
/// # Errors
///
/// As [`Regex::new`], but for what is too large.
pub(crate) fn group_names(go_pattern: &str) -> Result<Vec<Box<str>>, String> {
    let root = parse(go_pattern, false).map_err(|error| error.to_string())?;
    Ok(lower::group_names(&root).into_iter().flatten().collect())
}

/// The regular expression of a matcher in the syntax of the `regex` and `regex-automata` crates, for an index that
/// compiles it itself.
///
/// It must match the whole value, which the caller sees to: there are no anchors around it. `.` matches newlines, as
/// LogQL has it for selectors. A `\B` in it is written `(?-u:\B)`, which those crates take only with their `utf8`
/// option for syntax off.
///
/// ```
/// let translated = loki_logql::matcher_regex(r"\w+{x}").unwrap();
/// assert_eq!(translated, r"(?:[0-9A-Z_a-z]+(?:\{x\}))");
/// ```
///
/// # Errors
///
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) with Go's text where `go_pattern` is no regular expression.
pub fn matcher_regex(go_pattern: &str) -> Result<String, Error> {
    let root = parse(go_pattern, true).map_err(|error| Error::invalid(error.to_string()))?;
    let mut text = String::new();
    hir::print::Printer::new()
        .print(&lower::lower_uncaptured(&root), &mut text)
        .expect("writing to a string does not fail");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_groups_in_a_large_expression_are_too_much() {
        let groups = |n: usize| "(a?)".repeat(n);
        assert!(Regex::new(&groups(300), Shape::Search).is_ok());
        assert!(Regex::new(&format!("{}{}", "(".repeat(900), ")".repeat(900)), Shape::Search).is_ok());
        let error = Regex::new(&groups(7000), Shape::Search).expect_err("it takes gigabytes to search");
        assert!(
            error.starts_with("error parsing regexp: expression too large: `(a?)"),
            "{error}"
        );
        // Without groups the same size is fine.
        assert!(Regex::new(&"(?:a?)".repeat(7000), Shape::Search).is_ok());
    }
}
