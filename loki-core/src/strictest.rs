//! The limits of a query over several tenants.

use crate::{ByteSize, Limits, Period};

impl Limits {
    /// What holds for a query over tenants with these limits: of each number the smallest that limits anything, and
    /// whatever any of them demands or forbids. Limits of pushes are those of the first.
    pub(crate) fn strictest<'l>(all: impl IntoIterator<Item = &'l Limits>) -> Limits {
        let mut all = all.into_iter();
        let Some(first) = all.next() else {
            return Limits::default();
        };
        all.fold(first.clone(), Limits::stricter)
    }

    fn stricter(mut self, other: &Limits) -> Limits {
        for (mine, theirs) in [
            (&mut self.max_query_series, other.max_query_series),
            (&mut self.max_entries_limit_per_query, other.max_entries_limit_per_query),
            (
                &mut self.max_streams_matchers_per_query,
                other.max_streams_matchers_per_query,
            ),
            (&mut self.volume_max_series, other.volume_max_series),
        ] {
            *mine = smallest(*mine, theirs, 0);
        }
        for (mine, theirs) in [
            (&mut self.max_query_lookback, other.max_query_lookback),
            (&mut self.max_query_length, other.max_query_length),
            (&mut self.max_query_range, other.max_query_range),
            (&mut self.query_timeout, other.query_timeout),
            (&mut self.split_queries_by_interval, other.split_queries_by_interval),
        ] {
            *mine = smallest(*mine, theirs, Period::ZERO);
        }
        for (mine, theirs) in [
            (&mut self.max_query_bytes_read, other.max_query_bytes_read),
            (&mut self.max_querier_bytes_read, other.max_querier_bytes_read),
        ] {
            *mine = smallest(*mine, theirs, ByteSize(0));
        }
        self.minimum_labels_number = self.minimum_labels_number.max(other.minimum_labels_number);
        self.volume_enabled &= other.volume_enabled;
        self.blocked_queries.extend(other.blocked_queries.iter().cloned());
        for label in &other.required_labels {
            if !self.required_labels.contains(label) {
                self.required_labels.push(label.clone());
            }
        }
        self
    }
}

/// The smaller of two limits; `none` limits nothing.
fn smallest<T: Ord + Copy>(a: T, b: T, none: T) -> T {
    match (a <= none, b <= none) {
        (true, _) => b,
        (_, true) => a,
        _ => a.min(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_number_that_limits_anything_holds() {
        let [a, b, c] = [(0, 5, true), (7, 0, true), (3, 9, false)].map(|(series, entries, volume_enabled)| Limits {
            max_query_series: series,
            max_entries_limit_per_query: entries,
            volume_enabled,
            ..Limits::default()
        });
        let all = Limits::strictest([&a, &b, &c]);
        assert_eq!(
            (
                all.max_query_series,
                all.max_entries_limit_per_query,
                all.volume_enabled
            ),
            (3, 5, false)
        );
        assert_eq!(Limits::strictest([&a]), a);
    }
}
