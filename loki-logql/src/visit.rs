//! Walks over the syntax tree, for linters, editors and rewriters.
//!
//! [`Visitor`] has a method for each kind of node; each by default goes on to the nodes inside, in the order in which
//! they are written. Override those of interest and call the `walk_` function of the same name to go on.
//!
//! # Examples
//!
//! How many stages of a query parse lines:
//!
//! ```
//! use loki_logql::ast::{Stage, StageKind};
//! use loki_logql::visit::{self, Visitor};
//!
//! #[derive(Default)]
//! struct Parsers(usize);
//!
//! impl Visitor for Parsers {
//!     fn visit_stage(&mut self, stage: &Stage) {
//!         if matches!(stage.kind, StageKind::Json { .. } | StageKind::Logfmt { .. }) {
//!             self.0 += 1;
//!         }
//!         visit::walk_stage(self, stage);
//!     }
//! }
//!
//! let query = loki_logql::parse(r#"rate({app="x"} | json | status>=500 [5m]) / rate({app="x"} | logfmt [5m])"#)?;
//! let mut parsers = Parsers::default();
//! parsers.visit_expr(&query);
//! assert_eq!(parsers.0, 2);
//! # Ok::<(), loki_logql::Error>(())
//! ```

use crate::ast::*;

/// A walk over a tree; see the [module](self).
pub trait Visitor {
    /// Visits a query or an operand.
    fn visit_expr(&mut self, expr: &Expr) {
        walk_expr(self, expr);
    }

    /// Visits a selector and its pipeline.
    fn visit_log(&mut self, log: &LogExpr) {
        walk_log(self, log);
    }

    /// Visits a stream selector.
    fn visit_selector(&mut self, selector: &Selector) {
        walk_selector(self, selector);
    }

    /// Visits a condition of a selector, of a label filter, of `drop` or of `keep`.
    fn visit_matcher(&mut self, _matcher: &Matcher) {}

    /// Visits a stage of a pipeline.
    fn visit_stage(&mut self, stage: &Stage) {
        walk_stage(self, stage);
    }

    /// Visits a line filter.
    fn visit_line_filter(&mut self, _filter: &LineFilter) {}

    /// Visits a label filter, joined or single.
    fn visit_label_filter(&mut self, filter: &LabelFilter) {
        walk_label_filter(self, filter);
    }

    /// Visits the argument of a range aggregation.
    fn visit_log_range(&mut self, range: &LogRange) {
        walk_log_range(self, range);
    }

    /// Visits an unwrap.
    fn visit_unwrap(&mut self, unwrap: &Unwrap) {
        walk_unwrap(self, unwrap);
    }

    /// Visits the grouping of an aggregation.
    fn visit_grouping(&mut self, _grouping: &Grouping) {}

    /// Visits how the samples of two vectors find each other.
    fn visit_matching(&mut self, _matching: &Matching) {}

    /// Visits a number: an operand, a parameter, the argument of `vector`.
    fn visit_literal(&mut self, _literal: &Literal) {}
}

/// Visits what is inside of an expression.
pub fn walk_expr<V: Visitor + ?Sized>(visitor: &mut V, expr: &Expr) {
    match expr {
        Expr::Log(log) => visitor.visit_log(log),
        Expr::Range(aggregation) => {
            aggregation.parameter.iter().for_each(|p| visitor.visit_literal(p));
            visitor.visit_log_range(&aggregation.range);
            aggregation.grouping.iter().for_each(|g| visitor.visit_grouping(g));
        }
        Expr::Vector(aggregation) => {
            aggregation.grouping.iter().for_each(|g| visitor.visit_grouping(g));
            aggregation.parameter.iter().for_each(|p| visitor.visit_literal(p));
            visitor.visit_expr(&aggregation.operand);
        }
        Expr::Binary(binary) => {
            visitor.visit_expr(&binary.left);
            binary.matching.iter().for_each(|m| visitor.visit_matching(m));
            visitor.visit_expr(&binary.right);
        }
        Expr::Literal(literal) | Expr::VectorLiteral(literal) => visitor.visit_literal(literal),
        Expr::LabelReplace(replace) => visitor.visit_expr(&replace.operand),
        Expr::Variants(variants) => {
            variants.operands.iter().for_each(|operand| visitor.visit_expr(operand));
            visitor.visit_log_range(&variants.range);
        }
    }
}

/// Visits the selector and the stages of a log expression.
pub fn walk_log<V: Visitor + ?Sized>(visitor: &mut V, log: &LogExpr) {
    visitor.visit_selector(&log.selector);
    log.stages.iter().for_each(|stage| visitor.visit_stage(stage));
}

/// Visits the matchers of a selector.
pub fn walk_selector<V: Visitor + ?Sized>(visitor: &mut V, selector: &Selector) {
    selector
        .matchers
        .iter()
        .for_each(|matcher| visitor.visit_matcher(matcher));
}

/// Visits the filters and matchers of a stage.
pub fn walk_stage<V: Visitor + ?Sized>(visitor: &mut V, stage: &Stage) {
    match &stage.kind {
        StageKind::LineFilters(filters) => filters.iter().for_each(|filter| visitor.visit_line_filter(filter)),
        StageKind::LabelFilter(filter) => visitor.visit_label_filter(filter),
        StageKind::Drop(selections) | StageKind::Keep(selections) => {
            for selection in selections {
                if let LabelSelection::Matcher(matcher) = selection {
                    visitor.visit_matcher(matcher);
                }
            }
        }
        StageKind::Json { .. }
        | StageKind::Logfmt { .. }
        | StageKind::Regexp(_)
        | StageKind::Pattern(_)
        | StageKind::Unpack
        | StageKind::Decolorize
        | StageKind::LineFormat(_)
        | StageKind::LabelFormat(_) => {}
    }
}

/// Visits the operands of a joined label filter, or the matcher of a comparison of strings.
pub fn walk_label_filter<V: Visitor + ?Sized>(visitor: &mut V, filter: &LabelFilter) {
    match filter {
        LabelFilter::String(matcher) => visitor.visit_matcher(matcher),
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            visitor.visit_label_filter(left);
            visitor.visit_label_filter(right);
        }
        LabelFilter::Number { .. }
        | LabelFilter::Duration { .. }
        | LabelFilter::Bytes { .. }
        | LabelFilter::Ip { .. } => {}
    }
}

/// Visits the log expression and the unwrap of a log range.
pub fn walk_log_range<V: Visitor + ?Sized>(visitor: &mut V, range: &LogRange) {
    visitor.visit_log(&range.log);
    range.unwrap.iter().for_each(|unwrap| visitor.visit_unwrap(unwrap));
}

/// Visits the label filters behind an unwrap.
pub fn walk_unwrap<V: Visitor + ?Sized>(visitor: &mut V, unwrap: &Unwrap) {
    unwrap
        .filters
        .iter()
        .for_each(|filter| visitor.visit_label_filter(filter));
}
