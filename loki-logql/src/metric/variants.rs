//! `variants(a, b) of (range)`: several aggregations over one log range, told apart by a label.

use super::vector::{UNKNOWN, Vector};
use crate::ast::{Expr, LogRange, RangeAggregation, Variants};
use crate::{Error, ErrorKind, Labels};

/// The label that holds the place of a variant in the query.
const LABEL: &str = "__variant__";

/// The operands of `variants` as expressions of their own, each over the common log range.
///
/// The selector, the stages, the range and the offset of an operand give way to those of the common range; its
/// operation, its `unwrap` and its groupings stay.
///
/// # Errors
///
/// [`ErrorKind::Unsupported`] of an operand that is neither a range aggregation nor a vector aggregation directly
/// over one.
pub(super) fn over_common_range(variants: &Variants) -> Result<Vec<Expr>, Error> {
    variants.operands.iter().map(|e| variant(e, &variants.range)).collect()
}

fn variant(operand: &Expr, common: &LogRange) -> Result<Expr, Error> {
    match operand {
        Expr::Range(node) => Ok(Expr::Range(over(node, common))),
        Expr::Vector(node) => match &*node.operand {
            Expr::Range(range) => {
                let mut node = node.clone();
                node.operand = Box::new(Expr::Range(over(range, common)));
                Ok(Expr::Vector(node))
            }
            _ => Err(refuse()),
        },
        _ => Err(refuse()),
    }
}

fn over(node: &RangeAggregation, common: &LogRange) -> RangeAggregation {
    let mut node = node.clone();
    let unwrap = node.range.unwrap.take();
    node.range = LogRange {
        unwrap,
        ..common.clone()
    };
    node
}

fn refuse() -> Error {
    Error::new(ErrorKind::Unsupported {
        message: "a variant must be a range aggregation, or a vector aggregation directly over one".to_string(),
    })
}

/// Puts the vectors of all variants behind one another.
#[derive(Debug)]
pub(super) struct Concatenation {
    /// By variant and number of a series there: its number here.
    places: Vec<Vec<u32>>,
}

impl Concatenation {
    pub(super) fn new(variants: usize) -> Concatenation {
        Concatenation {
            places: vec![Vec::new(); variants],
        }
    }

    /// Appends the samples of the operand that is the variant number `variant`.
    pub(super) fn step(&mut self, variant: usize, operand: &Vector, out: &mut Vector) {
        let places = &mut self.places[variant];
        places.resize(operand.series.len(), UNKNOWN);
        for &(id, value) in &operand.samples {
            let place = &mut places[id as usize];
            if *place == UNKNOWN {
                *place = out.add_series(labelled(&operand.series[id as usize], variant));
            }
            out.push(*place, value);
        }
    }
}

fn labelled(labels: &Labels, variant: usize) -> Labels {
    let number = variant.to_string();
    let others = labels.iter().filter(|&(name, _)| name != LABEL);
    Labels::from_pairs(others.chain([(LABEL, number.as_str())]))
}
