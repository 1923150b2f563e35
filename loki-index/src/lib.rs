//! An inverted index over label sets: predicates in, series out.
//!
//! Use this if you keep things that are named by label sets (`{app="api", env="prod"}`) and want to know, from a few
//! conditions on labels, which of them to look at. Use `loki-core` instead if you want a log database.
//!
//! Two indexes answer the same questions: [`MemoryIndex`] grows one series at a time, [`Index`] reads the bytes that
//! an [`IndexBuilder`] wrote, where an fst leads from labels to roaring bitmaps of series and is searched with the automata
//! of regular expressions. A [`Predicate`] is a compiled condition on one label; [`Postings`] is the answer.
//!
//! ```
//! use loki_index::{Index, IndexBuilder, Predicate};
//!
//! let mut builder = IndexBuilder::new();
//! builder.push(&[("app", "api"), ("env", "prod")], &[]);
//! builder.push(&[("app", "web"), ("env", "prod")], &[]);
//! let mut bytes = Vec::new();
//! builder.finish(&mut bytes)?;
//!
//! let index = Index::open(bytes)?;
//! let found = index.select(&[Predicate::equal("env", "prod"), Predicate::regex("app", "a.*")?])?;
//! let series = found.iter().next().expect("one series matches");
//! assert_eq!(index.labels(series)?, [("app", "api"), ("env", "prod")]);
//! # Ok::<(), loki_index::Error>(())
//! ```
//!
//! The crate knows no file, thread, clock or logger. What it promises about bytes: damaged input is an [`Error`] or
//! the same answer as undamaged input, never a panic and never an allocation sized by a number that was merely read.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may fail by panicking"))]

pub use crate::{
    builder::IndexBuilder,
    chunk_place::ChunkPlace,
    error::{Error, ErrorKind},
    filter::{ContentFilter, ContentFilterBuilder, FilterSettings, Grams, Needle, Needles},
    index::Index,
    memory::MemoryIndex,
    postings::Postings,
    predicate::Predicate,
    series::{Fingerprint, SeriesId},
};

mod automaton;
mod builder;
mod chunk_place;
mod dictionary;
mod error;
mod filter;
mod format;
mod fst_audit;
mod index;
mod memory;
mod pages;
mod postings;
mod postings_place;
mod predicate;
mod select;
mod series;
mod sorted;
mod strings;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
