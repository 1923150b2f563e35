//! Go's errors: which, and about what part of the text.

use crate::regex::{Regex, Shape, check, matcher_regex, text};
use proptest::prelude::*;

#[test]
fn errors_name_the_code_and_the_fragment() {
    let cases = [
        ("[a", "missing closing ]: `[a`"),
        ("x[a", "missing closing ]: `[a`"),
        ("[]", "missing closing ]: `[]`"),
        ("[^", "missing closing ]: `[^`"),
        ("a(b", "missing closing ): `a(b`"),
        ("(", "missing closing ): `(`"),
        ("(|a", "missing closing ): `(|a`"),
        ("a)", "unexpected ): `a)`"),
        ("a|b)c", "unexpected ): `a|b)c`"),
        ("+", "missing argument to repetition operator: `+`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("(*)", "missing argument to repetition operator: `*`"),
        ("{2}", "missing argument to repetition operator: `{2}`"),
        ("(?i)*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*+", "invalid nested repetition operator: `*+`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a*???", "invalid nested repetition operator: `*???`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("(a{500}){3}", "invalid repeat count: `{3}`"),
        ("((a{10}){10}){11}b", "invalid repeat count: `{11}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("[a--b]", "invalid character class range: `a--`"),
        (r"\p{Foo}", r"invalid character class range: `\p{Foo}`"),
        (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
        (r"\p{Greek", r"invalid character class range: `\p{Greek`"),
        (r"\pX", r"invalid character class range: `\pX`"),
        (r"\p", r"invalid character class range: `\p`"),
        (r"\p{IsGreek}", r"invalid character class range: `\p{IsGreek}`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\e", r"invalid escape sequence: `\e`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\u0041", r"invalid escape sequence: `\u`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        (r"\x4", r"invalid escape sequence: `\x4`"),
        (r"\xg1", r"invalid escape sequence: `\xg1`"),
        (r"\x{}", r"invalid escape sequence: `\x{}`"),
        (r"\x{110000}", r"invalid escape sequence: `\x{110000`"),
        (r"[a-\d]", r"invalid escape sequence: `\d`"),
        (r"[\b]", r"invalid escape sequence: `\b`"),
        (r"[\Qa\E]", r"invalid escape sequence: `\Q`"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?#c)", "invalid or unsupported Perl syntax: `(?#`"),
        ("(?P=n)", "invalid or unsupported Perl syntax: `(?P`"),
        ("(?i-)", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?", "invalid or unsupported Perl syntax: `(?`"),
        ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
        ("(?<=a)", "invalid named capture: `(?<=a)`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("(?P<x-y>z)", "invalid named capture: `(?P<x-y>`"),
        ("(?P<>z)", "invalid named capture: `(?P<>`"),
        ("(?<é>z)", "invalid named capture: `(?<é>`"),
        ("\\", "trailing backslash at end of expression: ``"),
    ];
    for (pattern, error) in cases {
        let expected = format!("error parsing regexp: {error}");
        assert_eq!(check(pattern), Err(expected.clone()), "{pattern}");
        assert_eq!(Regex::new(pattern, Shape::Search).map(drop), Err(expected), "{pattern}");
    }
}

#[test]
fn a_pattern_that_is_not_utf8_is_an_error_from_there_on() {
    assert_eq!(text(b"a\xc3\xa9"), Ok("a\u{e9}"));
    let expected = "error parsing regexp: invalid UTF-8: `\u{fffd}\u{fffd}b`";
    assert_eq!(text(b"a\xe2\x82b"), Err(expected.to_owned()));
}

#[test]
fn what_go_takes_is_taken() {
    for pattern in [
        "",
        "{foo}",
        "a{",
        "a{,2}",
        "{.*}",
        "a{01}",
        "a{2",
        "a{2,x}",
        "x{1000}",
        "a{2}?",
        "[[]",
        "[a&&b]",
        "[!--]",
        "[a~~b]",
        "[]a]",
        "[^]a]",
        "[-a]",
        "[a-]",
        r"[\]]",
        r"\Qa.b",
        r"\Q\E",
        r"\101",
        r"\0",
        r"\012",
        r"\777",
        r"\<\>",
        r"\b{start}",
        r"\pN",
        r"\p{Lu}",
        r"\p{Greek}",
        r"\p{^Greek}",
        r"\PN",
        r"\P{^Lu}",
        r"\x{10FFFF}",
        r"\x41",
        r"\x{D800}",
        "(?i-s:a)",
        "(?im)a",
        "(?U)a*",
        "(?s-i)a",
        "(?P<1x>a)",
        "(?<n>a)(?<n>b)",
        "()",
        "(|)",
        "a||b",
        "|",
        r"\_",
        r"\/",
        "[[:^alpha:]x]",
        "[[:alpha]",
        "]",
        "}",
        "^*",
    ] {
        assert_eq!(check(pattern), Ok(()), "{pattern}");
        assert!(matcher_regex(pattern).is_ok(), "{pattern}");
    }
}

#[test]
fn nesting_is_limited() {
    let nested = |n: usize| format!("{}a{}", "(".repeat(n), ")".repeat(n));
    assert_eq!(check(&nested(999)), Ok(()));
    assert!(Regex::new(&nested(999), Shape::Search).is_ok_and(|regex| regex.is_match(b"a")));
    let expected = format!("error parsing regexp: expression nests too deeply: `{}`", nested(1000));
    assert_eq!(check(&nested(1000)), Err(expected));
    assert!(check(&nested(60_000)).is_err());
}

#[test]
fn prefixes_of_prefixes_do_not_exhaust_the_stack() {
    let triangle: Vec<String> = (1..510).map(|n| "a".repeat(n)).collect();
    let error = check(&triangle.join("|")).unwrap_err();
    assert!(error.starts_with("error parsing regexp: expression nests too deeply"));
}

#[test]
fn many_alternatives_parse_in_linear_time() {
    // Every other character, so that no two of them are one range.
    let chars: Vec<String> = ('\u{4e00}'..='\u{9fff}').step_by(2).map(String::from).collect();
    let regex = Regex::new(&chars.join("|"), Shape::Whole).unwrap();
    assert!(regex.is_match("\u{4e02}".as_bytes()));
    assert!(!regex.is_match("\u{4e03}".as_bytes()));
}

#[test]
fn what_would_be_too_large_is_refused() {
    let large = r"(?:\pL{100}){10}".repeat(20);
    let error = Regex::new(&large, Shape::Search).map(drop).unwrap_err();
    assert_eq!(error, format!("error parsing regexp: expression too large: `{large}`"));
    let many_classes = r"\pL".repeat(20_000);
    assert!(
        check(&many_classes)
            .unwrap_err()
            .starts_with("error parsing regexp: expression too large: ")
    );
}

proptest! {
    #[test]
    fn no_text_panics(pattern in any::<String>()) {
        let _ = check(&pattern);
    }

    #[test]
    fn no_expression_panics(pattern in r"([-a-c(){}|*+?.,\[\]^$0-9:]|\\[a-zA-Z0-9]|\(\?[imsUP<]|\[:|é){0,24}") {
        if check(&pattern).is_ok() {
            let translated = matcher_regex(&pattern).expect("a valid expression translates");
            let syntax = regex_automata::util::syntax::Config::new().utf8(false).nest_limit(1000);
            prop_assert!(regex_automata::util::syntax::parse_with(&translated, &syntax).is_ok(), "{translated}");
        }
    }
}
