//! Answers as JSON, written by hand into one buffer: Loki's clients see keys, escapes and numbers byte by byte.

mod deletes;
mod legacy;
mod list;
mod number;
mod response;
mod rules;
mod stats;
mod text;

pub(crate) use deletes::{all_delete_requests, delete_requests};
pub(crate) use legacy::legacy_streams;
pub(crate) use list::{index_stats, legacy_values, series, values};
pub(crate) use response::query_response;
pub(crate) use rules::{alerts, rule_groups, rules_changed, rules_problem};

#[cfg(test)]
mod tests;
