//! How long streams are kept, and which segments hold what is too old.

use crate::query::lower;
use crate::store::Segment;
use crate::{Error, Limits, Period, Settings};
use loki_index::Predicate;
use loki_logql::Labels;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A day in nanoseconds: retention is told in days, so a segment is rewritten for it once a day at most.
pub(super) const DAY: i64 = 24 * 3600 * 1_000_000_000;

/// How long the streams of one tenant are kept.
#[derive(Debug)]
pub(crate) struct Retention {
    now: i64,
    default: Period,
    rules: Vec<Rule>,
}

/// How long the streams of one selector are kept.
#[derive(Debug)]
struct Rule {
    predicates: Vec<Predicate>,
    priority: i64,
    period: Period,
}

impl Retention {
    /// What `limits` say; a rule that does not parse counts for nothing.
    pub(crate) fn new(limits: &Limits, now: i64) -> Retention {
        let rules = limits.retention_stream.iter().filter_map(|rule| {
            let selector = loki_logql::parse_selector(&rule.selector).ok()?;
            let predicates = lower(&selector.matchers).ok()?;
            Some(Rule {
                predicates,
                priority: rule.priority,
                period: rule.period,
            })
        });
        Retention {
            now,
            default: limits.retention_period,
            rules: rules.collect(),
        }
    }

    /// Before this timestamp the entries of a stream are too old: the rule of the highest priority counts, and of
    /// equal ones the shortest.
    pub(crate) fn cutoff(&self, labels: &Labels) -> i64 {
        let chosen = self
            .rules
            .iter()
            .filter(|rule| rule.selects(labels))
            .max_by_key(|rule| (rule.priority, std::cmp::Reverse(rule.period)));
        self.before(chosen.map_or(self.default, |rule| rule.period))
    }

    /// Before this timestamp the entries of every stream are too old.
    pub(crate) fn earliest(&self) -> i64 {
        let periods = self.rules.iter().map(|rule| rule.period).chain([self.default]);
        periods.map(|period| self.before(period)).min().unwrap_or(i64::MIN)
    }

    /// The number of one of `segments` that is worth rewriting for streams that are kept shorter than others.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn first_overdue(&self, segments: &[Arc<Segment>]) -> Result<Option<u64>, Error> {
        for segment in segments {
            if self.is_overdue(segment)? {
                return Ok(Some(segment.meta().number));
            }
        }
        Ok(None)
    }

    /// Whether a stream of it has entries that have been too old for half its time, or a day.
    fn is_overdue(&self, segment: &Segment) -> Result<bool, Error> {
        let meta = segment.meta();
        let patience = (meta.max_timestamp.saturating_sub(meta.min_timestamp) / 2).min(DAY);
        let earliest = self.earliest();
        let default: (&[Predicate], Period) = (&[], self.default);
        let kinds = self
            .rules
            .iter()
            .map(|rule| (&rule.predicates[..], rule.period))
            .chain([default]);
        for (predicates, period) in kinds {
            let cutoff = self.before(period);
            let overdue = cutoff.saturating_sub(patience);
            if cutoff <= earliest || meta.min_timestamp >= overdue {
                continue;
            }
            let old = segment.series(predicates, i64::MIN, overdue - 1)?;
            // Another rule may say that a stream is kept longer.
            if old.iter().any(|labels| self.cutoff(labels) >= cutoff) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn before(&self, period: Period) -> i64 {
        if period > Period::ZERO {
            self.now.saturating_sub(period.as_nanos())
        } else {
            i64::MIN
        }
    }
}

impl Rule {
    fn selects(&self, labels: &Labels) -> bool {
        self.predicates
            .iter()
            .all(|predicate| predicate.matches(labels.value(predicate.name()).unwrap_or("")))
    }
}

/// When the segments of a tenant were last found to hold nothing that is too old: looking reads their indexes.
#[derive(Debug)]
pub(crate) struct RetentionTurn(AtomicI64);

impl Default for RetentionTurn {
    fn default() -> RetentionTurn {
        RetentionTurn(AtomicI64::new(i64::MIN))
    }
}

impl RetentionTurn {
    /// Asks `find` for a segment, unless it found none less than [`Settings::retention_interval`] ago.
    ///
    /// # Errors
    ///
    /// What `find` answers.
    pub(crate) fn take(
        &self,
        settings: &Settings,
        now: i64,
        find: impl FnOnce() -> Result<Option<u64>, Error>,
    ) -> Result<Vec<u64>, Error> {
        let wait = self.0.load(Ordering::Relaxed).saturating_sub(now);
        // A clock that was set back must not put it off.
        if wait > 0 && wait <= settings.retention_interval.as_nanos() {
            return Ok(Vec::new());
        }
        let found = find()?;
        if found.is_none() {
            let next = now.saturating_add(settings.retention_interval.as_nanos());
            self.0.store(next, Ordering::Relaxed);
        }
        Ok(found.into_iter().collect())
    }
}
