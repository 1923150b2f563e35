//! LogQL: text to plan, records to values, over any [`Source`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ast;
mod check;
mod error;
mod go;
mod labels;
mod lexer;
mod parse;
#[allow(dead_code, reason = "run by evaluation")]
mod pipeline;
mod print;
mod quote;
mod regex;
mod result;
pub mod source;
mod span;
mod template;
mod text;

pub use error::{Error, ErrorKind};
pub use labels::Labels;
pub use parse::{parse, parse_selector};
pub use regex::matcher_regex;
pub use result::{MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
pub use source::Source;
pub use span::Span;
pub use text::Text;
