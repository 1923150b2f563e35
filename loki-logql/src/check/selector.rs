//! Every selector must ask for something: a label that is not empty.

use crate::ast::{MatchOp, Matcher, Selector};
use crate::regex::{Regex, Shape};
use crate::{Error, ErrorKind};

const MATCHES_ALL: &str = "queries require at least one regexp or equality matcher that does not have an \
     empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// Refuses a selector each matcher of which holds for a missing label.
pub(super) fn selector(selector: &Selector) -> Result<(), Error> {
    for matcher in &selector.matchers {
        if !matches_empty(matcher)? {
            return Ok(());
        }
    }
    Err(Error::invalid(MATCHES_ALL).at(selector.span))
}

/// Whether a missing label satisfies the matcher.
fn matches_empty(matcher: &Matcher) -> Result<bool, Error> {
    let is_match = || -> Result<bool, Error> {
        let regex = Regex::new(&matcher.value.to_str(), Shape::WholeDotAll)
            .map_err(|message| Error::new(ErrorKind::Invalid { message }).at(matcher.span))?;
        Ok(regex.is_match(b""))
    };
    match matcher.op {
        MatchOp::Equal => Ok(matcher.value.is_empty()),
        MatchOp::NotEqual => Ok(!matcher.value.is_empty()),
        MatchOp::Regex => is_match(),
        MatchOp::NotRegex => Ok(!is_match()?),
    }
}
