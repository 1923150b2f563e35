//! Compiled stream selectors.

use crate::ast::{MatchOp, Matcher};
use crate::regex::{Regex, Shape};
use crate::{Error, Labels};

/// The matchers of a stream selector, compiled: for sources that keep no index of labels.
///
/// ```
/// use loki_logql::{Labels, parse_selector, source::StreamFilter};
/// let selector = parse_selector(r#"{app=~"a.*", zone!="b", missing=""}"#)?;
/// let filter = StreamFilter::compile(&selector.matchers)?;
/// assert!(filter.selects(&Labels::from_pairs([("app", "api"), ("zone", "a")])));
/// assert!(!filter.selects(&Labels::from_pairs([("app", "web")])));
/// # Ok::<(), loki_logql::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StreamFilter(Vec<Condition>);

#[derive(Debug, Clone)]
struct Condition {
    matcher: Matcher,
    /// Of the operators that take a regular expression.
    regex: Option<Regex>,
}

impl StreamFilter {
    /// Compiles the regular expressions among `matchers`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) of a regular expression that is none or is too large. A query
    /// that [`parse`](crate::parse) took has no such matcher.
    pub fn compile(matchers: &[Matcher]) -> Result<StreamFilter, Error> {
        let conditions = matchers.iter().map(Condition::compile);
        Ok(StreamFilter(conditions.collect::<Result<_, _>>()?))
    }

    /// Whether all matchers hold for the stream with these labels. A label that it lacks has the value `""`.
    pub fn selects(&self, stream: &Labels) -> bool {
        self.0.iter().all(|condition| condition.holds(stream))
    }
}

impl Condition {
    fn compile(matcher: &Matcher) -> Result<Condition, Error> {
        let regex = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                Some(Regex::new(&matcher.value.to_str(), Shape::WholeDotAll).map_err(Error::invalid)?)
            }
        };
        Ok(Condition {
            matcher: matcher.clone(),
            regex,
        })
    }

    fn holds(&self, stream: &Labels) -> bool {
        let value = stream.value(&self.matcher.name).unwrap_or("").as_bytes();
        let equals = match &self.regex {
            None => value == self.matcher.value.as_bytes(),
            Some(regex) => regex.is_match(value),
        };
        equals == matches!(self.matcher.op, MatchOp::Equal | MatchOp::Regex)
    }
}
