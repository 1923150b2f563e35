//! Answers as JSON, written by hand into one buffer: Loki's clients see keys, escapes and numbers byte by byte.

mod deletes;
mod explore;
mod legacy;
mod list;
mod number;
mod patterns;
mod response;
mod rules;
mod stats;
mod tail;
mod text;

pub(crate) use deletes::{all_delete_requests, delete_requests};
pub(crate) use explore::{detected_field_values, detected_fields, detected_labels, formatted_query};
pub(crate) use legacy::legacy_streams;
pub(crate) use list::{index_stats, legacy_values, series, values};
pub(crate) use patterns::patterns;
pub(crate) use response::Answer;
pub(crate) use rules::{alerts, rule_groups, rules_changed, rules_problem};
pub(crate) use tail::{legacy_tail_frame, tail_frame};

#[cfg(test)]
mod tests;
