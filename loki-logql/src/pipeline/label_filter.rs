//! Label filters: `| a="b" and c>5s`.

use super::entry_labels::{ERROR, ERROR_DETAILS, EntryLabels};
use super::ip::IpPattern;
use super::names::{NameId, Names};
use crate::ast::{self, CompareOp, MatchOp};
use crate::go;
use crate::regex::{self, Test};

/// A compiled label filter.
#[derive(Debug)]
pub(super) enum LabelFilter {
    /// A condition on one label.
    Single(Condition),
    /// All hold. All are evaluated: an error that one sets may outlive its rejection.
    And(Vec<LabelFilter>),
    /// One holds. Those behind it are not evaluated.
    Or(Vec<LabelFilter>),
}

/// A condition on one label.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) name: NameId,
    subject: Subject,
    test: ValueTest,
}

/// What the name of a condition stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Label,
    /// The error field, for string conditions on `__error__`.
    Error,
    /// Nothing: string conditions do not see `__error_details__`.
    Nothing,
}

#[derive(Debug)]
enum ValueTest {
    Equals { text: Box<[u8]>, negated: bool },
    Matches { test: Test, negated: bool },
    Number { op: CompareOp, value: f64 },
    Duration { op: CompareOp, value: i64 },
    Bytes { op: CompareOp, value: u64 },
    Ip { pattern: IpPattern, negated: bool },
}

/// Deeper than anyone nests by hand.
const MAX_DEPTH: usize = 250;

impl LabelFilter {
    /// Compiles a label filter.
    pub(super) fn compile(filter: &ast::LabelFilter, names: &mut Names) -> Result<LabelFilter, String> {
        compile(filter, names, MAX_DEPTH)
    }

    /// Whether the entry is kept. A value that cannot be converted keeps it, with an error.
    pub(super) fn keeps(&self, labels: &mut EntryLabels) -> bool {
        match self {
            LabelFilter::Single(condition) => condition.keeps(labels),
            LabelFilter::And(all) => {
                let mut kept = true;
                for filter in all {
                    kept &= filter.keeps(labels);
                }
                kept
            }
            LabelFilter::Or(any) => any.iter().any(|filter| filter.keeps(labels)),
        }
    }

    /// The names that the filter reads.
    pub(super) fn names(&self, out: &mut Vec<NameId>) {
        match self {
            LabelFilter::Single(condition) => out.push(condition.name),
            LabelFilter::And(all) | LabelFilter::Or(all) => all.iter().for_each(|filter| filter.names(out)),
        }
    }
}

fn compile(filter: &ast::LabelFilter, names: &mut Names, depth: usize) -> Result<LabelFilter, String> {
    let is_and = match filter {
        ast::LabelFilter::And(..) => true,
        ast::LabelFilter::Or(..) => false,
        _ => return Condition::compile(filter, names).map(LabelFilter::Single),
    };
    if depth == 0 {
        return Err("label filter nests too deeply".to_string());
    }
    // Chains of one operator lean to the left and may be long: they are one level.
    let mut operands = Vec::new();
    let mut pending = vec![filter];
    while let Some(next) = pending.pop() {
        match (next, is_and) {
            (ast::LabelFilter::And(left, right), true) | (ast::LabelFilter::Or(left, right), false) => {
                pending.push(right);
                pending.push(left);
            }
            (operand, _) => operands.push(compile(operand, names, depth - 1)?),
        }
    }
    Ok(if is_and {
        LabelFilter::And(operands)
    } else {
        LabelFilter::Or(operands)
    })
}

impl Condition {
    /// Compiles a label filter that is no combination.
    pub(super) fn compile(filter: &ast::LabelFilter, names: &mut Names) -> Result<Condition, String> {
        let (name, test) = match filter {
            ast::LabelFilter::String(matcher) => (&matcher.name, string_test(matcher)?),
            ast::LabelFilter::Number { name, op, value } => (name, ValueTest::Number { op: *op, value: *value }),
            ast::LabelFilter::Duration { name, op, value } => (name, ValueTest::Duration { op: *op, value: *value }),
            ast::LabelFilter::Bytes { name, op, value } => (name, ValueTest::Bytes { op: *op, value: *value }),
            ast::LabelFilter::Ip { name, negated, pattern } => (
                name,
                ValueTest::Ip {
                    pattern: IpPattern::parse(&pattern.to_str())?,
                    negated: *negated,
                },
            ),
            ast::LabelFilter::And(..) | ast::LabelFilter::Or(..) => {
                unreachable!("combinations are taken apart by the caller")
            }
        };
        let is_string = matches!(test, ValueTest::Equals { .. } | ValueTest::Matches { .. });
        let subject = match name.as_str() {
            ERROR if is_string => Subject::Error,
            ERROR_DETAILS if is_string => Subject::Nothing,
            _ => Subject::Label,
        };
        Ok(Condition {
            name: names.intern(name),
            subject,
            test,
        })
    }

    /// Whether the condition can hold for some values and not for others; one that is always true needs no label.
    pub(super) fn is_trivial(&self) -> bool {
        matches!(
            self.test,
            ValueTest::Matches {
                test: Test::True,
                negated: false
            }
        )
    }

    fn keeps(&self, labels: &mut EntryLabels) -> bool {
        let value = match self.subject {
            Subject::Label => labels.value(self.name),
            Subject::Error => Some(labels.error()),
            Subject::Nothing => None,
        };
        let Some(value) = value else {
            return match &self.test {
                ValueTest::Equals { .. } | ValueTest::Matches { .. } => self.test.holds("").unwrap_or(false),
                ValueTest::Ip { .. } => labels.has_error(),
                _ => false,
            };
        };
        if matches!(self.test, ValueTest::Ip { .. }) && labels.has_error() {
            return true;
        }
        match self.test.holds(value) {
            Ok(holds) => holds,
            Err(details) => {
                if !labels.has_error() {
                    labels.set_error("LabelFilterErr", Some(&details));
                }
                true
            }
        }
    }

    /// Whether a label that was just extracted excludes the entry already.
    pub(super) fn excludes(&self, labels: &EntryLabels) -> bool {
        let value = labels.value(self.name).unwrap_or_default();
        self.subject == Subject::Label && matches!(self.test.holds(value), Ok(false))
    }
}

fn string_test(matcher: &ast::Matcher) -> Result<ValueTest, String> {
    let negated = matches!(matcher.op, MatchOp::NotEqual | MatchOp::NotRegex);
    Ok(match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => ValueTest::Equals {
            text: matcher.value.as_bytes().into(),
            negated,
        },
        MatchOp::Regex | MatchOp::NotRegex => ValueTest::Matches {
            test: Test::for_label(regex::text(matcher.value.as_bytes())?)?,
            negated,
        },
    })
}

impl ValueTest {
    /// Whether the test holds for a value; an error where the value is not of its kind.
    fn holds(&self, value: &str) -> Result<bool, String> {
        Ok(match self {
            ValueTest::Equals { text, negated } => (value.as_bytes() == &**text) != *negated,
            ValueTest::Matches { test, negated } => test.matches(value.as_bytes()) != *negated,
            ValueTest::Number { op, value: operand } => compare(*op, &go::parse_float(value)?, operand),
            ValueTest::Duration { op, value: operand } => compare(*op, &go::parse_duration(value)?, operand),
            ValueTest::Bytes { op, value: operand } => compare(*op, &go::parse_size(value)?, operand),
            ValueTest::Ip { pattern, negated } => pattern.is_found(value.as_bytes()) != *negated,
        })
    }
}

fn compare<T: PartialOrd>(op: CompareOp, value: &T, operand: &T) -> bool {
    match op {
        CompareOp::Equal => value == operand,
        CompareOp::NotEqual => value != operand,
        CompareOp::Greater => value > operand,
        CompareOp::GreaterOrEqual => value >= operand,
        CompareOp::Less => value < operand,
        CompareOp::LessOrEqual => value <= operand,
    }
}
