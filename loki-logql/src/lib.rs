//! LogQL: text to plan, records to values, over any [`Source`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ast;
mod error;
mod go;
mod labels;
mod quote;
mod regex;
mod result;
pub mod source;
mod span;
#[allow(dead_code, unused_imports, reason = "read by the pipeline, which is not here yet")]
mod template;
mod text;

pub use error::{Error, ErrorKind};
pub use labels::Labels;
pub use regex::matcher_regex;
pub use result::{MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
pub use source::Source;
pub use span::Span;
pub use text::Text;
