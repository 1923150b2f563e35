//! Floats as `strconv.ParseFloat`, `strconv.FormatFloat` and `%v` treat them.

use crate::quote::quote;
use std::borrow::Cow;

/// Reads `text` as Go's `ParseFloat(text, 64)` does: decimal, exponent, hexadecimal with `p`, underscores between
/// digits, `inf`, `infinity` and `nan` in any case.
///
/// # Errors
///
/// The text of Go's error: `strconv.ParseFloat: parsing "foo": invalid syntax`, or `… value out of range`.
pub(crate) fn parse_float(text: &str) -> Result<f64, String> {
    if let Some(value) = read_short(text) {
        return Ok(value);
    }
    match read(text) {
        Some(Read::Value(value)) => Ok(value),
        Some(Read::OutOfRange(_)) => Err(describe(text, "value out of range")),
        None => Err(describe(text, "invalid syntax")),
    }
}

/// What Go's `ParseFloat` returns beside its error: 0 for a text that is no number, an infinity for one out of range.
///
/// LogQL ignores the error in the operand of a numeric label filter.
pub(crate) fn parse_float_or_value(text: &str) -> f64 {
    match read(text) {
        Some(Read::Value(value) | Read::OutOfRange(value)) => value,
        None => 0.0,
    }
}

/// `strconv.FormatFloat(v, 'f', -1, 64)`: the shortest digits that read back as `v`, never an exponent.
pub(crate) fn format_float(v: f64) -> String {
    special(v).map_or_else(|| v.to_string(), str::to_owned)
}

/// `%v` of a float64: the shortest digits, with an exponent of at least two digits below 1e-4 and from 1e6 on.
pub(crate) fn format_general(v: f64) -> String {
    if let Some(text) = special(v) {
        return text.to_owned();
    }
    // Rust's `e` form has the same shortest digits as Go's, and an exponent without padding.
    let scientific = format!("{v:e}");
    let (mantissa, exponent) = scientific
        .split_once('e')
        .expect("the `e` form of a finite float has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent of a float is a small integer");
    if (-4..6).contains(&exponent) {
        return v.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

fn special(v: f64) -> Option<&'static str> {
    if v.is_nan() {
        Some("NaN")
    } else if v.is_infinite() {
        Some(if v > 0.0 { "+Inf" } else { "-Inf" })
    } else {
        None
    }
}

fn describe(text: &str, what: &str) -> String {
    format!("strconv.ParseFloat: parsing {}: {what}", quote(text.as_bytes()))
}

/// Reads what most numbers are: a few digits, with a dot or without.
fn read_short(text: &str) -> Option<f64> {
    const DIGITS: usize = 15;
    const POWERS: [f64; DIGITS + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    if text.len() > DIGITS {
        return None;
    }
    let mut number = 0u64;
    let mut dot = None;
    for (i, b) in text.bytes().enumerate() {
        match b {
            b'0'..=b'9' => number = number * 10 + u64::from(b - b'0'),
            b'.' if dot.is_none() => dot = Some(i),
            _ => return None,
        }
    }
    match dot {
        _ if text.len() == usize::from(dot.is_some()) => None,
        None => Some(number as f64),
        // Both are exact, so that what comes of them is rounded once.
        Some(dot) => Some(number as f64 / POWERS[text.len() - 1 - dot]),
    }
}

enum Read {
    Value(f64),
    /// Too large to be finite.
    OutOfRange(f64),
}

fn read(text: &str) -> Option<Read> {
    if let Some(value) = read_name(text) {
        return Some(Read::Value(value));
    }
    let bare = without_underscores(text)?;
    let (negative, unsigned) = match bare.as_bytes().first()? {
        b'-' => (true, &bare[1..]),
        b'+' => (false, &bare[1..]),
        _ => (false, &bare[..]),
    };
    let magnitude = match unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
        Some(hex) => read_hex(hex)?,
        None if is_decimal(unsigned) => unsigned.parse().ok()?,
        None => return None,
    };
    let value = if negative { -magnitude } else { magnitude };
    Some(if value.is_finite() {
        Read::Value(value)
    } else {
        Read::OutOfRange(value)
    })
}

/// The infinities, which may have a sign, and `nan`, which may not.
fn read_name(text: &str) -> Option<f64> {
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let (sign, name) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let infinite = name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("infinity");
    infinite.then_some(sign * f64::INFINITY)
}

/// `text` without its underscores; `None` where one does not separate two digits (a base prefix counts as a digit).
fn without_underscores(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('_') {
        return Some(Cow::Borrowed(text));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_hex = unsigned.starts_with("0x") || unsigned.starts_with("0X");
    let bytes = text.as_bytes();
    let start = text.len() - unsigned.len();
    for (i, _) in bytes.iter().enumerate().filter(|&(_, &b)| b == b'_') {
        let is_digit = |b: &u8| b.is_ascii_digit() || is_hex && b.is_ascii_hexdigit();
        let after_prefix = is_hex && i == start + 2;
        let before = after_prefix || i > 0 && is_digit(&bytes[i - 1]);
        if !before || !bytes.get(i + 1).is_some_and(is_digit) {
            return None;
        }
    }
    Some(Cow::Owned(text.replace('_', "")))
}

/// Whether `text` is digits with at most one dot, and an exponent or none.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && all_digits(digits)
    };
    all_digits(whole) && all_digits(fraction) && whole.len() + fraction.len() > 0 && exponent.is_none_or(is_exponent)
}

/// A hexadecimal float behind its `0x`, rounded to nearest even; infinite where it is out of range.
fn read_hex(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    // 60 bits of mantissa, the lowest of which also stands for all the bits behind it that are not zero.
    let mut bits: u64 = 0;
    let mut scale: i64 = 0;
    for (digits, is_fraction) in [(whole, false), (fraction, true)] {
        for c in digits.chars() {
            let digit = u64::from(c.to_digit(16)?);
            if bits >> 56 == 0 {
                bits = bits << 4 | digit;
                scale -= if is_fraction { 4 } else { 0 };
            } else {
                bits |= u64::from(digit != 0);
                scale += if is_fraction { 0 } else { 4 };
            }
        }
    }
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Beyond this every non-zero mantissa of a text that fits in memory is an infinity or zero.
    let magnitude = digits.parse::<i64>().unwrap_or(i64::MAX).min(1 << 48);
    let exponent = if exponent.starts_with('-') {
        -magnitude
    } else {
        magnitude
    };
    Some(scale_binary(bits, scale + exponent))
}

/// `bits` × 2^`exponent`, rounded once. The lowest bit of `bits` may be sticky.
fn scale_binary(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let width = 64 - i64::from(bits.leading_zeros());
    // The exponent of the lowest bit that the result can hold.
    let lowest = (exponent + width - 53).max(-1074);
    let drop = lowest - exponent;
    let kept = match drop {
        ..=0 => bits << (-drop).min(63),
        1..=63 => {
            let rest = bits & ((1 << drop) - 1);
            let half = 1 << (drop - 1);
            let kept = bits >> drop;
            kept + u64::from(rest > half || rest == half && kept & 1 == 1)
        }
        _ => 0,
    };
    if lowest > 971 {
        return f64::INFINITY;
    }
    // Both factors are exact powers of two, and `kept` has at most 53 bits (or is 2^53): no second rounding.
    let low_half = lowest / 2;
    kept as f64 * power_of_two(low_half) * power_of_two(lowest - low_half)
}

/// 2^`exponent` for an exponent of at most half the range of doubles.
fn power_of_two(exponent: i64) -> f64 {
    f64::powi(2.0, i32::try_from(exponent).expect("exponents of doubles are small"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_read_as_go_reads_them() {
        let cases = [
            ("0", 0.0),
            ("010", 10.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("+1e3", 1000.0),
            ("1.5E-3", 0.0015),
            ("1_000", 1000.0),
            ("0x1p4", 16.0),
            ("0X_1.8P1", 3.0),
            ("-0x1p-1074", -5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.8p-1075", 5e-324),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x0.0000000000000000000000001p100", 1.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000001p0", 1.0 + f64::EPSILON),
            ("Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("1e-400", 0.0),
        ];
        for (text, value) in cases {
            assert_eq!(parse_float(text), Ok(value), "{text}");
        }
        assert!(parse_float("nan").is_ok_and(f64::is_nan));
    }

    #[test]
    fn what_go_refuses_is_refused_with_its_text() {
        for text in [
            "", "foo", " 1", "1 ", "0x10", "0b1", "0o7", "1e", "1e+", ".", "+", "1__0", "_1", "1_", "1_.5", "+nan",
            "infi", "0x", "0xp1", "0x1p", "1.2.3", "1_e3", "é",
        ] {
            let expected = format!("strconv.ParseFloat: parsing \"{text}\": invalid syntax");
            assert_eq!(parse_float(text), Err(expected));
            assert_eq!(parse_float_or_value(text), 0.0);
        }
    }

    #[test]
    fn a_number_out_of_range_is_an_error_beside_an_infinity() {
        for (text, value) in [
            ("1e400", f64::INFINITY),
            ("-0x1p1024", f64::NEG_INFINITY),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
        ] {
            let expected = format!("strconv.ParseFloat: parsing \"{text}\": value out of range");
            assert_eq!(parse_float(text), Err(expected));
            assert_eq!(parse_float_or_value(text), value);
        }
    }

    #[test]
    fn floats_print_as_go_prints_them() {
        let cases = [
            (3.0, "3", "3"),
            (-0.0, "-0", "-0"),
            (0.5, "0.5", "0.5"),
            (1e6, "1000000", "1e+06"),
            (999_999.0, "999999", "999999"),
            (123_456_789.0, "123456789", "1.23456789e+08"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "0.00001", "1e-05"),
            (1e100, &format!("1{}", "0".repeat(100)), "1e+100"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ];
        for (value, plain, general) in cases {
            assert_eq!(format_float(value), plain);
            assert_eq!(format_general(value), general);
        }
    }

    proptest! {
        #[test]
        fn reading_what_was_printed_gives_the_float_back(v in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(parse_float(&format_float(v)), Ok(v));
            prop_assert_eq!(parse_float(&format_general(v)), Ok(v));
        }

        #[test]
        fn short_numbers_are_what_rust_takes_them_for(text in "[0-9]{0,9}\\.?[0-9]{0,9}") {
            prop_assert_eq!(parse_float(&text).ok(), text.parse().ok());
        }

        #[test]
        fn any_text_reads_without_a_panic(text in "[-+_0-9a-fA-FxXpP.einyt ]{0,24}") {
            let _ = parse_float(&text);
        }
    }
}
