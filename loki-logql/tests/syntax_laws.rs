//! Laws of reading and printing.
#![allow(clippy::unwrap_used, reason = "a test says enough by failing")]

use loki_logql::ast::*;
use loki_logql::{Span, Text, parse};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

// Parts --------------------------------------------------------------------------------------------------------------

fn span() -> Span {
    Span::default()
}

/// Label names, words that are functions elsewhere among them, but no reserved word.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["rate", "sum", "bytes", "ip", "duration", "vector", "été", "level"]).prop_map(str::to_owned),
        "[a-z_]{1,3}[0-9]{0,2}".prop_filter("reserved", |name| !matches!(
            name.as_str(),
            "by" | "on" | "or" | "and" | "of"
        )),
    ]
}

/// Label names that a matcher prints without quotes.
fn plain_name() -> impl Strategy<Value = String> {
    name().prop_filter("quoted", |name| name.is_ascii())
}

fn names(least: usize) -> impl Strategy<Value = Vec<String>> {
    vec(name(), least..4)
}

/// Any string, of any bytes.
fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        ".{0,6}".prop_map(Text::from),
        vec(any::<u8>(), 0..6).prop_map(Text::from),
        select(vec!["", "x", "`", "\"", "\\", "\n"]).prop_map(Text::from),
    ]
}

fn regex() -> impl Strategy<Value = Text> {
    select(vec!["a", "a|b", ".*a", "a.+", "[a`]+", "\\d\"", "(a)", ""]).prop_map(Text::from)
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let plain = (select(vec![MatchOp::Equal, MatchOp::NotEqual]), text());
    let matching = (select(vec![MatchOp::Regex, MatchOp::NotRegex]), regex());
    (plain_name(), prop_oneof![plain.boxed(), matching.boxed()]).prop_map(|(name, (op, value))| Matcher {
        name,
        op,
        value,
        span: span(),
    })
}

/// A selector that asks for something.
fn selector() -> impl Strategy<Value = Selector> {
    vec(matcher(), 0..3).prop_map(|mut matchers| {
        matchers.push(Matcher {
            name: "app".to_owned(),
            op: MatchOp::Equal,
            value: Text::from("x"),
            span: span(),
        });
        Selector { matchers, span: span() }
    })
}

fn number() -> impl Strategy<Value = f64> {
    // `-0` is a duration.
    prop_oneof![proptest::num::f64::NORMAL, (-9..9_i32).prop_map(f64::from)]
        .prop_map(|v| if v == 0.0 { 0.0 } else { v })
}

/// A literal with its canonical text.
fn literal(value: f64) -> Literal {
    let mut literal = Literal {
        value,
        text: String::new(),
        span: span(),
    };
    literal.text = literal.to_string().trim_start_matches('-').to_owned();
    literal
}

// Pipelines ----------------------------------------------------------------------------------------------------------

fn compare_op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::*;
    select(vec![Equal, NotEqual, Greater, GreaterOrEqual, Less, LessOrEqual])
}

fn label_filter() -> impl Strategy<Value = LabelFilter> {
    let leaf = prop_oneof![
        matcher().prop_map(LabelFilter::String),
        (name(), compare_op(), number()).prop_map(|(name, op, value)| LabelFilter::Number { name, op, value }),
        (name(), compare_op(), any::<i64>()).prop_map(|(name, op, value)| LabelFilter::Duration { name, op, value }),
        (name(), any::<bool>(), text()).prop_map(|(name, negated, pattern)| LabelFilter::Ip { name, negated, pattern }),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        (any::<bool>(), inner.clone(), inner).prop_map(|(and, left, right)| match and {
            true => LabelFilter::And(Box::new(left), Box::new(right)),
            false => LabelFilter::Or(Box::new(left), Box::new(right)),
        })
    })
}

/// Negative filters have one operand: more are printed as more filters.
fn line_filter() -> impl Strategy<Value = LineFilter> {
    use LineFilterOp::*;
    let operand = || prop_oneof![text().prop_map(LineOperand::Text), text().prop_map(LineOperand::Ip)];
    let positive = (select(vec![Contains, Regex, Pattern]), vec(operand(), 1..4));
    let negative = (select(vec![NotContains, NotRegex, NotPattern]), vec(operand(), 1..2));
    prop_oneof![positive.boxed(), negative.boxed()].prop_map(|(op, operands)| LineFilter {
        op,
        operands,
        span: span(),
    })
}

fn extractions() -> impl Strategy<Value = Vec<Extraction>> {
    let extraction = (name(), text()).prop_map(|(name, path)| Extraction {
        name,
        path,
        span: span(),
    });
    vec(extraction, 0..3)
}

fn label_formats() -> impl Strategy<Value = Vec<LabelFormat>> {
    let value = prop_oneof![
        name().prop_map(LabelFormatValue::Rename),
        text().prop_map(LabelFormatValue::Template)
    ];
    let format = (name(), value).prop_map(|(target, value)| LabelFormat {
        target,
        value,
        span: span(),
    });
    vec(format, 1..3)
}

fn selections() -> impl Strategy<Value = Vec<LabelSelection>> {
    let selection = prop_oneof![
        name().prop_map(LabelSelection::Name),
        matcher().prop_map(LabelSelection::Matcher)
    ];
    vec(selection, 1..4)
}

fn stage() -> impl Strategy<Value = StageKind> {
    prop_oneof![
        extractions().prop_map(|extractions| StageKind::Json { extractions }),
        (any::<bool>(), any::<bool>(), extractions()).prop_map(|(strict, keep_empty, extractions)| StageKind::Logfmt {
            strict,
            keep_empty,
            extractions
        }),
        Just(StageKind::Regexp(Text::from("(?P<a>`|\"\n)"))),
        Just(StageKind::Pattern(Text::from("<a> \"<_>\" \u{1f600}<b>"))),
        Just(StageKind::Unpack),
        Just(StageKind::Decolorize),
        text().prop_map(StageKind::LineFormat),
        label_formats().prop_map(StageKind::LabelFormat),
        selections().prop_map(StageKind::Drop),
        selections().prop_map(StageKind::Keep),
        label_filter().prop_map(StageKind::LabelFilter),
    ]
}

/// Whether line filters behind this stage would read as its last matcher: `| drop a != "b"`.
fn continues(kind: &StageKind, filters: &StageKind) -> bool {
    let (StageKind::Drop(list) | StageKind::Keep(list)) = kind else {
        return false;
    };
    let StageKind::LineFilters(filters) = filters else {
        return false;
    };
    matches!(list.last(), Some(LabelSelection::Name(_)))
        && matches!(filters[0].op, LineFilterOp::NotContains | LineFilterOp::NotRegex)
}

/// Line filters never follow each other: they would be one stage.
fn log() -> impl Strategy<Value = LogExpr> {
    let filters = || option::of(vec(line_filter(), 1..4).prop_map(StageKind::LineFilters));
    (selector(), filters(), vec((stage(), filters()), 0..4)).prop_map(|(selector, first, others)| {
        let others = others.into_iter().flat_map(|(kind, filters)| {
            let filters = filters.filter(|filters| !continues(&kind, filters));
            [Some(kind), filters]
        });
        let stages = [first].into_iter().chain(others).flatten();
        LogExpr {
            selector,
            stages: stages.map(|kind| Stage { kind, span: span() }).collect(),
            span: span(),
        }
    })
}

// Metric expressions -------------------------------------------------------------------------------------------------

fn unwrap() -> impl Strategy<Value = Unwrap> {
    let conversion = select(vec![
        Conversion::Bytes,
        Conversion::Duration,
        Conversion::DurationSeconds,
    ]);
    (name(), option::of(conversion), vec(label_filter(), 0..2)).prop_map(|(label, conversion, filters)| Unwrap {
        label,
        conversion,
        filters,
        span: span(),
    })
}

fn log_range(unwrap: impl Strategy<Value = Option<Unwrap>>) -> impl Strategy<Value = LogRange> {
    let milliseconds = 0..1_000_000_000_000_i64;
    let offset = prop_oneof![Just(0), any::<i64>()];
    (log(), unwrap, milliseconds, offset).prop_map(|(log, unwrap, milliseconds, offset)| LogRange {
        log,
        unwrap,
        range: milliseconds * 1_000_000,
        offset,
        span: span(),
    })
}

/// `by ()` is not printed.
fn grouping() -> impl Strategy<Value = Grouping> {
    (any::<bool>(), names(0))
        .prop_filter("by ()", |(without, labels)| *without || !labels.is_empty())
        .prop_map(|(without, labels)| Grouping { without, labels })
}

fn range_aggregation() -> impl Strategy<Value = Expr> {
    use RangeOp::*;
    let build = |(op, parameter, range, grouping)| {
        Expr::Range(RangeAggregation {
            op,
            parameter,
            range,
            grouping,
            span: span(),
        })
    };
    let counted = select(vec![CountOverTime, Rate, BytesOverTime, BytesRate, AbsentOverTime]);
    let summed = select(vec![Rate, RateCounter, SumOverTime, AbsentOverTime]);
    let grouped = select(vec![
        AvgOverTime,
        MinOverTime,
        MaxOverTime,
        StdvarOverTime,
        FirstOverTime,
        LastOverTime,
    ]);
    let some = || log_range(unwrap().prop_map(Some));
    let quantile = (0..=1000_u16).prop_map(|q| Some(literal(f64::from(q) / 1000.0)));
    prop_oneof![
        (counted, Just(None), log_range(Just(None)), Just(None)).prop_map(build),
        (summed, Just(None), some(), Just(None)).prop_map(build),
        (grouped, Just(None), some(), option::of(grouping())).prop_map(build),
        (Just(QuantileOverTime), quantile, some(), option::of(grouping())).prop_map(build),
    ]
}

fn matching() -> impl Strategy<Value = Matching> {
    let group = (any::<bool>(), names(1)).prop_map(|(right, include)| MatchGroup { right, include });
    (any::<bool>(), names(0), option::of(group))
        .prop_filter("ignoring ()", |(on, labels, _)| *on || !labels.is_empty())
        .prop_map(|(on, labels, group)| Matching { on, labels, group })
}

fn vector(value: f64) -> Expr {
    let text = format!("{value:.6}");
    let span = span();
    Expr::VectorLiteral(Literal { value, text, span })
}

/// Two numbers would be folded, and set operators take none.
fn binary(op: BinaryOp, left: Expr, right: Expr, return_bool: bool, matching: Option<Matching>) -> Expr {
    let is_set = matches!(op, BinaryOp::Or | BinaryOp::And | BinaryOp::Unless);
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_));
    let lift = |expr: Expr, lift: bool| if lift && is_literal(&expr) { vector(1.5) } else { expr };
    let both = is_literal(&left) && is_literal(&right);
    Expr::Binary(Binary {
        op,
        left: Box::new(lift(left, is_set || both)),
        right: Box::new(lift(right, is_set)),
        return_bool,
        matching,
        span: span(),
    })
}

fn binary_op() -> impl Strategy<Value = BinaryOp> {
    use BinaryOp::*;
    select(vec![
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
    ])
}

fn metric() -> impl Strategy<Value = Expr> {
    use VectorOp::*;
    let leaf = prop_oneof![
        4 => range_aggregation(),
        1 => number().prop_map(|value| Expr::Literal(literal(value))),
        1 => (0..1000_u16).prop_map(|value| vector(f64::from(value) / 4.0)),
    ];
    leaf.prop_recursive(4, 12, 2, |inner| {
        let plain = (
            select(vec![Sum, Avg, Count, Max, Min, Stddev, Stdvar]),
            Just(None),
            option::of(grouping()),
        );
        let counted = (
            select(vec![Topk, Bottomk]),
            (1..99_u8).prop_map(Some),
            option::of(grouping()),
        );
        let sorted = (select(vec![Sort, SortDesc]), Just(None), Just(None));
        let aggregation = (
            prop_oneof![plain.boxed(), counted.boxed(), sorted.boxed()],
            inner.clone(),
        )
            .prop_map(|((op, k, grouping), operand)| {
                Expr::Vector(VectorAggregation {
                    op,
                    parameter: k.map(|k| literal(f64::from(k))),
                    grouping,
                    operand: Box::new(operand),
                    span: span(),
                })
            });
        let replace = (inner.clone(), text(), text(), text(), regex()).prop_map(
            |(operand, target, replacement, source, regex)| {
                Expr::LabelReplace(LabelReplace {
                    operand: Box::new(operand),
                    target,
                    replacement,
                    source,
                    regex,
                    span: span(),
                })
            },
        );
        let joined = (binary_op(), inner.clone(), inner, any::<bool>(), option::of(matching()))
            .prop_map(|(op, left, right, return_bool, matching)| binary(op, left, right, return_bool, matching));
        prop_oneof![2 => aggregation, 1 => replace, 3 => joined]
    })
}

fn query() -> impl Strategy<Value = Expr> {
    let variants = (vec(metric(), 1..3), log_range(option::of(unwrap()))).prop_map(|(operands, range)| {
        Expr::Variants(Variants {
            operands,
            range,
            span: span(),
        })
    });
    prop_oneof![3 => log().prop_map(Expr::Log), 6 => metric(), 1 => variants]
}

// Laws ---------------------------------------------------------------------------------------------------------------

/// The tree without its places.
fn shape(expr: &Expr) -> String {
    let debug = format!("{expr:?}");
    let mut parts = debug.split("Span { start: ");
    let mut shape = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shape.push_str(part.split_once('}').map_or(part, |(_, behind)| behind));
    }
    shape
}

/// Pieces that queries are made of, so that random ones get far.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{a=\"b\"}",
        "{",
        "}",
        "a",
        "=",
        "=~",
        "!=",
        "!~",
        "|=",
        "|",
        "\"x\"",
        "`x`",
        "json",
        "logfmt",
        "--strict",
        "drop",
        "keep",
        "regexp",
        "pattern \"<a>\"",
        "unwrap",
        "bytes",
        "[5m]",
        "[5]",
        "offset",
        "5m",
        "-5",
        "5KB",
        "1e",
        "rate",
        "sum",
        "by",
        "(",
        ")",
        "()",
        ",",
        "and",
        "or",
        "unless",
        "on",
        "group_left",
        "bool",
        "+",
        "-",
        "^",
        "ip(\"x\")",
        "vector(1)",
        "label_replace(",
        "variants(",
        "of",
        "topk(1,",
        "#",
        "/*",
        "'x'",
        "\"\\",
        "é",
        "\n",
        "\0",
    ];
    vec(select(pieces), 0..24).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_query_reads_as_itself(query in query()) {
        let printed = query.to_string();
        let read = parse(&printed).map_err(|error| TestCaseError::fail(format!("{printed}: {error}")))?;
        prop_assert_eq!(shape(&read), shape(&query), "{}", printed);
        prop_assert_eq!(read.to_string(), printed);
    }

    #[test]
    fn any_text_is_a_query_or_an_error_inside_of_it(text in prop_oneof![".{0,40}", soup()]) {
        match parse(&text) {
            Ok(query) => prop_assert!(!query.to_string().is_empty() && !query.pretty().is_empty()),
            Err(error) => {
                let span = error.span().unwrap_or_default();
                prop_assert!(span.start <= span.end && text.get(span.range()).is_some(), "{}", error);
                prop_assert!(error.render(&text).starts_with(&error.to_string()));
            }
        }
    }
}
