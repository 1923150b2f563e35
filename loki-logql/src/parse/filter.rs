//! Joined label filters: a flat list to a tree.

use super::build::Fallible;
use super::{Failure, MAX_FILTER_NESTING};
use crate::Error;
use crate::ast::LabelFilter;

/// What stands between two label filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joiner {
    And,
    Or,
    /// `,` or nothing. Means "and", but has no precedence.
    Comma,
}

impl Joiner {
    /// Whether `left self right` is complete when `next` follows. If not, `next` belongs to the right operand.
    ///
    /// Only `and` and `or` have a precedence between them; a comma never closes anything and is never closed.
    fn closes_before(self, next: Joiner) -> bool {
        matches!(
            (self, next),
            (Joiner::And, Joiner::And | Joiner::Or) | (Joiner::Or, Joiner::Or)
        )
    }
}

/// Label filters on their way to a tree: each with the depth of its tree.
#[derive(Debug)]
pub(crate) struct FilterChain {
    operands: Vec<(LabelFilter, usize)>,
    /// One fewer than operands, each not closed by the one behind it.
    joiners: Vec<Joiner>,
}

impl FilterChain {
    pub(crate) fn new(first: (LabelFilter, usize)) -> FilterChain {
        FilterChain {
            operands: vec![first],
            joiners: Vec::new(),
        }
    }

    /// Adds an operand.
    pub(crate) fn join<'q>(mut self, joiner: Joiner, operand: (LabelFilter, usize)) -> Fallible<'q, FilterChain> {
        while self.joiners.last().is_some_and(|last| last.closes_before(joiner)) {
            self.close()?;
        }
        self.joiners.push(joiner);
        self.operands.push(operand);
        Ok(self)
    }

    /// The tree and its depth.
    pub(crate) fn fold<'q>(mut self) -> Fallible<'q, (LabelFilter, usize)> {
        while !self.joiners.is_empty() {
            self.close()?;
        }
        Ok(self.operands.pop().expect("a chain has one more operand than joiners"))
    }

    /// Makes one operand of the last two.
    fn close(&mut self) -> Result<(), Failure> {
        let (Some(joiner), Some((right, right_depth)), Some((left, left_depth))) =
            (self.joiners.pop(), self.operands.pop(), self.operands.pop())
        else {
            unreachable!("a chain has one more operand than joiners");
        };
        let depth = left_depth.max(right_depth) + 1;
        if depth > MAX_FILTER_NESTING {
            return Err(
                Error::invalid(format!("label filters nest more than {MAX_FILTER_NESTING} levels deep")).into(),
            );
        }
        let (left, right) = (Box::new(left), Box::new(right));
        let joined = match joiner {
            Joiner::And | Joiner::Comma => LabelFilter::And(left, right),
            Joiner::Or => LabelFilter::Or(left, right),
        };
        self.operands.push((joined, depth));
        Ok(())
    }
}
