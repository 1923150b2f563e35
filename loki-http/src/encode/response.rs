//! The envelope of a query's answer and its four kinds of result.

use super::number::{write_integer, write_seconds, write_value};
use super::stats::write_stats;
use super::text::{Escape, write_string};
use crate::params::EncodingFlags;
use loki_core::logql::{Labels, MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
use loki_core::{QueryResponse, QueryStats};
use std::vec::IntoIter;

/// A JSON body.
pub(crate) type Encoded = Vec<u8>;

/// The answer of `query` and `query_range`, written piece by piece: the result is given up as it is written, so that a
/// large one is not held twice.
#[derive(Debug)]
pub(crate) struct Answer {
    left: Left,
    stats: QueryStats,
    categorize: bool,
    /// What is written before the rest: at first the head, later nothing or a comma.
    before: Vec<u8>,
}

/// What is left of a result.
#[derive(Debug)]
enum Left {
    Streams(IntoIter<ResultStream>),
    /// The entries of one stream, and the streams behind it.
    Entries(IntoIter<ResultEntry>, IntoIter<ResultStream>),
    Matrix(IntoIter<MatrixSeries>),
    Samples(IntoIter<Sample>, IntoIter<MatrixSeries>),
    Vector(IntoIter<VectorSample>),
    Scalar(Sample),
    Nothing,
}

impl Answer {
    pub(crate) fn new(response: QueryResponse, flags: &EncodingFlags) -> Answer {
        let QueryResponse { result, stats } = response;
        let mut before = Vec::with_capacity(256);
        let (kind, left) = match result {
            QueryResult::Streams(streams) => ("streams", Left::Streams(streams.into_iter())),
            QueryResult::Matrix(series) => ("matrix", Left::Matrix(series.into_iter())),
            QueryResult::Vector(samples) => ("vector", Left::Vector(samples.into_iter())),
            QueryResult::Scalar(sample) => ("scalar", Left::Scalar(sample)),
        };
        open(&mut before, kind);
        if kind == "streams" && !flags.0.is_empty() {
            before.extend_from_slice(b"\"encodingFlags\":");
            write_list(&mut before, &flags.0, |out, flag| {
                write_string(out, flag.as_bytes(), Escape::Html)
            });
            before.push(b',');
        }
        before.extend_from_slice(b"\"result\":");
        if kind != "scalar" {
            before.push(b'[');
        }
        Answer {
            left,
            stats,
            categorize: flags.categorize(),
            before,
        }
    }

    /// Writes on until there are `enough` bytes in `out` or nothing is left; whether something is left.
    pub(crate) fn write(&mut self, out: &mut Vec<u8>, enough: usize) -> bool {
        while out.len() < enough {
            if !self.write_piece(out) {
                return false;
            }
        }
        true
    }

    /// Writes the next stream, entry, series or sample, or the end; false once the end is written.
    fn write_piece(&mut self, out: &mut Vec<u8>) -> bool {
        self.left = match std::mem::replace(&mut self.left, Left::Nothing) {
            Left::Streams(mut streams) => match streams.next() {
                None => return self.end(out, b"]", b"\n"),
                Some(stream) => {
                    self.begin(out, b"{\"stream\":");
                    write_labels(out, &stream.labels, Escape::Label);
                    out.extend_from_slice(b",\"values\":[");
                    Left::Entries(stream.entries.into_iter(), streams)
                }
            },
            Left::Entries(mut entries, streams) => match entries.next() {
                None => self.close_group(out, Left::Streams(streams)),
                Some(entry) => {
                    self.begin(out, b"");
                    write_entry(out, &entry, self.categorize);
                    self.before.push(b',');
                    Left::Entries(entries, streams)
                }
            },
            Left::Matrix(mut series) => match series.next() {
                None => return self.end(out, b"]", b""),
                Some(one) => {
                    self.begin(out, b"{\"metric\":");
                    write_labels(out, &one.labels, Escape::Label);
                    out.extend_from_slice(b",\"values\":[");
                    Left::Samples(one.samples.into_iter(), series)
                }
            },
            Left::Samples(mut samples, series) => match samples.next() {
                None => self.close_group(out, Left::Matrix(series)),
                Some(sample) => {
                    self.begin(out, b"");
                    write_sample(out, sample);
                    self.before.push(b',');
                    Left::Samples(samples, series)
                }
            },
            Left::Vector(mut samples) => match samples.next() {
                None => return self.end(out, b"]", b""),
                Some(sample) => {
                    self.begin(out, b"");
                    write_vector_sample(out, sample);
                    self.before.push(b',');
                    Left::Vector(samples)
                }
            },
            Left::Scalar(sample) => {
                self.begin(out, b"");
                write_sample(out, sample);
                return self.end(out, b"", b"");
            }
            Left::Nothing => return false,
        };
        true
    }

    /// What stands before a piece, and how it begins.
    fn begin(&mut self, out: &mut Vec<u8>, start: &[u8]) {
        out.append(&mut self.before);
        out.extend_from_slice(start);
    }

    /// The end of one stream or series; the next stands behind a comma.
    fn close_group(&mut self, out: &mut Vec<u8>, left: Left) -> Left {
        out.extend_from_slice(b"]}");
        self.before.clear();
        self.before.push(b',');
        left
    }

    fn end(&mut self, out: &mut Vec<u8>, result: &[u8], text: &[u8]) -> bool {
        // Before the first piece that is the head; behind the last there is no comma.
        if self.before != b"," {
            out.append(&mut self.before);
        }
        out.extend_from_slice(result);
        close(out, &self.stats);
        out.extend_from_slice(text);
        false
    }
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
