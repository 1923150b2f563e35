//! Answers that are lists: label names, label values, series, counts.

use super::number::write_integer;
use super::response::{Encoded, write_labels, write_list};
use super::text::{Escape, write_string};
use loki_core::IndexStats;
use loki_core::logql::Labels;

/// Label names or values. An empty list leaves out the key.
pub(crate) fn values(values: &[String]) -> Encoded {
    let mut out = br#"{"status":"success""#.to_vec();
    if !values.is_empty() {
        out.extend_from_slice(b",\"data\":");
        write_list(&mut out, values, |out, value| {
            write_string(out, value.as_bytes(), Escape::Label)
        });
    }
    out.extend_from_slice(b"}\n");
    out
}

/// Label names or values as the early API answers them.
pub(crate) fn legacy_values(values: &[String]) -> Encoded {
    let mut out = b"{".to_vec();
    if !values.is_empty() {
        out.extend_from_slice(b"\"values\":");
        write_list(&mut out, values, |out, value| {
            write_string(out, value.as_bytes(), Escape::Label)
        });
    }
    out.extend_from_slice(b"}\n");
    out
}

/// Label sets.
pub(crate) fn series(series: &[Labels]) -> Encoded {
    let mut out = br#"{"status":"success","data":"#.to_vec();
    write_list(&mut out, series, |out, labels| write_labels(out, labels, Escape::Label));
    out.extend_from_slice(b"}\n");
    out
}

/// Counts of a selector.
pub(crate) fn index_stats(stats: &IndexStats) -> Encoded {
    let mut out = b"{\"streams\":".to_vec();
    write_integer(&mut out, stats.streams);
    for (name, value) in [
        ("chunks", stats.chunks),
        ("bytes", stats.bytes),
        ("entries", stats.entries),
    ] {
        out.extend_from_slice(format!(",\"{name}\":").as_bytes());
        write_integer(&mut out, value);
    }
    out.extend_from_slice(b"}\n");
    out
}
