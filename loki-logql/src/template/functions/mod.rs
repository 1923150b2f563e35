//! The functions that templates may call, by what they work on.

mod encoding;
mod logic;
mod number;
mod regex;
mod rule;
mod sample;
mod table;
mod text;
mod time;

pub(super) use table::{Call, Dialect, Function, Run, find};
