//! What holds for every template and all data.

use super::Entry;
use crate::template::decimal::Decimal;
use crate::template::time::{Civil, Time, Zone, days_from_civil};
use crate::template::{Template, layout, literal};
use proptest::prelude::*;

/// Pieces that, side by side, are sometimes a template.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "{{",
        "}}",
        "{{- ",
        " -}}",
        "{{if .a}}",
        "{{else}}",
        "{{end}}",
        "{{range .j | fromJson}}",
        "{{range 3}}",
        "{{with .a}}",
        "{{define \"x\"}}",
        "{{template \"x\" .}}",
        "{{block \"y\" .a}}",
        "{{break}}",
        "{{continue}}",
        " | ",
        "(",
        ")",
        " . ",
        "$",
        "$x",
        " := ",
        " = ",
        ",",
        ".a",
        ".b.c",
        "nil",
        "true",
        "0x1F",
        "1.5e3",
        "-7",
        "9223372036854775807",
        "'x'",
        "\"s\"",
        "`r`",
        "\"%*[2]d%-+# 08.3v\"",
        "\"2006-01-02T15:04:05.999Z07:00\"",
        "__line__",
        "__timestamp__",
        "printf ",
        "print ",
        "index ",
        "slice ",
        "len ",
        "substr ",
        "trunc ",
        "regexReplaceAll ",
        "count ",
        "fromJson ",
        "date ",
        "toDate ",
        "unixToTime ",
        "addf ",
        "divf ",
        "div ",
        "round ",
        "now.AddDate ",
        "now.Add ",
        "now.Sub ",
        "now.Round ",
        "alignLeft ",
        "repeat ",
        "indent ",
        "b64dec ",
        "eq ",
        "lt ",
        "and ",
        "default ",
        "title ",
        "/*",
        "*/",
        "text",
        "\n",
        "é",
        "\u{0}",
    ]);
    prop_oneof![8 => fixed.prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let value = prop_oneof![
        ".{0,12}",
        "[0-9.eE+-]{0,20}",
        Just(r#"{"k":[1,{"c":"d"},null]}"#.to_owned())
    ];
    (
        prop::collection::vec(value, 4),
        prop::collection::vec(any::<u8>(), 0..20),
    )
        .prop_map(|(values, line)| {
            let names = ["a", "b", "j", "n"];
            Entry {
                labels: names.iter().map(|n| (*n).to_owned()).zip(values).collect(),
                line,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_template_panics(pieces in prop::collection::vec(piece(), 0..14), entry in any_entry()) {
        let text = pieces.concat();
        for text in [text.clone(), format!("{{{{{text}}}}}")] {
            let mut out = b"kept".to_vec();
            if let Ok(template) = Template::parse("line", text.as_bytes()) {
                let result = template.execute(&entry, &mut out);
                prop_assert!(out.starts_with(b"kept"));
                prop_assert!(result.is_ok() || out.len() == 4);
            }
        }
    }

    #[test]
    fn no_call_panics(
        name in prop::sample::select(vec![
            "lower", "title", "trim", "Replace", "replace", "trunc", "substr", "repeat", "indent", "alignRight",
            "regexReplaceAll", "count", "b64dec", "urldecode", "fromJson", "html", "js", "int", "add", "mul", "div",
            "mod", "max", "addf", "mulf", "divf", "subf", "round", "bytes", "duration", "date", "toDate", "printf",
            "toDateInZone", "unixToTime", "unixEpochNanos", "now.AddDate", "now.Add", "now.Truncate", "now.Round",
            "index", "slice", "eq", "lt", "default",
        ]),
        args in prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(|n| n.to_string()),
            (-12i64..12).prop_map(|n| n.to_string()),
            any::<f64>().prop_filter("a literal", |f| f.is_finite()).prop_map(|f| format!("{f:e}")),
            prop::sample::select(vec![".a", ".b", ".j", "(fromJson .j)", "now", "nil", "true", "."]).prop_map(str::to_owned),
            ".{0,8}".prop_map(|s| crate::quote::quote(s.as_bytes())),
            "[%0-9a-zA-Z.*#+ \\[\\]-]{0,8}".prop_map(|s| crate::quote::quote(s.as_bytes())),
        ], 0..5),
        entry in any_entry(),
    ) {
        let text = format!("{{{{{name} {}}}}}", args.join(" "));
        if let Ok(template) = Template::parse("line", text.as_bytes()) {
            let mut out = Vec::new();
            let ok = template.execute(&entry, &mut out).is_ok();
            prop_assert!(ok || out.is_empty());
        }
    }

    #[test]
    fn text_without_actions_is_itself(text in "[^{]{0,40}") {
        let entry = Entry::sample();
        prop_assert_eq!(entry.execute(&text), Ok(text));
    }

    #[test]
    fn quoted_strings_read_back(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
        let quoted = crate::quote::quote(&bytes);
        prop_assert_eq!(literal::unquote(quoted.as_bytes()), Some(bytes));
    }

    #[test]
    fn civil_dates_and_days_are_inverse(seconds in any::<i64>()) {
        let civil = Civil::from_seconds(seconds);
        prop_assert_eq!(days_from_civil(civil.year, civil.month, civil.day), seconds.div_euclid(86_400));
    }

    #[test]
    fn a_time_parses_back_from_its_layout(seconds in 0i64..253_402_300_799, nanos in 0u32..1_000_000_000) {
        let layout = b"Monday, 02 January 2006 03:04:05.999999999 PM -07:00";
        let time = Time { seconds, nanos, zone: Zone::Fixed(5400, "".into()) };
        let text = layout::format(&time, layout);
        let read = layout::parse(layout, &text, &Zone::Utc).expect("its own format");
        prop_assert_eq!(read.key(), time.key());
    }

    #[test]
    fn decimals_hold_every_float(value in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let decimal = Decimal::from_f64(value).expect("finite");
        prop_assert_eq!(decimal.to_f64(), value);
        prop_assert_eq!(decimal.sub(&decimal).to_f64(), 0.0);
    }

    #[test]
    fn decimal_arithmetic_is_that_of_integers(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
        let decimal = |n: i64| Decimal::from_f64(n as f64).expect("finite");
        prop_assert_eq!(decimal(a).add(&decimal(b)).to_f64(), (a + b) as f64);
        prop_assert_eq!(decimal(a).mul(&decimal(b)).to_f64(), (a * b) as f64);
        if b != 0 {
            let product = decimal(a).mul(&decimal(b));
            prop_assert_eq!(product.div(&decimal(b)).expect("not zero").to_f64(), a as f64);
        }
    }
}
