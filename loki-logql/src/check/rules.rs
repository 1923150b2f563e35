//! Rules of a whole query: which operands, parameters and groupings an operation takes.

use super::selector::selector;
use super::weight::regexes;
use crate::ast::*;
use crate::print::word;
use crate::{Error, Span, go};

/// Checks a query: first every operation, then every selector, which costs compilations.
pub(crate) fn query(query: &Expr) -> Result<(), Error> {
    expr(query)?;
    regexes(query)?;
    selectors(query)
}

/// Checks operations, the outer before its operands and the left operand before the right.
fn expr(expression: &Expr) -> Result<(), Error> {
    match expression {
        Expr::Log(_) => Ok(()),
        Expr::Range(aggregation) => range_aggregation(aggregation),
        Expr::Vector(aggregation) => {
            vector_aggregation(aggregation)?;
            expr(&aggregation.operand)
        }
        Expr::Binary(binary) => {
            operands(binary)?;
            expr(&binary.left)?;
            expr(&binary.right)
        }
        Expr::Literal(number) => literal(number, "literal"),
        Expr::VectorLiteral(number) => literal(number, "vectorExpr"),
        Expr::LabelReplace(replace) => {
            label_replace(replace)?;
            expr(&replace.operand)
        }
        Expr::Variants(variants) => variants.operands.iter().try_for_each(expr),
    }
}

fn refuse(span: Span, message: String) -> Result<(), Error> {
    Err(Error::invalid(message).at(span))
}

fn literal(literal: &Literal, what: &str) -> Result<(), Error> {
    match go::parse_float(&literal.text) {
        Ok(_) => Ok(()),
        Err(e) => refuse(literal.span, format!("unable to parse {what} as a float: {e}")),
    }
}

fn label_replace(replace: &LabelReplace) -> Result<(), Error> {
    match crate::regex::check(&format!("^(?:{})$", replace.regex.to_str())) {
        Ok(()) => Ok(()),
        Err(e) => refuse(replace.span, format!("invalid regex in label_replace: {e}")),
    }
}

/// Refuses lines as operands, and numbers as operands of set operators.
fn operands(binary: &Binary) -> Result<(), Error> {
    let op = word::binary_op(binary.op);
    let legs = [("left", &*binary.left), ("right", &*binary.right)];
    for (leg, operand) in legs {
        if let Expr::Log(log) = operand {
            let kind = if log.stages.is_empty() {
                "MatchersExpr"
            } else {
                "PipelineExpr"
            };
            let message = format!("unexpected type for {leg} leg of binary operation ({op}): *syntax.{kind}");
            return refuse(log.span, message);
        }
    }
    if !matches!(binary.op, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless) {
        return Ok(());
    }
    for (leg, operand) in legs {
        if let Expr::Literal(literal) = operand {
            let message = format!(
                "unexpected literal for {leg} leg of logical/set binary operation ({op}): {:.6}",
                literal.value
            );
            return refuse(literal.span, message);
        }
    }
    Ok(())
}

/// What a range aggregation takes.
struct Legality {
    without_unwrap: bool,
    with_unwrap: bool,
    grouping: bool,
}

fn legality(op: RangeOp) -> Legality {
    let (without_unwrap, with_unwrap, grouping) = match op {
        RangeOp::CountOverTime | RangeOp::BytesOverTime | RangeOp::BytesRate => (true, false, false),
        RangeOp::Rate | RangeOp::AbsentOverTime => (true, true, false),
        RangeOp::RateCounter | RangeOp::SumOverTime => (false, true, false),
        RangeOp::AvgOverTime
        | RangeOp::MinOverTime
        | RangeOp::MaxOverTime
        | RangeOp::StddevOverTime
        | RangeOp::StdvarOverTime
        | RangeOp::QuantileOverTime
        | RangeOp::FirstOverTime
        | RangeOp::LastOverTime => (false, true, true),
    };
    Legality {
        without_unwrap,
        with_unwrap,
        grouping,
    }
}

fn range_aggregation(aggregation: &RangeAggregation) -> Result<(), Error> {
    let op = word::range_op(aggregation.op);
    let is_quantile = aggregation.op == RangeOp::QuantileOverTime;
    match &aggregation.parameter {
        Some(p) if is_quantile => {
            if let Err(e) = go::parse_float(&p.text) {
                return refuse(p.span, format!("invalid parameter for operation {op}: {e}"));
            }
        }
        Some(p) => return refuse(p.span, format!("parameter {} not supported for operation {op}", p.text)),
        None if is_quantile => return refuse(aggregation.span, format!("parameter required for operation {op}")),
        None => {}
    }
    let legality = legality(aggregation.op);
    if aggregation.grouping.is_some() && !legality.grouping {
        return refuse(aggregation.span, format!("grouping not allowed for {op} aggregation"));
    }
    match &aggregation.range.unwrap {
        Some(unwrap) if !legality.with_unwrap => refuse(unwrap.span, format!("invalid aggregation {op} with unwrap")),
        None if !legality.without_unwrap => {
            refuse(aggregation.span, format!("invalid aggregation {op} without unwrap"))
        }
        _ => Ok(()),
    }
}

fn vector_aggregation(aggregation: &VectorAggregation) -> Result<(), Error> {
    let op = word::vector_op(aggregation.op);
    let span = aggregation.span;
    match (aggregation.op, &aggregation.parameter) {
        (VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk, None) => {
            return refuse(span, format!("parameter required for operation {op}"));
        }
        (VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk, Some(k)) => match k.text.parse::<i64>() {
            Err(_) => return refuse(k.span, format!("invalid parameter {op}({},", k.text)),
            Ok(..=0) => {
                return refuse(
                    k.span,
                    format!("invalid parameter (must be greater than 0) {op}({}", k.text),
                );
            }
            Ok(_) => {}
        },
        (_, Some(p)) => return refuse(p.span, format!("unsupported parameter for operation {op}({},", p.text)),
        (_, None) => {}
    }
    match (aggregation.op, &aggregation.grouping) {
        (VectorOp::Sort | VectorOp::SortDesc, Some(grouping)) if !grouping.labels.is_empty() => {
            refuse(span, "sort and sort_desc doesn't allow grouping by ".to_owned())
        }
        (VectorOp::ApproxTopk, Some(_)) => refuse(span, format!("grouping not allowed for {op} aggregation")),
        _ => Ok(()),
    }
}

/// Checks every selector, in the order written.
fn selectors(expr: &Expr) -> Result<(), Error> {
    match expr {
        Expr::Log(log) => selector(&log.selector),
        Expr::Range(aggregation) => selector(&aggregation.range.log.selector),
        Expr::Vector(aggregation) => selectors(&aggregation.operand),
        Expr::Binary(binary) => {
            selectors(&binary.left)?;
            selectors(&binary.right)
        }
        Expr::Literal(_) | Expr::VectorLiteral(_) => Ok(()),
        Expr::LabelReplace(replace) => selectors(&replace.operand),
        Expr::Variants(variants) => {
            variants.operands.iter().try_for_each(selectors)?;
            selector(&variants.range.log.selector)
        }
    }
}
