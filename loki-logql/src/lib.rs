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
mod print;
mod quote;
mod request;
mod regex;
mod result;
pub mod source;
mod span;
mod text;
pub mod units;
pub mod visit;

pub use error::{Error, ErrorKind};
pub use labels::Labels;
pub use request::{Direction, Time};
pub use parse::{parse, parse_selector};
pub use regex::matcher_regex;
pub use result::{MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
pub use source::Source;
pub use span::Span;
pub use text::Text;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
