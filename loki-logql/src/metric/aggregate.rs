//! Vector aggregations: `sum by (app) (…)`, `topk(3, …)`, `sort(…)`.

use super::vector::{ById, Vector};
use crate::Labels;
use crate::ast::{Grouping, VectorOp};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use std::cmp::Ordering;

/// A vector aggregation as the query has it.
#[derive(Debug, Clone)]
pub(super) struct Aggregation {
    pub(super) op: VectorOp,
    /// `k` of `topk` and its kin.
    pub(super) limit: usize,
    pub(super) grouping: Option<Grouping>,
}

/// A vector aggregation while it runs.
#[derive(Debug)]
pub(super) struct Aggregate<'a> {
    aggregation: &'a Aggregation,
    groups: HashMap<Labels, u32, FixedState>,
    /// The group of a series.
    group_of: ById,
    /// By group.
    states: Vec<State>,
    /// The groups that have samples at this step, in order of appearance.
    touched: Vec<u32>,
}

/// What a group has seen at this step.
#[derive(Debug, Clone, Default)]
struct State {
    count: f64,
    /// Sum, mean, least or greatest value.
    value: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    /// What `topk` chooses from.
    candidates: Vec<(u32, f64)>,
}

impl<'a> Aggregate<'a> {
    pub(super) fn new(aggregation: &'a Aggregation) -> Aggregate<'a> {
        Aggregate {
            aggregation,
            groups: HashMap::default(),
            group_of: ById::default(),
            states: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// Aggregates the samples of `input` into `out`, whose samples are empty.
    pub(super) fn step(&mut self, input: &Vector, out: &mut Vector) {
        match self.aggregation.op {
            VectorOp::Sort => sorted(input, out, ascending),
            VectorOp::SortDesc => sorted(input, out, descending),
            VectorOp::Topk | VectorOp::ApproxTopk => self.choose(input, out, descending),
            VectorOp::Bottomk => self.choose(input, out, ascending),
            _ => self.fold(input, out),
        }
    }

    fn group(&mut self, input: &Vector, id: u32) -> u32 {
        let (groups, states) = (&mut self.groups, &mut self.states);
        let grouping = self.aggregation.grouping.as_ref();
        self.group_of.get_or_find(id, || {
            let labels = group_labels(&input.series[id as usize], grouping);
            *groups.entry(labels).or_insert_with(|| {
                states.push(State::default());
                states.len() as u32 - 1
            })
        })
    }

    fn fold(&mut self, input: &Vector, out: &mut Vector) {
        for &(id, value) in &input.samples {
            let group = self.group(input, id);
            let state = &mut self.states[group as usize];
            if state.count == 0.0 {
                self.touched.push(group);
            }
            state.add(self.aggregation.op, value);
        }
        if out.series.len() < self.groups.len() {
            out.series.resize(self.groups.len(), Labels::default());
            for (labels, &group) in &self.groups {
                out.series[group as usize] = labels.clone();
            }
        }
        for group in self.touched.drain(..) {
            let state = std::mem::take(&mut self.states[group as usize]);
            out.push(group, state.result(self.aggregation.op));
        }
    }

    /// Of each group the first samples by `order`.
    fn choose(&mut self, input: &Vector, out: &mut Vector, order: fn(f64, f64) -> Ordering) {
        out.share_series(input);
        for &(id, value) in &input.samples {
            let group = self.group(input, id);
            let candidates = &mut self.states[group as usize].candidates;
            if candidates.is_empty() {
                self.touched.push(group);
            }
            candidates.push((id, value));
        }
        for group in self.touched.drain(..) {
            let candidates = &mut self.states[group as usize].candidates;
            let limit = self.aggregation.limit.min(candidates.len());
            if limit > 0 && limit < candidates.len() {
                // Of equal values those that came first stay, whatever the selection does to their order.
                candidates.select_nth_unstable_by(limit - 1, |a, b| order(a.1, b.1).then(a.0.cmp(&b.0)));
            }
            candidates.truncate(limit);
            candidates.sort_by(|a, b| order(a.1, b.1));
            out.samples.append(candidates);
        }
    }
}

impl State {
    fn add(&mut self, op: VectorOp, value: f64) {
        self.count += 1.0;
        let first = self.count == 1.0;
        match op {
            VectorOp::Sum => self.value += value,
            VectorOp::Avg => self.value += (value - self.value) / self.count,
            VectorOp::Min if first || value < self.value || self.value.is_nan() => self.value = value,
            VectorOp::Max if first || value > self.value || self.value.is_nan() => self.value = value,
            VectorOp::Stddev | VectorOp::Stdvar => {
                let distance = value - self.value;
                self.value += distance / self.count;
                self.squares += distance * (value - self.value);
            }
            _ => {}
        }
    }

    fn result(&self, op: VectorOp) -> f64 {
        match op {
            VectorOp::Count => self.count,
            VectorOp::Stdvar => self.squares / self.count,
            VectorOp::Stddev => (self.squares / self.count).sqrt(),
            _ => self.value,
        }
    }
}

fn sorted(input: &Vector, out: &mut Vector, order: fn(f64, f64) -> Ordering) {
    out.share_series(input);
    out.samples.extend_from_slice(&input.samples);
    out.samples.sort_by(|a, b| order(a.1, b.1));
}

/// Least first, NaN last.
fn ascending(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Greatest first, NaN last.
fn descending(a: f64, b: f64) -> Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The labels of the group that a series with `labels` belongs to.
fn group_labels(labels: &Labels, grouping: Option<&Grouping>) -> Labels {
    let listed = |grouping: &Grouping, name: &str| grouping.labels.iter().any(|l| l == name);
    match grouping {
        None => Labels::default(),
        Some(grouping) if grouping.without => Labels::from_pairs(
            labels
                .iter()
                .filter(|&(name, value)| !value.is_empty() && name != "__name__" && !listed(grouping, name)),
        ),
        Some(grouping) => Labels::from_pairs(labels.iter().filter(|&(name, _)| listed(grouping, name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(samples: &[(&[(&str, &str)], f64)]) -> Vector {
        let mut vector = Vector::default();
        for (labels, value) in samples {
            let id = vector.add_series(Labels::from_pairs(labels.iter().copied()));
            vector.push(id, *value);
        }
        vector
    }

    fn run(op: VectorOp, limit: usize, grouping: Option<(bool, &[&str])>, input: &Vector) -> Vec<(String, f64)> {
        let aggregation = Aggregation {
            op,
            limit,
            grouping: grouping.map(|(without, labels)| Grouping {
                without,
                labels: labels.iter().map(|l| l.to_string()).collect(),
            }),
        };
        let mut out = Vector::default();
        Aggregate::new(&aggregation).step(input, &mut out);
        let text = |&(id, value): &(u32, f64)| (out.series[id as usize].to_string(), value);
        out.samples.iter().map(text).collect()
    }

    #[test]
    fn groups_follow_by_and_without() {
        let input = vector(&[
            (&[("a", "1"), ("b", "x")], 1.0),
            (&[("a", "1"), ("b", "y")], 2.0),
            (&[("a", "2"), ("c", "")], 4.0),
        ]);
        let sum = |grouping| run(VectorOp::Sum, 0, grouping, &input);
        assert_eq!(sum(None), [("{}".to_string(), 7.0)]);
        assert_eq!(
            sum(Some((false, &["a"]))),
            [(r#"{a="1"}"#.to_string(), 3.0), (r#"{a="2"}"#.to_string(), 4.0)]
        );
        assert_eq!(
            sum(Some((false, &["c"]))),
            [("{}".to_string(), 3.0), (r#"{c=""}"#.to_string(), 4.0)]
        );
        assert_eq!(
            sum(Some((true, &["b"]))),
            [(r#"{a="1"}"#.to_string(), 3.0), (r#"{a="2"}"#.to_string(), 4.0)]
        );
    }

    #[test]
    fn topk_and_bottomk_replace_nan_first() {
        let input = vector(&[
            (&[("a", "1")], f64::NAN),
            (&[("a", "2")], 3.0),
            (&[("a", "3")], 1.0),
            (&[("a", "4")], 2.0),
        ]);
        let values = |op, k| run(op, k, None, &input).into_iter().map(|(_, v)| v).collect::<Vec<_>>();
        assert_eq!(values(VectorOp::Topk, 2), [3.0, 2.0]);
        assert_eq!(values(VectorOp::Bottomk, 3), [1.0, 2.0, 3.0]);
        assert_eq!(values(VectorOp::Topk, 9).len(), 4);
        assert!(values(VectorOp::SortDesc, 0)[3].is_nan());
    }

    #[test]
    fn spread_is_of_the_population() {
        let input = vector(&[(&[("a", "1")], 2.0), (&[("a", "2")], 4.0)]);
        assert_eq!(run(VectorOp::Stdvar, 0, None, &input)[0].1, 1.0);
        assert_eq!(run(VectorOp::Stddev, 0, None, &input)[0].1, 1.0);
        assert_eq!(run(VectorOp::Avg, 0, None, &input)[0].1, 3.0);
        assert_eq!(run(VectorOp::Count, 0, None, &input)[0].1, 2.0);
    }
}
