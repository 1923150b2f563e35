//! Line filters: `|= != |~ !~ |> !>`.

use super::ip::IpPattern;
use super::pattern_filter::PatternFilter;
use crate::ast::{self, LineFilterOp, LineOperand};
use crate::regex::{self, Test};
use crate::source::{LineClause, Literal, Needle};
use memchr::memmem;

/// A compiled line filter: keeps the lines on which `test` is not `negated`.
#[derive(Debug)]
pub(super) struct LineFilter {
    pub(super) test: LineTest,
    pub(super) negated: bool,
}

/// What a line filter asks of a line.
#[derive(Debug)]
pub(super) enum LineTest {
    /// Nothing.
    True,
    /// A substring.
    Contains(Box<memmem::Finder<'static>>),
    /// A regular expression, or what stands for it.
    Regex(Test),
    /// A pattern of literals and wildcards.
    Pattern(PatternFilter),
    /// An address.
    Ip(IpPattern),
    /// One of several, none of which is `True`.
    Any(Vec<LineTest>),
}

impl LineFilter {
    /// Compiles a filter. The alternatives of a negative one are filters of their own.
    pub(super) fn compile(filter: &ast::LineFilter) -> Result<Vec<LineFilter>, String> {
        let negated = matches!(
            filter.op,
            LineFilterOp::NotContains | LineFilterOp::NotRegex | LineFilterOp::NotPattern
        );
        let tests = filter
            .operands
            .iter()
            .map(|operand| LineTest::compile(filter.op, operand))
            .collect::<Result<Vec<_>, _>>()?;
        let tests = if negated { tests } else { vec![LineTest::any(tests)] };
        Ok(tests.into_iter().map(|test| LineFilter { test, negated }).collect())
    }

    /// Whether the line is kept.
    pub(super) fn keeps(&self, line: &[u8]) -> bool {
        self.test.is_match(line) != self.negated
    }

    /// Whether every line is kept.
    pub(super) fn keeps_all(&self) -> bool {
        matches!(self.test, LineTest::True) && !self.negated
    }

    /// What is known of a kept line, as clauses that all hold; and whether no other line passes them.
    pub(super) fn clauses(&self, out: &mut Vec<LineClause>) -> bool {
        let clause = |needles| LineClause {
            needles,
            negated: self.negated,
        };
        if let Some(needles) = self.test.needles() {
            out.push(clause(needles));
            return true;
        }
        if !self.negated {
            let groups = self.test.literals().into_iter();
            out.extend(groups.map(|group| clause(group.iter().map(needle).collect())));
        }
        false
    }

    /// What is known of a kept line: an AND of ORs of substrings.
    pub(super) fn literals(&self, out: &mut Vec<Vec<Literal>>) {
        if !self.negated {
            out.extend(self.test.literals());
        }
    }
}

impl LineTest {
    fn compile(op: LineFilterOp, operand: &LineOperand) -> Result<LineTest, String> {
        let text = match (operand, op) {
            (LineOperand::Ip(pattern), LineFilterOp::Contains | LineFilterOp::NotContains) => {
                return IpPattern::parse(&pattern.to_str()).map(LineTest::Ip);
            }
            (LineOperand::Ip(_), _) => return Err("ip: invalid operation".to_string()),
            (LineOperand::Text(text), _) => text,
        };
        match op {
            LineFilterOp::Contains | LineFilterOp::NotContains => Ok(LineTest::contains(text.as_bytes())),
            LineFilterOp::Regex | LineFilterOp::NotRegex => {
                Test::for_line(regex::text(text.as_bytes())?).map(LineTest::regex)
            }
            LineFilterOp::Pattern | LineFilterOp::NotPattern => {
                PatternFilter::new(text.as_bytes()).map(LineTest::Pattern)
            }
        }
    }

    fn contains(needle: &[u8]) -> LineTest {
        if needle.is_empty() {
            return LineTest::True;
        }
        LineTest::Contains(Box::new(memmem::Finder::new(needle).into_owned()))
    }

    fn regex(test: Test) -> LineTest {
        match test {
            Test::True => LineTest::True,
            Test::Contains {
                text,
                ignore_case: false,
            } => LineTest::contains(&text),
            Test::Any(tests) => LineTest::any(tests.into_iter().map(LineTest::regex).collect()),
            test => LineTest::Regex(test),
        }
    }

    /// An alternative that is always true vanishes, unless all are: so Loki has it.
    fn any(mut tests: Vec<LineTest>) -> LineTest {
        tests.retain(|test| !matches!(test, LineTest::True));
        match tests.len() {
            0 => LineTest::True,
            1 => tests.swap_remove(0),
            _ => LineTest::Any(tests),
        }
    }

    /// Whether the line passes the test.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        match self {
            LineTest::True => true,
            LineTest::Contains(finder) => finder.find(line).is_some(),
            LineTest::Regex(test) => test.matches(line),
            LineTest::Pattern(pattern) => pattern.is_match(line),
            LineTest::Ip(ip) => ip.is_found(line),
            LineTest::Any(tests) => tests.iter().any(|test| test.is_match(line)),
        }
    }

    /// The needles of which a line that passes holds one, and no other line does, where there are such.
    fn needles(&self) -> Option<Vec<Needle>> {
        match self {
            LineTest::Contains(finder) => Some(vec![needle(&exact(finder.needle()))]),
            LineTest::Regex(test) => test_needles(test),
            LineTest::Any(tests) => {
                let needles: Option<Vec<_>> = tests.iter().map(LineTest::needles).collect();
                needles.map(|needles| needles.concat())
            }
            LineTest::True | LineTest::Pattern(_) | LineTest::Ip(_) => None,
        }
    }

    /// What is known of a line that passes: an AND of ORs of substrings; empty where nothing is.
    pub(super) fn literals(&self) -> Vec<Vec<Literal>> {
        match self {
            LineTest::True | LineTest::Ip(_) => Vec::new(),
            LineTest::Contains(finder) => vec![vec![exact(finder.needle())]],
            LineTest::Regex(test) => test_literals(test),
            LineTest::Pattern(pattern) => pattern.literals().map(|literal| vec![exact(literal)]).collect(),
            LineTest::Any(tests) => either(tests.iter().map(LineTest::literals)),
        }
    }
}

fn exact(bytes: &[u8]) -> Literal {
    Literal {
        bytes: bytes.to_vec(),
        ignore_case: false,
    }
}

/// A literal as a needle.
fn needle(literal: &Literal) -> Needle {
    let place = |&byte: &u8| match literal.ignore_case && byte.is_ascii_alphabetic() {
        true => vec![byte.to_ascii_lowercase(), byte.to_ascii_uppercase()],
        false => vec![byte],
    };
    Needle(literal.bytes.iter().map(place).collect())
}

fn test_needles(test: &Test) -> Option<Vec<Needle>> {
    match test {
        Test::Contains { text, ignore_case } => {
            // Only where all case variants are ASCII are there no others.
            let is_plain = !*ignore_case || any_case(text).is_some_and(|literal| literal.bytes.len() == text.len());
            let literal = Literal {
                bytes: text.clone(),
                ignore_case: *ignore_case,
            };
            (is_plain && !text.is_empty()).then(|| vec![needle(&literal)])
        }
        Test::Any(tests) => {
            let needles: Option<Vec<_>> = tests.iter().map(test_needles).collect();
            needles.map(|needles| needles.concat())
        }
        Test::Regex(regex) => regex.needles(),
        Test::True | Test::NotEmpty | Test::Equals { .. } => None,
    }
}

fn test_literals(test: &Test) -> Vec<Vec<Literal>> {
    match test {
        Test::True | Test::NotEmpty => Vec::new(),
        Test::Equals { text, ignore_case } | Test::Contains { text, ignore_case } => {
            if *ignore_case {
                any_case(text).map(|literal| vec![literal]).into_iter().collect()
            } else if text.is_empty() {
                Vec::new()
            } else {
                vec![vec![exact(text)]]
            }
        }
        Test::Any(tests) => either(tests.iter().map(test_literals)),
        Test::Regex(regex) => regex.required_literals(),
    }
}

/// The longest part of `text` whose case variants are all ASCII. `i` and `k` are not: `İ` and the Kelvin sign have
/// them as their lower case.
fn any_case(text: &[u8]) -> Option<Literal> {
    let bytes = text
        .split(|b| !b.is_ascii() || matches!(b.to_ascii_lowercase(), b'i' | b'k'))
        .max_by_key(|part| part.len())
        .filter(|part| !part.is_empty())?
        .to_ascii_lowercase();
    Some(Literal {
        bytes,
        ignore_case: true,
    })
}

/// One of these holds: an OR of one clause of each, that with the longest literals.
fn either(alternatives: impl Iterator<Item = Vec<Vec<Literal>>>) -> Vec<Vec<Literal>> {
    let clauses: Option<Vec<Vec<Literal>>> = alternatives.map(best_clause).collect();
    clauses.map_or(Vec::new(), |clauses| vec![clauses.concat()])
}

/// The clause that promises to exclude most: that whose shortest literal is longest.
pub(super) fn best_clause(clauses: Vec<Vec<Literal>>) -> Option<Vec<Literal>> {
    clauses
        .into_iter()
        .max_by_key(|clause| clause.iter().map(|literal| literal.bytes.len()).min())
        .filter(|clause| !clause.is_empty() && clause.iter().all(|literal| !literal.bytes.is_empty()))
}
