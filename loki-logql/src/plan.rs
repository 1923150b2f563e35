//! Compiled queries.

use crate::ast::{Expr, Selector};
use crate::log::LogPlan;
use crate::metric::{self, Steps, Tree, Value};
use crate::result::{MatrixSeries, QueryResult, Sample};
use crate::visit::Visitor;
use crate::{Error, ErrorKind, Labels, Request, Source, Time};

/// A compiled query: evaluated any number of times, on any thread.
///
/// ```
/// use loki_logql::source::MemorySource;
/// use loki_logql::{Labels, Plan, QueryResult, Request, Time, parse};
///
/// let mut source = MemorySource::new();
/// source.push(&Labels::from_pairs([("app", "shop")]), 7, "a line", &[]);
///
/// let plan = Plan::compile(&parse(r#"count_over_time({app="shop"}[1m])"#)?)?;
/// let evaluation = plan.evaluate(&source, &Request::new(Time::Instant(10)))?;
/// let QueryResult::Vector(samples) = evaluation.result else { unreachable!() };
/// assert_eq!(samples[0].sample.value, 1.0);
/// # Ok::<(), loki_logql::Error>(())
/// ```
#[derive(Debug)]
pub struct Plan {
    query: Query,
    selectors: Vec<Selector>,
}

#[derive(Debug)]
enum Query {
    Log(Box<LogPlan>),
    Metric(Tree),
    Number(f64),
}

/// The answer to a query, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The answer.
    pub result: QueryResult,
    /// How many entries passed the pipelines: of a log query those that were looked at, of a metric query those that
    /// became a sample, for every range aggregation that reads them.
    pub post_filter_lines: u64,
}

impl Plan {
    /// Compiles the stages and operations of `expr`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`] where a stage means nothing, [`ErrorKind::Unsupported`] where an operation has no value.
    pub fn compile(expr: &Expr) -> Result<Plan, Error> {
        let query = match expr {
            Expr::Log(log) => Query::Log(Box::new(LogPlan::new(log)?)),
            expr => {
                let mut tree = Tree::default();
                match tree.compile(expr)? {
                    Value::Number(value) => Query::Number(value),
                    Value::Vector(_) => Query::Metric(tree),
                }
            }
        };
        let mut selectors = Selectors::default();
        selectors.visit_expr(expr);
        Ok(Plan {
            query,
            selectors: selectors.0,
        })
    }

    /// Whether the answer is lines.
    pub fn is_log(&self) -> bool {
        matches!(self.query, Query::Log(_))
    }

    /// The log query, where it is one.
    pub(crate) fn log(&self) -> Option<&LogPlan> {
        match &self.query {
            Query::Log(log) => Some(log),
            _ => None,
        }
    }

    /// The stream selectors of the query, in the order written.
    pub fn selectors(&self) -> &[Selector] {
        &self.selectors
    }

    /// Evaluates the query over the entries of `source`.
    ///
    /// A log query at an instant answers the entries of exactly that time.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Pipeline`] where a metric query meets an entry with an error;
    /// - [`ErrorKind::Matching`] where two vectors do not match;
    /// - [`ErrorKind::Limit`], [`ErrorKind::Cancelled`] as the request has it;
    /// - [`ErrorKind::Source`] where reading failed.
    pub fn evaluate(&self, source: &dyn Source, request: &Request) -> Result<Evaluation, Error> {
        if let Query::Log(log) = &self.query {
            return log.evaluate(source, request);
        }
        let steps = match request.time {
            Time::Instant(at) => Steps::instant(at),
            Time::Range { start, end, step } => Steps::range(start, end, step).ok_or_else(|| refuse_steps(step))?,
        };
        let (result, post_filter_lines) = match &self.query {
            Query::Metric(tree) => metric::evaluate(tree, source, steps, request)?,
            Query::Number(value) => (number(*value, source, steps, request)?, 0),
            Query::Log(_) => unreachable!("log queries are answered above"),
        };
        Ok(Evaluation {
            result,
            post_filter_lines,
        })
    }
}

/// A number at every step.
fn number(value: f64, source: &dyn Source, steps: Steps, request: &Request) -> Result<QueryResult, Error> {
    let sample = |k| Sample {
        timestamp_ms: steps.time(k).div_euclid(1_000_000),
        value,
    };
    if let Time::Instant(_) = request.time {
        return Ok(QueryResult::Scalar(sample(0)));
    }
    crate::budget::Budget::new(source, request).charge(steps.count() as usize * size_of::<Sample>())?;
    let samples: Vec<Sample> = (0..steps.count()).map(sample).collect();
    let series = (!samples.is_empty()).then(|| MatrixSeries {
        labels: Labels::default(),
        samples,
    });
    Ok(QueryResult::Matrix(series.into_iter().collect()))
}

fn refuse_steps(step: i64) -> Error {
    let message = if step <= 0 {
        "zero or negative query resolution step widths are not accepted. Try a positive integer"
    } else {
        "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
    };
    Error::new(ErrorKind::Limit {
        limit: "step",
        message: message.to_string(),
    })
}

/// Finds the stream selectors of a query.
#[derive(Default)]
struct Selectors(Vec<Selector>);

impl Visitor for Selectors {
    fn visit_selector(&mut self, selector: &Selector) {
        self.0.push(selector.clone());
    }
}
