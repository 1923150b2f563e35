//! Pipelines: what the stages of a query make of the entries of streams.
//!
//! A [`Pipeline`] is compiled once for each selector of a query; a [`Runner`] runs it on one thread, batch by batch:
//!
//! - `search`: the line filters that test lines as they are stored, over all lines of a batch at once;
//! - `stage`: the other stages, on one entry at a time, each in a file of its own name;
//! - `entry_labels`: the labels of that entry, which the stages read and change;
//! - `label_sets`: the distinct label sets that have come out, as small numbers.
//!
//! Parsers extract what the query reads (`needs`, `extraction`) and try the query's label filters on a label as soon
//! as they have it. Where entries differ in their metadata alone, the stages run once for each distinct metadata.

mod compile;
mod decolorize;
mod entry_labels;
mod entry_view;
mod extraction;
mod fields;
mod ip;
mod json;
mod json_extract;
mod json_path;
mod json_scan;
mod keep_drop;
mod keys;
mod label_filter;
mod label_format;
mod label_sets;
mod line_filter;
mod line_format;
mod logfmt;
mod logfmt_scan;
mod metadata;
mod names;
mod needs;
mod pattern;
mod pattern_filter;
mod regexp;
mod runner;
mod search;
mod stage;
mod unpack;
mod unwrap;
mod words;

#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use compile::Pipeline;
pub use fields::{Field, json_fields, logfmt_fields};
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use label_sets::{Categories, LabelSets, SetId};
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use runner::{LineOutcome, Runner, SampleOutcome};

#[cfg(test)]
mod tests;
