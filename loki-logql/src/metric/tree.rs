//! The compiled form of a metric query: its operations in the order in which they are evaluated.

use super::aggregate::Aggregation;
use super::binary::{self, Operator, WithNumber};
use super::label_replace::Relabel;
use super::matching::Join;
use super::range::RangePlan;
use super::variants;
use crate::ast::{Binary, Expr, Grouping, Matching, VectorAggregation, VectorOp};
use crate::{Error, ErrorKind};

/// The operations of a metric query. An operand stands before what uses it; the last operation is the query's value.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Node>,
    /// Whether a result keeps the order of evaluation: there is a `sort` somewhere.
    pub(super) is_sorted: bool,
}

/// Place of a node in its tree.
pub(super) type NodeId = usize;

/// One operation.
#[derive(Debug)]
pub(super) enum Node {
    Range(Box<RangePlan>),
    /// `vector(1)`.
    Constant(f64),
    Aggregate(NodeId, Aggregation),
    WithNumber(NodeId, WithNumber),
    Join(NodeId, NodeId, Join),
    Relabel(NodeId, Box<Relabel>),
    /// The results of all variants, in the order written.
    Variants(Vec<NodeId>),
}

/// What an expression is once compiled.
#[derive(Debug)]
pub(crate) enum Value {
    /// A number, at every step.
    Number(f64),
    /// The vector of this node.
    Vector(NodeId),
}

impl Tree {
    /// Enters the operations of `expr`. Nesting is as deep as the expression's.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Stage`] where a stage cannot be compiled, [`ErrorKind::Unsupported`] where an operation has no
    /// meaning.
    pub(crate) fn compile(&mut self, expr: &Expr) -> Result<Value, Error> {
        self.compile_in(expr, None)
    }

    /// As [`compile`](Tree::compile). `sum` is the grouping of a `sum` directly around `expr`.
    fn compile_in(&mut self, expr: &Expr, sum: Option<&Grouping>) -> Result<Value, Error> {
        let node = match expr {
            Expr::Literal(literal) => return Ok(Value::Number(literal.value)),
            Expr::VectorLiteral(literal) => Node::Constant(literal.value),
            Expr::Range(node) => Node::Range(Box::new(RangePlan::new(node, sum)?)),
            Expr::Vector(node) => self.aggregate(node)?,
            Expr::Binary(node) => return self.binary(node),
            Expr::LabelReplace(node) => {
                let operand = self.operand(&node.operand, None)?;
                Node::Relabel(operand, Box::new(Relabel::new(node)?))
            }
            Expr::Log(_) => return Err(unsupported("a log query is no operand of a metric query")),
            Expr::Variants(node) => {
                let operands = variants::over_common_range(node)?;
                let operands = operands.iter().map(|operand| self.operand(operand, None));
                Node::Variants(operands.collect::<Result<_, _>>()?)
            }
        };
        Ok(Value::Vector(self.add(node)))
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// An operand that must be a vector.
    fn operand(&mut self, expr: &Expr, sum: Option<&Grouping>) -> Result<NodeId, Error> {
        match self.compile_in(expr, sum)? {
            Value::Vector(node) => Ok(node),
            Value::Number(_) => Err(unsupported(
                "unexpected expr type (*syntax.LiteralExpr) for Evaluator type (*logql.DefaultEvaluator) ",
            )),
        }
    }

    fn aggregate(&mut self, node: &VectorAggregation) -> Result<Node, Error> {
        let no_labels = Grouping {
            without: false,
            labels: Vec::new(),
        };
        let sum = (node.op == VectorOp::Sum).then(|| node.grouping.as_ref().unwrap_or(&no_labels));
        let operand = self.operand(&node.operand, sum)?;
        self.is_sorted |= matches!(node.op, VectorOp::Sort | VectorOp::SortDesc);
        let aggregation = Aggregation {
            op: node.op,
            // A cast of a float saturates: a negative `k`, which does not parse, would choose nothing.
            limit: node.parameter.as_ref().map_or(0, |k| k.value as usize),
            grouping: node.grouping.clone(),
        };
        Ok(Node::Aggregate(operand, aggregation))
    }

    fn binary(&mut self, node: &Binary) -> Result<Value, Error> {
        let operator = Operator {
            op: node.op,
            return_bool: node.return_bool,
        };
        let left = self.compile_in(&node.left, None)?;
        let right = self.compile_in(&node.right, None)?;
        let is_value = binary::apply(node.op, 0.0, 0.0).is_some();
        let node = match (left, right) {
            (Value::Vector(left), Value::Vector(right)) => {
                // `ignoring ()` says nothing.
                let says_something = |m: &&Matching| m.on || !m.labels.is_empty() || m.group.is_some();
                let matching = node.matching.as_ref().filter(says_something).cloned();
                Node::Join(left, right, Join { operator, matching })
            }
            _ if !is_value => return Err(unsupported("set operators take no number as operand")),
            (Value::Number(left), Value::Number(right)) => {
                let value = binary::apply(operator.op, left, right).unwrap_or(f64::NAN);
                return Ok(Value::Number(value));
            }
            (Value::Number(number), Value::Vector(operand)) => Node::WithNumber(
                operand,
                WithNumber {
                    operator,
                    number,
                    number_first: true,
                },
            ),
            (Value::Vector(operand), Value::Number(number)) => Node::WithNumber(
                operand,
                WithNumber {
                    operator,
                    number,
                    number_first: false,
                },
            ),
        };
        Ok(Value::Vector(self.add(node)))
    }
}

fn unsupported(message: &str) -> Error {
    Error::new(ErrorKind::Unsupported {
        message: message.to_string(),
    })
}
