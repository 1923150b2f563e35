//! A query on one line.
//!
//! Everything is appended to one string by plain functions, not through `fmt::Formatter`: a tree as deep as the parser
//! lets it be is printed in little stack.

use super::word;
use crate::ast::*;
use crate::quote::quote;
use crate::regex::Test;
use crate::{Text, go};
use std::fmt::{self, Write as _};

/// `Display` of a node is its canonical text on one line.
macro_rules! display {
    ($($node:ty => $print:path,)*) => {$(
        impl fmt::Display for $node {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut out = String::new();
                $print(self, &mut out);
                f.write_str(&out)
            }
        }
    )*};
}

display! {
    Expr => expr,
    LogExpr => log,
    Selector => selector,
    Matcher => matcher,
    Stage => stage,
    StageKind => stage_kind,
    LineFilter => line_filter,
    LabelFilter => label_filter,
    LogRange => log_range,
    Unwrap => unwrap,
    RangeAggregation => range_aggregation,
    VectorAggregation => vector_aggregation,
    Binary => binary,
    Literal => literal,
    LabelReplace => label_replace,
    Variants => variants,
}

pub(super) fn expr(expr: &Expr, out: &mut String) {
    match expr {
        Expr::Log(e) => log(e, out),
        Expr::Range(e) => range_aggregation(e, out),
        Expr::Vector(e) => vector_aggregation(e, out),
        Expr::Binary(e) => binary(e, out),
        Expr::Literal(e) => literal(e, out),
        Expr::VectorLiteral(e) => drop(write!(out, "vector({:.6})", e.value)),
        Expr::LabelReplace(e) => label_replace(e, out),
        Expr::Variants(e) => variants(e, out),
    }
}

fn literal(literal: &Literal, out: &mut String) {
    out.push_str(&go::format_general(literal.value));
}

/// Prints `items` with `separator` between them.
fn separated<T>(items: &[T], separator: &str, out: &mut String, print: impl Fn(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        print(item, out);
    }
}

pub(super) fn text(text: &Text, out: &mut String) {
    out.push_str(&quote(text.as_bytes()));
}

// Log expressions ----------------------------------------------------------------------------------------------------

pub(super) fn log(log: &LogExpr, out: &mut String) {
    selector(&log.selector, out);
    for item in &log.stages {
        out.push(' ');
        stage(item, out);
    }
}

pub(super) fn selector(selector: &Selector, out: &mut String) {
    out.push('{');
    separated(&selector.matchers, ", ", out, matcher);
    out.push('}');
}

fn matcher(matcher: &Matcher, out: &mut String) {
    label_name(&matcher.name, out);
    out.push_str(word::match_op(matcher.op));
    text(&matcher.value, out);
}

/// A label name; quoted if Prometheus would not take it.
fn label_name(name: &str, out: &mut String) {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        out.push_str(name);
    } else {
        out.push_str(&quote(name.as_bytes()));
    }
}

pub(super) fn stage(stage: &Stage, out: &mut String) {
    stage_kind(&stage.kind, out);
}

fn stage_kind(kind: &StageKind, out: &mut String) {
    match kind {
        StageKind::LineFilters(filters) => separated(filters, " ", out, line_filter),
        StageKind::Json { extractions } => {
            out.push_str("| json");
            extraction_list(extractions, out);
        }
        StageKind::Logfmt {
            strict,
            keep_empty,
            extractions,
        } => {
            out.push_str("| logfmt");
            if *strict {
                out.push_str(" --strict");
            }
            if *keep_empty {
                out.push_str(" --keep-empty");
            }
            extraction_list(extractions, out);
        }
        StageKind::Regexp(regex) => word_and_text("| regexp ", regex, out),
        StageKind::Pattern(pattern) => word_and_text("| pattern ", pattern, out),
        StageKind::Unpack => out.push_str("| unpack"),
        StageKind::Decolorize => out.push_str("| decolorize"),
        StageKind::LineFormat(template) => word_and_text("| line_format ", template, out),
        StageKind::LabelFormat(formats) => {
            out.push_str("| label_format ");
            separated(formats, ",", out, label_format);
        }
        StageKind::Drop(selections) => {
            out.push_str("| drop ");
            separated(selections, ",", out, label_selection);
        }
        StageKind::Keep(selections) => {
            out.push_str("| keep ");
            separated(selections, ",", out, label_selection);
        }
        StageKind::LabelFilter(filter) => {
            out.push_str("| ");
            label_filter(filter, out);
        }
    }
}

fn word_and_text(word: &str, operand: &Text, out: &mut String) {
    out.push_str(word);
    text(operand, out);
}

fn extraction_list(extractions: &[Extraction], out: &mut String) {
    if !extractions.is_empty() {
        out.push(' ');
    }
    separated(extractions, ",", out, |extraction, out| {
        out.push_str(&extraction.name);
        out.push('=');
        text(&extraction.path, out);
    });
}

fn label_format(format: &LabelFormat, out: &mut String) {
    out.push_str(&format.target);
    out.push('=');
    match &format.value {
        LabelFormatValue::Rename(source) => out.push_str(source),
        LabelFormatValue::Template(template) => text(template, out),
    }
}

fn label_selection(selection: &LabelSelection, out: &mut String) {
    match selection {
        LabelSelection::Name(name) => out.push_str(name),
        LabelSelection::Matcher(condition) => matcher(condition, out),
    }
}

/// Alternatives of a negative filter are printed as filters of their own: none of them may occur.
pub(super) fn line_filter(filter: &LineFilter, out: &mut String) {
    let op = word::line_filter_op(filter.op);
    let is_negative = matches!(
        filter.op,
        LineFilterOp::NotContains | LineFilterOp::NotRegex | LineFilterOp::NotPattern
    );
    for (i, operand) in filter.operands.iter().enumerate() {
        match (i, is_negative) {
            (0, _) => out.push_str(op),
            (_, true) => drop(write!(out, " {op}")),
            (_, false) => out.push_str(" or"),
        }
        match operand {
            LineOperand::Text(operand) => word_and_text(" ", operand, out),
            LineOperand::Ip(pattern) => drop(write!(out, " ip({})", quote(pattern.as_bytes()))),
        }
    }
}

fn label_filter(filter: &LabelFilter, out: &mut String) {
    match filter {
        LabelFilter::String(condition) => string_filter(condition, out),
        LabelFilter::Number { name, op, value } => comparison(name, *op, &go::format_float(*value), out),
        LabelFilter::Duration { name, op, value } => comparison(name, *op, &go::format_duration(*value), out),
        LabelFilter::Bytes { name, op, value } => comparison(name, *op, &go::format_size(*value), out),
        LabelFilter::Ip { name, negated, pattern } => {
            let op = if *negated { "!=" } else { "=" };
            let _ = write!(out, "{name}{op}ip({})", quote(pattern.as_bytes()));
        }
        LabelFilter::And(left, right) => joined(left, " , ", right, out),
        LabelFilter::Or(left, right) => joined(left, " or ", right, out),
    }
}

fn joined(left: &LabelFilter, joint: &str, right: &LabelFilter, out: &mut String) {
    out.push_str("( ");
    label_filter(left, out);
    out.push_str(joint);
    label_filter(right, out);
    out.push_str(" )");
}

fn comparison(name: &str, op: CompareOp, operand: &str, out: &mut String) {
    out.push_str(name);
    out.push_str(word::compare_op(op));
    out.push_str(operand);
}

/// Backticks tell that Loki runs a regular expression as such and not as tests of strings.
fn string_filter(condition: &Matcher, out: &mut String) {
    let value = condition.value.to_str();
    let is_raw = condition.op == MatchOp::Regex
        && !value.contains('`')
        && Test::for_label(&value).is_ok_and(|test| test.is_regex());
    if is_raw {
        let _ = write!(out, "{}=~`{value}`", condition.name);
    } else {
        matcher(condition, out);
    }
}

// Metric expressions -------------------------------------------------------------------------------------------------

fn log_range(range: &LogRange, out: &mut String) {
    log(&range.log, out);
    if let Some(conversion) = &range.unwrap {
        out.push(' ');
        unwrap(conversion, out);
    }
    let _ = write!(out, "[{}]", go::format_prometheus_duration(range.range));
    if range.offset != 0 {
        let _ = write!(out, " offset {}", go::format_duration(range.offset));
    }
}

fn unwrap(unwrap: &Unwrap, out: &mut String) {
    unwrap_label(unwrap, out);
    for filter in &unwrap.filters {
        out.push_str(" | ");
        label_filter(filter, out);
    }
}

/// An unwrap without its filters.
pub(super) fn unwrap_label(unwrap: &Unwrap, out: &mut String) {
    match unwrap.conversion {
        Some(conversion) => drop(write!(
            out,
            "| unwrap {}({})",
            word::conversion(conversion),
            unwrap.label
        )),
        None => drop(write!(out, "| unwrap {}", unwrap.label)),
    }
}

fn range_aggregation(aggregation: &RangeAggregation, out: &mut String) {
    out.push_str(word::range_op(aggregation.op));
    out.push('(');
    if let Some(parameter) = &aggregation.parameter {
        out.push_str(&go::format_float(parameter.value));
        out.push(',');
    }
    log_range(&aggregation.range, out);
    out.push(')');
    if let Some(labels) = &aggregation.grouping {
        grouping(labels, out);
    }
}

/// ` by (a,b)`. Grouping by nothing is not printed.
fn grouping(grouping: &Grouping, out: &mut String) {
    match (grouping.without, grouping.labels.join(",")) {
        (false, labels) if labels.is_empty() => {}
        (false, labels) => drop(write!(out, " by ({labels})")),
        (true, labels) => drop(write!(out, " without ({labels})")),
    }
}

fn vector_aggregation(aggregation: &VectorAggregation, out: &mut String) {
    out.push_str(word::vector_op(aggregation.op));
    if let Some(labels) = &aggregation.grouping {
        grouping(labels, out);
    }
    out.push('(');
    if let Some(parameter) = &aggregation.parameter {
        out.push_str(&go::format_float(parameter.value));
        out.push(',');
    }
    expr(&aggregation.operand, out);
    out.push(')');
}

fn binary(binary: &Binary, out: &mut String) {
    out.push('(');
    expr(&binary.left, out);
    let _ = write!(out, " {}", word::binary_op(binary.op));
    if binary.return_bool {
        out.push_str(" bool");
    }
    if let Some(matching) = &binary.matching {
        modifiers(matching, out);
    }
    out.push(' ');
    expr(&binary.right, out);
    out.push(')');
}

/// The second blank between `on (a)` and the right operand is Loki's.
fn modifiers(matching: &Matching, out: &mut String) {
    if !matching.on && matching.labels.is_empty() {
        return;
    }
    let word = if matching.on { "on" } else { "ignoring" };
    let _ = write!(out, " {word} ({}) ", matching.labels.join(","));
    if let Some(group) = &matching.group {
        out.push_str(if group.right { "group_right" } else { "group_left" });
        if !group.include.is_empty() {
            let _ = write!(out, " ({})", group.include.join(","));
        }
    }
}

fn label_replace(replace: &LabelReplace, out: &mut String) {
    out.push_str("label_replace(");
    expr(&replace.operand, out);
    for operand in [&replace.target, &replace.replacement, &replace.source, &replace.regex] {
        word_and_text(",", operand, out);
    }
    out.push(')');
}

fn variants(variants: &Variants, out: &mut String) {
    out.push_str("variants(");
    separated(&variants.operands, ", ", out, expr);
    out.push_str(") of (");
    log_range(&variants.range, out);
    out.push(')');
}
