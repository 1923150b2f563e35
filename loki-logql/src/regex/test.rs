//! What a regular expression means in a filter: often a plain test of text.
//!
//! Loki rewrites expressions of simple shape to tests of text, and what it rewrites to is not always what the
//! expression says: `foo.*` on a label keeps values that *contain* `foo`. Queries written against Loki rely on it.

use super::compile::{Regex, Shape};
use super::parse::parse;
use super::syntax::{Count, Kind, Node};
use std::borrow::Cow;

/// The test that a filter with a regular expression makes.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    /// Always holds.
    True,
    /// The value is not empty.
    NotEmpty,
    /// The value is this text.
    Equals {
        /// In lower case if `ignore_case`.
        text: Vec<u8>,
        /// Whether values are compared in lower case.
        ignore_case: bool,
    },
    /// The value holds this text.
    Contains {
        /// In lower case if `ignore_case`.
        text: Vec<u8>,
        /// Whether values are compared in lower case.
        ignore_case: bool,
    },
    /// One of these holds.
    Any(Vec<Test>),
    /// The expression matches.
    Regex(Regex),
}

impl Test {
    /// The test of `label =~ "…"` in a pipeline.
    ///
    /// # Errors
    ///
    /// As [`Regex::new`].
    pub(crate) fn for_label(go_pattern: &str) -> Result<Test, String> {
        Test::new(go_pattern, Shape::Whole)
    }

    /// The test of `|~ "…"`.
    ///
    /// # Errors
    ///
    /// As [`Regex::new`].
    pub(crate) fn for_line(go_pattern: &str) -> Result<Test, String> {
        Test::new(go_pattern, Shape::Search)
    }

    fn new(go_pattern: &str, shape: Shape) -> Result<Test, String> {
        let root = parse(go_pattern, false).map_err(|error| error.to_string())?;
        match rewrite(&root, shape) {
            Some(test) => Ok(test),
            None => Regex::new(go_pattern, shape).map(Test::Regex),
        }
    }

    /// Whether `value` passes.
    pub(crate) fn matches(&self, value: &[u8]) -> bool {
        match self {
            Test::True => true,
            Test::NotEmpty => !value.is_empty(),
            Test::Equals {
                text,
                ignore_case: false,
            } => value == text,
            Test::Equals {
                text,
                ignore_case: true,
            } => value.len() == text.len() && lower_case(value) == *text,
            Test::Contains {
                text,
                ignore_case: false,
            } => memchr::memmem::find(value, text).is_some(),
            Test::Contains {
                text,
                ignore_case: true,
            } => memchr::memmem::find(&lower_case(value), text).is_some(),
            Test::Any(tests) => tests.iter().any(|test| test.matches(value)),
            Test::Regex(regex) => regex.is_match(value),
        }
    }

    /// Whether the expression was not rewritten.
    pub(crate) fn is_regex(&self) -> bool {
        matches!(self, Test::Regex(_))
    }
}

/// `value` with every character in lower case, one for one; bytes that are not UTF-8 stay.
fn lower_case(value: &[u8]) -> Cow<'_, [u8]> {
    if value.is_ascii() {
        return match value.iter().any(u8::is_ascii_uppercase) {
            true => Cow::Owned(value.to_ascii_lowercase()),
            false => Cow::Borrowed(value),
        };
    }
    let mut out = Vec::with_capacity(value.len());
    for chunk in value.utf8_chunks() {
        let mut buffer = [0; 4];
        for c in chunk.valid().chars() {
            out.extend_from_slice(lower_char(c).encode_utf8(&mut buffer).as_bytes());
        }
        out.extend_from_slice(chunk.invalid());
    }
    Cow::Owned(out)
}

/// Unicode's simple lower case. The one character with a longer full one starts with its simple one.
fn lower_char(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// A literal of an expression as a test compares it.
#[derive(Clone)]
struct Plain {
    text: Vec<u8>,
    ignore_case: bool,
}

impl Plain {
    fn new(chars: &[char], ignore_case: bool) -> Plain {
        let cased = |&c: &char| if ignore_case { lower_char(c) } else { c };
        Plain {
            text: chars.iter().map(cased).collect::<String>().into_bytes(),
            ignore_case,
        }
    }

    /// `self` followed by `chars`; `None` where only the latter ignore case.
    fn with(&self, chars: &[char], fold: bool) -> Option<Plain> {
        if fold && !self.ignore_case {
            return None;
        }
        let mut plain = self.clone();
        plain.text.extend(Plain::new(chars, self.ignore_case).text);
        Some(plain)
    }

    fn equals(self) -> Test {
        Test::Equals {
            text: self.text,
            ignore_case: self.ignore_case,
        }
    }

    fn contains(self) -> Test {
        Test::Contains {
            text: self.text,
            ignore_case: self.ignore_case,
        }
    }
}

/// A part of an expression, as far as rewriting tells parts apart.
enum Part<'n> {
    Empty,
    /// `.*`
    Anything,
    /// `.+`
    Something,
    Literal(&'n [char], bool),
    Concat(&'n [Node]),
    Alternate(&'n [Node]),
    Other,
}

fn part(node: &Node) -> Part<'_> {
    match &node.uncaptured().kind {
        Kind::Empty => Part::Empty,
        Kind::Literal { chars, fold } => Part::Literal(chars, *fold),
        Kind::Concat(subs) => Part::Concat(subs),
        Kind::Alternate(subs) => Part::Alternate(subs),
        Kind::Repeat { count, sub, .. } => repeat_part(*count, sub),
        _ => Part::Other,
    }
}

/// Counts that say the same as an operator are read as that operator.
fn repeat_part(count: Count, sub: &Node) -> Part<'_> {
    let (min, max) = count.bounds();
    if max == Some(0) {
        return Part::Empty;
    }
    if (min, max) == (1, Some(1)) {
        return part(sub);
    }
    let is_dot = sub.kind == Kind::AnyButNewline;
    match (min, max, part(sub)) {
        (0, None, _) if is_dot => Part::Anything,
        (1, None, _) if is_dot => Part::Something,
        (0, None, Part::Anything) => Part::Anything,
        (1, None, Part::Something) => Part::Something,
        (0, None, Part::Empty) | (1, None, Part::Empty) | (0, Some(1), Part::Empty) => Part::Empty,
        _ => Part::Other,
    }
}

/// The test of text that stands for `node`, if its shape is one of those that have one.
fn rewrite(node: &Node, shape: Shape) -> Option<Test> {
    match part(node) {
        Part::Empty | Part::Anything => Some(Test::True),
        Part::Something => Some(Test::NotEmpty),
        Part::Literal(chars, fold) => {
            let plain = Plain::new(chars, fold);
            Some(if shape == Shape::Search {
                plain.contains()
            } else {
                plain.equals()
            })
        }
        Part::Alternate(subs) => {
            let tests: Option<Vec<Test>> = subs.iter().map(|sub| rewrite(sub, shape)).collect();
            Some(any_of(tests?))
        }
        Part::Concat(subs) => {
            let mut tests = Vec::new();
            rewrite_concat(subs, None, &mut tests)?;
            Some(any_of(tests))
        }
        Part::Other => None,
    }
}

/// One of `tests`; those that always hold are left out beside others.
fn any_of(mut tests: Vec<Test>) -> Test {
    tests.retain(|test| !matches!(test, Test::True));
    match tests.len() {
        0 => Test::True,
        1 => tests.remove(0),
        _ => Test::Any(tests),
    }
}

/// Adds the tests of a concatenation behind `base`: of one literal among `.*`, or of one with alternatives behind it.
fn rewrite_concat(subs: &[Node], base: Option<&Plain>, tests: &mut Vec<Test>) -> Option<()> {
    let mut parts: Vec<Part<'_>> = subs.iter().map(part).collect();
    parts.retain(|part| !matches!(part, Part::Empty));
    if parts.len() > 3 {
        return None;
    }
    let is_anything = |part: &Part<'_>| matches!(part, Part::Anything);
    let leading = parts.iter().take_while(|part| is_anything(part)).count();
    // Behind a base, `.*` before the literal would put something between the two.
    if base.is_some() && leading > 0 {
        return None;
    }
    let (&Part::Literal(chars, fold), rest) = parts[leading..].split_first()? else {
        return None;
    };
    let plain = match base {
        Some(base) => base.with(chars, fold)?,
        None => Plain::new(chars, fold),
    };
    match rest.split_first() {
        Some((Part::Alternate(alternatives), rest)) if rest.iter().all(is_anything) => alternatives
            .iter()
            .try_for_each(|sub| rewrite_suffix(sub, &plain, tests)),
        _ if rest.iter().all(is_anything) => {
            tests.push(plain.contains());
            Some(())
        }
        _ => None,
    }
}

/// Adds the tests of an alternative behind the literal `base`.
fn rewrite_suffix(node: &Node, base: &Plain, tests: &mut Vec<Test>) -> Option<()> {
    match part(node) {
        Part::Empty | Part::Anything => tests.push(base.clone().contains()),
        Part::Literal(chars, fold) => tests.push(base.with(chars, fold)?.contains()),
        Part::Concat(subs) => rewrite_concat(subs, Some(base), tests)?,
        _ => return None,
    }
    Some(())
}
