//! Durations, sizes and numbers as LogQL and Loki's API read and print them.

use crate::go;

/// Reads a Go duration (`1h30m`, `1.5s`, `-5m`) as nanoseconds.
///
/// # Errors
///
/// Go's text.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    go::parse_duration(text)
}

/// Prints nanoseconds as Go does: `1h30m0s`.
///
/// ```
/// assert_eq!(loki_logql::units::format_duration(5_400_000_000_000), "1h30m0s");
/// ```
pub fn format_duration(nanos: i64) -> String {
    go::format_duration(nanos)
}

/// Reads a Prometheus duration (`1h30m`, `7d`) as nanoseconds.
///
/// # Errors
///
/// Prometheus' text.
pub fn parse_prometheus_duration(text: &str) -> Result<i64, String> {
    go::parse_prometheus_duration(text).map_err(|error| error.to_string())
}

/// Prints nanoseconds as Prometheus does: `1h30m`, `7d`.
pub fn format_prometheus_duration(nanos: i64) -> String {
    go::format_prometheus_duration(nanos)
}

/// Prints a sample value as Loki does: the shortest text that reads back, never with an exponent.
///
/// ```
/// assert_eq!(loki_logql::units::format_float(1e21), "1000000000000000000000");
/// ```
pub fn format_float(value: f64) -> String {
    go::format_float(value)
}

/// Reads a number as Go does: decimal, with an exponent, hexadecimal, `inf`, `nan`.
///
/// # Errors
///
/// Go's text.
pub fn parse_float(text: &str) -> Result<f64, String> {
    go::parse_float(text)
}

/// Reads a size (`5KB`, `1.5 MiB`) as bytes.
///
/// # Errors
///
/// The text that `__error_details__` shows.
pub fn parse_size(text: &str) -> Result<u64, String> {
    go::parse_size(text)
}

/// Prints bytes in units of 1000, rounded.
///
/// ```
/// assert_eq!(loki_logql::units::format_size(5_000), "5.0kB");
/// ```
pub fn format_size(bytes: u64) -> String {
    go::format_size(bytes)
}
