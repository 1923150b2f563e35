//! The envelope of a query's answer and its four kinds of result.

use super::number::{write_integer, write_seconds, write_value};
use super::stats::write_stats;
use super::text::{Escape, write_string};
use crate::params::EncodingFlags;
use loki_core::logql::{Labels, MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
use loki_core::{QueryResponse, QueryStats};

/// A JSON body.
pub(crate) type Encoded = Vec<u8>;

/// The answer of `query` and `query_range`. The result is consumed, so that a large one is not held twice.
pub(crate) fn query_response(response: QueryResponse, flags: &EncodingFlags) -> Encoded {
    let QueryResponse { result, stats } = response;
    let mut out = Vec::with_capacity(4096);
    match result {
        QueryResult::Streams(streams) => {
            open(&mut out, "streams");
            if !flags.0.is_empty() {
                out.extend_from_slice(b"\"encodingFlags\":");
                write_list(&mut out, &flags.0, |out, flag| {
                    write_string(out, flag.as_bytes(), Escape::Html)
                });
                out.push(b',');
            }
            out.extend_from_slice(b"\"result\":");
            write_list(&mut out, streams, |out, stream| {
                write_stream(out, stream, flags.categorize())
            });
            close(&mut out, &stats);
            out.push(b'\n');
        }
        QueryResult::Matrix(series) => {
            open(&mut out, "matrix");
            out.extend_from_slice(b"\"result\":");
            write_list(&mut out, series, write_series);
            close(&mut out, &stats);
        }
        QueryResult::Vector(samples) => {
            open(&mut out, "vector");
            out.extend_from_slice(b"\"result\":");
            write_list(&mut out, samples, write_vector_sample);
            close(&mut out, &stats);
        }
        QueryResult::Scalar(sample) => {
            open(&mut out, "scalar");
            out.extend_from_slice(b"\"result\":");
            write_sample(&mut out, sample);
            close(&mut out, &stats);
        }
    }
    out
}

fn open(out: &mut Vec<u8>, kind: &str) {
    out.extend_from_slice(br#"{"status":"success","data":{"resultType":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",");
}

fn close(out: &mut Vec<u8>, stats: &QueryStats) {
    out.extend_from_slice(b",\"stats\":");
    write_stats(out, stats);
    out.extend_from_slice(b"}}");
}

fn write_stream(out: &mut Vec<u8>, stream: ResultStream, categorize: bool) {
    out.extend_from_slice(b"{\"stream\":");
    write_labels(out, &stream.labels, Escape::Label);
    out.extend_from_slice(b",\"values\":");
    write_list(out, stream.entries, |out, entry| write_entry(out, &entry, categorize));
    out.push(b'}');
}

/// One line with its timestamp, and with what is known of its labels.
pub(super) fn write_entry(out: &mut Vec<u8>, entry: &ResultEntry, categorize: bool) {
    out.extend_from_slice(b"[\"");
    write_integer(out, entry.timestamp);
    out.extend_from_slice(b"\",");
    write_string(out, &entry.line, Escape::Line);
    if categorize {
        out.extend_from_slice(b",{");
        if !entry.structured_metadata.is_empty() {
            out.extend_from_slice(b"\"structuredMetadata\":");
            write_labels(out, &entry.structured_metadata, Escape::Label);
        }
        if !entry.parsed.is_empty() {
            if !entry.structured_metadata.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(b"\"parsed\":");
            write_labels(out, &entry.parsed, Escape::Label);
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn write_series(out: &mut Vec<u8>, series: MatrixSeries) {
    out.extend_from_slice(b"{\"metric\":");
    write_labels(out, &series.labels, Escape::Label);
    out.extend_from_slice(b",\"values\":");
    write_list(out, series.samples, write_sample);
    out.push(b'}');
}

fn write_vector_sample(out: &mut Vec<u8>, sample: VectorSample) {
    out.extend_from_slice(b"{\"metric\":");
    write_labels(out, &sample.labels, Escape::Html);
    out.extend_from_slice(b",\"value\":");
    write_sample(out, sample.sample);
    out.push(b'}');
}

fn write_sample(out: &mut Vec<u8>, sample: Sample) {
    out.push(b'[');
    write_seconds(out, sample.timestamp_ms);
    out.extend_from_slice(b",\"");
    write_value(out, sample.value);
    out.extend_from_slice(b"\"]");
}

/// A label set as an object, its keys sorted.
pub(crate) fn write_labels(out: &mut Vec<u8>, labels: &Labels, escape: Escape) {
    out.push(b'{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, name.as_bytes(), escape);
        out.push(b':');
        write_string(out, value.as_bytes(), escape);
    }
    out.push(b'}');
}

/// An array, its elements written by `each`.
pub(crate) fn write_list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        each(out, item);
    }
    out.push(b']');
}
