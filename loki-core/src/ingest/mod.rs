//! From a pushed request to what is stored: labels, rules, levels, rates, in this order.

mod accept;
mod label_text;
mod level;
mod name;
mod rate;
mod refusal;
mod stream_labels;

pub(crate) use accept::{Accepted, accept, stream_refusal};
pub(crate) use label_text::parse as parse_labels;
pub use name::label_name;
pub(crate) use rate::Bucket;
pub(crate) use refusal::{Discarded, Refusals};
pub(crate) use stream_labels::LabelCache;
