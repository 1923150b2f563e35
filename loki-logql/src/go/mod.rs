//! Numbers, durations and sizes as Go's standard library (and the two libraries that Loki's answers show) reads and
//! prints them.
//!
//! Every reader returns the text of the Go error, because LogQL answers with it: in parse errors and in
//! `__error_details__`.

mod duration;
mod float;
mod size;

#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use duration::{
    PrometheusDurationError, format_duration, format_prometheus_duration, parse_duration, parse_prometheus_duration,
};
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use float::{format_float, format_general, parse_float, parse_float_or_value};
#[allow(unused_imports, reason = "each is used by another module of the crate")]
pub(crate) use size::{format_size, parse_size};
