use super::*;
use proptest::prelude::*;

fn pairs<'a>(pairs: &'a [(Cow<'_, str>, Cow<'_, str>)]) -> Vec<(&'a str, &'a str)> {
    pairs.iter().map(|(name, value)| (&**name, &**value)).collect()
}

fn labels<'a>(stream: &'a PushStream<'_>) -> Vec<(&'a str, &'a str)> {
    match &stream.labels {
        PushLabels::Pairs(labels) => pairs(labels),
        PushLabels::Text(text) => panic!("the form has pairs, not {text}"),
    }
}

#[test]
fn a_push_has_lines_and_metadata() {
    let body = br#"{"ignored":[1],"STREAMS":[{"extra":{},"stream":{"app":"shop","n":5,"app":"last"},"values":[
        ["1795255960000000000","first line"],
        ["1795255961000000000","es\"caped",{"trace_id":"t1"},"four",5],
        ["-1"]]}]} trailing"#;
    let request = decode(body).expect("valid");
    let stream = &request.streams[0];
    assert_eq!(labels(stream), [("app", "last"), ("n", "5")]);
    assert_eq!(stream.entries[0].timestamp, 1_795_255_960_000_000_000);
    assert!(matches!(stream.entries[0].line, Cow::Borrowed(b"first line")));
    assert_eq!(&*stream.entries[1].line, b"es\"caped");
    assert_eq!(pairs(&stream.entries[1].metadata), [("trace_id", "t1")]);
    assert_eq!((stream.entries[2].timestamp, &*stream.entries[2].line), (-1, &b""[..]));
}

#[test]
fn what_is_absent_is_empty() {
    for body in ["{}", "null", r#"{"streams":[]}"#, r#"{"streams":null}"#] {
        assert!(decode(body.as_bytes()).expect(body).streams.is_empty());
    }
    for body in [r#"{"streams":[{}]}"#, r#"{"streams":[{"stream":null,"values":null}]}"#] {
        let request = decode(body.as_bytes()).expect(body);
        assert!(labels(&request.streams[0]).is_empty() && request.streams[0].entries.is_empty());
    }
}

#[test]
fn lines_that_are_no_utf8_are_kept() {
    let request = decode(b"{\"streams\":[{\"values\":[[\"1\",\"a\xff\x01b\"]]}]}").expect("accepted");
    assert_eq!(&*request.streams[0].entries[0].line, b"a\xff\x01b");
}

#[test]
fn values_of_other_types_are_refused() {
    for value in [
        r#"[1709260001000000000,"x"]"#,
        r#"["abc","x"]"#,
        r#"["9223372036854775808","x"]"#,
        r#"["1",5]"#,
        r#"["1",["x"]]"#,
        r#"["1",null]"#,
        r#"["1","x",{"k":5}]"#,
        r#"["1","x",{"k":null}]"#,
        r#"["1","x","not an object"]"#,
        r#"["1","lone \ud800 surrogate"]"#,
        r#"["1","\q"]"#,
        "[]",
        "5",
    ] {
        let body = format!(r#"{{"streams":[{{"stream":{{"app":"x"}},"values":[{value}]}}]}}"#);
        let error = decode(body.as_bytes()).expect_err(value).to_string();
        let place = "loghttp.PushRequest.Streams: []loghttp.LogProtoStream: unmarshalerDecoder: ";
        assert!(error.starts_with(place), "{error}");
    }
}

#[test]
fn bodies_that_are_no_object_are_refused_as_loki_refuses_them() {
    for (body, error) in [
        ("", "EOF"),
        (" \n", "EOF"),
        ("[]", "readObjectStart: expect { or n, but found ["),
    ] {
        assert_eq!(decode(body.as_bytes()).expect_err(body).to_string(), error);
    }
    for body in [
        "{",
        r#"{"streams":5}"#,
        r#"{"streams":[{"stream":5}]}"#,
        r#"{"streams":[{"#,
        "nul",
    ] {
        assert!(decode(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn the_early_form_has_selectors_and_times() {
    let body = br#"{"streams":[{"labels":"{app=\"shop\"}",
        "entries":[{"ts":"2026-11-21T11:12:40.5+01:00","line":"hello","structuredMetadata":{"k":"v"}},{}]}]}"#;
    let request = decode_legacy(body).expect("valid");
    let stream = &request.streams[0];
    assert!(matches!(&stream.labels, PushLabels::Text(text) if text == "{app=\"shop\"}"));
    assert_eq!(stream.entries[0].timestamp, 1_795_255_960_500_000_000);
    assert_eq!(&*stream.entries[0].line, b"hello");
    assert_eq!(pairs(&stream.entries[0].metadata), [("k", "v")]);
    let bad = br#"{"streams":[{"labels":"{}","entries":[{"ts":"nonsense"}]}]}"#;
    assert!(decode_legacy(bad).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..100)) {
        let may_be_read = matches!(body.trim_ascii_start().first(), Some(b'{' | b'n'));
        prop_assert!(may_be_read || decode(&body).is_err() && decode_legacy(&body).is_err());
        prop_assert!(decode(&body).map_or(0, |request| request.streams.len()) <= body.len());
        prop_assert!(decode_legacy(&body).map_or(0, |request| request.streams.len()) <= body.len());
    }

    #[test]
    fn any_text_as_a_line_comes_back(line in ".{0,40}", at in any::<i64>()) {
        let body = serde_json::json!({"streams": [{"stream": {}, "values": [[at.to_string(), line]]}]}).to_string();
        let request = decode(body.as_bytes()).expect("valid");
        let entry = &request.streams[0].entries[0];
        prop_assert_eq!((entry.timestamp, &*entry.line), (at, line.as_bytes()));
    }
}
