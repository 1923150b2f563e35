//! Every selector must ask for something: a label that is not empty.

use crate::Error;
use crate::ast::{MatchOp, Matcher, Selector};
use crate::regex::{Regex, Shape};

const MATCHES_ALL: &str = "queries require at least one regexp or equality matcher that does not have an \
     empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// Refuses a selector each matcher of which holds for a missing label.
pub(super) fn selector(selector: &Selector) -> Result<(), Error> {
    let is_regex = |matcher: &Matcher| matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex);
    // A regular expression costs a compilation; mostly another matcher decides.
    let (regexes, values): (Vec<_>, Vec<_>) = selector.matchers.iter().partition(|m| is_regex(m));
    for matcher in values.into_iter().chain(regexes) {
        if !matches_empty(matcher)? {
            return Ok(());
        }
    }
    Err(Error::invalid(MATCHES_ALL).at(selector.span))
}

/// Whether a missing label satisfies the matcher.
fn matches_empty(matcher: &Matcher) -> Result<bool, Error> {
    match matcher.op {
        MatchOp::Equal => Ok(matcher.value.is_empty()),
        MatchOp::NotEqual => Ok(!matcher.value.is_empty()),
        MatchOp::Regex => regex_matches_empty(matcher),
        MatchOp::NotRegex => regex_matches_empty(matcher).map(|matches| !matches),
    }
}

fn regex_matches_empty(matcher: &Matcher) -> Result<bool, Error> {
    Regex::new(&matcher.value.to_str(), Shape::WholeDotAll)
        .map(|regex| regex.is_match(b""))
        .map_err(|message| Error::invalid(message).at(matcher.span))
}
