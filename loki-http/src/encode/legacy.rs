//! The answer of the early `/api/prom/query`: labels as text, times as RFC 3339.

use super::response::{Encoded, write_list};
use super::stats::write_stats;
use super::text::{Escape, write_string};
use loki_core::QueryStats;
use loki_core::logql::ResultStream;

/// Streams as the early API answers them.
pub(crate) fn legacy_streams(streams: Vec<ResultStream>, stats: &QueryStats) -> Encoded {
    let mut out = b"{\"streams\":".to_vec();
    write_list(&mut out, streams, |out, stream| {
        out.extend_from_slice(b"{\"labels\":");
        write_string(out, stream.labels.to_string().as_bytes(), Escape::Html);
        out.extend_from_slice(b",\"entries\":");
        write_list(out, stream.entries, |out, entry| {
            out.extend_from_slice(b"{\"ts\":\"");
            // jiff cuts trailing zeros of the fraction, as Go does.
            let time = jiff::Timestamp::from_nanosecond(i128::from(entry.timestamp)).unwrap_or_default();
            out.extend_from_slice(time.to_string().as_bytes());
            out.extend_from_slice(b"\",\"line\":");
            write_string(out, &entry.line, Escape::Html);
            out.push(b'}');
        });
        out.push(b'}');
    });
    out.extend_from_slice(b",\"stats\":");
    write_stats(&mut out, stats);
    out.extend_from_slice(b"}\n");
    out
}
