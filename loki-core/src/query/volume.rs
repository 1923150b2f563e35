//! How many bytes of lines streams hold, told from the headers of their blocks.

use super::scope::Scope;
use crate::{ByteSize, Error, ErrorKind, Limits, VolumeGrouping, VolumeRequest};
use loki_logql::ast::Selector;
use loki_logql::source::Summary;
use loki_logql::{Labels, MatrixSeries, QueryResult, Sample, VectorSample};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes by bucket, then by group.
type Volumes = BTreeMap<i64, BTreeMap<Labels, f64>>;

/// Bytes that one volume of one group takes, about.
const VOLUME_BYTES: u64 = 64;

/// What an answer may grow to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VolumeBounds {
    /// Groups; 0: any number.
    pub(crate) series: usize,
    /// Bytes of memory.
    pub(crate) memory: ByteSize,
}

/// Whether volumes may be asked for at all.
///
/// # Errors
///
/// [`ErrorKind::NotFound`].
pub(crate) fn check_volume(limits: &Limits) -> Result<(), Error> {
    match limits.volume_enabled {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotFound, "not found")),
    }
}

/// The selector of a request, which may select everything.
///
/// # Errors
///
/// [`ErrorKind::InvalidQuery`] with Loki's text.
pub(crate) fn any_selector(text: &str) -> Result<Selector, Error> {
    loki_logql::parse_selector(text).map_err(|error| match Error::from(error) {
        more if more.kind() == ErrorKind::Unsupported => Error::new(ErrorKind::InvalidQuery, more.message()),
        other => other,
    })
}

/// The volumes of the streams that `selector` selects: a matrix where some group has volumes at several times, else a
/// vector.
///
/// # Errors
///
/// [`ErrorKind::LimitExceeded`] beyond `bounds`, a damaged segment.
pub(crate) fn volume(
    scope: &Scope,
    selector: &Selector,
    request: &VolumeRequest,
    bounds: VolumeBounds,
) -> Result<QueryResult, Error> {
    let buckets = Buckets::new(request);
    let mut volumes = Volumes::new();
    let mut groups = BTreeSet::new();
    let mut held = 0;
    scope.each(std::slice::from_ref(selector), |_, parts, rest| {
        // The matchers on the tenants are gone from these: they are about no label of a stream.
        let matchers = rest.first().map_or(&[][..], |selector| &selector.matchers);
        let names: Vec<&str> = match request.target_labels.as_slice() {
            [] => matchers.iter().map(|matcher| matcher.name.as_str()).collect(),
            names => names.iter().map(String::as_str).collect(),
        };
        let grouping = match request.grouping {
            VolumeGrouping::Series => Grouping::Series(&names),
            VolumeGrouping::Labels => Grouping::Labels(&request.target_labels),
        };
        for stream in parts.select(matchers, request.start, request.end.saturating_add(1))? {
            for group in grouping.groups(&stream.labels) {
                if !groups.contains(&group) {
                    if bounds.series > 0 && groups.len() == bounds.series {
                        return Err(too_many(bounds.series));
                    }
                    groups.insert(group.clone());
                }
                for (_, block) in &stream.blocks {
                    buckets.spread(&block.summary(), |bucket, bytes| {
                        let volume = volumes.entry(bucket).or_default().entry(group.clone());
                        held += u64::from(matches!(volume, Entry::Vacant(_)));
                        *volume.or_default() += bytes;
                        match held * VOLUME_BYTES > bounds.memory.0 {
                            true => Err(too_large(bounds.memory)),
                            false => Ok(()),
                        }
                    })?;
                }
            }
        }
        Ok(())
    })?;
    Ok(result(volumes, &buckets, request.limit))
}

fn too_many(max_series: usize) -> Error {
    let text = format!("the query hit the max number of series limit (limit: {max_series} series)");
    Error::new(ErrorKind::LimitExceeded, text)
}

fn too_large(memory: ByteSize) -> Error {
    let text = format!(
        "the volumes need more memory than max_query_memory allows ({memory}); reduce the time range or the number of \
         series, or ask for larger steps"
    );
    Error::new(ErrorKind::LimitExceeded, text)
}

/// The largest of each bucket, groups in the order in which they first come.
fn result(volumes: Volumes, buckets: &Buckets, limit: usize) -> QueryResult {
    let mut series: Vec<MatrixSeries> = Vec::new();
    let mut places: BTreeMap<Labels, usize> = BTreeMap::new();
    for (bucket, groups) in volumes {
        let mut groups: Vec<(Labels, u64)> = groups
            .into_iter()
            .map(|(labels, bytes)| (labels, bytes as u64))
            .collect();
        // Stable: equal volumes stay in the order of their labels.
        groups.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        for (labels, bytes) in groups.into_iter().take(limit) {
            let place = *places.entry(labels.clone()).or_insert_with(|| {
                series.push(MatrixSeries {
                    labels,
                    samples: Vec::new(),
                });
                series.len() - 1
            });
            series[place].samples.push(Sample {
                timestamp_ms: buckets.timestamp_ms(bucket),
                value: bytes as f64,
            });
        }
    }
    if series.iter().any(|series| series.samples.len() > 1) {
        return QueryResult::Matrix(series);
    }
    let only = |series: MatrixSeries| {
        Some(VectorSample {
            sample: *series.samples.first()?,
            labels: series.labels,
        })
    };
    QueryResult::Vector(series.into_iter().filter_map(only).collect())
}

/// What of its labels a stream counts for.
enum Grouping<'r> {
    /// These labels, all of which it must have; none given: all that it has.
    Series(&'r [&'r str]),
    /// The name of each of its labels that is among these; none given: of each.
    Labels(&'r [String]),
}

impl Grouping<'_> {
    fn groups(&self, labels: &Labels) -> Vec<Labels> {
        match self {
            Grouping::Series([]) => vec![labels.clone()],
            Grouping::Series(names) => {
                let pairs: Option<Vec<_>> = names.iter().map(|&name| Some((name, labels.value(name)?))).collect();
                pairs.map(Labels::from_pairs).into_iter().collect()
            }
            Grouping::Labels(wanted) => {
                let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
                let names = labels.iter().map(|(name, _)| name).filter(|name| is_wanted(name));
                names.map(|name| Labels::from_pairs([(name, "")])).collect()
            }
        }
    }
}

/// The spans of time that volumes are told for.
struct Buckets {
    start: i64,
    end: i64,
    /// None: one bucket for all.
    step: Option<i64>,
}

impl Buckets {
    fn new(request: &VolumeRequest) -> Buckets {
        Buckets {
            start: request.start,
            end: request.end,
            step: request.step.filter(|&step| step > 0),
        }
    }

    /// The bucket of a time. The end of the range belongs to the bucket before it.
    fn of(&self, time: i64) -> i64 {
        let Some(step) = self.step else { return 0 };
        let last = self.end.saturating_sub(1).max(self.start);
        time.clamp(self.start, last).div_euclid(step)
    }

    /// The time behind a bucket.
    fn end_of(&self, bucket: i64) -> i64 {
        let end = self.step.and_then(|step| bucket.checked_add(1)?.checked_mul(step));
        end.map_or(self.end, |end| end.min(self.end))
    }

    fn timestamp_ms(&self, bucket: i64) -> i64 {
        let end = self.end_of(bucket);
        end.div_euclid(1_000_000) - i64::from(end < self.end)
    }

    /// Hands `each` the share that every bucket has in the bytes of a block, taking its lines as evenly spread.
    ///
    /// # Errors
    ///
    /// What `each` answers.
    fn spread(&self, block: &Summary, mut each: impl FnMut(i64, f64) -> Result<(), Error>) -> Result<(), Error> {
        let bytes = block.line_bytes as f64;
        let span = (block.max_timestamp as f64) - (block.min_timestamp as f64);
        let mut from = block.min_timestamp.max(self.start);
        let to = block.max_timestamp.min(self.end);
        for bucket in self.of(from)..=self.of(to) {
            let until = self.end_of(bucket).min(to).max(from);
            let inside = until as f64 - from as f64;
            let share = if span > 0.0 { (inside / span).min(1.0) } else { 1.0 };
            each(bucket, bytes * share)?;
            from = until;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_shares_of_a_block_inside_the_range_are_the_whole_block(
            start in 0i64..1000, length in 0i64..1000, step in 1i64..400,
            from in 0i64..1000, span in 0i64..1000, bytes in 0u64..10_000,
        ) {
            let (min_timestamp, max_timestamp) = (start + from.min(length), start + (from + span).min(length));
            let buckets = Buckets { start, end: start + length, step: Some(step) };
            let block = Summary {
                entries: 1, min_timestamp, max_timestamp, line_bytes: bytes, metadata_bytes: 0, has_metadata: false,
            };
            let (mut sum, mut last) = (0.0, i64::MIN);
            buckets.spread(&block, |bucket, bytes| {
                assert!(bucket > last);
                last = bucket;
                sum += bytes;
                Ok(())
            }).expect("no bounds");
            prop_assert!((sum - bytes as f64).abs() < 1e-6, "{sum} of {bytes}");
        }
    }

    #[test]
    fn a_bucket_is_told_by_its_end() {
        let second = 1_000_000_000;
        let buckets = Buckets {
            start: 100 * second,
            end: 1300 * second,
            step: Some(300 * second),
        };
        let bucket = buckets.of(250 * second);
        assert_eq!(buckets.timestamp_ms(bucket), 299_999);
        assert_eq!(buckets.timestamp_ms(buckets.of(1250 * second)), 1_300_000);
        assert_eq!(buckets.of(1300 * second), buckets.of(1299 * second));
    }
}
