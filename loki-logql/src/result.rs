//! What a query answers: values, no wire format.

use crate::Labels;

/// The answer to a query.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryResult {
    /// Lines, of a log query. Sorted by the text of the label set.
    Streams(Vec<ResultStream>),
    /// One sample a series, of an instant metric query. Sorted by labels, or as the query sorts.
    Vector(Vec<VectorSample>),
    /// Samples over time, of a metric query over a range. Sorted by labels.
    Matrix(Vec<MatrixSeries>),
    /// A number, of an instant query that is a literal.
    Scalar(Sample),
}

/// The lines of one label set.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultStream {
    /// Stream labels, structured metadata and parsed labels together; stream labels alone when categorised.
    pub labels: Labels,
    /// In the direction of the query.
    pub entries: Vec<ResultEntry>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultEntry {
    /// Nanoseconds.
    pub timestamp: i64,
    /// The line behind the pipeline; not always UTF-8.
    pub line: Vec<u8>,
    /// Metadata and parsed labels; empty unless the query asked for categorised labels.
    pub structured_metadata: Labels,
    /// See `structured_metadata`.
    pub parsed: Labels,
}

/// A number at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds.
    pub timestamp_ms: i64,
    /// Its value.
    pub value: f64,
}

/// One element of a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct VectorSample {
    /// The series.
    pub labels: Labels,
    /// Its value.
    pub sample: Sample,
}

/// One element of a matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixSeries {
    /// The series.
    pub labels: Labels,
    /// Ascending by time.
    pub samples: Vec<Sample>,
}
