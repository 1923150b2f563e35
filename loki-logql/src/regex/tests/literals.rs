//! Substrings that matches must hold.

use crate::regex::{Regex, Shape};
use crate::source::Needle;

/// `abc|i:def & …`.
fn print(pattern: &str) -> String {
    let regex = Regex::new(pattern, Shape::Search).unwrap();
    let groups: Vec<String> = regex
        .required_literals()
        .iter()
        .map(|group| {
            let literals: Vec<String> = group
                .iter()
                .map(|literal| {
                    let case = if literal.ignore_case { "i:" } else { "" };
                    format!("{case}{}", String::from_utf8_lossy(&literal.bytes))
                })
                .collect();
            literals.join("|")
        })
        .collect();
    groups.join(" & ")
}

#[test]
fn literals_are_found_where_every_match_has_them() {
    let cases = [
        ("foobar", "foobar"),
        ("foo.*barbaz", "barbaz & foo"),
        (
            "status: (20[0-9]|404)",
            "status: 200|status: 201|status: 202|status: 203|status: 204|status: 205|status: 206|status: 207|status: 208|status: 209|status: 404",
        ),
        ("(GET|POST) /", "GET /|POST /"),
        ("GET|POST", "GET|POST"),
        ("foo|foobar", "foo"),
        (r"foo\d+bar", "bar & foo"),
        ("(foo)+", "foo"),
        ("(foo){2}", "foofoo"),
        ("(foo){2,}x", "foofoo"),
        ("colou?r", "color|colour"),
        (r"^\s*error$", "error"),
        (r"\berror\b", "error"),
        ("(?i)error", "i:error"),
        ("(?i)disk", "i:diſ\u{212a}|i:diſk|i:dis\u{212a}|i:disk"),
        ("Foo(?i:bar)", "i:foobar"),
        ("(?i)é", "É|é"),
        ("a.*b", "a"),
        (".*", ""),
        ("foo|", ""),
        ("foo|.*", ""),
        ("x*", ""),
        ("[a-z]+", ""),
        ("a\u{fffd}bcd", "bcd"),
        ("(abc.*|def)xyz", "xyz & abc|def"),
    ];
    for (pattern, expected) in cases {
        let mut found: Vec<String> = print(pattern)
            .split(" & ")
            .map(|group| {
                let mut literals: Vec<&str> = group.split('|').collect();
                literals.sort_unstable();
                literals.join("|")
            })
            .collect();
        found.sort_unstable();
        let mut expected: Vec<String> = expected
            .split(" & ")
            .map(|group| {
                let mut literals: Vec<&str> = group.split('|').collect();
                literals.sort_unstable();
                literals.join("|")
            })
            .collect();
        expected.sort_unstable();
        assert_eq!(found, expected, "{pattern}");
    }
}

#[test]
fn there_are_few_alternatives_and_no_empty_ones() {
    for pattern in [
        "[a-p][a-p][a-p][a-p]",
        "(?i)kissks",
        &"(a|bb|ccc)?".repeat(40),
        &"abc".repeat(200),
    ] {
        let groups = Regex::new(pattern, Shape::Search).unwrap().required_literals();
        for group in groups {
            assert!((1..=64).contains(&group.len()), "{pattern}");
            assert!(group.iter().all(|literal| !literal.bytes.is_empty()), "{pattern}");
        }
    }
}

#[test]
fn expressions_of_few_texts_are_needles() {
    let needles = |pattern: &str| {
        let needles = Regex::new(pattern, Shape::Search).unwrap().needles()?;
        let place = |place: &Vec<u8>| match place.as_slice() {
            [byte] => char::from(*byte).to_string(),
            bytes => format!("[{}]", String::from_utf8_lossy(bytes)),
        };
        let print = |needle: Needle| needle.0.iter().map(place).collect::<String>();
        Some(needles.into_iter().map(print).collect::<Vec<_>>().join("|"))
    };
    let cases = [
        (r#"user_id":1234[0-2]{2},"#, Some(r#"user_id":1234[012][012],"#)),
        ("status=[45]0.", None),
        ("(GET|POST) /", Some("GET /|POST /")),
        ("took [12]+", Some("took [12]")),
        ("took [12]+ms", None),
        ("[ab]*c?x", Some("x|cx")),
        ("[ab]{2,}x.*", Some("[ab][ab]x")),
        ("[ab]{2,}x(y|z)?", Some("[ab][ab]x")),
        ("colou?r", Some("color|colour")),
        ("(?i)moo", Some("[Mm][Oo][Oo]")),
        ("(?i)oops", None),
        ("^a", None),
        ("x*", None),
    ];
    for (pattern, expected) in cases {
        assert_eq!(needles(pattern).as_deref(), expected, "{pattern}");
    }
}
