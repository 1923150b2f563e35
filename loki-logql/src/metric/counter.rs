//! The additive aggregations: how many entries, and how many bytes, each window holds.

use std::ops::{AddAssign, Range};

/// Entries and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Amount {
    pub(super) entries: i64,
    pub(super) bytes: i64,
}

impl AddAssign for Amount {
    // Differences are added and taken away again; only their sums mean something, and those are sums of what was
    // added. Wrapping makes the order of additions irrelevant.
    fn add_assign(&mut self, other: Amount) {
        self.entries = self.entries.wrapping_add(other.entries);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

impl Amount {
    fn negated(self) -> Amount {
        Amount {
            entries: self.entries.wrapping_neg(),
            bytes: self.bytes.wrapping_neg(),
        }
    }
}

/// Amounts added to runs of steps.
///
/// Few runs are kept as a list; many become an array of differences with a place for each step, so that a long series
/// costs no more than the steps and a short one no more than its entries.
#[derive(Debug)]
pub(super) enum Counter {
    Few(Vec<Run>),
    /// Place `k`: what step `k` has more than step `k - 1`. One place more than there are steps.
    Many(Box<[Amount]>),
}

/// The same amount at neighbouring steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    from: u32,
    to: u32,
    amount: Amount,
}

impl Default for Counter {
    fn default() -> Counter {
        Counter::Few(Vec::new())
    }
}

impl Counter {
    /// Adds `amount` to each of `steps`, which are not empty. `count` is how many steps there are.
    ///
    /// Returns by how many bytes the counter grew; it may shrink as well.
    pub(super) fn add(&mut self, steps: Range<u32>, amount: Amount, count: u32) -> isize {
        match self {
            Counter::Few(runs) => {
                if let Some(last) = runs.last_mut()
                    && last.from == steps.start
                    && last.to == steps.end
                {
                    last.amount += amount;
                    return 0;
                }
                let before = runs.capacity() * size_of::<Run>();
                runs.push(Run {
                    from: steps.start,
                    to: steps.end,
                    amount,
                });
                if runs.len() * size_of::<Run>() > (count as usize + 1) * size_of::<Amount>() {
                    self.spread(count);
                }
                self.memory_bytes() as isize - before as isize
            }
            Counter::Many(differences) => {
                differences[steps.start as usize] += amount;
                differences[steps.end as usize] += amount.negated();
                0
            }
        }
    }

    /// Adds all of `other`.
    pub(super) fn merge(&mut self, other: Counter, count: u32) {
        match other {
            Counter::Few(runs) => {
                for run in runs {
                    self.add(run.from..run.to, run.amount, count);
                }
            }
            Counter::Many(theirs) => {
                self.spread(count);
                if let Counter::Many(ours) = self {
                    for (our, their) in ours.iter_mut().zip(theirs) {
                        *our += their;
                    }
                }
            }
        }
    }

    fn spread(&mut self, count: u32) {
        if let Counter::Few(runs) = self {
            let mut differences = vec![Amount::default(); count as usize + 1].into_boxed_slice();
            for run in runs.drain(..) {
                differences[run.from as usize] += run.amount;
                differences[run.to as usize] += run.amount.negated();
            }
            *self = Counter::Many(differences);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Counter::Few(runs) => runs.capacity() * size_of::<Run>(),
            Counter::Many(differences) => differences.len() * size_of::<Amount>(),
        }
    }

    /// The amounts by step, to be read from the first step on.
    pub(super) fn finish(self) -> Amounts {
        let differences = match self {
            Counter::Few(runs) => {
                let mut differences: Vec<(u32, Amount)> = runs
                    .into_iter()
                    .flat_map(|run| [(run.from, run.amount), (run.to, run.amount.negated())])
                    .collect();
                differences.sort_unstable_by_key(|&(k, _)| k);
                Differences::Few(differences)
            }
            Counter::Many(differences) => Differences::Many(differences),
        };
        Amounts {
            differences,
            next: 0,
            current: Amount::default(),
        }
    }
}

#[derive(Debug)]
enum Differences {
    /// By step, ascending.
    Few(Vec<(u32, Amount)>),
    Many(Box<[Amount]>),
}

/// Reads a [`Counter`] step by step.
#[derive(Debug)]
pub(super) struct Amounts {
    differences: Differences,
    /// What of `differences` is in `current`: so many, from the front.
    next: usize,
    current: Amount,
}

impl Amounts {
    /// From the first step with an amount to one behind the last.
    pub(super) fn lifetime(&self) -> Range<u32> {
        match &self.differences {
            Differences::Few(list) => match (list.first(), list.last()) {
                (Some(&(first, _)), Some(&(last, _))) => first..last,
                _ => 0..0,
            },
            Differences::Many(all) => {
                let used = |d: &Amount| *d != Amount::default();
                match (all.iter().position(used), all.iter().rposition(used)) {
                    (Some(first), Some(last)) => first as u32..last as u32,
                    _ => 0..0,
                }
            }
        }
    }

    /// The amount at step `k`, which must not be less than at the call before.
    pub(super) fn at(&mut self, k: u32) -> Amount {
        match &self.differences {
            Differences::Few(list) => {
                while let Some(&(step, amount)) = list.get(self.next)
                    && step <= k
                {
                    self.current += amount;
                    self.next += 1;
                }
            }
            Differences::Many(all) => {
                while self.next <= k as usize {
                    self.current += all[self.next];
                    self.next += 1;
                }
            }
        }
        self.current
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counter_sums_what_was_added(
            count in 1u32..12,
            runs in proptest::collection::vec((0u32..12, 1u32..12, 1i64..5), 0..40),
            split in 0usize..40,
        ) {
            let runs: Vec<_> = runs.into_iter().filter(|r| r.0 < count).map(|(from, len, n)| (from..(from + len).min(count), n)).collect();
            let mut first = Counter::default();
            let mut second = Counter::default();
            let mut memory = 0isize;
            for (i, (steps, n)) in runs.iter().enumerate() {
                let amount = Amount { entries: *n, bytes: n * 10 };
                if i < split {
                    memory += first.add(steps.clone(), amount, count);
                    prop_assert_eq!(memory as usize, first.memory_bytes());
                } else {
                    second.add(steps.clone(), amount, count);
                }
            }
            first.merge(second, count);
            let mut amounts = first.finish();
            let lifetime = amounts.lifetime();
            for k in 0..count {
                let entries: i64 = runs.iter().filter(|(steps, _)| steps.contains(&k)).map(|(_, n)| n).sum();
                prop_assert_eq!(amounts.at(k), Amount { entries, bytes: entries * 10 });
                prop_assert!(entries == 0 || lifetime.contains(&k));
            }
        }
    }
}
