//! Binary expressions: a flat list of operands and operators to a tree.

use super::build::{self, Fallible};
use super::{Failure, MAX_NESTING};
use crate::ast::{Binary, BinaryOp, Expr, Literal, LogExpr, Matching};
use crate::{Error, go};

/// An expression and the depth of its tree.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) expr: Expr,
    pub(crate) depth: usize,
}

impl Node {
    pub(crate) fn leaf(expr: Expr) -> Node {
        Node { expr, depth: 1 }
    }

    pub(crate) fn log(log: LogExpr) -> Node {
        Node::leaf(Expr::Log(log))
    }

    /// An expression around operands, the deepest of which has `depth`.
    pub(crate) fn above(depth: usize, expr: Expr) -> Result<Node, Failure> {
        let depth = depth + 1;
        if depth > MAX_NESTING {
            return Err(Error::invalid(format!("expressions nest more than {MAX_NESTING} levels deep")).into());
        }
        Ok(Node { expr, depth })
    }
}

/// An operator and its modifiers.
#[derive(Debug)]
pub(crate) struct Joint {
    op: BinaryOp,
    return_bool: bool,
    matching: Option<Matching>,
}

impl Joint {
    pub(crate) fn new(op: BinaryOp, (return_bool, matching): (bool, Option<Matching>)) -> Joint {
        Joint {
            op,
            return_bool,
            matching,
        }
    }
}

/// Operands with an operator between each two; inside a chain an operator may wait for its operand.
#[derive(Debug)]
pub(crate) struct Chain {
    operands: Vec<Node>,
    joints: Vec<Joint>,
}

impl Chain {
    pub(crate) fn new(first: Node) -> Chain {
        Chain {
            operands: vec![first],
            joints: Vec::new(),
        }
    }

    /// Adds an operator.
    pub(crate) fn join(mut self, joint: Joint) -> Chain {
        self.joints.push(joint);
        self
    }

    /// Adds the operand of the operator added last.
    pub(crate) fn operand(mut self, operand: Node) -> Chain {
        self.operands.push(operand);
        self
    }

    /// The tree, by precedence.
    pub(crate) fn fold<'q>(self) -> Fallible<'q, Node> {
        let mut operands = self.operands.into_iter();
        let mut folded: Vec<Node> = operands.next().into_iter().collect();
        let mut waiting: Vec<Joint> = Vec::new();
        for (joint, operand) in self.joints.into_iter().zip(operands) {
            while let Some(last) = waiting.pop_if(|last| closes_before(last.op, joint.op)) {
                close(&mut folded, last)?;
            }
            waiting.push(joint);
            folded.push(operand);
        }
        while let Some(last) = waiting.pop() {
            close(&mut folded, last)?;
        }
        Ok(folded.pop().expect("a chain has an operand"))
    }
}

/// Makes one node of the last two.
fn close(nodes: &mut Vec<Node>, joint: Joint) -> Result<(), Failure> {
    let (Some(right), Some(left)) = (nodes.pop(), nodes.pop()) else {
        unreachable!("a chain has one more operand than operators");
    };
    nodes.push(binary(left, joint, right)?);
    Ok(())
}

/// Whether `left op right` is complete when `next` follows.
fn closes_before(op: BinaryOp, next: BinaryOp) -> bool {
    match precedence(op).cmp(&precedence(next)) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => op != BinaryOp::Pow,
        std::cmp::Ordering::Less => false,
    }
}

/// How tightly an operator binds. Only `^` is right associative.
fn precedence(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And | BinaryOp::Unless => 2,
        BinaryOp::Equal
        | BinaryOp::NotEqual
        | BinaryOp::Greater
        | BinaryOp::GreaterOrEqual
        | BinaryOp::Less
        | BinaryOp::LessOrEqual => 3,
        BinaryOp::Add | BinaryOp::Sub => 4,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => 5,
        BinaryOp::Pow => 6,
    }
}

/// `left op right`, folded if both are numbers.
fn binary(left: Node, joint: Joint, right: Node) -> Result<Node, Failure> {
    let span = build::span(build::expr_span(&left.expr).start, build::expr_span(&right.expr).end);
    if let (Expr::Literal(a), Expr::Literal(b)) = (&left.expr, &right.expr)
        && is_number(a)
        && is_number(b)
        && let Some(value) = arithmetic(joint.op, a.value, b.value)
    {
        let text = go::format_general(value);
        return Ok(Node::leaf(Expr::Literal(Literal { value, text, span })));
    }
    let expr = Expr::Binary(Binary {
        op: joint.op,
        left: Box::new(left.expr),
        right: Box::new(right.expr),
        return_bool: joint.return_bool,
        matching: joint.matching,
        span,
    });
    Node::above(left.depth.max(right.depth), expr)
}

/// Whether the token of a literal is a number at all (`0x10` is not); if not, checks refuse it.
fn is_number(literal: &Literal) -> bool {
    go::parse_float(&literal.text).is_ok()
}

/// The value of an operator on numbers; `None` for the set operators.
fn arithmetic(op: BinaryOp, a: f64, b: f64) -> Option<f64> {
    let truth = |holds: bool| Some(f64::from(u8::from(holds)));
    match op {
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => None,
        BinaryOp::Add => Some(a + b),
        BinaryOp::Sub => Some(a - b),
        BinaryOp::Mul => Some(a * b),
        BinaryOp::Div if b == 0.0 => Some(f64::NAN),
        BinaryOp::Div => Some(a / b),
        BinaryOp::Mod if b == 0.0 => Some(f64::NAN),
        BinaryOp::Mod => Some(a % b),
        BinaryOp::Pow => Some(a.powf(b)),
        BinaryOp::Equal => truth(a == b),
        BinaryOp::NotEqual => truth(a != b),
        BinaryOp::Greater => truth(a > b),
        BinaryOp::GreaterOrEqual => truth(a >= b),
        BinaryOp::Less => truth(a < b),
        BinaryOp::LessOrEqual => truth(a <= b),
    }
}
