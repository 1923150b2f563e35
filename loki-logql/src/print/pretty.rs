//! A query over several lines where it is long.

use super::{line, word};
use crate::ast::*;
use crate::go;
use crate::quote::quote;
use std::fmt::{Display, Write as _};

/// Bytes that a part may have on one line.
const MAX_LINE_BYTES: usize = 100;

impl Expr {
    /// The query as `format_query` lays it out: on one line up to 100 bytes, else broken at its operations and stages.
    ///
    /// ```
    /// let query = loki_logql::parse(r#"sum(rate({app="x"}[5m]))by(pod)"#)?;
    /// assert_eq!(query.pretty(), r#"sum by (pod)(rate({app="x"}[5m]))"#);
    /// # Ok::<(), loki_logql::Error>(())
    /// ```
    pub fn pretty(&self) -> String {
        let mut out = String::new();
        expr(self, 0, &mut out);
        out
    }
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// Prints `node` on one line if it is short, and answers whether it did.
fn short(node: &impl Display, level: usize, out: &mut String) -> bool {
    let text = node.to_string();
    let is_short = text.len() <= MAX_LINE_BYTES;
    if is_short {
        indent(level, out);
        out.push_str(&text);
    }
    is_short
}

fn expr(expression: &Expr, level: usize, out: &mut String) {
    match expression {
        Expr::Variants(e) => return variants(e, level, out),
        _ if short(expression, level, out) => return,
        _ => {}
    }
    match expression {
        Expr::Log(e) => long_log(e, level, out),
        Expr::Range(e) => long_range_aggregation(e, level, out),
        Expr::Vector(e) => long_vector_aggregation(e, level, out),
        Expr::Binary(e) => long_binary(e, level, out),
        Expr::LabelReplace(e) => long_label_replace(e, level, out),
        Expr::Literal(_) | Expr::VectorLiteral(_) | Expr::Variants(_) => {
            indent(level, out);
            line::expr(expression, out);
        }
    }
}

// Log expressions ----------------------------------------------------------------------------------------------------

fn log(log: &LogExpr, level: usize, out: &mut String) {
    if !short(log, level, out) {
        long_log(log, level, out);
    }
}

fn long_log(log: &LogExpr, level: usize, out: &mut String) {
    indent(level, out);
    line::selector(&log.selector, out);
    for item in &log.stages {
        out.push('\n');
        stage(item, level + 1, out);
    }
}

fn stage(stage: &Stage, level: usize, out: &mut String) {
    match &stage.kind {
        StageKind::LineFilters(filters) => line_filters(filters, level, out),
        // Loki forgets its indentation.
        StageKind::Decolorize => line::stage(stage, out),
        _ => {
            indent(level, out);
            line::stage(stage, out);
        }
    }
}

/// As many filters as fit stay on the first line, the others follow on a line each.
fn line_filters(filters: &[LineFilter], level: usize, out: &mut String) {
    let mut length = 0;
    let texts: Vec<String> = filters.iter().map(LineFilter::to_string).collect();
    let fitting = texts
        .iter()
        .take_while(|text| {
            length += text.len() + usize::from(length > 0);
            length <= MAX_LINE_BYTES
        })
        .count()
        .max(1);
    indent(level, out);
    let (first, others) = texts.split_at(fitting.min(texts.len()));
    out.push_str(&first.join(" "));
    for text in others {
        out.push('\n');
        indent(level, out);
        out.push_str(text);
    }
}

fn log_range(range: &LogRange, level: usize, out: &mut String) {
    log(&range.log, level, out);
    if let Some(unwrap) = &range.unwrap {
        out.push('\n');
        indent(level + 1, out);
        line::unwrap_label(unwrap, out);
        for filter in &unwrap.filters {
            out.push('\n');
            indent(level + 1, out);
            let _ = write!(out, "| {filter}");
        }
    }
    let _ = write!(out, " [{}]", go::format_prometheus_duration(range.range));
    if range.offset != 0 {
        let _ = write!(out, " offset {}", go::format_prometheus_duration(range.offset));
    }
}

// Metric expressions -------------------------------------------------------------------------------------------------

/// ` by (a, b)`
fn grouping(grouping: &Grouping, out: &mut String) {
    let labels = grouping.labels.join(", ");
    match (grouping.without, labels.is_empty()) {
        (false, true) => {}
        (false, false) => drop(write!(out, " by ({labels})")),
        (true, true) => out.push_str(" without"),
        (true, false) => drop(write!(out, " without ({labels})")),
    }
}

fn parameter(parameter: &Option<Literal>, level: usize, out: &mut String) {
    if let Some(parameter) = parameter {
        indent(level, out);
        let _ = writeln!(out, "{},", go::format_float(parameter.value));
    }
}

fn long_range_aggregation(aggregation: &RangeAggregation, level: usize, out: &mut String) {
    indent(level, out);
    let _ = writeln!(out, "{}(", word::range_op(aggregation.op));
    parameter(&aggregation.parameter, level + 1, out);
    log_range(&aggregation.range, level + 1, out);
    out.push('\n');
    indent(level, out);
    out.push(')');
    if let Some(labels) = &aggregation.grouping {
        grouping(labels, out);
    }
}

fn long_vector_aggregation(aggregation: &VectorAggregation, level: usize, out: &mut String) {
    indent(level, out);
    out.push_str(word::vector_op(aggregation.op));
    if let Some(labels) = &aggregation.grouping {
        grouping(labels, out);
    }
    out.push_str("(\n");
    parameter(&aggregation.parameter, level + 1, out);
    expr(&aggregation.operand, level + 1, out);
    out.push('\n');
    indent(level, out);
    out.push(')');
}

fn long_binary(binary: &Binary, level: usize, out: &mut String) {
    expr(&binary.left, level + 1, out);
    out.push('\n');
    indent(level, out);
    out.push_str(word::binary_op(binary.op));
    if binary.return_bool {
        out.push_str(" bool");
    }
    if let Some(matching) = &binary.matching {
        modifiers(matching, out);
    }
    out.push('\n');
    expr(&binary.right, level + 1, out);
}

/// The blank behind `on (a)` is Loki's, as is that `on ()` is not printed.
fn modifiers(matching: &Matching, out: &mut String) {
    if matching.labels.is_empty() {
        return;
    }
    let word = if matching.on { "on" } else { "ignoring" };
    let _ = write!(out, " {word} ({}) ", matching.labels.join(", "));
    if let Some(group) = &matching.group {
        out.push_str(if group.right { "group_right" } else { "group_left" });
        if !group.include.is_empty() {
            let _ = write!(out, " ({})", group.include.join(", "));
        }
    }
}

fn long_label_replace(replace: &LabelReplace, level: usize, out: &mut String) {
    indent(level, out);
    out.push_str("label_replace(\n");
    expr(&replace.operand, level + 1, out);
    for operand in [&replace.target, &replace.replacement, &replace.source, &replace.regex] {
        out.push_str(",\n");
        indent(level + 1, out);
        out.push_str(&quote(operand.as_bytes()));
    }
    out.push('\n');
    indent(level, out);
    out.push(')');
}

/// Never on one line.
fn variants(variants: &Variants, level: usize, out: &mut String) {
    indent(level, out);
    out.push_str("variants(\n");
    for (i, operand) in variants.operands.iter().enumerate() {
        if i > 0 {
            out.push_str(",\n");
        }
        expr(operand, level + 1, out);
    }
    out.push('\n');
    indent(level, out);
    out.push_str(") of (\n");
    log_range(&variants.range, level + 1, out);
    out.push('\n');
    indent(level, out);
    out.push(')');
}
