//! Labels, values, series and their sizes, over a time range.

use super::select::{Parts, lower};
use crate::{Error, IndexStats};
use loki_logql::Labels;
use loki_logql::ast::Selector;
use std::collections::BTreeSet;

/// The label sets with entries in `start..=end` that one of `selectors` selects (none: all), sorted.
///
/// # Errors
///
/// A damaged segment, a matcher that does not compile.
pub(super) fn series(parts: &Parts, selectors: &[Selector], start: i64, end: i64) -> Result<BTreeSet<Labels>, Error> {
    let mut found = BTreeSet::new();
    each_selector(selectors, |matchers| {
        let predicates = lower(matchers)?;
        for segment in parts
            .segments
            .iter()
            .filter(|s| s.overlaps(start, end.saturating_add(1)))
        {
            found.extend(segment.series(&predicates, start, end)?);
        }
        for head in &parts.heads {
            for stream in head.select(&predicates) {
                let (oldest, newest) = stream.time_range();
                if newest >= start && oldest <= end {
                    found.insert(stream.labels().clone());
                }
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// The label names of those series, sorted.
///
/// # Errors
///
/// As [`series`].
pub(super) fn label_names(
    parts: &Parts,
    selectors: &[Selector],
    start: i64,
    end: i64,
) -> Result<BTreeSet<String>, Error> {
    let mut names = BTreeSet::new();
    each_selector(selectors, |matchers| {
        let predicates = lower(matchers)?;
        for segment in parts
            .segments
            .iter()
            .filter(|s| s.overlaps(start, end.saturating_add(1)))
        {
            names.extend(segment.label_names(&predicates, start, end)?);
        }
        for labels in in_heads(parts, &predicates, start, end) {
            for (name, _) in labels
                .iter()
                .filter(|(name, _)| !names.contains(*name))
                .collect::<Vec<_>>()
            {
                names.insert(name.to_owned());
            }
        }
        Ok(())
    })?;
    Ok(names)
}

/// The values of the label `name` in those series, sorted.
///
/// # Errors
///
/// As [`series`].
pub(super) fn label_values(
    parts: &Parts,
    name: &str,
    selectors: &[Selector],
    start: i64,
    end: i64,
) -> Result<BTreeSet<String>, Error> {
    let mut values = BTreeSet::new();
    each_selector(selectors, |matchers| {
        let predicates = lower(matchers)?;
        for segment in parts
            .segments
            .iter()
            .filter(|s| s.overlaps(start, end.saturating_add(1)))
        {
            values.extend(segment.label_values(name, &predicates, start, end)?);
        }
        for labels in in_heads(parts, &predicates, start, end) {
            values.extend(labels.value(name).map(str::to_owned));
        }
        Ok(())
    })?;
    Ok(values)
}

/// Streams, blocks, bytes and entries of those series. A block that the range overlaps in part counts by its share.
///
/// # Errors
///
/// As [`series`].
pub(super) fn index_stats(parts: &Parts, selector: &[Selector], start: i64, end: i64) -> Result<IndexStats, Error> {
    let mut stats = IndexStats::default();
    each_selector(selector, |matchers| {
        for stream in parts.select(matchers, start, end.saturating_add(1))? {
            stats.streams += 1;
            for (_, block) in &stream.blocks {
                let summary = block.summary();
                let span = summary.max_timestamp as f64 - summary.min_timestamp as f64;
                let inside = end.min(summary.max_timestamp) as f64 - start.max(summary.min_timestamp) as f64;
                let share = if span > 0.0 {
                    (inside / span).clamp(0.0, 1.0)
                } else {
                    1.0
                };
                stats.chunks += 1;
                stats.bytes += (summary.line_bytes as f64 * share) as u64;
                stats.entries += (f64::from(summary.entries) * share) as u64;
            }
        }
        Ok(())
    })?;
    Ok(stats)
}

fn in_heads<'p>(
    parts: &'p Parts,
    predicates: &'p [loki_index::Predicate],
    start: i64,
    end: i64,
) -> impl Iterator<Item = Labels> + 'p {
    parts
        .heads
        .iter()
        .flat_map(|head| head.select(predicates))
        .filter_map(move |stream| {
            let (oldest, newest) = stream.time_range();
            (newest >= start && oldest <= end).then(|| stream.labels().clone())
        })
}

fn each_selector(
    selectors: &[Selector],
    mut each: impl FnMut(&[loki_logql::ast::Matcher]) -> Result<(), Error>,
) -> Result<(), Error> {
    if selectors.is_empty() {
        return each(&[]);
    }
    selectors.iter().try_for_each(|selector| each(&selector.matchers))
}
