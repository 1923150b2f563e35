//! The regular expressions of a query may not be too large together: each of them may be some megabytes, and a query has
//! room for thousands.

use crate::Error;
use crate::ast::*;
use crate::regex::weight;
use crate::template::Template;
use crate::visit::{self, Visitor};

/// The most states that the expressions of a query may have, as [`weight`] counts them: some tens of megabytes.
const MAX_WEIGHT: u64 = 2_000_000;

/// Refuses a query whose expressions are too large together.
pub(super) fn regexes(query: &Expr) -> Result<(), Error> {
    let mut weights = Weights::default();
    weights.visit_expr(query);
    if weights.0 <= MAX_WEIGHT {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the regular expressions of the query have some {} states together, more than the limit of {MAX_WEIGHT}",
        weights.0
    )))
}

/// The sum of what was seen.
#[derive(Default)]
struct Weights(u64);

impl Weights {
    fn add(&mut self, weight: u64) {
        self.0 = self.0.saturating_add(weight);
    }

    fn template(&mut self, name: &str, text: &[u8]) {
        if let Ok(template) = Template::parse(name, text) {
            self.add(template.regex_weight());
        }
    }
}

impl Visitor for Weights {
    fn visit_expr(&mut self, expr: &Expr) {
        if let Expr::LabelReplace(replace) = expr {
            self.add(weight(&replace.regex.to_str()));
        }
        visit::walk_expr(self, expr);
    }

    fn visit_matcher(&mut self, matcher: &Matcher) {
        if matches!(matcher.op, MatchOp::Regex | MatchOp::NotRegex) {
            self.add(weight(&matcher.value.to_str()));
        }
    }

    fn visit_line_filter(&mut self, filter: &LineFilter) {
        if !matches!(filter.op, LineFilterOp::Regex | LineFilterOp::NotRegex) {
            return;
        }
        for operand in &filter.operands {
            if let LineOperand::Text(text) = operand {
                self.add(weight(&text.to_str()));
            }
        }
    }

    fn visit_stage(&mut self, stage: &Stage) {
        match &stage.kind {
            StageKind::Regexp(pattern) => self.add(weight(&pattern.to_str())),
            StageKind::LineFormat(template) => self.template("line", template.as_bytes()),
            StageKind::LabelFormat(operations) => {
                for operation in operations {
                    if let LabelFormatValue::Template(text) = &operation.value {
                        self.template("label", text.as_bytes());
                    }
                }
            }
            _ => {}
        }
        visit::walk_stage(self, stage);
    }
}
