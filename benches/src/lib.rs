//! What the criterion benches in `benches/` share.

pub mod column_source;
pub mod engine_load;
pub mod log_text;
