//! The frames of a tail.

use super::legacy::{write_legacy_stream, write_time};
use super::number::write_integer;
use super::response::{Encoded, write_entry, write_labels, write_list};
use super::text::{Escape, write_string};
use crate::params::EncodingFlags;
use loki_core::TailFrame;

/// A frame of `/loki/api/v1/tail`: each entry is an element of its own.
pub(crate) fn tail_frame(frame: &TailFrame, flags: &EncodingFlags) -> Encoded {
    let mut out = b"{\"streams\":".to_vec();
    write_list(&mut out, &frame.entries, |out, entry| {
        out.extend_from_slice(b"{\"stream\":");
        write_labels(out, &entry.labels, Escape::Label);
        out.extend_from_slice(b",\"values\":[");
        write_entry(out, &entry.entry, flags.categorize());
        out.extend_from_slice(b"]}");
    });
    if !frame.dropped.is_empty() {
        out.extend_from_slice(b",\"dropped_entries\":");
        write_list(&mut out, &frame.dropped, |out, dropped| {
            out.extend_from_slice(b"{\"timestamp\":\"");
            write_integer(out, dropped.timestamp);
            out.extend_from_slice(b"\",\"labels\":");
            write_labels(out, &dropped.labels, Escape::Label);
            out.push(b'}');
        });
    }
    if !flags.0.is_empty() {
        out.extend_from_slice(b",\"encodingFlags\":");
        write_list(&mut out, &flags.0, |out, flag| {
            write_string(out, flag.as_bytes(), Escape::Html)
        });
    }
    out.push(b'}');
    out
}

/// A frame of the early `/api/prom/tail`.
pub(crate) fn legacy_tail_frame(frame: &TailFrame) -> Encoded {
    let mut out = b"{\"streams\":".to_vec();
    write_list(&mut out, &frame.entries, |out, entry| {
        write_legacy_stream(out, &entry.labels, std::slice::from_ref(&entry.entry));
    });
    out.extend_from_slice(b",\"dropped_entries\":");
    if frame.dropped.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        write_list(&mut out, &frame.dropped, |out, dropped| {
            // Upper-case keys, unlike all others: so it is documented.
            out.extend_from_slice(b"{\"Timestamp\":\"");
            write_time(out, dropped.timestamp);
            out.extend_from_slice(b"\",\"Labels\":");
            write_string(out, dropped.labels.to_string().as_bytes(), Escape::Html);
            out.push(b'}');
        });
    }
    out.extend_from_slice(b"}\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::logql::{Labels, ResultEntry};
    use loki_core::{DroppedEntry, TailEntry};

    fn frame() -> TailFrame {
        let labels = Labels::from_pairs([("app", "shop")]);
        let entry = |line: &str| TailEntry {
            labels: labels.clone(),
            entry: ResultEntry {
                timestamp: 1_795_255_960_000_000_000,
                line: line.into(),
                structured_metadata: Labels::from_pairs([("trace", "t1")]),
                parsed: Labels::default(),
            },
        };
        let dropped = DroppedEntry {
            timestamp: 7,
            labels: labels.clone(),
        };
        TailFrame {
            entries: vec![entry("<a>"), entry("b")],
            dropped: vec![dropped],
        }
    }

    fn text(encoded: Encoded) -> String {
        String::from_utf8(encoded).expect("UTF-8")
    }

    #[test]
    fn each_entry_is_an_element() {
        let dropped = TailFrame {
            entries: Vec::new(),
            ..frame()
        };
        let wanted = r#"{"streams":[],"dropped_entries":[{"timestamp":"7","labels":{"app":"shop"}}]}"#;
        assert_eq!(text(tail_frame(&dropped, &EncodingFlags::default())), wanted);
        let entries = TailFrame {
            dropped: Vec::new(),
            ..frame()
        };
        let wanted = concat!(
            r#"{"streams":[{"stream":{"app":"shop"},"values":[["1795255960000000000","\u003ca\u003e"]]},"#,
            r#"{"stream":{"app":"shop"},"values":[["1795255960000000000","b"]]}]}"#
        );
        assert_eq!(text(tail_frame(&entries, &EncodingFlags::default())), wanted);
    }

    #[test]
    fn flags_stand_at_the_end() {
        let mut frame = frame();
        frame.entries.truncate(1);
        let wanted = concat!(
            r#"{"streams":[{"stream":{"app":"shop"},"values":[["1795255960000000000","\u003ca\u003e","#,
            r#"{"structuredMetadata":{"trace":"t1"}}]]}],"dropped_entries":[{"timestamp":"7","labels":{"app":"shop"}}],"#,
            r#""encodingFlags":["categorize-labels"]}"#
        );
        assert_eq!(
            text(tail_frame(&frame, &EncodingFlags::parse("categorize-labels"))),
            wanted
        );
    }

    #[test]
    fn the_early_frame_has_labels_as_text() {
        let mut frame = frame();
        frame.entries.truncate(1);
        frame.dropped.clear();
        let wanted = concat!(
            r#"{"streams":[{"labels":"{app=\"shop\"}","entries":[{"ts":"2026-11-21T10:12:40Z","line":"\u003ca\u003e"}]}],"#,
            r#""dropped_entries":null}"#,
            "\n"
        );
        assert_eq!(text(legacy_tail_frame(&frame)), wanted);
        let dropped = TailFrame {
            entries: Vec::new(),
            ..self::frame()
        };
        let wanted = concat!(
            r#"{"streams":[],"dropped_entries":[{"Timestamp":"1970-01-01T00:00:00.000000007Z","Labels":"{app=\"shop\"}"}]}"#,
            "\n"
        );
        assert_eq!(text(legacy_tail_frame(&dropped)), wanted);
    }
}
