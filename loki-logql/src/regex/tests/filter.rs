//! What expressions mean in filters.

use crate::regex::Test;

/// A short form of a test, to compare with.
fn print(test: &Test) -> String {
    let quoted = |text: &[u8], ignore_case: &bool| {
        let case = if *ignore_case { "i" } else { "" };
        format!("{case}{:?}", String::from_utf8_lossy(text))
    };
    match test {
        Test::True => "true".to_owned(),
        Test::NotEmpty => "not empty".to_owned(),
        Test::Equals { text, ignore_case } => format!("= {}", quoted(text, ignore_case)),
        Test::Contains { text, ignore_case } => format!("has {}", quoted(text, ignore_case)),
        Test::Any(tests) => tests.iter().map(print).collect::<Vec<_>>().join(" or "),
        Test::Regex(_) => "regex".to_owned(),
    }
}

#[test]
fn expressions_on_labels_become_tests_of_text() {
    let cases = [
        ("", "true"),
        (".*", "true"),
        (".*?", "true"),
        ("(.*)", "true"),
        (".{0,}", "true"),
        (".+", "not empty"),
        (".{1,}", "not empty"),
        ("foo", r#"= "foo""#),
        ("(foo)", r#"= "foo""#),
        ("(?:foo){1}", r#"= "foo""#),
        ("fo(?:o)bar", r#"= "foobar""#),
        (r"a\.b", r#"= "a.b""#),
        ("[a]b", r#"= "ab""#),
        ("[Aa]", r#"= i"a""#),
        ("a|A", r#"= i"a""#),
        ("a|a", r#"= "a""#),
        ("a|ab", r#"has "a" or has "ab""#),
        ("foo|bar", r#"= "foo" or = "bar""#),
        ("(foo|bar)", r#"= "foo" or = "bar""#),
        ("foo.*", r#"has "foo""#),
        (".*foo", r#"has "foo""#),
        (".*foo.*", r#"has "foo""#),
        (".*(foo).*", r#"has "foo""#),
        ("foo.*.*", r#"has "foo""#),
        ("(?:)foo()", r#"has "foo""#),
        ("prod-.*|staging-.*", r#"has "prod-" or has "staging-""#),
        ("foo|foobar", r#"has "foo" or has "foobar""#),
        ("error1|error22", r#"has "error1" or has "error22""#),
        (
            "GET|POST|PUT|PATCH",
            r#"= "GET" or has "POST" or has "PUT" or has "PATCH""#,
        ),
        ("level=(error|warn)", r#"has "level=error" or has "level=warn""#),
        (".*level=(error|warn)", r#"has "level=error" or has "level=warn""#),
        ("level=(error|warn).*", r#"has "level=error" or has "level=warn""#),
        ("level=(error|.*)", r#"has "level=error" or has "level=""#),
        ("foo|foo", r#"has "foo""#),
        ("foo|.*", r#"= "foo""#),
        ("foo|", r#"= "foo""#),
        ("|foo", r#"= "foo""#),
        ("|.*", "true"),
        ("foo|.+", r#"= "foo" or not empty"#),
        (
            "info|debug|warn|error",
            r#"= "info" or = "debug" or = "warn" or = "error""#,
        ),
        ("dev|prod|dev-.*", r#"= "dev" or = "prod" or has "dev-""#),
        ("(?i)foo", r#"= i"foo""#),
        ("(?i)Foo.*", r#"has i"foo""#),
        ("(?i)foo|bar", r#"= i"foo" or = i"bar""#),
        ("(?i:foo)|bar", r#"= i"foo" or = "bar""#),
        ("(?i)error1|error22", r#"has i"error1" or has i"error22""#),
        ("a(bc.*|de)", r#"has "abc" or has "ade""#),
        ("a(b(cc|dd)|ee)", r#"has "abcc" or has "abdd" or has "aee""#),
    ];
    for (pattern, expected) in cases {
        assert_eq!(print(&Test::for_label(pattern).unwrap()), expected, "{pattern}");
    }
}

#[test]
fn other_shapes_stay_expressions() {
    for pattern in [
        "200|201|204",
        "5..",
        "foo.+",
        "foo.*bar",
        "(foo|bar).*",
        "fo+",
        "^foo$",
        "warn(ing)?",
        "[abc]",
        "a|b",
        "a(bb|cc)d",
        "foo|fob",
        "a|b|bc",
        "(?s:.)|foo",
        "(?s).*",
        "(?s)foo.*",
        "(?s).+",
        ".*.*.*foo",
        "x(a|(?i:bb))",
        "(foo)(bar)",
        "a{2}",
        "foo.*(bar|qux)",
        "foo(.*bar|qux)",
    ] {
        assert!(Test::for_label(pattern).unwrap().is_regex(), "{pattern}");
    }
}

#[test]
fn expressions_on_lines_become_searches() {
    let cases = [
        ("", "true"),
        (".*", "true"),
        (".+", "not empty"),
        ("foo", r#"has "foo""#),
        ("foo|", r#"has "foo""#),
        ("foo|.*", r#"has "foo""#),
        (".*|foo", r#"has "foo""#),
        ("|foo", r#"has "foo""#),
        ("foo|bar", r#"has "foo" or has "bar""#),
        ("(?i)error", r#"has i"error""#),
        ("log.*|ip", r#"has "log" or has "ip""#),
        (r"\d", "regex"),
    ];
    for (pattern, expected) in cases {
        assert_eq!(print(&Test::for_line(pattern).unwrap()), expected, "{pattern}");
    }
}

#[test]
fn tests_hold_for_the_values_that_loki_keeps() {
    let cases = [
        ("foo.*", "barfoo", true),
        ("error1|error22", "myerror15", true),
        ("foo|", "", false),
        (".+", "\n", true),
        (".+", "", false),
        ("(?i)foo", "fOO", true),
        ("(?i)foo", "fooo", false),
        ("(?i)k.*", "x\u{212a}", true),
        ("(?i)straße", "STRASSE", false),
        ("(?i)ÉTÉ", "été", true),
        ("5..", "503", true),
        ("5..", "5033", false),
    ];
    for (pattern, value, expected) in cases {
        assert_eq!(
            Test::for_label(pattern).unwrap().matches(value.as_bytes()),
            expected,
            "{pattern} {value}"
        );
    }
    assert!(Test::for_line("(?i)a").unwrap().matches(b"\xffA"));
    assert!(Test::for_line(".+").unwrap().matches(b"\n\n"));
}

#[test]
fn a_bad_expression_is_an_error() {
    let expected = "error parsing regexp: missing closing ): `(`";
    assert_eq!(Test::for_label("(").map(drop), Err(expected.to_owned()));
}
