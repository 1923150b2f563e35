//! Evaluates a compiled metric query, step by step.

use super::aggregate::Aggregate;
use super::binary::WithNumber;
use super::label_replace::Relabel;
use super::matching::Joining;
use super::range::RangePlan;
use super::steps::Steps;
use super::table::RangeSeries;
use super::tree::{Node, NodeId, Tree};
use super::variants::Concatenation;
use super::vector::{UNKNOWN, Vector};
use crate::budget::{Budget, Share};
use crate::result::{MatrixSeries, QueryResult, Sample, VectorSample};
use crate::{Error, ErrorKind, Labels, Request, Source, Time};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

/// The answer of the query `tree`, and how many samples were aggregated for it.
///
/// # Errors
///
/// A pipeline error of an entry, vectors that do not match, a limit, or what the source reports.
pub(crate) fn evaluate(
    tree: &Tree,
    source: &dyn Source,
    steps: Steps,
    request: &Request,
) -> Result<(QueryResult, u64), Error> {
    let budget = Budget::new(source, request);
    let mut samples = 0;
    let mut operations = Vec::with_capacity(tree.nodes.len());
    for node in &tree.nodes {
        operations.push(Operation::start(node, source, steps, request, &budget, &mut samples)?);
    }
    let mut running = Running {
        operations,
        vectors: tree.nodes.iter().map(|_| Vector::default()).collect(),
        steps,
        offset: tree.offset(),
    };
    let result = match request.time {
        Time::Instant(_) => running.instant(tree, request)?,
        Time::Range { .. } => running.matrix(request, &budget)?,
    };
    Ok((result, samples))
}

impl Tree {
    /// The offset of the range aggregation that comes first: it decides how timestamps are rounded to milliseconds.
    fn offset(&self) -> i64 {
        let first = self.nodes.iter().find_map(|node| match node {
            Node::Range(plan) => Some(plan.offset()),
            _ => None,
        });
        first.unwrap_or(0)
    }
}

/// A node of a query while it runs.
enum Operation<'a> {
    Range(&'a RangePlan, RangeSeries),
    Constant(f64),
    Aggregate(usize, Aggregate<'a>),
    WithNumber(usize, &'a WithNumber),
    Join(usize, usize, Box<Joining<'a>>),
    Relabel(usize, &'a Relabel),
    Variants(&'a [NodeId], Concatenation),
}

impl<'a> Operation<'a> {
    fn start(
        node: &'a Node,
        source: &dyn Source,
        steps: Steps,
        request: &Request,
        budget: &Budget<'_>,
        samples: &mut u64,
    ) -> Result<Operation<'a>, Error> {
        Ok(match node {
            Node::Range(plan) => {
                let (series, read) = plan.collect(source, steps, request, budget)?;
                *samples += read;
                Operation::Range(plan, series)
            }
            Node::Constant(value) => Operation::Constant(*value),
            Node::Aggregate(operand, aggregation) => Operation::Aggregate(*operand, Aggregate::new(aggregation)),
            Node::WithNumber(operand, with) => Operation::WithNumber(*operand, with),
            Node::Join(left, right, join) => Operation::Join(*left, *right, Box::new(Joining::new(join))),
            Node::Relabel(operand, relabel) => Operation::Relabel(*operand, relabel),
            Node::Variants(operands) => Operation::Variants(operands, Concatenation::new(operands.len())),
        })
    }

    /// Appends the samples of step `k` to `out`. `before` are the vectors of the operations before this one.
    fn step(&mut self, k: u32, before: &[Vector], out: &mut Vector) -> Result<(), Error> {
        match self {
            Operation::Range(plan, series) => match plan.absent() {
                Some(labels) => {
                    let mut present = Vector::default();
                    series.step(k, plan.measure(), &mut present);
                    if out.series.is_empty() {
                        out.add_series(labels.clone());
                    }
                    if present.samples.is_empty() {
                        out.push(0, 1.0);
                    }
                }
                None => {
                    if out.series.is_empty() {
                        out.series.extend_from_slice(series.labels());
                    }
                    series.step(k, plan.measure(), out);
                }
            },
            Operation::Constant(value) => {
                if out.series.is_empty() {
                    out.add_series(Labels::default());
                }
                out.push(0, *value);
            }
            Operation::Aggregate(operand, aggregate) => aggregate.step(&before[*operand], out),
            Operation::WithNumber(operand, with) => with.step(&before[*operand], out),
            Operation::Join(left, right, joining) => joining.step(&before[*left], &before[*right], out)?,
            Operation::Relabel(operand, relabel) => relabel.step(&before[*operand], out),
            Operation::Variants(operands, concatenation) => {
                for (variant, &operand) in operands.iter().enumerate() {
                    concatenation.step(variant, &before[operand], out);
                }
            }
        }
        Ok(())
    }
}

/// A query while it runs.
struct Running<'a> {
    operations: Vec<Operation<'a>>,
    /// By operation: its value at the present step.
    vectors: Vec<Vector>,
    steps: Steps,
    offset: i64,
}

impl Running<'_> {
    /// The value of the query at step `k`, and its timestamp in milliseconds.
    fn step(&mut self, k: u32) -> Result<(&Vector, i64), Error> {
        for (i, operation) in self.operations.iter_mut().enumerate() {
            let (before, rest) = self.vectors.split_at_mut(i);
            rest[0].samples.clear();
            operation.step(k, before, &mut rest[0])?;
        }
        let time = self.steps.time(k);
        let timestamp_ms = match self.offset {
            0 => time.div_euclid(MILLISECOND),
            offset => time.saturating_sub(offset).div_euclid(MILLISECOND) + offset / MILLISECOND,
        };
        let value = self.vectors.last().expect("a query has an operation");
        Ok((value, timestamp_ms))
    }

    fn instant(&mut self, tree: &Tree, request: &Request) -> Result<QueryResult, Error> {
        let (vector, timestamp_ms) = self.step(0)?;
        check_series(vector.samples.len(), request)?;
        let sample = |&(id, value): &(u32, f64)| VectorSample {
            labels: vector.series[id as usize].clone(),
            sample: Sample { timestamp_ms, value },
        };
        let mut samples: Vec<VectorSample> = vector.samples.iter().map(sample).collect();
        if !tree.is_sorted {
            samples.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Ok(QueryResult::Vector(samples))
    }

    fn matrix(&mut self, request: &Request, budget: &Budget<'_>) -> Result<QueryResult, Error> {
        let mut matrix = Matrix::default();
        let mut share = Share::default();
        for k in 0..self.steps.count() {
            if k % CHECK_STEPS == 0 {
                budget.check_wanted()?;
            }
            let (vector, timestamp_ms) = self.step(k)?;
            check_series(vector.samples.len(), request)?;
            for &(id, value) in &vector.samples {
                matrix.push(vector, id, Sample { timestamp_ms, value });
            }
            check_series(matrix.series.len(), request)?;
            share.set(budget, matrix.points * size_of::<Sample>())?;
        }
        Ok(QueryResult::Matrix(matrix.finish()))
    }
}

const MILLISECOND: i64 = 1_000_000;

/// After so many steps the wish of the caller is looked at.
const CHECK_STEPS: u32 = 64;

fn check_series(found: usize, request: &Request) -> Result<(), Error> {
    let limit = request.limits.max_series;
    if found <= limit {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Limit {
        limit: "max_query_series",
        message: format!(
            "maximum number of series ({limit}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
        ),
    }))
}

/// The result of a query over a range while it grows.
#[derive(Default)]
struct Matrix {
    series: Vec<MatrixSeries>,
    by_labels: HashMap<Labels, u32, FixedState>,
    /// By number in the vector of the query: place in `series`.
    places: Vec<u32>,
    points: usize,
}

impl Matrix {
    fn push(&mut self, vector: &Vector, id: u32, sample: Sample) {
        let id = id as usize;
        if id >= self.places.len() {
            self.places.resize(vector.series.len().max(id + 1), UNKNOWN);
        }
        if self.places[id] == UNKNOWN {
            let labels = &vector.series[id];
            let series = &mut self.series;
            self.places[id] = *self.by_labels.entry(labels.clone()).or_insert_with(|| {
                series.push(MatrixSeries {
                    labels: labels.clone(),
                    samples: Vec::new(),
                });
                series.len() as u32 - 1
            });
        }
        self.series[self.places[id] as usize].samples.push(sample);
        self.points += 1;
    }

    fn finish(mut self) -> Vec<MatrixSeries> {
        self.series.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.series
    }
}
