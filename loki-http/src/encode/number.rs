//! Numbers as Loki prints them.

use std::io::Write;

/// Why writing to a `Vec` is never an error.
const INFALLIBLE: &str = "a Vec takes every write";

/// A sample value: the shortest text that reads back as the same number, never with an exponent.
pub(crate) fn write_value(out: &mut Vec<u8>, value: f64) {
    match value {
        v if v.is_nan() => out.extend_from_slice(b"NaN"),
        f64::INFINITY => out.extend_from_slice(b"+Inf"),
        f64::NEG_INFINITY => out.extend_from_slice(b"-Inf"),
        v => write!(out, "{v}").expect(INFALLIBLE),
    }
}

/// A JSON number: plain, and with an exponent of two digits or more below 1e-6 or from 1e21.
pub(crate) fn write_float(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    if !value.is_finite() || size == 0.0 || (1e-6..1e21).contains(&size) {
        // JSON has no word for what is not finite.
        return write!(out, "{}", if value.is_finite() { value } else { 0.0 }).expect(INFALLIBLE);
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the format has an exponent");
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    write!(out, "{digits}e{sign}{exponent:0>2}").expect(INFALLIBLE);
}

/// Milliseconds as seconds with as many decimals as are needed.
pub(crate) fn write_seconds(out: &mut Vec<u8>, millis: i64) {
    if millis < 0 {
        out.push(b'-');
    }
    let (seconds, fraction) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    write_integer(out, seconds);
    if fraction > 0 {
        let digits = format!(".{fraction:03}");
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// An integer in decimal.
pub(crate) fn write_integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}
