//! The handlers, one file for each family of endpoints: decode, one call of the engine, encode.

pub(crate) mod admin;
pub(crate) mod delete;
pub(crate) mod detected;
pub(crate) mod format_query;
pub(crate) mod index_stats;
pub(crate) mod labels;
pub(crate) mod legacy;
pub(crate) mod limits;
pub(crate) mod openapi;
pub(crate) mod otlp;
pub(crate) mod patterns;
pub(crate) mod push;
pub(crate) mod query;
pub(crate) mod ring;
pub(crate) mod rules;
pub(crate) mod series;
pub(crate) mod status;
pub(crate) mod tail;
pub(crate) mod volume;
