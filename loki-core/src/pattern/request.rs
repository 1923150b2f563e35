//! What is asked of the patterns, and the answer.

use super::samples::{BUCKET, Samples};
use crate::{Engine, Error, ErrorKind, TenantId, query};
use std::collections::{BTreeMap, HashMap};

/// Lines that a pattern must have to be shown.
const MIN_LINES: u64 = 30;
/// Patterns of an answer.
const MAX_PATTERNS: usize = 300;

/// Which patterns are asked for.
///
/// ```
/// use loki_core::PatternRequest;
/// let request = PatternRequest::new(r#"{app="shop"}"#, 0, 3_600_000_000_000);
/// assert_eq!(request.step, 14_000_000_000);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternRequest {
    /// A selector of matchers only.
    pub query: String,
    /// First timestamp, inclusive, in nanoseconds.
    pub start: i64,
    /// Last timestamp, exclusive, in nanoseconds.
    pub end: i64,
    /// Counts are summed up over so many nanoseconds; over ten seconds at least.
    pub step: i64,
}

impl PatternRequest {
    /// The patterns of `start..end` (nanoseconds), in steps of a 250th of that.
    pub fn new(query: impl Into<String>, start: i64, end: i64) -> PatternRequest {
        let seconds = end.saturating_sub(start) / 1_000_000_000 / 250;
        PatternRequest {
            query: query.into(),
            start,
            end,
            step: seconds.max(1) * 1_000_000_000,
        }
    }
}

/// One pattern: a template of lines in which `<_>` stands for any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternSeries {
    /// The template.
    pub pattern: String,
    /// The level of its lines; `unknown` where they have none.
    pub level: String,
    /// Seconds since the Unix epoch, ascending, and how many lines there were from then on.
    pub samples: Vec<(i64, u64)>,
}

impl Engine {
    /// Whether patterns are mined, as [`Settings::pattern_ingester`](crate::Settings::pattern_ingester) says.
    pub fn has_patterns(&self) -> bool {
        self.0.settings().pattern_ingester
    }

    /// The most frequent patterns of the selected streams among what was pushed in the last three hours, since the
    /// engine was opened; those of most lines first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] unless [`Settings::pattern_ingester`](crate::Settings::pattern_ingester) is on;
    /// [`ErrorKind::InvalidQuery`] where the selector is none.
    pub fn patterns(&self, tenant: &TenantId, request: &PatternRequest) -> Result<Vec<PatternSeries>, Error> {
        let inner = &*self.0;
        inner.check_open()?;
        if !inner.settings().pattern_ingester {
            return Err(Error::new(ErrorKind::NotFound, ""));
        }
        let selectors = query::selectors(std::slice::from_ref(&request.query))?;
        let mut predicates = Vec::new();
        for selector in &selectors {
            predicates.extend(query::lower(&selector.matchers)?);
        }
        Ok(inner.patterns.series(tenant, &predicates, request, inner.clock.now()))
    }
}

/// Adds up what the clusters of several streams count.
#[derive(Debug)]
pub(super) struct Sums {
    start: i64,
    end: i64,
    step: i64,
    /// By level and pattern.
    counts: HashMap<(String, String), BTreeMap<i64, u64>>,
}

impl Sums {
    pub(super) fn new(start: i64, end: i64, step: i64) -> Sums {
        Sums {
            start,
            end,
            step: step.max(BUCKET),
            counts: HashMap::new(),
        }
    }

    pub(super) fn add(&mut self, level: &str, pattern: String, samples: &Samples) {
        let counts = self.counts.entry((level.to_owned(), pattern)).or_default();
        samples.add_to(counts, self.start, self.end, self.step);
    }

    pub(super) fn finish(self) -> Vec<PatternSeries> {
        let mut totals: Vec<(u64, PatternSeries)> = Vec::new();
        for ((level, pattern), counts) in self.counts {
            let total = counts.values().sum();
            if total >= MIN_LINES {
                let samples = counts
                    .into_iter()
                    .map(|(time, count)| (time.div_euclid(1_000_000_000), count))
                    .collect();
                totals.push((
                    total,
                    PatternSeries {
                        pattern,
                        level,
                        samples,
                    },
                ));
            }
        }
        totals.sort_by(|(a_total, a), (b_total, b)| {
            b_total
                .cmp(a_total)
                .then_with(|| (&a.pattern, &a.level).cmp(&(&b.pattern, &b.level)))
        });
        totals.truncate(MAX_PATTERNS);
        totals.into_iter().map(|(_, series)| series).collect()
    }
}
