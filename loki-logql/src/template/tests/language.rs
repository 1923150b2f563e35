//! Actions, blocks, variables, trimming, and what a template reads.

use super::{Entry, assert_outputs};
use crate::template::Template;

#[test]
fn actions_print_fields_constants_and_nothing() {
    assert_outputs(&[
        ("plain", "plain"),
        ("{{.s}}-{{.n}}", "Hello World-42"),
        ("[{{.missing}}{{.empty}}]", "[]"),
        ("{{$.s}}", "Hello World"),
        (r#"{{"a\tb\x41\u00e9"}}{{`raw\n`}}"#, "a\tbAéraw\\n"),
        (
            "{{'x'}} {{0x1F}} {{1_000}} {{010}} {{1.50}} {{1e3}} {{0x1p4}}",
            "120 31 1000 8 1.5 1000 16",
        ),
        ("{{true}} {{false}}", "true false"),
        (r#"{{index . "a-b"}} {{index . "nope"}}|"#, "dashed |"),
        ("{{ .s | }}", "Hello World"),
        ("{{/* a comment */}}x{{- /* another */ -}} y", "xy"),
        ("a {{- .n -}} b\n {{- .n }}", "a42b42"),
        ("{{.n}}-}}", "42-}}"),
        ("{{ 3 -}} x", "3x"),
        ("{{- 3 }}", "3"),
        ("{{-3}}", "-3"),
    ]);
}

#[test]
fn the_dot_prints_as_a_sorted_map() {
    let entry = Entry::with(&[("b", "2"), ("a", "1")]);
    assert_eq!(entry.execute("{{.}}").as_deref(), Ok("map[a:1 b:2]"));
    assert_eq!(
        entry.execute("{{len .}} {{printf \"%v\" .}}").as_deref(),
        Ok("2 map[a:1 b:2]")
    );
    assert_eq!(
        entry.execute("{{range $k, $v := .}}{{$k}}={{$v}};{{end}}").as_deref(),
        Ok("a=1;b=2;")
    );
    assert_eq!(
        entry.execute("{{$d := .}}{{$d.a}}{{with $}}{{.b}}{{end}}").as_deref(),
        Ok("12")
    );
}

#[test]
fn conditions_follow_gos_truth() {
    assert_outputs(&[
        (r#"{{ if eq .n "42" }}y{{ else }}n{{ end }}"#, "y"),
        ("{{if .missing}}a{{else if .n}}b{{else}}c{{end}}", "b"),
        (
            "{{if 0}}a{{else if 0.0}}b{{else if \"\"}}c{{else if false}}d{{else}}e{{end}}",
            "e",
        ),
        ("{{with .missing}}a{{else with .n}}<{{.}}>{{end}}", "<42>"),
        ("{{with .s}}{{.}}{{$.n}}{{end}}", "Hello World42"),
        ("{{if (fromJson \"[]\")}}a{{else}}b{{end}}", "b"),
        ("{{if (toDate \"2006\" \"x\")}}a{{end}}", "a"),
        (
            "{{not .missing}} {{and 1 0 2}} {{or 0 \"\" 3}} {{or .missing .n}} {{0 | or 0}}",
            "true 0 3 42 0",
        ),
        ("{{and 0 (div 1 0)}}", "0"),
    ]);
}

#[test]
fn range_goes_over_lists_maps_and_ints() {
    assert_outputs(&[
        (
            "{{ range $i, $e := (fromJson .j).k }}[{{$e}}]{{ end }}",
            "[1][2.5][x][<no value>][true]",
        ),
        ("{{range (fromJson .j).o}}{{.}}{{end}}", "q"),
        ("{{range $k, $v := fromJson .j}}{{$k}} {{end}}", "k o "),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range $i := 3}}{{$i}},{{end}}", "0,1,2,"),
        ("{{range 0}}x{{else}}none{{end}}", "none"),
        ("{{range fromJson \"nope\"}}x{{else}}none{{end}}", "none"),
        (
            "{{range 9}}{{if eq . 2}}{{continue}}{{end}}{{if eq . 4}}{{break}}{{end}}{{.}}{{end}}",
            "013",
        ),
        ("{{$x := 0}}{{range $i := 4}}{{$x = add $x $i}}{{end}}{{$x}}", "6"),
        (
            "{{$k := \"\"}}{{$v := 0}}{{range $k, $v = fromJson \"[7,8]\"}}{{end}}{{$k}}{{$v}}",
            "18",
        ),
        ("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"),
    ]);
}

#[test]
fn templates_call_each_other_without_sharing_variables() {
    assert_outputs(&[
        (r#"{{define "t"}}<{{.}}>{{end}}{{template "t" .n}}"#, "<42>"),
        (r#"{{define "t"}}<{{$}}>{{end}}{{template "t"}}"#, "<<no value>>"),
        (r#"{{block "b" .s}}[{{.}}]{{end}}"#, "[Hello World]"),
        (r#"{{template "late" .}}{{define "late"}}{{.n}}{{end}}"#, "42"),
        (
            r#"{{define "down"}}{{.}}{{if gt . 0}}{{template "down" (int (sub . 1))}}{{end}}{{end}}{{template "down" 3}}"#,
            "3210",
        ),
        (r#"{{define "line"}}itself{{end}}"#, "itself"),
    ]);
}

#[test]
fn fields_are_what_the_dot_and_the_dollar_are_asked_for() {
    let reads = |text: &str| {
        let template = Template::parse("line", text.as_bytes()).expect("a valid template");
        let fields: Vec<String> = template.fields().map(str::to_owned).collect();
        (fields.join(","), template.reads_all(), template.reads_entry())
    };
    let expect = |fields: &str, all, line| (fields.to_owned(), all, line);
    assert_eq!(
        reads("{{.a}} {{if .b}}{{$.c | lower}}{{end}}"),
        expect("a,b,c", false, false)
    );
    assert_eq!(reads(r#"{{index . "x-y"}}"#), expect("x-y", false, false));
    assert_eq!(reads(r#"{{index . .a}}"#), expect("a", true, false));
    assert_eq!(reads("{{with .a}}{{.}}{{.b}}{{end}}"), expect("a", false, false));
    assert_eq!(reads("{{with .a}}{{$}}{{end}}"), expect("a", true, false));
    assert_eq!(reads("{{.}}"), expect("", true, false));
    assert_eq!(reads("{{__line__ | len}}"), expect("", false, true));
    assert_eq!(
        reads(r#"{{define "t"}}{{.q}}{{__line__}}{{end}}{{template "t" (.a)}}"#),
        expect("a", false, true)
    );
}

#[test]
fn a_single_field_is_known_as_such() {
    let single = |text: &str| {
        let template = Template::parse("line", text.as_bytes()).expect("a valid template");
        template.single_field().map(str::to_owned)
    };
    assert_eq!(single("{{.name}}").as_deref(), Some("name"));
    assert_eq!(single(" {{- .name -}} \n").as_deref(), Some("name"));
    for other in [
        "{{.name}} ",
        "{{.a.b}}",
        "{{.a | lower}}",
        "{{$x := .a}}",
        "{{.a}}{{.b}}",
        "",
    ] {
        assert_eq!(single(other), None, "{other}");
    }
}
