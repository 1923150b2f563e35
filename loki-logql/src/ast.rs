//! The syntax tree. Regular expressions, patterns and templates stand in it as text: the tree says what was written,
//! not how it is run.

use crate::{Span, Text};

/// A query, or a part of one that has a value.
///
/// [`parse`](crate::parse) checks what the grammar alone cannot: it never returns a [`Expr::Log`] as an operand.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `{app="x"} |= "y"`: lines.
    Log(LogExpr),
    /// `rate({app="x"}[5m])`.
    Range(RangeAggregation),
    /// `sum by (app) (…)`.
    Vector(VectorAggregation),
    /// `a + b`.
    Binary(Binary),
    /// `1.5`; also the folded value of `1 + 0.5`.
    Literal(Literal),
    /// `vector(1)`.
    VectorLiteral(Literal),
    /// `label_replace(…)`.
    LabelReplace(LabelReplace),
    /// `variants(…) of (…)`.
    Variants(Variants),
}

impl Expr {
    /// What Loki calls queries of this kind, in limits and in metrics: `limited` where lines are selected by labels alone,
    /// `filter` where stages follow, `metric` otherwise.
    ///
    /// ```
    /// assert_eq!(loki_logql::parse(r#"{app="x"}"#)?.kind(), "limited");
    /// assert_eq!(loki_logql::parse(r#"{app="x"} | json"#)?.kind(), "filter");
    /// assert_eq!(loki_logql::parse(r#"rate({app="x"}[1m])"#)?.kind(), "metric");
    /// # Ok::<(), loki_logql::Error>(())
    /// ```
    pub fn kind(&self) -> &'static str {
        match self {
            Expr::Log(log) if log.stages.is_empty() => "limited",
            Expr::Log(_) => "filter",
            _ => "metric",
        }
    }
}

/// A selector and the stages behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// `{…}`.
    pub selector: Selector,
    /// The pipeline in the order written; consecutive line filters are one stage.
    pub stages: Vec<Stage>,
    /// Place in the text.
    pub span: Span,
}

/// A stream selector: all matchers must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Selector {
    /// In the order written.
    pub matchers: Vec<Matcher>,
    /// Place in the text, braces included.
    pub span: Span,
}

/// One condition on one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Matcher {
    /// Label name.
    pub name: String,
    /// Operator.
    pub op: MatchOp,
    /// Operand: a value or the text of a regular expression.
    pub value: Text,
    /// Place in the text.
    pub span: Span,
}

/// The operators of a [`Matcher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// What it does.
    pub kind: StageKind,
    /// Place in the text, the leading `|` included.
    pub span: Span,
}

/// What a [`Stage`] does.
#[derive(Debug, Clone, PartialEq)]
pub enum StageKind {
    /// One or more consecutive line filters; all must hold.
    LineFilters(Vec<LineFilter>),
    /// `| json`, with `extractions` only these paths.
    Json {
        /// Empty: everything.
        extractions: Vec<Extraction>,
    },
    /// `| logfmt`.
    Logfmt {
        /// `--strict`
        strict: bool,
        /// `--keep-empty`
        keep_empty: bool,
        /// Empty: everything.
        extractions: Vec<Extraction>,
    },
    /// `| regexp "…"`.
    Regexp(Text),
    /// `| pattern "…"`.
    Pattern(Text),
    /// `| unpack`.
    Unpack,
    /// `| decolorize`.
    Decolorize,
    /// `| line_format "…"`.
    LineFormat(Text),
    /// `| label_format a=b,c="…"`.
    LabelFormat(Vec<LabelFormat>),
    /// `| drop a,b="c"`.
    Drop(Vec<LabelSelection>),
    /// `| keep a,b="c"`.
    Keep(Vec<LabelSelection>),
    /// `| a="b" and c>5`.
    LabelFilter(LabelFilter),
}

/// One line filter: an operator and its alternatives.
#[derive(Debug, Clone, PartialEq)]
pub struct LineFilter {
    /// Operator, which holds for every operand.
    pub op: LineFilterOp,
    /// The operand and those behind `or`; never empty.
    pub operands: Vec<LineOperand>,
    /// Place in the text.
    pub span: Span,
}

/// The operators of a [`LineFilter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineFilterOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Regex,
    /// `!~`
    NotRegex,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

/// An operand of a [`LineFilter`].
#[derive(Debug, Clone, PartialEq)]
pub enum LineOperand {
    /// A string.
    Text(Text),
    /// `ip("…")`.
    Ip(Text),
}

/// `name="path"` of a parser with expressions; a bare `name` has itself as path.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The label to set.
    pub name: String,
    /// Where its value stands in the line.
    pub path: Text,
    /// Place in the text.
    pub span: Span,
}

/// One operation of `label_format`.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelFormat {
    /// The label to set.
    pub target: String,
    /// What to set it to.
    pub value: LabelFormatValue,
    /// Place in the text.
    pub span: Span,
}

/// The right side of a [`LabelFormat`].
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFormatValue {
    /// Rename this label.
    Rename(String),
    /// The output of this template.
    Template(Text),
}

/// One item of `drop` or `keep`.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelSelection {
    /// By name.
    Name(String),
    /// By name and value.
    Matcher(Matcher),
}

/// A condition on labels.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// `a="b"` and the like.
    String(Matcher),
    /// `a>5`.
    Number {
        /// Label name.
        name: String,
        /// Comparison.
        op: CompareOp,
        /// Operand.
        value: f64,
    },
    /// `a>5s`.
    Duration {
        /// Label name.
        name: String,
        /// Comparison.
        op: CompareOp,
        /// Operand in nanoseconds.
        value: i64,
    },
    /// `a>5KB`.
    Bytes {
        /// Label name.
        name: String,
        /// Comparison.
        op: CompareOp,
        /// Operand in bytes.
        value: u64,
    },
    /// `a=ip("…")`, `a!=ip("…")`.
    Ip {
        /// Label name.
        name: String,
        /// Whether the operator is `!=`.
        negated: bool,
        /// Address, prefix or range.
        pattern: Text,
    },
    /// Both.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// Either.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// Comparisons of values. `=` and `==` are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// `{…} | … | unwrap x [5m] offset 1h`.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRange {
    /// Selector and pipeline.
    pub log: LogExpr,
    /// The label whose value is the sample.
    pub unwrap: Option<Unwrap>,
    /// Length of the window in nanoseconds.
    pub range: i64,
    /// Shift into the past in nanoseconds; may be negative.
    pub offset: i64,
    /// Place in the text.
    pub span: Span,
}

/// `| unwrap duration(x) | y="z"`.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its text becomes a number; `None`: as a float.
    pub conversion: Option<Conversion>,
    /// The label filters behind it; all must hold.
    pub filters: Vec<LabelFilter>,
    /// Place in the text.
    pub span: Span,
}

/// Conversions of `unwrap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Conversion {
    /// `bytes(x)`
    Bytes,
    /// `duration(x)`
    Duration,
    /// `duration_seconds(x)`
    DurationSeconds,
}

/// `rate({…}[5m])`.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeAggregation {
    /// Function.
    pub op: RangeOp,
    /// First argument as written, of `quantile_over_time`.
    pub parameter: Option<Literal>,
    /// What is aggregated.
    pub range: LogRange,
    /// Grouping behind the parentheses.
    pub grouping: Option<Grouping>,
    /// Place in the text.
    pub span: Span,
}

/// Functions over a log range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named as LogQL names it")]
pub enum RangeOp {
    CountOverTime,
    Rate,
    RateCounter,
    BytesOverTime,
    BytesRate,
    AvgOverTime,
    SumOverTime,
    MinOverTime,
    MaxOverTime,
    StdvarOverTime,
    StddevOverTime,
    QuantileOverTime,
    FirstOverTime,
    LastOverTime,
    AbsentOverTime,
}

/// `sum by (app) (…)`.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorAggregation {
    /// Function.
    pub op: VectorOp,
    /// `k` of `topk` and its kin, as written.
    pub parameter: Option<Literal>,
    /// Grouping before or behind the parentheses.
    pub grouping: Option<Grouping>,
    /// What is aggregated.
    pub operand: Box<Expr>,
    /// Place in the text.
    pub span: Span,
}

/// Functions over a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named as LogQL names it")]
pub enum VectorOp {
    Sum,
    Avg,
    Count,
    Max,
    Min,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    ApproxTopk,
    Sort,
    SortDesc,
}

/// `by (…)` or `without (…)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Grouping {
    /// Whether it is `without`.
    pub without: bool,
    /// Label names in the order written.
    pub labels: Vec<String>,
}

/// Two operands and what joins them.
#[derive(Debug, Clone, PartialEq)]
pub struct Binary {
    /// Operator.
    pub op: BinaryOp,
    /// Left operand.
    pub left: Box<Expr>,
    /// Right operand.
    pub right: Box<Expr>,
    /// Whether a comparison answers 0 and 1 instead of filtering.
    pub return_bool: bool,
    /// How the samples of two vectors find each other; `None`: by all labels.
    pub matching: Option<Matching>,
    /// Place in the text.
    pub span: Span,
}

/// Operators of a [`Binary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is named for its sign")]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// `on (…)` or `ignoring (…)`, with or without a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matching {
    /// Whether it is `on`.
    pub on: bool,
    /// Label names in the order written.
    pub labels: Vec<String>,
    /// `group_left` or `group_right`.
    pub group: Option<MatchGroup>,
}

/// Which side may have many samples of one key, and what it takes from the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchGroup {
    /// Whether it is `group_right`: the right side has many.
    pub right: bool,
    /// Labels to take from the "one" side.
    pub include: Vec<String>,
}

/// A number and how it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Literal {
    /// Its value.
    pub value: f64,
    /// The token as written, without sign; a folded literal has its canonical text.
    pub text: String,
    /// Place in the text.
    pub span: Span,
}

/// `label_replace(v, "target", "replacement", "source", "regex")`.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplace {
    /// What is relabelled.
    pub operand: Box<Expr>,
    /// The label to set.
    pub target: Text,
    /// Its value, with `$1` and `${name}`.
    pub replacement: Text,
    /// The label to read.
    pub source: Text,
    /// What must match its whole value.
    pub regex: Text,
    /// Place in the text.
    pub span: Span,
}

/// `variants(a, b) of (range)`: the results of all operands over the common range, told apart by the label
/// `__variant__`, which holds the place of the operand.
#[derive(Debug, Clone, PartialEq)]
pub struct Variants {
    /// The aggregations.
    pub operands: Vec<Expr>,
    /// The log range that all of them read in place of their own, of which `unwrap` alone counts.
    pub range: LogRange,
    /// Place in the text.
    pub span: Span,
}
