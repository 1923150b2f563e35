//! Conditions on one label, compiled.

use std::{fmt, sync::Arc};

use crate::{
    Error,
    automaton::{self, Automaton, Compiled},
};

/// A compiled condition on the value of one label.
///
/// A label that a series does not have has the value `""`, and a label with the value `""` is one it does not have.
/// Cloning is cheap.
///
/// ```
/// use loki_index::Predicate;
///
/// let staging = Predicate::regex("env", "dev|staging-.*")?;
/// assert!(staging.matches("staging-7") && !staging.matches("my-staging-7"));
/// assert!(Predicate::not_equal("env", "prod").matches(""));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone)]
pub struct Predicate {
    name: Arc<str>,
    /// What the value is compared with, as it was given; for `Debug`.
    text: Arc<str>,
    operator: &'static str,
    negated: bool,
    condition: Condition,
}

/// What a value is held against; `negated` of the predicate turns it around.
#[derive(Clone)]
pub(crate) enum Condition {
    /// True of every value.
    Everything,
    /// True of these values, which are sorted.
    OneOf(Arc<[Box<str>]>),
    /// True of what a pattern matches.
    Automaton(Arc<Automaton>),
}

impl Predicate {
    /// The label has this value.
    pub fn equal(name: &str, value: &str) -> Self {
        Self::new(name, value, "=", false, Condition::one_of(vec![value.into()]))
    }

    /// The label has another value, or is absent (unless `value` is empty: then it is present).
    pub fn not_equal(name: &str, value: &str) -> Self {
        Self::new(name, value, "!=", true, Condition::one_of(vec![value.into()]))
    }

    /// The *whole* value matches a pattern of the dialect of the `regex-syntax` crate; `.` matches a newline too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Pattern`](crate::ErrorKind::Pattern) if the pattern is not valid or too large.
    pub fn regex(name: &str, pattern: &str) -> Result<Self, Error> {
        Self::compile(name, pattern, "=~", false)
    }

    /// The whole value does not match the pattern.
    ///
    /// # Errors
    ///
    /// As [`Predicate::regex`].
    pub fn not_regex(name: &str, pattern: &str) -> Result<Self, Error> {
        Self::compile(name, pattern, "!~", true)
    }

    fn compile(name: &str, pattern: &str, operator: &'static str, negated: bool) -> Result<Self, Error> {
        Ok(match automaton::compile(pattern)? {
            Compiled::Everything => Self::new(name, pattern, operator, negated, Condition::Everything),
            Compiled::NotEmpty => Self::new(name, pattern, operator, !negated, Condition::one_of(vec!["".into()])),
            Compiled::OneOf(values) => Self::new(name, pattern, operator, negated, Condition::one_of(values)),
            Compiled::Automaton(automaton) => {
                Self::new(name, pattern, operator, negated, Condition::Automaton(automaton))
            }
        })
    }

    fn new(name: &str, text: &str, operator: &'static str, negated: bool, condition: Condition) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            operator,
            negated,
            condition,
        }
    }

    /// The label it asks about.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a value satisfies it; an absent label has the value `""`.
    pub fn matches(&self, value: &str) -> bool {
        self.condition.holds(value) != self.negated
    }

    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }
}

impl Condition {
    fn one_of(values: Vec<Box<str>>) -> Self {
        Self::OneOf(values.into())
    }

    /// Whether it is true of a value.
    pub(crate) fn holds(&self, value: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::OneOf(values) => values.binary_search_by(|one| (**one).cmp(value)).is_ok(),
            Self::Automaton(automaton) => automaton.matches(value),
        }
    }
}

impl fmt::Debug for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.operator, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Predicate {
        Predicate::regex("l", pattern).unwrap()
    }

    #[test]
    fn a_pattern_matches_whole_values() {
        assert!(regex("a|ab").matches("ab"));
        assert!(!regex("a").matches("ab"));
        assert!(!regex("b").matches("ab"));
        assert!(regex("(a|ab)c?[0-9]*").matches("ab17"));
        assert!(!regex("a[0-9]*|b").matches("a1b"));
    }

    #[test]
    fn a_dot_matches_a_newline() {
        assert!(regex("a.b").matches("a\nb"));
        assert!(regex("a.*").matches("a\n\nb"));
        assert!(!regex("(?-s:a.b)").matches("a\nb"));
    }

    #[test]
    fn anchors_inside_a_pattern_keep_their_meaning() {
        assert!(regex("^a$|b").matches("a"));
        assert!(!regex("a^b").matches("ab"));
        assert!(regex("").matches("") && !regex("").matches("a"));
        assert!(regex("(?i)prod").matches("PrOd"));
    }

    #[test]
    fn a_comment_cannot_swallow_the_anchors() {
        assert!(!regex("(?x)a # )").matches("ab"));
    }

    #[test]
    fn everything_and_something_are_told_from_nothing() {
        assert!(regex(".*").matches("") && regex(".*").matches("\n"));
        assert!(!regex(".+").matches("") && regex(".+").matches("x"));
        let nothing = Predicate::not_regex("l", ".+").unwrap();
        assert!(nothing.matches("") && !nothing.matches("x"));
    }

    #[test]
    fn a_pattern_too_large_for_a_table_still_answers() {
        let large = regex("(.*a.{200}|.*b.{100}c)+");
        assert!(large.matches(&format!("a{}", "x".repeat(200))));
        assert!(!large.matches(&format!("a{}", "x".repeat(20))));
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        let error = Predicate::regex("l", "a(").unwrap_err();
        assert!(error.to_string().starts_with("invalid pattern: "), "{error}");
    }
}
