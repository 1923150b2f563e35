//! Range aggregations: compiled, and collected from a source in one visit for all steps.

use super::collect::RangeVisitor;
use super::steps::{Steps, Windows};
use super::table::{Measure, RangeSeries};
use super::window::Fold;
use crate::ast::{Grouping, MatchOp, Matcher, RangeAggregation, RangeOp};
use crate::budget::Budget;
use crate::pipeline::Pipeline;
use crate::source::{Order, Selection};
use crate::{Error, Labels, Request, Source};
use std::sync::atomic::Ordering;

/// A compiled range aggregation.
#[derive(Debug)]
pub(super) struct RangePlan {
    matchers: Vec<Matcher>,
    pipeline: Pipeline,
    measure: Measure,
    /// Length of the window in nanoseconds.
    range: i64,
    /// Shift into the past in nanoseconds.
    offset: i64,
    /// The labels of the answer where there is no sample, of `absent_over_time`.
    absent: Option<Labels>,
}

impl RangePlan {
    /// Compiles `node`. `pushed` is the grouping of a `sum` directly around it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`](crate::ErrorKind::Stage) where a stage cannot be compiled.
    pub(super) fn new(node: &RangeAggregation, pushed: Option<&Grouping>) -> Result<RangePlan, Error> {
        let range = &node.range;
        let pushed = pushed.filter(|_| takes_grouping_of_sum(node.op));
        let grouping = node.grouping.as_ref().or(pushed);
        // `without ()` takes nothing away.
        let grouping = grouping.filter(|g| !(g.without && g.labels.is_empty()));
        Ok(RangePlan {
            pipeline: Pipeline::samples(range, node.op, grouping)?,
            measure: measure(node),
            range: range.range,
            offset: range.offset,
            absent: (node.op == RangeOp::AbsentOverTime).then(|| absent_labels(&range.log.selector.matchers)),
            matchers: range.log.selector.matchers.clone(),
        })
    }

    /// Reads what `source` has for the windows of `steps`.
    ///
    /// # Errors
    ///
    /// A pipeline error of an entry, a limit, or what the source reports.
    pub(super) fn collect(
        &self,
        source: &dyn Source,
        steps: Steps,
        request: &Request,
        budget: &Budget<'_>,
    ) -> Result<(RangeSeries, u64), Error> {
        let windows = Windows::new(steps, self.range, self.offset);
        let mut bounds = windows.bounds();
        bounds.start = bounds.start.max(request.oldest);
        let visitor = RangeVisitor::new(
            &self.pipeline,
            self.measure,
            windows,
            bounds.clone(),
            request.now,
            budget,
        );
        if !bounds.is_empty() {
            let selection = Selection {
                matchers: &self.matchers,
                start: bounds.start,
                end: bounds.end,
                order: Order::Any,
                literals: self.pipeline.literals(),
            };
            source.visit(&selection, &visitor)?;
        }
        let samples = visitor.samples.load(Ordering::Relaxed);
        Ok((visitor.into_table()?.finish(&windows), samples))
    }

    /// How values come from what was collected.
    pub(super) fn measure(&self) -> Measure {
        self.measure
    }

    /// Shift into the past in nanoseconds.
    pub(super) fn offset(&self) -> i64 {
        self.offset
    }

    /// The labels of the answer where there is no sample, of `absent_over_time`.
    pub(super) fn absent(&self) -> Option<&Labels> {
        self.absent.as_ref()
    }
}

/// Whether entries may be counted under the labels of a `sum` around the aggregation: sums of sums are sums.
fn takes_grouping_of_sum(op: RangeOp) -> bool {
    matches!(
        op,
        RangeOp::CountOverTime | RangeOp::Rate | RangeOp::BytesOverTime | RangeOp::BytesRate | RangeOp::SumOverTime
    )
}

fn measure(node: &RangeAggregation) -> Measure {
    let fold = match node.op {
        RangeOp::CountOverTime | RangeOp::AbsentOverTime => return Measure::Entries,
        RangeOp::BytesOverTime => return Measure::Bytes,
        RangeOp::BytesRate => return Measure::ByteRate,
        RangeOp::Rate if node.range.unwrap.is_none() => return Measure::EntryRate,
        RangeOp::Rate => Fold::Rate,
        RangeOp::RateCounter => Fold::RateCounter,
        RangeOp::AvgOverTime => Fold::Avg,
        RangeOp::SumOverTime => Fold::Sum,
        RangeOp::MinOverTime => Fold::Min,
        RangeOp::MaxOverTime => Fold::Max,
        RangeOp::StdvarOverTime => Fold::Stdvar,
        RangeOp::StddevOverTime => Fold::Stddev,
        RangeOp::QuantileOverTime => {
            return Measure::Quantile(node.parameter.as_ref().map_or(0.0, |q| q.value));
        }
        RangeOp::FirstOverTime => Fold::First,
        RangeOp::LastOverTime => Fold::Last,
    };
    Measure::Fold(fold)
}

/// The `=` matchers as labels, but for names that have any other matcher.
fn absent_labels(matchers: &[Matcher]) -> Labels {
    let alone = |m: &&Matcher| m.op == MatchOp::Equal && matchers.iter().filter(|o| o.name == m.name).count() == 1;
    Labels::from_pairs(matchers.iter().filter(alone).map(|m| (&m.name, m.value.to_str())))
}
