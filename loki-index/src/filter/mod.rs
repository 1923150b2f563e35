//! Content filters: can these lines hold this text?
//!
//! A line filter asks for a *substring*, so a set of whole words cannot answer it, and a set of all short grams is full
//! wherever ids occur. Minimizers are sound and sparse: of each run of four (or eight) neighbouring grams the least is kept,
//! by an order that has nothing to do with the text. A needle that holds a whole run holds its least gram too, wherever the
//! needle stands, so that gram must be in the set. Shorter needles are answered by the bytes that occur and the longest
//! line.

pub use self::{
    builder::{ContentFilterBuilder, FilterSettings},
    content::ContentFilter,
    grams::Grams,
    needle::{Needle, Needles},
};

mod bloom;
mod builder;
mod content;
mod grams;
mod needle;
