//! The answer of the early `/api/prom/query`: labels as text, times as RFC 3339.

use super::response::{Encoded, write_list};
use super::stats::write_stats;
use super::text::{Escape, write_string};
use loki_core::QueryStats;
use loki_core::logql::{Labels, ResultEntry, ResultStream};

/// Streams as the early API answers them.
pub(crate) fn legacy_streams(streams: Vec<ResultStream>, stats: &QueryStats) -> Encoded {
    let mut out = b"{\"streams\":".to_vec();
    write_list(&mut out, streams, |out, stream| {
        write_legacy_stream(out, &stream.labels, &stream.entries);
    });
    out.extend_from_slice(b",\"stats\":");
    write_stats(&mut out, stats);
    out.extend_from_slice(b"}\n");
    out
}

/// A stream of the early API.
pub(super) fn write_legacy_stream(out: &mut Vec<u8>, labels: &Labels, entries: &[ResultEntry]) {
    out.extend_from_slice(b"{\"labels\":");
    write_string(out, labels.to_string().as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"entries\":");
    write_list(out, entries, |out, entry| {
        out.extend_from_slice(b"{\"ts\":\"");
        write_time(out, entry.timestamp);
        out.extend_from_slice(b"\",\"line\":");
        write_string(out, &entry.line, Escape::Html);
        out.push(b'}');
    });
    out.push(b'}');
}

/// A timestamp as RFC 3339.
pub(super) fn write_time(out: &mut Vec<u8>, timestamp: i64) {
    // jiff cuts trailing zeros of the fraction, as Go does.
    let time = jiff::Timestamp::from_nanosecond(i128::from(timestamp)).unwrap_or_default();
    out.extend_from_slice(time.to_string().as_bytes());
}
