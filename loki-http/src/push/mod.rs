//! Bodies of pushes: from the bytes on the wire to [`loki_core::PushRequest`].

mod bounds;
mod decompress;
mod encoding;
mod error;
mod format;
#[cfg(any(test, fuzzing))]
mod fuzzing;
mod json;
mod otlp;
mod protobuf;
mod receiver;

pub(crate) use bounds::Bounds;
pub(crate) use encoding::Encoding;
pub(crate) use error::Error;
pub(crate) use format::{Format, decode};
#[cfg(fuzzing)]
pub use fuzzing::push as push_bytes;
pub(crate) use otlp::{OTLP_LABELS, OtlpFormat, Rules as OtlpRules};
pub(crate) use receiver::Receiver;
