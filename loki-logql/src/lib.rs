//! LogQL: text to plan, records to values, over any [`Source`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ast;
mod budget;
mod check;
mod error;
mod go;
mod labels;
mod lexer;
mod log;
mod metric;
mod parse;
mod pipeline;
mod plan;
mod print;
mod quote;
mod regex;
mod request;
mod result;
pub mod source;
mod span;
mod template;
mod text;
pub mod units;
pub mod visit;

pub use error::{Error, ErrorKind};
pub use labels::Labels;
pub use parse::{parse, parse_selector};
pub use plan::{Evaluation, Plan};
pub use regex::matcher_regex;
pub use request::{Direction, Limits, Request, Time};
pub use result::{MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
pub use source::Source;
pub use span::Span;
pub use text::Text;

/// Runs the examples of the README as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
