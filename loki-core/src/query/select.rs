//! From matchers and a time range to the blocks of each stream.

use super::block_ref::{BlockRef, source_error};
use crate::delete::{DeleteFilter, stream_filters};
use crate::head::TenantHead;
use crate::store::Segment;
use crate::{Error, ErrorKind};
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use loki_index::{Needle, Needles, Predicate};
use loki_logql::ast::{Expr, MatchOp, Matcher, Selector};
use loki_logql::source::Literal;
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
    /// As they were found: segments in their order, then heads; within each in the order stored.
    pub(super) blocks: Vec<BlockRef>,
    /// What delete requests hide of them.
    pub(super) hidden: Vec<Arc<DeleteFilter>>,
}

impl Parts {
    /// The blocks with entries in `start..end` of the streams that `matchers` select, without those that cannot hold
    /// `needles`.
    ///
    /// # Errors
    ///
    /// A matcher that does not compile, a damaged segment.
    pub(super) fn select(
        &self,
        matchers: &[Matcher],
        start: i64,
        end: i64,
        needles: &Needles,
    ) -> Result<Vec<StreamBlocks>, loki_logql::Error> {
        let predicates = lower(matchers)?;
        let mut streams = Vec::new();
        let mut by_labels: HashMap<Labels, usize, RandomState> = HashMap::default();
        let mut stream_of = |streams: &mut Vec<StreamBlocks>, labels: &Labels| {
            *by_labels.entry(labels.clone()).or_insert_with(|| {
                streams.push(StreamBlocks {
                    labels: labels.clone(),
                    blocks: Vec::new(),
                    hidden: stream_filters(&self.hidden, labels),
                });
                streams.len() - 1
            })
        };
        for segment in &self.segments {
            if !segment.overlaps(start, end) {
                continue;
            }
            for chunk in segment
                .select(&predicates, start, end, needles)
                .map_err(|e| source_error(e.to_string()))?
            {
                let place = stream_of(&mut streams, &chunk.labels);
                let blocks = chunk.blocks.into_iter().map(|block| BlockRef::Stored {
                    segment: Arc::clone(segment),
                    block,
                });
                streams[place].blocks.extend(blocks);
            }
        }
        for head in &self.heads {
            for stream in head.select(&predicates) {
                let snapshot = stream.snapshot();
                let sealed = snapshot.sealed.into_iter().filter(|block| block.may_match(needles));
                let sealed = sealed.map(BlockRef::Sealed);
                let mut blocks = sealed.chain(snapshot.open.map(BlockRef::Open)).filter(|block| {
                    let summary = block.summary();
                    summary.max_timestamp >= start && summary.min_timestamp < end
                });
                if let Some(first) = blocks.next() {
                    let place = stream_of(&mut streams, stream.labels());
                    streams[place].blocks.push(first);
                    streams[place].blocks.extend(blocks);
                }
            }
        }
        Ok(streams)
    }
}

/// Literals prepared for content filters.
pub(super) fn needles(literals: &[Vec<Literal>]) -> Needles {
    let mut needles = Needles::new();
    for any_of in literals {
        needles.and_any(
            any_of
                .iter()
                .map(|literal| Needle::new(&literal.bytes, literal.ignore_case)),
        );
    }
    needles
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
