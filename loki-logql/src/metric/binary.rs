//! Binary operators on values, and on the samples of a vector with a number.

use super::vector::Vector;
use crate::ast::BinaryOp;

/// `op` on two values, where a comparison is 1 or 0. The set operators have no value.
pub(crate) fn apply(op: BinaryOp, left: f64, right: f64) -> Option<f64> {
    Some(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        // Division by zero is no number, not an infinity: that is LogQL's own rule.
        BinaryOp::Div | BinaryOp::Mod if right == 0.0 => f64::NAN,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Equal => f64::from(left == right),
        BinaryOp::NotEqual => f64::from(left != right),
        BinaryOp::Greater => f64::from(left > right),
        BinaryOp::GreaterOrEqual => f64::from(left >= right),
        BinaryOp::Less => f64::from(left < right),
        BinaryOp::LessOrEqual => f64::from(left <= right),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Unless => return None,
    })
}

/// An operator on two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Operator {
    pub(super) op: BinaryOp,
    /// Whether a comparison answers 0 and 1 instead of filtering.
    pub(super) return_bool: bool,
}

impl Operator {
    /// The value of the result, which for a filtering comparison is `kept`. `None`: there is no result.
    pub(super) fn apply(self, left: f64, right: f64, kept: f64) -> Option<f64> {
        let value = apply(self.op, left, right)?;
        let is_filter = !self.return_bool
            && matches!(
                self.op,
                BinaryOp::Equal
                    | BinaryOp::NotEqual
                    | BinaryOp::Greater
                    | BinaryOp::GreaterOrEqual
                    | BinaryOp::Less
                    | BinaryOp::LessOrEqual
            );
        match (is_filter, value == 0.0) {
            (true, true) => None,
            (true, false) => Some(kept),
            (false, _) => Some(value),
        }
    }
}

/// `vector op number` and `number op vector`.
#[derive(Debug, Clone, Copy)]
pub(super) struct WithNumber {
    pub(super) operator: Operator,
    pub(super) number: f64,
    /// Whether the number stands on the left.
    pub(super) number_first: bool,
}

impl WithNumber {
    pub(super) fn step(&self, input: &Vector, out: &mut Vector) {
        out.share_series(input);
        out.samples.extend(input.samples.iter().filter_map(|&(id, value)| {
            let (left, right) = if self.number_first {
                (self.number, value)
            } else {
                (value, self.number)
            };
            Some((id, self.operator.apply(left, right, value)?))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_divides_to_nan() {
        assert!(apply(BinaryOp::Div, 1.0, 0.0).is_some_and(f64::is_nan));
        assert!(apply(BinaryOp::Mod, 1.0, 0.0).is_some_and(f64::is_nan));
        assert_eq!(apply(BinaryOp::Mod, -7.0, 3.0), Some(-1.0));
        assert_eq!(apply(BinaryOp::Pow, 2.0, 0.5), Some(2f64.sqrt()));
        assert_eq!(apply(BinaryOp::And, 1.0, 1.0), None);
    }

    #[test]
    fn filter_keeps_the_value_of_the_vector() {
        let filter = Operator {
            op: BinaryOp::Less,
            return_bool: false,
        };
        assert_eq!(filter.apply(2.0, 3.0, 3.0), Some(3.0));
        assert_eq!(filter.apply(3.0, 2.0, 2.0), None);
        let truth = Operator {
            return_bool: true,
            ..filter
        };
        assert_eq!(truth.apply(3.0, 2.0, 3.0), Some(0.0));
    }
}
