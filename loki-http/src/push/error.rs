//! What can be wrong with the body of a push.

/// A body that holds no push; prints as Loki answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("mime: no media type")]
    NoMediaType,
    #[error("mime: invalid media parameter")]
    MediaParameter,
    #[error("Content-Encoding {0:?} not supported")]
    Encoding(String),
    #[error("snappy: corrupt input")]
    Snappy,
    #[error("gzip: invalid header")]
    Gzip,
    #[error("unexpected EOF")]
    UnexpectedEnd,
    #[error("EOF")]
    End,
    #[error("request body too large: message size too large than max ({size} vs {max})")]
    TooLarge { size: u64, max: u64 },
    #[error("request body too large: more than {max} streams, entries and pairs")]
    TooManyItems { max: usize },
    #[error("proto: wrong wireType = {wire} for field {field}")]
    WireType { wire: u8, field: &'static str },
    #[error("proto: {0}")]
    Protobuf(&'static str),
    #[error("{0}")]
    Labels(String),
    #[error("{0}")]
    Json(String),
    #[error("content type: {0} is not supported")]
    OtlpMediaType(String),
    #[error("unsupported content encoding {0}: only gzip, lz4 and zstd are supported")]
    OtlpEncoding(String),
    #[error("{0}")]
    Otlp(String),
}
