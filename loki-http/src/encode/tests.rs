use super::number::{write_float, write_seconds, write_value};
use super::text::{Escape, write_string};
use super::*;
use crate::params::EncodingFlags;
use loki_core::logql::{Labels, MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
use loki_core::{IndexStats, QueryResponse, QueryStats};
use proptest::prelude::*;

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("JSON is UTF-8")
}

fn answer(result: QueryResult, flags: &EncodingFlags) -> String {
    let stats = QueryStats {
        exec_nanos: 8_101,
        ..QueryStats::default()
    };
    let response = || QueryResponse {
        result: result.clone(),
        stats,
    };
    let written = |enough: usize| {
        let mut answer = Answer::new(response(), flags);
        let (mut out, mut piece) = (Vec::new(), Vec::new());
        while answer.write(&mut piece, enough) {
            out.append(&mut piece);
        }
        out.append(&mut piece);
        out
    };
    let text = String::from_utf8(written(usize::MAX)).expect("JSON is UTF-8");
    // However small the pieces are, they come to the same.
    assert_eq!(text.as_bytes(), written(1));
    let (head, tail) = text.split_once(",\"stats\":{").expect("stats are always there");
    assert!(tail.contains("\"execTime\":0.000008101,"), "{tail}");
    format!("{head}{}", &tail[tail.rfind('}').expect("closed")..])
}

#[test]
fn strings_are_escaped_in_three_manners() {
    let cases: [(&[u8], &str, &str, &str); 8] = [
        (b"plain / text", "plain / text", "plain / text", "plain / text"),
        (b"\"\\", r#"\"\\"#, r#"\"\\"#, r#"\"\\"#),
        (b"<a>&", r"\u003ca\u003e\u0026", "<a>&", r"\u003ca\u003e\u0026"),
        (b"\n\r\t", r"\n\r\t", r"\n\r\t", r"\n\r\t"),
        (
            b"\x00\x08\x0c\x1f\x7f",
            "\\u0000\\u0008\\u000c\\u001f\x7f",
            "\\u0000\\u0008\\u000c\\u001f\x7f",
            "\\u0000\\b\\f\\u001f\x7f",
        ),
        (
            "é日本\u{2027}".as_bytes(),
            "é日本\u{2027}",
            "é日本\u{2027}",
            "é日本\u{2027}",
        ),
        (
            "\u{2028}\u{2029}".as_bytes(),
            r"\u2028\u2029",
            "\u{2028}\u{2029}",
            r"\u2028\u2029",
        ),
        (
            b"a\xff\xfeb\xe2\x80",
            "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}",
            "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}",
            "a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}",
        ),
    ];
    for (text, line, label, html) in cases {
        for (escape, wanted) in [(Escape::Line, line), (Escape::Label, label), (Escape::Html, html)] {
            assert_eq!(
                written(|out| write_string(out, text, escape)),
                format!("\"{wanted}\""),
                "{escape:?}"
            );
        }
    }
}

#[test]
fn sample_values_have_no_exponent() {
    for (value, text) in [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (1.0 / 3.0, "0.3333333333333333"),
        (-0.0, "-0"),
        (f64::NAN, "NaN"),
        (f64::INFINITY, "+Inf"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        assert_eq!(written(|out| write_value(out, value)), text);
    }
}

#[test]
fn statistics_have_an_exponent_where_the_number_is_tiny_or_huge() {
    for (value, text) in [
        (0.0, "0"),
        (8.101e-6, "0.000008101"),
        (8e-7, "8e-07"),
        (1.5e21, "1.5e+21"),
        (1e20, "100000000000000000000"),
        (12.5, "12.5"),
    ] {
        assert_eq!(written(|out| write_float(out, value)), text);
    }
}

#[test]
fn seconds_have_the_decimals_they_need() {
    for (millis, text) in [
        (1_600_000_000_000, "1600000000"),
        (1_600_000_000_500, "1600000000.5"),
        (1_600_000_000_123, "1600000000.123"),
        (-1_500, "-1.5"),
        (0, "0"),
    ] {
        assert_eq!(written(|out| write_seconds(out, millis)), text);
    }
}

#[test]
fn streams_end_in_a_newline() {
    let stream = ResultStream {
        labels: Labels::from_pairs([("b", "<2>"), ("a", "1")]),
        entries: vec![ResultEntry {
            timestamp: 1_795_255_960_000_000_000,
            line: b"a<b".to_vec(),
            structured_metadata: Labels::default(),
            parsed: Labels::default(),
        }],
    };
    assert_eq!(
        answer(QueryResult::Streams(vec![stream]), &EncodingFlags::default()),
        concat!(
            r#"{"status":"success","data":{"resultType":"streams","result":[{"stream":{"a":"1","b":"<2>"},"#,
            r#""values":[["1795255960000000000","a\u003cb"]]}]}"#,
            "\n"
        )
    );
    assert!(answer(QueryResult::Streams(vec![]), &EncodingFlags::default()).contains(r#""result":[]"#));
}

#[test]
fn categorised_labels_follow_each_line() {
    let entry = |metadata: &[(&str, &str)], parsed: &[(&str, &str)]| ResultEntry {
        timestamp: 1,
        line: b"x".to_vec(),
        structured_metadata: Labels::from_pairs(metadata.iter().copied()),
        parsed: Labels::from_pairs(parsed.iter().copied()),
    };
    let stream = ResultStream {
        labels: Labels::from_pairs([("a", "1")]),
        entries: vec![
            entry(&[], &[]),
            entry(&[("t", "1")], &[]),
            entry(&[], &[("p", "2")]),
            entry(&[("t", "1")], &[("p", "2")]),
        ],
    };
    let text = answer(
        QueryResult::Streams(vec![stream]),
        &EncodingFlags::parse("categorize-labels"),
    );
    assert!(
        text.contains(r#""resultType":"streams","encodingFlags":["categorize-labels"],"result":["#),
        "{text}"
    );
    assert!(
        text.contains(concat!(
            r#"[["1","x",{}],["1","x",{"structuredMetadata":{"t":"1"}}],["1","x",{"parsed":{"p":"2"}}],"#,
            r#"["1","x",{"structuredMetadata":{"t":"1"},"parsed":{"p":"2"}}]]"#
        )),
        "{text}"
    );
}

#[test]
fn metric_results_end_without_a_newline() {
    let labels = Labels::from_pairs([("a", "<")]);
    let sample = Sample {
        timestamp_ms: 1_500,
        value: 2.0,
    };
    for (result, body) in [
        (
            QueryResult::Matrix(vec![MatrixSeries {
                labels: labels.clone(),
                samples: vec![sample, sample],
            }]),
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"<"},"values":[[1.5,"2"],[1.5,"2"]]}]}"#,
        ),
        (
            QueryResult::Vector(vec![VectorSample { labels, sample }]),
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":"\u003c"},"value":[1.5,"2"]}]}"#,
        ),
        (
            QueryResult::Scalar(sample),
            r#"{"status":"success","data":{"resultType":"scalar","result":[1.5,"2"]}"#,
        ),
    ] {
        assert_eq!(answer(result, &EncodingFlags::default()), body);
    }
}

#[test]
fn statistics_have_every_section_in_order() {
    let text = written(|out| {
        stats::write_stats(
            out,
            &QueryStats {
                lines: 7,
                head_lines: 3,
                ..QueryStats::default()
            },
        )
    });
    let places: Vec<_> = ["\"summary\"", "\"querier\"", "\"ingester\"", "\"cache\"", "\"index\""]
        .iter()
        .map(|section| text.find(section).expect(section))
        .collect();
    assert!(places.is_sorted(), "{text}");
    let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(value["summary"]["totalLinesProcessed"], 7);
    assert_eq!(value["querier"]["store"]["chunk"]["decompressedLines"], 4);
    assert_eq!(value["ingester"]["store"]["chunk"]["headChunkLines"], 3);
    assert_eq!(value["cache"].as_object().map(|caches| caches.len()), Some(8));
}

#[test]
fn empty_lists_leave_out_what_loki_leaves_out() {
    let text = |body: Vec<u8>| String::from_utf8(body).expect("JSON is UTF-8");
    let names = ["app".to_owned(), "env".to_owned()];
    assert_eq!(
        text(values(&names)),
        "{\"status\":\"success\",\"data\":[\"app\",\"env\"]}\n"
    );
    assert_eq!(text(values(&[])), "{\"status\":\"success\"}\n");
    assert_eq!(text(legacy_values(&names)), "{\"values\":[\"app\",\"env\"]}\n");
    assert_eq!(text(legacy_values(&[])), "{}\n");
    assert_eq!(text(series(&[])), "{\"status\":\"success\",\"data\":[]}\n");
    let stats = IndexStats {
        streams: 2,
        chunks: 3,
        bytes: 4096,
        entries: 57,
    };
    assert_eq!(
        text(index_stats(&stats)),
        "{\"streams\":2,\"chunks\":3,\"bytes\":4096,\"entries\":57}\n"
    );
}

#[test]
fn the_early_api_prints_labels_and_times_as_text() {
    let stream = ResultStream {
        labels: Labels::from_pairs([("app", "shop"), ("env", "dev")]),
        entries: vec![ResultEntry {
            timestamp: 1_700_000_000_000_000_001,
            line: b"hello\x08".to_vec(),
            structured_metadata: Labels::default(),
            parsed: Labels::default(),
        }],
    };
    let text = String::from_utf8(legacy_streams(vec![stream], &QueryStats::default())).expect("JSON is UTF-8");
    let wanted = r#"{"streams":[{"labels":"{app=\"shop\", env=\"dev\"}","entries":[{"ts":"2023-11-14T22:13:20.000000001Z","line":"hello\b"}]}],"stats":{"#;
    assert!(text.starts_with(wanted), "{text}");
    assert!(text.ends_with("}}\n"), "{text}");
}

proptest! {
    /// Every manner of escaping is JSON, and reading it gives the text again.
    #[test]
    fn a_json_reader_reads_what_was_escaped(text in ".{0,60}") {
        for escape in [Escape::Line, Escape::Label, Escape::Html] {
            let json = written(|out| write_string(out, text.as_bytes(), escape));
            prop_assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text.clone());
        }
    }

    #[test]
    fn bytes_of_any_kind_make_json(text in proptest::collection::vec(any::<u8>(), 0..60)) {
        let json = written(|out| write_string(out, &text, Escape::Line));
        prop_assert!(serde_json::from_str::<String>(&json).is_ok());
    }

    #[test]
    fn a_printed_value_reads_back_the_same(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let text = written(|out| write_value(out, value));
        prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), value.to_bits());
        prop_assert!(!text.contains('e'));
    }
}
