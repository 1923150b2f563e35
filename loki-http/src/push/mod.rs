//! Bodies of pushes: from the bytes on the wire to [`loki_core::PushRequest`].

mod decompress;
mod error;
mod format;
mod json;
mod otlp;
mod protobuf;

pub(crate) use error::Error;
pub(crate) use format::{Format, decode};
pub(crate) use otlp::{OTLP_LABELS, OtlpFormat};
