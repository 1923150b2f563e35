//! Texts of parse and execution errors.

use super::{Entry, assert_errors};
use crate::template::Template;

#[test]
fn parse_errors_name_line_and_cause() {
    for (template, message) in [
        ("{{.x", "unclosed action"),
        ("{{if .x}}a", "unexpected EOF"),
        ("{{foo .x}}", "function \"foo\" not defined"),
        ("{{ $y }}", "undefined variable \"$y\""),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ else }}", "unexpected {{else}}"),
        ("{{ if }}x{{end}}", "missing value for if"),
        ("{{ \"abc }}", "unterminated quoted string"),
        ("{{ .a-b }}", "bad character U+002D '-'"),
        ("{{ ( .s }}", "unclosed left paren"),
        ("{{ .s ) }}", "unexpected right paren"),
        ("{{ | .s }}", "unexpected \"|\" in command"),
        ("{{{ .s }}}", "unexpected \"{\" in command"),
        ("{{ break }}", "{{break}} outside {{range}}"),
        ("{{}}", "missing value for command"),
        ("{{1 | 2}}", "non executable command in pipeline stage 2"),
        ("{{if .a}}{{else}}{{else}}{{end}}", "expected end; found {{else}}"),
        (
            "{{define \"a\"}}{{else}}{{end}}",
            "unexpected {{else}} in define clause",
        ),
        (
            "{{if .a}}{{define \"x\"}}{{end}}{{end}}",
            "unexpected <define> in command",
        ),
        ("{{template foo}}", "unexpected \"foo\" in template clause"),
        ("{{range $a, 3}}{{end}}", "range can only initialize variables"),
        ("{{$a, $b := 1}}", "too many declarations in command"),
        ("{{/* open", "unclosed comment"),
        ("{{/* a */ x}}", "comment ends before closing delimiter"),
        ("{{'ab'}}", "malformed character constant: 'ab'"),
        ("{{'a}}", "unterminated character constant"),
        ("{{`a}}", "unterminated raw quoted string"),
        ("{{12x}}", "bad number syntax: \"12x\""),
        ("{{99999999999999999999}}", "integer overflow: \"99999999999999999999\""),
        ("{{\"\\q\"}}", "invalid syntax"),
        ("{{\"a\".b}}", "unexpected . after term \"\\\"a\\\"\""),
        ("{{: 3}}", "expected :="),
        ("{{ é\u{1} }}", "bad character U+0001"),
        ("{{ \u{7} }}", "unrecognized character in action: U+0007"),
        ("{{ .s .verylongname = }}", "unexpected \"=\" in operand"),
        (
            "{{end \"a long string here\"}}",
            "unexpected \"\\\"a long st\"... in end",
        ),
    ] {
        let expected = format!("template: line:1: {message}");
        assert_errors(&[(template, &expected)]);
    }
    assert_errors(&[
        ("a\n{{\n.x", "template: line:3: unclosed action started at line:2"),
        (
            "a\n{{if\n\"x}}",
            "template: line:3: unterminated quoted string in action started at line:2",
        ),
    ]);
    assert_eq!(
        Template::parse("label", b"{{foo}}").err().as_deref(),
        Some("template: label:1: function \"foo\" not defined")
    );
}

#[test]
fn execution_errors_name_the_place() {
    assert_errors(&[
        (
            "{{ div 1 0 }}",
            r#"template: line:1:3: executing "line" at <div 1 0>: error calling div: runtime error: integer divide by zero"#,
        ),
        (
            "{{ $x = 5 }}",
            r#"template: line:1:8: executing "line" at <5>: undefined variable: $x"#,
        ),
        (
            "{{ .s.x }}",
            r#"template: line:1:5: executing "line" at <.s.x>: can't evaluate field x in type string"#,
        ),
        (
            "{{if eq .n 42}}{{end}}",
            r#"template: line:1:5: executing "line" at <eq .n 42>: error calling eq: incompatible types for comparison: string and int"#,
        ),
        (
            "{{ max }}",
            r#"template: line:1:3: executing "line" at <max>: wrong number of args for max: want at least 1 got 0"#,
        ),
        (
            "a\nbc{{ lower .s .n }}",
            r#"template: line:2:5: executing "line" at <lower>: wrong number of args for lower: want 1 got 2"#,
        ),
        (
            "{{ lower 5 }}",
            r#"template: line:1:9: executing "line" at <5>: expected string; found 5"#,
        ),
        (
            "{{ trunc .n .s }}",
            r#"template: line:1:9: executing "line" at <.n>: wrong type for value; expected int; got string"#,
        ),
        (
            "{{ trunc (add 1 2) .s }}",
            r#"template: line:1:16: executing "line" at <2>: wrong type for value; expected int; got int64"#,
        ),
        (
            "{{ fromJson \"x\" | lower }}",
            r#"template: line:1:18: executing "line" at <lower>: invalid value; expected string"#,
        ),
        (
            "{{ lower nil }}",
            r#"template: line:1:9: executing "line" at <nil>: cannot assign nil to string"#,
        ),
        (
            "{{ lower (fromJson .j).zz }}",
            r#"template: line:1:19: executing "line" at <.j>: wrong type for value; expected string; got interface {}"#,
        ),
        (
            "{{ (fromJson .j).k.x }}",
            r#"template: line:1:13: executing "line" at <.j>: can't evaluate field x in type interface {}"#,
        ),
        (
            "{{ (fromJson .j).zz.x }}",
            r#"template: line:1:13: executing "line" at <.j>: nil pointer evaluating interface {}.x"#,
        ),
        (
            "{{ .s 3 }}",
            r#"template: line:1:3: executing "line" at <.s>: s is not a method but has arguments"#,
        ),
        (
            "{{ \"x\" 3 }}",
            r#"template: line:1:3: executing "line" at <"x">: can't give argument to non-function "x""#,
        ),
        (
            "{{ nil }}",
            r#"template: line:1:3: executing "line" at <nil>: nil is not a command"#,
        ),
        (
            "{{range \"ab\"}}{{end}}",
            r#"template: line:1:8: executing "line" at <"ab">: range can't iterate over ab"#,
        ),
        (
            "{{range $i, $e := 3}}{{end}}",
            r#"template: line:1:18: executing "line" at <3>: can't use 3 to iterate over more than one variable"#,
        ),
        (
            "{{template \"t\" .}}",
            r#"template: line:1:11: executing "line" at <{{template "t" .}}>: template "t" not defined"#,
        ),
        (
            "{{define \"t\"}}{{div 1 0}}{{end}}{{template \"t\"}}",
            r#"template: line:1:16: executing "t" at <div 1 0>: error calling div: runtime error: integer divide by zero"#,
        ),
    ]);
}

#[test]
fn a_failed_execution_leaves_the_output_as_it_was() {
    let template = Template::parse("line", b"text {{.n}} {{div 1 0}}").expect("a valid template");
    let mut out = b"before".to_vec();
    assert!(template.execute(&Entry::sample(), &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn what_a_template_costs_is_bounded() {
    let entry = Entry::sample();
    let nested = format!("{}.n{}", "(".repeat(200), ")".repeat(200));
    for (template, limit) in [
        (format!("{{{{{nested}}}}}"), "nested deeper than the limit of 100"),
        ("{{if 1}}".repeat(200), "nested deeper than the limit of 100"),
        (
            "{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}".to_owned(),
            "exceeded maximum template depth (200)",
        ),
        (
            "{{repeat 1000000000 .s}}".to_owned(),
            "larger than the limit of 8388608 bytes",
        ),
        (
            "{{indent 1000000000 .s}}".to_owned(),
            "larger than the limit of 8388608 bytes",
        ),
        (
            "{{alignLeft 1000000000 .s}}".to_owned(),
            "larger than the limit of 8388608 bytes",
        ),
        (
            "{{range 20}}{{printf \"%999999d\" .}}{{end}}".to_owned(),
            "output is larger than the limit of 8388608 bytes",
        ),
        (
            "{{range 1000000000}}{{end}}".to_owned(),
            "took more than the limit of 1000000 steps",
        ),
        (
            "{{range 1000}}{{range 1000}}{{range 1000}}{{end}}{{end}}{{end}}".to_owned(),
            "took more than the limit of 1000000 steps",
        ),
        (
            "{{$x := .s}}{{range 100}}{{$x = print $x $x}}{{end}}".to_owned(),
            "larger than the limit of 8388608 bytes",
        ),
        (
            "{{$x := repeat 1000 .s}}{{range 9}}{{$x = replace \"l\" $x $x}}{{end}}".to_owned(),
            "larger than the limit of 8388608 bytes",
        ),
    ] {
        let error = entry.execute(&template).expect_err(limit);
        assert!(error.contains(limit), "{error}");
    }
}

#[test]
fn the_deepest_nesting_that_parses_also_runs() {
    let entry = Entry::sample();
    let parens = format!("{{{{{}.n{}}}}}", "(".repeat(99), ")".repeat(99));
    assert_eq!(entry.execute(&parens).as_deref(), Ok("42"));
    let blocks = format!("{}{{{{.n}}}}{}", "{{with $}}".repeat(98), "{{end}}".repeat(98));
    assert_eq!(entry.execute(&blocks).as_deref(), Ok("42"));
    // And where a template so deep calls itself, it ends in an error.
    let calls = format!(
        "{{{{define \"t\"}}}}{}{{{{template \"t\" {}.{}}}}}{}{{{{end}}}}{{{{template \"t\" .}}}}",
        "{{with 1}}".repeat(50),
        "(".repeat(40),
        ")".repeat(40),
        "{{end}}".repeat(50),
    );
    let error = entry.execute(&calls).expect_err("it never ends");
    assert!(error.contains("exceeded maximum template depth (200)"), "{error}");
}
