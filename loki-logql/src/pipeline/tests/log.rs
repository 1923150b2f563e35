//! Log queries: which entries pass, with which line and labels.

use super::*;

/// The labels of the one line of a stream, behind these stages.
fn labels_of(stream: &[(&str, &str)], stages: &str, line: &str) -> String {
    let entries = Entries::new(stream, &[line]);
    let out = run_log(&format!("{{a=\"b\"}} {stages}"), &entries);
    match out.as_slice() {
        [(0, _, labels)] => labels.clone(),
        _ => "dropped".to_string(),
    }
}

#[track_caller]
fn check(stream: &[(&str, &str)], cases: &[(&str, &str, &str)]) {
    for (stages, line, labels) in cases {
        assert_eq!(labels_of(stream, stages, line), *labels, "{stages} on {line}");
    }
}

const S: &[(&str, &str)] = &[("app", "s")];

#[test]
fn json_extracts_members() {
    check(
        S,
        &[
            (
                "| json",
                r#"{"a":"x","b":1,"d":true,"f":null,"g":[1,2],"i":{"j":"k","l":{"m":"n"}},"o p":"q","1r":"s"}"#,
                r#"{_1r="s", a="x", app="s", b="1", d="true", i_j="k", i_l_m="n", o_p="q"}"#,
            ),
            ("| json", r#"{"a":"x"} trailing"#, r#"{a="x", app="s"}"#),
            ("| json", r#"{"a":{}, "b":[], "c":""}"#, r#"{app="s", c=""}"#),
            ("| json", r#"{"a":"bad\ud83d"}"#, r#"{a="", app="s"}"#),
            ("| json", r#"{"a":"\ud83d\ude00\n"}"#, "{a=\"😀\\n\", app=\"s\"}"),
            (
                "| json",
                r#"{"i":{"":"e","app":"g"}}"#,
                r#"{app="s", i="e", i_app="g"}"#,
            ),
            ("| json", r#"{"a":{"b":"1"},"a_b":"2"}"#, r#"{a_b="1", app="s"}"#),
            (
                "| json",
                r#"{"a":"first","c":"x","c":"y"}"#,
                r#"{a="first", app="s", c="x"}"#,
            ),
            ("| json", r#"{"app":"y"}"#, r#"{app="s", app_extracted="y"}"#),
            (
                "| json",
                r#" { "a" : 1.50 , "b":-0.0,}"#,
                r#"{a="1.50", app="s", b="-0.0"}"#,
            ),
            ("| json", r#"{"":"x","":{"y":1}}"#, r#"{app="s", y="1"}"#),
        ],
    );
}

#[test]
fn json_says_what_is_broken_and_keeps_what_it_has() {
    let object = "Value looks like object, but can't find closing '}' symbol";
    let array = "Value is array, but can't find closing ']' symbol";
    for (line, labels, details) in [
        (r#"{"a":"x", "b":"#, "a=\"x\", ", "Malformed JSON error"),
        ("not json", "", object),
        ("", "", object),
        ("{a:1}", "", object),
        (r#"{"a":1 "b":2}"#, "a=\"1\", ", object),
        (r#"{"a":1]"#, "a=\"1\", ", object),
        (r#"{"x":{"a":1"#, "", object),
        ("{", "", "Malformed JSON error"),
        (r#"{"a" 1}"#, "", "Malformed JSON error"),
        (r#"{"a":1"#, "a=\"1\", ", array),
        (r#"{"a":1,"#, "a=\"1\", ", array),
        (r#"{"a":x}"#, "", "Unknown value type"),
        (r#"{"a":}"#, "", "Unknown value type"),
        (r#"{"a":tru}"#, "", "Unknown value type"),
        (
            r#"{"a":"x"#,
            "",
            "Value is string, but can't find closing '\\\"' symbol",
        ),
        (r#"{"a":[1"#, "", array),
        (r#"{"\q":1}"#, "", "Encountered an invalid escape sequence in a string"),
    ] {
        let expected = format!("{{__error__=\"JSONParserErr\", __error_details__=\"{details}\", {labels}app=\"s\"}}");
        assert_eq!(labels_of(S, "| json", line), expected, "{line}");
    }
}

#[test]
fn json_paths_extract_what_they_name() {
    let line = r#"{"a":"x","c":1.50,"f":null,"g":[1,2,{"h":3}],"i":{"j":"k"}}"#;
    check(
        S,
        &[
            (
                r#"| json a, n="c", nul="f", arr="g", g0="g[0]", h="g[2].h", obj="i", miss="zz""#,
                line,
                r#"{a="x", app="s", arr="[1,2,{\"h\":3}]", g0="1", h="3", miss="", n="1.50", nul="", obj="{\"j\":\"k\"}"}"#,
            ),
            (r#"| json app="a""#, r#"{"a":"x"}"#, r#"{app="s", app_extracted="x"}"#),
            (r#"| json app="a""#, "{}", r#"{app="s"}"#),
            (
                r#"| json x="[0].a", y="[1].a""#,
                r#"[{"a":1},{"a":"two"}]"#,
                r#"{app="s", x="1", y="two"}"#,
            ),
            ("| json a", "not json", r#"{__error__="JSONParserErr", app="s"}"#),
            ("| json a", "", r#"{app="s"}"#),
            (
                "| json a",
                r#"{"a":"x"#,
                r#"{__error__="JSONParserErr", __error_details__="Value is string, but can't find closing '\"' symbol", a="", app="s"}"#,
            ),
            (
                "| json a",
                r#""a":1"#,
                r#"{__error__="JSONParserErr", __error_details__="Malformed JSON error", a="", app="s"}"#,
            ),
            (
                r#"| json p="a.b", q="a""#,
                r#"{"x":{"a":{"b":0}},"a":{"b":1}}"#,
                r#"{app="s", p="1", q="{\"b\":1}"}"#,
            ),
        ],
    );
}

#[test]
fn logfmt_extracts_pairs() {
    check(
        S,
        &[
            (
                "| logfmt",
                r#"a=1 b="two words" c=3"#,
                r#"{a="1", app="s", b="two words", c="3"}"#,
            ),
            ("| logfmt", "a=1 a=2", r#"{a="1", app="s"}"#),
            ("| logfmt", r#"a= b="" c"#, r#"{app="s"}"#),
            (
                "| logfmt --keep-empty",
                r#"a= b="" c"#,
                r#"{a="", app="s", b="", c=""}"#,
            ),
            (
                "| logfmt",
                r#"a="x\"y" b="\n\u00e9" c="\q" d=4"#,
                r#"{a="x\"y", app="s", b="\né", d="4"}"#,
            ),
            ("| logfmt", "a==1 b=2", r#"{app="s", b="2"}"#),
            ("| logfmt", "a=1,b=2", r#"{app="s"}"#),
            ("| logfmt", "a='x y' b=2", r#"{a="'x", app="s", b="2"}"#),
            (
                "| logfmt",
                "key-with.dot=1 1num=2 é=3",
                r#"{_="3", _1num="2", app="s", key_with_dot="1"}"#,
            ),
            (
                "| logfmt --strict",
                "b=1 a==1 c=2",
                r#"{__error__="LogfmtParserErr", __error_details__="logfmt syntax error at pos 7 : unexpected '='", app="s", b="1"}"#,
            ),
        ],
    );
}

#[test]
fn logfmt_keys_extract_what_they_name() {
    check(
        S,
        &[
            (r#"| logfmt x="a", zz"#, "a=1 a=2", r#"{app="s", x="2", zz=""}"#),
            (r#"| logfmt z="x_y""#, "x.y=1", r#"{app="s", z="1"}"#),
            (r#"| logfmt a="x", x="a""#, "a=1 x=2", r#"{a="2", app="s", x="1"}"#),
            (r#"| logfmt x="a""#, "x=5", r#"{app="s", x="5"}"#),
            (r#"| logfmt x="a""#, "x=5 a=1", r#"{app="s", x="1"}"#),
            (r#"| logfmt | logfmt x="a""#, "a=1", r#"{a="1", app="s", x=""}"#),
        ],
    );
}

#[test]
fn regexp_pattern_and_unpack_extract() {
    let re = r"| regexp `(?P<m>\w+) (?P<p>\S+) (?P<st>\d+)( (?P<ex>.*))?`";
    check(
        S,
        &[
            (
                re,
                "POST /y 404 extra",
                r#"{app="s", ex="extra", m="POST", p="/y", st="404"}"#,
            ),
            (re, "GET /x 200", r#"{app="s", ex="", m="GET", p="/x", st="200"}"#),
            (re, "nothing", r#"{app="s"}"#),
            ("| pattern `<a> <b>`", "abc", r#"{a="abc", app="s"}"#),
            ("| pattern `<a> <b>`", "a  b", r#"{a="a", app="s", b=" b"}"#),
            ("| pattern `<a>: y`", "x: y", r#"{a="x", app="s"}"#),
            ("| pattern `<a>: y`", "abc", r#"{a="abc", app="s"}"#),
            ("| pattern `prefix: <a>`", "x: y", r#"{app="s"}"#),
            (
                r#"| pattern `<ip> <_> <_> [<ts>] "<m> <p> <_>" <st> <sz>`"#,
                r#"1.2.3.4 - - [10/Oct] "GET /x HTTP/1.1" 200 123"#,
                r#"{app="s", ip="1.2.3.4", m="GET", p="/x", st="200", sz="123", ts="10/Oct"}"#,
            ),
            ("| unpack", r#"{"x":"1"}"#, r#"{app="s"}"#),
            (
                "| unpack",
                "x",
                r#"{__error__="JSONParserErr", __error_details__="expecting json object(6), but it is not", app="s"}"#,
            ),
        ],
    );
    let packed = Entries::new(S, &[r#"{"_entry":"in\"ner","x":"1","app":"z","n":5}"#]);
    assert_eq!(
        run_log("{a=\"b\"} | unpack", &packed),
        [(
            0,
            b"in\"ner".to_vec(),
            r#"{app="s", app_extracted="z", x="1"}"#.to_string()
        )]
    );
}

#[test]
fn extracted_labels_yield_to_those_of_the_stream() {
    let stream = &[("app", "s"), ("x", "stream")];
    check(
        stream,
        &[
            (
                "| logfmt",
                "x=1 y=2 y=3",
                r#"{app="s", x="stream", x_extracted="1", y="2"}"#,
            ),
            (
                "| drop x | logfmt",
                "x=1 y=2 y=3",
                r#"{app="s", x_extracted="1", y="2"}"#,
            ),
            (
                "| label_format y=\"z\" | logfmt",
                "x=1 y=2 y=3",
                r#"{app="s", x="stream", x_extracted="1", y="z"}"#,
            ),
            (
                "| logfmt | label_format x=x_extracted",
                "x=1 y=2 y=3",
                r#"{app="s", x="1", y="2"}"#,
            ),
        ],
    );
    let entries = Entries::new(stream, &["plain", "tid=t x=p1"])
        .with_metadata(&[&[("tid", "s1"), ("x", "m")], &[("tid", "s1"), ("x", "m")]]);
    let all = run_log("{a=\"b\"}", &entries);
    assert_eq!(all[0].2, r#"{app="s", tid="s1", x="stream", x_extracted="m"}"#);
    let parsed = run_log("{a=\"b\"} | logfmt", &entries);
    assert_eq!(
        parsed[1].2,
        r#"{app="s", tid="s1", tid_extracted="t", x="stream", x_extracted="p1"}"#
    );
}

#[test]
fn label_filters_are_tried_as_soon_as_their_label_is_extracted() {
    check(
        S,
        &[
            ("| json | label_format x=\"z\" | x=\"z\"", r#"{"x":"orig"}"#, "dropped"),
            ("| level!=\"error\" | json", r#"{"level":"error"}"#, "dropped"),
            ("| json | drop level | level=\"\"", r#"{"level":"error"}"#, "dropped"),
            (
                "| json | n > 3",
                r#"{"n":"abc"}"#,
                r#"{__error__="LabelFilterErr", __error_details__="strconv.ParseFloat: parsing \"abc\": invalid syntax", app="s", n="abc"}"#,
            ),
        ],
    );
}

#[test]
fn label_filters_convert_values() {
    check(
        S,
        &[
            ("| logfmt | x>4KB", "x=\"5 MB\"", r#"{app="s", x="5 MB"}"#),
            ("| logfmt | x>4KB", "x=5", "dropped"),
            ("| logfmt | x=5s", "x=5s", r#"{app="s", x="5s"}"#),
            ("| logfmt | x!=4", "y=1", "dropped"),
            (
                "| logfmt | x=ip(\"10.0.0.0/8\")",
                "x=10.1.2.3:80",
                r#"{app="s", x="10.1.2.3:80"}"#,
            ),
            ("| logfmt | x!=ip(\"10.0.0.0/8\")", "y=1", "dropped"),
            (
                "| logfmt | x>4 or x=\"foo\"",
                "x=abc",
                r#"{__error__="LabelFilterErr", __error_details__="strconv.ParseFloat: parsing \"abc\": invalid syntax", app="s", x="abc"}"#,
            ),
            ("| json | __error__=\"\"", "x", "dropped"),
            ("| json | __error__!=\"\"", "{}", "dropped"),
            ("| zz=\"\"", "x", r#"{app="s"}"#),
            ("| app=~\"s.*\"", "x", r#"{app="s"}"#),
        ],
    );
}

#[test]
fn labels_are_renamed_dropped_and_kept() {
    let stream = &[("app", "s"), ("env", "prod"), ("x", "1")];
    check(
        stream,
        &[
            ("| drop x=\"zz\", env=~\"pr.*\"", "", r#"{app="s", x="1"}"#),
            ("| keep x=\"1\", env=\"zz\"", "", r#"{x="1"}"#),
            ("| keep nothing", "", "{}"),
            ("| label_format a=env", "", r#"{a="prod", app="s", x="1"}"#),
            ("| label_format x=x", "", r#"{app="s", env="prod"}"#),
            ("| label_format a=missing", "", r#"{app="s", env="prod", x="1"}"#),
            (
                "| json | drop __error__, __error_details__",
                "x",
                r#"{app="s", env="prod", x="1"}"#,
            ),
            ("| json | drop __error__", "x", r#"{app="s", env="prod", x="1"}"#),
        ],
    );
}

#[test]
fn line_filters_keep_and_drop() {
    let lines = ["error one", "ERROR two", "warn", "", "foo 10.1.2.3", "\n"];
    let kept = |filters: &str| -> Vec<usize> {
        let entries = Entries::new(S, &lines);
        run_log(&format!("{{a=\"b\"}} {filters}"), &entries)
            .iter()
            .map(|(i, ..)| *i)
            .collect()
    };
    assert_eq!(kept("|= \"error\""), [0]);
    assert_eq!(kept("!= \"error\""), [1, 2, 3, 4, 5]);
    assert_eq!(kept("|~ \"(?i)error\""), [0, 1]);
    assert_eq!(kept("|= \"one\" or \"two\""), [0, 1]);
    assert_eq!(kept("!= \"one\" or \"two\""), [2, 3, 4, 5]);
    assert_eq!(kept("|= \"\""), [0, 1, 2, 3, 4, 5]);
    assert_eq!(kept("!= \"\""), [] as [usize; 0]);
    assert_eq!(kept("|= \"\" or \"warn\""), [2]);
    assert_eq!(kept("|~ \".+\""), [0, 1, 2, 4, 5]);
    assert_eq!(kept("|~ \"e.*o\""), [0]);
    assert_eq!(kept("!~ \"o|w\""), [3, 5]);
    assert_eq!(kept("|> \"<_> two\""), [1]);
    assert_eq!(kept("|= ip(\"10.0.0.0/8\")"), [4]);
    assert_eq!(kept("|= ip(\"10.0.0.0/8\") or \"warn\""), [2, 4]);
    assert_eq!(kept("| logfmt |= \"error\""), [0]);
    assert_eq!(kept("|= \"err\" |= \"one\" != \"two\""), [0]);
}

#[test]
fn decolorize_comes_before_the_filters_behind_it() {
    let entries = Entries::new(S, &["\x1b[31mred\x1b[0m plain"]);
    let out = run_log("{a=\"b\"} | decolorize |= \"red plain\"", &entries);
    assert_eq!(out, [(0, b"red plain".to_vec(), r#"{app="s"}"#.to_string())]);
}

#[test]
fn broken_stages_are_named() {
    for (stages, message) in [
        (
            "|~ \"[\"",
            "stage '|~ \"[\"' : error parsing regexp: missing closing ]: `[`",
        ),
        (
            "|> \"<x>\"",
            "stage '|> \"<x>\"' : named captures are not allowed: found '<x>'",
        ),
        (
            "|~ ip(\"1.2.3.4\")",
            "stage '|~ ip(\"1.2.3.4\")' : ip: invalid operation",
        ),
        (
            "| x=ip(\"bogus\")",
            "stage '| x=ip(\"bogus\")' : ip: invalid pattern: \"bogus\"",
        ),
        (
            "| json x=\"y..z\"",
            "stage '| json x=\"y..z\"' : cannot parse expression [y..z]: syntax error: unexpected DOT, expecting FIELD",
        ),
        (
            "| logfmt x=\"a.b\"",
            "stage '| logfmt x=\"a.b\"' : cannot parse expression [a.b]: unexpected char .",
        ),
    ] {
        let error = pipeline(&format!("{{a=\"b\"}} {stages}")).unwrap_err();
        assert_eq!(error.to_string(), format!("parse error : {message}"));
    }
}
