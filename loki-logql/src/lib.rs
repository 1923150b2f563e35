//! LogQL: text to plan, records to values, over any [`Source`].
//!
//! Use this crate if you have log entries of your own and want to ask them questions in LogQL, or want to read, check or
//! format LogQL. Use `loki-core` instead if you want a log database.
//!
//! The way through it: [`parse`] reads and checks a text; the tree that it gives ([`ast`]) prints itself, in one line or
//! pretty; [`Plan::compile`] compiles its stages; [`Plan::evaluate`] reads what the query needs of a [`Source`], in
//! columns, and answers a [`QueryResult`].
//!
//! ```
//! use loki_logql::source::MemorySource;
//! use loki_logql::{Labels, Plan, QueryResult, Request, Time, parse};
//!
//! let mut source = MemorySource::new();
//! let stream = Labels::from_pairs([("app", "shop")]);
//! source.push(&stream, 1_000_000_000, "status=200", &[]);
//! source.push(&stream, 2_000_000_000, "status=500", &[]);
//!
//! let query = parse(r#"sum by (status) (count_over_time({app="shop"} | logfmt [1m]))"#)?;
//! let at = Request::new(Time::Instant(10_000_000_000));
//! let QueryResult::Vector(samples) = Plan::compile(&query)?.evaluate(&source, &at)?.result else { unreachable!() };
//! assert_eq!(samples[1].labels.to_string(), r#"{status="500"}"#);
//! assert_eq!(samples[1].sample.value, 1.0);
//! # Ok::<(), loki_logql::Error>(())
//! ```
//!
//! The crate knows no file, thread, clock or network, and a query is bounded by its [`Limits`].
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod ast;
mod budget;
mod check;
mod entry_filter;
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

pub use entry_filter::EntryFilter;
pub use error::{Error, ErrorKind};
pub use labels::Labels;
pub use log::LogRunner;
pub use parse::{parse, parse_selector};
pub use pipeline::{Field, json_fields, logfmt_fields};
pub use plan::{Evaluation, Plan};
pub use regex::matcher_regex;
pub use request::{Direction, Limits, Request, Time};
pub use result::{MatrixSeries, QueryResult, ResultEntry, ResultStream, Sample, VectorSample};
pub use source::Source;
pub use span::Span;
pub use template::{RuleData, RuleTemplate};
pub use text::Text;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
