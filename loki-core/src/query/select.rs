//! From matchers and a time range to the blocks of each stream.

use super::block_ref::BlockRef;
use super::finder::Finder;
use super::required::Required;
use crate::delete::DeleteFilter;
use crate::head::TenantHead;
use crate::store::Segment;
use crate::{Error, ErrorKind};
use loki_chunk::Direction;
use loki_index::Predicate;
use loki_logql::ast::{Expr, MatchOp, Matcher, Selector};
use loki_logql::{Labels, matcher_regex};
use std::sync::Arc;

/// What of a tenant a query sees: heads and segments as they were when it began.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) heads: Vec<Arc<TenantHead>>,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// What delete requests hide of them.
    pub(crate) hidden: Vec<Arc<DeleteFilter>>,
}

/// The blocks of one stream.
#[derive(Debug)]
pub(super) struct StreamBlocks {
    pub(super) labels: Labels,
    /// With their places in the order in which they came: segments in theirs, then heads; within each as they are stored.
    pub(super) blocks: Vec<((usize, usize), BlockRef)>,
    /// What delete requests hide of them.
    pub(super) hidden: Vec<Arc<DeleteFilter>>,
}

impl Parts {
    /// The blocks with entries in `start..end` of the streams that `matchers` select.
    ///
    /// # Errors
    ///
    /// A matcher that does not compile, a damaged segment.
    pub(super) fn select(
        &self,
        matchers: &[Matcher],
        start: i64,
        end: i64,
    ) -> Result<Vec<StreamBlocks>, loki_logql::Error> {
        let mut finder = Finder::new(start..end, Required::default(), Direction::Forward);
        finder.add(self, lower(matchers)?, None);
        finder.open_all(None)?;
        Ok(finder.into_streams())
    }
}

/// Matchers compiled for the index.
pub(crate) fn lower(matchers: &[Matcher]) -> Result<Vec<Predicate>, loki_logql::Error> {
    matchers
        .iter()
        .map(|matcher| {
            let value = matcher.value.to_str();
            let too_large = |e: loki_index::Error| loki_logql::Error::invalid(e.to_string());
            Ok(match matcher.op {
                MatchOp::Equal => Predicate::equal(&matcher.name, &value),
                MatchOp::NotEqual => Predicate::not_equal(&matcher.name, &value),
                MatchOp::Regex => Predicate::regex(&matcher.name, &matcher_regex(&value)?).map_err(too_large)?,
                MatchOp::NotRegex => Predicate::not_regex(&matcher.name, &matcher_regex(&value)?).map_err(too_large)?,
            })
        })
        .collect()
}

/// Selectors of a metadata request; an answer without any means every stream.
///
/// # Errors
///
/// [`ErrorKind::InvalidQuery`] with Loki's text.
pub(crate) fn selectors(texts: &[String]) -> Result<Vec<Selector>, Error> {
    let is_empty = |text: &str| text.split_whitespace().collect::<String>() == "{}";
    match texts {
        [] => return Ok(Vec::new()),
        [only] if is_empty(only) || only.is_empty() => return Ok(Vec::new()),
        _ => {}
    }
    texts
        .iter()
        .map(|text| {
            if is_empty(text) {
                return Err(Error::new(ErrorKind::InvalidQuery, "0 matchers in group: {}"));
            }
            match loki_logql::parse(text)? {
                Expr::Log(log) if log.stages.is_empty() => Ok(log.selector),
                _ => Err(Error::new(ErrorKind::InvalidQuery, "only label matchers are supported")),
            }
        })
        .collect()
}
