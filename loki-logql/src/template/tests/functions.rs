//! Every function, by group.

use super::{assert_errors, assert_outputs};

#[test]
fn case_and_trimming() {
    assert_outputs(&[
        (
            "{{.s | lower}} {{ToUpper .s}} {{upper \"straße ŉ ǆ\"}}",
            "hello world HELLO WORLD STRAßE ŉ Ǆ",
        ),
        ("{{lower \"İÀ\"}}", "ià"),
        ("{{title \"it's a_b c-d é1é\"}}", "It'S A_b C-D É1é"),
        ("[{{trim \"  x \\n\"}}][{{TrimSpace \"\\u00a0y\"}}]", "[x][y]"),
        (
            "{{Trim \"xxhixx\" \"x\"}} {{TrimLeft \"abc\" \"ba\"}} {{TrimRight \"abé\" \"éb\"}}",
            "hi c a",
        ),
        (
            "{{trimAll \"$\" \"$5$\"}} {{trimPrefix \"-\" \"-a\"}} {{trimSuffix \"-\" \"a-\"}}",
            "5 a a",
        ),
        ("{{TrimPrefix \"-a\" \"-\"}} {{TrimSuffix \"a-\" \"-\"}}", "a a"),
    ]);
}

#[test]
fn cutting_counts_bytes_and_aligning_counts_characters() {
    assert_outputs(&[
        (
            "{{ trunc 3 .s }} {{trunc -3 .s}} {{trunc 99 .s}} {{trunc -11 .s}}|{{trunc 0 .s}}",
            "Hel rld Hello World Hello World|",
        ),
        (
            "{{ substr 0 5 .s }}|{{substr 6 -1 .s}}|{{substr -1 4 .s}}|{{substr 3 99 .s}}",
            "Hello|World|Hell|lo World",
        ),
        (
            "[{{alignRight 5 .n}}][{{alignLeft 5 .n}}][{{alignLeft 2 \"éàü\"}}][{{alignRight 2 \"éàü\"}}]",
            "[   42][42   ][éà][àü]",
        ),
        ("{{alignLeft -1 .n}}{{alignLeft 0 .n}}", "42"),
        ("[{{indent 2 \"a\\nb\"}}][{{nindent 1 \"a\"}}]", "[  a\n  b][\n a]"),
        ("{{repeat 3 \"ab\"}}{{repeat 0 \"x\"}}", "ababab"),
    ]);
    assert_errors(&[
        (
            "{{substr 20 -1 .s}}",
            r#"template: line:1:2: executing "line" at <substr 20 -1 .s>: error calling substr: runtime error: slice bounds out of range [20:11]"#,
        ),
        (
            "{{repeat -1 .s}}",
            r#"template: line:1:2: executing "line" at <repeat -1 .s>: error calling repeat: strings: negative Repeat count"#,
        ),
    ]);
}

#[test]
fn replacing_and_searching() {
    assert_outputs(&[
        (
            "{{replace \"l\" \"L\" .s}} {{Replace .s \"l\" \"L\" 1}} {{Replace .s \"l\" \"\" -1}}",
            "HeLLo WorLd HeLlo World Heo Word",
        ),
        (
            "{{Replace \"héy\" \"\" \"-\" -1}} {{Replace \"ab\" \"\" \"-\" 2}}",
            "-h-é-y- -a-b",
        ),
        (
            "{{contains \"World\" .s}} {{hasPrefix \"He\" .s}} {{hasSuffix \"x\" .s}}",
            "true true false",
        ),
        (r#"{{ regexReplaceAll "(H)(e)" .s "${2}${1}" }}"#, "eHllo World"),
        (
            r#"{{ regexReplaceAll "(?P<x>o)" .s "<$x|$1|$$|$nope|$>" }}"#,
            "Hell<o|o|$||$> W<o|o|$||$>rld",
        ),
        (r#"{{ regexReplaceAll "(l)" .s "$1x" }}"#, "Heo Word"),
        (r#"{{ regexReplaceAllLiteral "l+" .s "$1" }}"#, "He$1o Wor$1d"),
        (r#"{{ regexReplaceAll "x*" "aéb" "-" }}"#, "-a-é-b-"),
        (r#"{{ regexReplaceAll "a*" "baaac" "-" }}"#, "-b-c-"),
        (
            r#"{{ count "l" .s }} {{ count "" "aé" }} {{ count (print "o") .s }}"#,
            "3 3 2",
        ),
    ]);
    assert_errors(&[(
        "{{count \"[a\" .s}}",
        r#"template: line:1:2: executing "line" at <count "[a" .s>: error calling count: error parsing regexp: missing closing ]: `[a`"#,
    )]);
}

#[test]
fn encodings() {
    assert_outputs(&[
        ("{{b64enc .s}} {{.s | b64enc | b64dec}}", "SGVsbG8gV29ybGQ= Hello World"),
        (
            "{{b64dec \"SGVs!\"}}|{{b64dec \"SGV\"}}|{{b64dec \"SA==\"}}|{{b64dec \"SA=\"}}|{{b64dec \"SGVs\\nbG8=\"}}",
            "illegal base64 data at input byte 4|illegal base64 data at input byte 0|H|illegal base64 data at input byte 3|Hello",
        ),
        (
            "{{urlencode \"a b&é~\"}} {{urldecode \"a+b%26%C3%A9\"}}",
            "a+b%26%C3%A9~ a b&é",
        ),
        (
            "{{html \"<a href='x'>&\\\"\"}} {{js \"it's <b>=\\n\"}} {{urlquery \"a b\" 1}}",
            "&lt;a href=&#39;x&#39;&gt;&amp;&#34; it\\'s \\u003Cb\\u003E\\u003D\\u000A a+b1",
        ),
        (
            "{{(fromJson .j).o.p}} {{index (fromJson .j) \"k\" 2}} {{(fromJson .j).zz}}",
            "q x <no value>",
        ),
        ("{{fromJson .j}}", "map[k:[1 2.5 x <nil> true] o:map[p:q]]"),
        (
            r#"{{fromJson "\"\\u00e9\\ud83d\\ude00\\ud83d\""}} {{fromJson "1e400"}} {{fromJson "[1,]"}}"#,
            "é😀\u{fffd} <no value> <no value>",
        ),
    ]);
    assert_errors(&[(
        "{{urldecode \"a%zz\"}}",
        r#"template: line:1:2: executing "line" at <urldecode "a%zz">: error calling urldecode: invalid URL escape "%zz""#,
    )]);
}

#[test]
fn arithmetic_on_ints_casts_and_wraps() {
    assert_outputs(&[
        (
            "{{ add .n 1 }} {{ div .n 5 }} {{sub 5 2}} {{mul 2 3 4}} {{mod -7 3}} {{add}} {{max 1 .n 3}} {{min 5 .f}}",
            "43 8 3 24 -1 0 42 3",
        ),
        (
            "{{add 9223372036854775807 1}} {{div -9223372036854775808 -1}}",
            "-9223372036854775808 -9223372036854775808",
        ),
        (
            r#"{{int "3.75"}} {{int "-3.9"}} {{int ".5"}} {{int "0x1f"}} {{int "010"}} {{int "1_0"}} {{int "1e3"}} {{int "abc"}} {{int ""}} {{int nil}} {{int true}} {{int 2.9}} {{int "99999999999999999999"}}"#,
            "3 -3 0 31 8 10 0 0 0 0 1 2 0",
        ),
        (
            r#"{{float64 "1e3"}} {{float64 "x"}} {{float64 7}} {{float64 "NaN"}}"#,
            "1000 0 7 NaN",
        ),
    ]);
    assert_errors(&[(
        "{{ mod 1 0 }}",
        r#"template: line:1:3: executing "line" at <mod 1 0>: error calling mod: runtime error: integer divide by zero"#,
    )]);
}

#[test]
fn arithmetic_on_floats_is_decimal() {
    assert_outputs(&[
        (
            "{{ divf 1 3 }} {{addf 0.1 0.2}} {{subf 0.3 0.1}} {{mulf 1.1 1.1}} {{divf 7 2}} {{divf 1e300 1e-300}}",
            "0.3333333333333333 0.3 0.2 1.21 3.5 +Inf",
        ),
        (
            "{{divf 2 3}} {{divf -2 3}} {{subf 1 1 1}} {{mulf 0 -5}} {{addf}} {{divf 1 1e20}}",
            "0.6666666666666667 -0.6666666666666667 -1 0 0 0",
        ),
        (
            "{{ round .f 1 }} {{round \"-2.5\" 0}} {{round 2.5 0}} {{round 2.4 0 0.3}} {{round 123.4 -2}}",
            "3.8 -3 3 3 100",
        ),
        (
            "{{ceil 1.2}} {{floor -1.2}} {{maxf 1 2.5 \"x\"}} {{minf 1 0.5}}",
            "2 -2 2.5 0.5",
        ),
        (
            "{{bytes \"1.5KiB\"}} {{bytes \"2MB\"}} {{duration \"1m30s\"}} {{duration_seconds \"1.2ms\"}}",
            "1536 2e+06 90 0.0012",
        ),
    ]);
    assert_errors(&[
        (
            "{{ divf 1 0 }}",
            r#"template: line:1:3: executing "line" at <divf 1 0>: error calling divf: decimal division by 0"#,
        ),
        (
            "{{ \"NaN\" | float64 | mulf 2 }}",
            r#"template: line:1:21: executing "line" at <mulf 2>: error calling mulf: Cannot create a Decimal from NaN"#,
        ),
        (
            "{{ duration \"1d\" }}",
            r#"template: line:1:3: executing "line" at <duration "1d">: error calling duration: time: unknown unit "d" in duration "1d""#,
        ),
    ]);
}

#[test]
fn comparing_and_picking() {
    assert_outputs(&[
        (
            "{{eq 1 2 1}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt \"b\" \"a\"}} {{ge 1.5 2.5}}",
            "true true true true true false",
        ),
        (
            "{{eq nil nil}} {{eq .s nil}} {{eq true true}} {{eq (index \"a\" 0) 97}}",
            "true false true true",
        ),
        (
            "{{.missing | default \"-\"}} {{.n | default \"-\"}} {{default 7}} {{default 1 0}} {{default 2 nil}}",
            "- 42 7 1 2",
        ),
        ("{{len .s}} {{len (fromJson .j).k}} {{len (fromJson .j)}}", "11 5 2"),
        (
            "{{slice .s 6}} {{slice .s 0 5}} {{slice (fromJson .j).k 0 2}} {{index .s 0}}",
            "World Hello [1 2.5] 72",
        ),
    ]);
    let prefix = |context: &str, function: &str| {
        format!("template: line:1:2: executing \"line\" at <{context}>: error calling {function}: ")
    };
    for (context, function, message) in [
        ("eq 1 1.0", "eq", "incompatible types for comparison: int and float64"),
        ("eq 1", "eq", "missing argument for comparison"),
        ("lt true false", "lt", "invalid type for comparison"),
        ("len 3", "len", "len of type int"),
        ("index .s 11", "index", "index out of range: 11"),
        ("index .s \"x\"", "index", "cannot index slice/array with type string"),
        ("index . 1", "index", "value has type int; should be string"),
        ("index 3 1", "index", "can't index item of type int"),
        ("slice .s 3 2", "slice", "invalid slice index: 3 > 2"),
        ("call .s", "call", "non-function .s of type string"),
    ] {
        let template = format!("{{{{{context}}}}}");
        assert_errors(&[(&template, &(prefix(context, function) + message))]);
    }
}
