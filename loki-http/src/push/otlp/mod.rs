//! OpenTelemetry's logs over HTTP: messages, the choice of labels, the way to a push.

mod items;
mod labels;
mod message;
mod request;
mod value;

pub(crate) use labels::{OTLP_LABELS, Rules};
pub(crate) use request::OtlpFormat;
