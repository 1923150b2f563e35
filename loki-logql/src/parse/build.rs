//! Constructors of nodes that the grammar's actions call.

use super::Failure;
use super::chain::Node;
use super::filter::FilterChain;
use crate::ast::*;
use crate::lexer::Token;
use crate::{Error, Span, Text, check, go};
use lalrpop_util::ParseError;

/// What an action that can fail answers.
pub(crate) type Fallible<'q, T> = Result<T, ParseError<usize, Token<'q>, Failure>>;

pub(crate) fn span(start: usize, end: usize) -> Span {
    Span::new(start, end)
}

/// Where an expression stands.
pub(crate) fn expr_span(expr: &Expr) -> Span {
    match expr {
        Expr::Log(e) => e.span,
        Expr::Range(e) => e.span,
        Expr::Vector(e) => e.span,
        Expr::Binary(e) => e.span,
        Expr::Literal(e) | Expr::VectorLiteral(e) => e.span,
        Expr::LabelReplace(e) => e.span,
        Expr::Variants(e) => e.span,
    }
}

/// A log expression that is being written, and its window if the range came first.
#[derive(Debug)]
pub(crate) struct LogDraft {
    pub(crate) log: LogExpr,
    window: (i64, i64),
}

impl LogDraft {
    pub(crate) fn new(selector: Selector) -> LogDraft {
        let span = selector.span;
        let stages = Vec::new();
        LogDraft {
            log: LogExpr { selector, stages, span },
            window: (0, 0),
        }
    }

    pub(crate) fn with_window(self, window: (i64, i64)) -> LogDraft {
        LogDraft { window, ..self }
    }

    pub(crate) fn stage(mut self, kind: StageKind, start: usize, end: usize) -> LogDraft {
        let span = span(start, end);
        self.log.stages.push(Stage { kind, span });
        self.log.span.end = end;
        self
    }

    /// Adds a line filter, to the stage before if that is one of line filters.
    pub(crate) fn line_filter(self, op: LineFilterOp, operand: LineOperand, start: usize, end: usize) -> LogDraft {
        let filter = LineFilter {
            op,
            operands: vec![operand],
            span: span(start, end),
        };
        let mut draft = self;
        draft.log.span.end = end;
        match draft.log.stages.last_mut() {
            Some(Stage {
                kind: StageKind::LineFilters(filters),
                span,
            }) => {
                filters.push(filter);
                span.end = end;
                draft
            }
            _ => draft.stage(StageKind::LineFilters(vec![filter]), start, end),
        }
    }

    /// Adds an operand to the last line filter.
    pub(crate) fn alternative(mut self, operand: LineOperand, end: usize) -> LogDraft {
        if let Some(stage) = self.log.stages.last_mut()
            && let StageKind::LineFilters(filters) = &mut stage.kind
            && let Some(filter) = filters.last_mut()
        {
            filter.operands.push(operand);
            filter.span.end = end;
            stage.span.end = end;
        }
        self.log.span.end = end;
        self
    }

    pub(crate) fn label_filter<'q>(self, chain: FilterChain, start: usize, end: usize) -> Fallible<'q, LogDraft> {
        let (filter, _) = chain.fold()?;
        Ok(self.stage(StageKind::LabelFilter(filter), start, end))
    }

    /// The log range, the window of which was read before the pipeline.
    pub(crate) fn ranged(self, start: usize, end: usize) -> LogRange {
        RangedDraft::from(self).ranged(start, end)
    }
}

/// A log expression with an unwrap that is being written.
#[derive(Debug)]
pub(crate) struct RangedDraft {
    draft: LogDraft,
    unwrap: Option<Unwrap>,
}

impl From<LogDraft> for RangedDraft {
    fn from(draft: LogDraft) -> RangedDraft {
        RangedDraft { draft, unwrap: None }
    }
}

impl RangedDraft {
    pub(crate) fn new(draft: LogDraft, unwrap: Unwrap) -> RangedDraft {
        let unwrap = Some(unwrap);
        RangedDraft { draft, unwrap }
    }

    /// Adds a label filter behind the unwrap.
    pub(crate) fn filter<'q>(mut self, chain: FilterChain, end: usize) -> Fallible<'q, RangedDraft> {
        let (filter, _) = chain.fold()?;
        if let Some(unwrap) = &mut self.unwrap {
            unwrap.filters.push(filter);
            unwrap.span.end = end;
        }
        Ok(self)
    }

    /// The log range with a window that was read behind it.
    pub(crate) fn range(self, window: (i64, i64), start: usize, end: usize) -> LogRange {
        let (range, offset) = window;
        LogRange {
            log: self.draft.log,
            unwrap: self.unwrap,
            range,
            offset,
            span: span(start, end),
        }
    }

    /// The log range, the window of which was read before the pipeline.
    pub(crate) fn ranged(self, start: usize, end: usize) -> LogRange {
        let window = self.draft.window;
        self.range(window, start, end)
    }
}

pub(crate) fn unwrap(label: &str, conversion: Option<Conversion>, start: usize, end: usize) -> Unwrap {
    Unwrap {
        label: label.to_owned(),
        conversion,
        filters: Vec::new(),
        span: span(start, end),
    }
}

pub(crate) fn matcher<'q>(name: &str, op: MatchOp, value: Text, start: usize, end: usize) -> Fallible<'q, Matcher> {
    let span = span(start, end);
    if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
        check::regex(&value.to_str()).map_err(|message| refuse(message, span))?;
    }
    let name = name.to_owned();
    Ok(Matcher { name, op, value, span })
}

pub(crate) fn regexp<'q>(regex: Text, start: usize, end: usize) -> Fallible<'q, StageKind> {
    let place = span(start, end);
    check::regexp_stage(&regex.to_str())
        .map_err(|message| refuse(format!("invalid regexp parser: {message}"), place))?;
    Ok(StageKind::Regexp(regex))
}

pub(crate) fn pattern<'q>(pattern: Text, start: usize, end: usize) -> Fallible<'q, StageKind> {
    let place = span(start, end);
    check::pattern_stage(&pattern.to_str())
        .map_err(|message| refuse(format!("invalid pattern parser: {message}"), place))?;
    Ok(StageKind::Pattern(pattern))
}

fn refuse(message: String, span: Span) -> Failure {
    Error::invalid(message).at(span).into()
}

/// `flags` are true for `--strict`.
pub(crate) fn logfmt(flags: Vec<bool>, extractions: Vec<Extraction>) -> StageKind {
    StageKind::Logfmt {
        strict: flags.contains(&true),
        keep_empty: flags.contains(&false),
        extractions,
    }
}

pub(crate) fn extraction(name: &str, path: Option<Text>, start: usize, end: usize) -> Extraction {
    Extraction {
        name: name.to_owned(),
        path: path.unwrap_or_else(|| Text::from(name)),
        span: span(start, end),
    }
}

pub(crate) fn label_format(target: &str, value: LabelFormatValue, start: usize, end: usize) -> LabelFormat {
    LabelFormat {
        target: target.to_owned(),
        value,
        span: span(start, end),
    }
}

pub(crate) fn ip_filter(name: &str, negated: bool, pattern: Text) -> (LabelFilter, usize) {
    let name = name.to_owned();
    (LabelFilter::Ip { name, negated, pattern }, 1)
}

/// The value of a number in a label filter. What is no float to Go counts as far as Go reads it: `0x10` as 0, `1e400`
/// as infinity.
pub(crate) fn filter_number(text: &str) -> f64 {
    go::parse_float_or_value(text)
}

/// A literal; checks refuse it later if Go does not read its text as a float.
pub(crate) fn literal(text: &str, start: usize, end: usize) -> Literal {
    Literal {
        value: go::parse_float_or_value(text),
        text: text.to_owned(),
        span: span(start, end),
    }
}

/// A list and one more item.
pub(crate) fn pushed<T>(list: Option<Vec<T>>, item: T) -> Vec<T> {
    let mut list = list.unwrap_or_default();
    list.push(item);
    list
}

pub(crate) fn group(matching: Matching, right: bool, include: Vec<String>) -> Matching {
    let group = Some(MatchGroup { right, include });
    Matching { group, ..matching }
}

pub(crate) fn vector_aggregation<'q>(
    op: VectorOp,
    parameter: Option<Literal>,
    grouping: Option<Grouping>,
    operand: Node,
    start: usize,
    end: usize,
) -> Fallible<'q, Node> {
    let expr = Expr::Vector(VectorAggregation {
        op,
        parameter,
        grouping,
        operand: Box::new(operand.expr),
        span: span(start, end),
    });
    Ok(Node::above(operand.depth, expr)?)
}

/// `texts` are target, replacement, source and regex.
pub(crate) fn label_replace<'q>(operand: Node, texts: [Text; 4], start: usize, end: usize) -> Fallible<'q, Node> {
    let [target, replacement, source, regex] = texts;
    let expr = Expr::LabelReplace(LabelReplace {
        operand: Box::new(operand.expr),
        target,
        replacement,
        source,
        regex,
        span: span(start, end),
    });
    Ok(Node::above(operand.depth, expr)?)
}

pub(crate) fn variants(before: Vec<Node>, last: Node, range: LogRange, start: usize, end: usize) -> Variants {
    let operands = before.into_iter().chain([last]).map(|node| node.expr).collect();
    Variants {
        operands,
        range,
        span: span(start, end),
    }
}
