//! What the criterion benches in `benches/` share.

pub mod engine_load;
pub mod log_text;
