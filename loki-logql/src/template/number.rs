//! Floats as Go's `strconv` formats them by a verb.

use crate::go::format_general;

/// A float has at most this many digits behind its point; more are zeros.
const MAX_DIGITS: usize = 1100;

/// `value` in the form of `verb`, one of `e E f F g G b x X`; without a precision as short as round trips.
pub(super) fn format(value: f64, verb: char, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    match verb {
        'e' => exponential(value, precision),
        'f' | 'F' => fixed(value, precision),
        'g' => general(value, precision),
        'b' => binary(value),
        'x' => hexadecimal(value),
        upper => format(value, upper.to_ascii_lowercase(), precision).to_uppercase(),
    }
}

fn fixed(value: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return format!("{value}");
    };
    let mut out = format!("{:.*}", precision.min(MAX_DIGITS), value);
    out.extend(std::iter::repeat_n('0', precision.saturating_sub(MAX_DIGITS)));
    out
}

fn exponential(value: f64, precision: Option<usize>) -> String {
    let written = match precision {
        Some(precision) => format!("{:.*e}", precision.min(MAX_DIGITS), value),
        None => format!("{value:e}"),
    };
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let zeros = precision.unwrap_or(0).saturating_sub(MAX_DIGITS);
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}{}e{sign}{exponent:0>2}", "0".repeat(zeros))
}

fn general(value: f64, precision: Option<usize>) -> String {
    let Some(precision) = precision else {
        return format_general(value);
    };
    let precision = precision.max(1);
    let written = format!("{:.*e}", (precision - 1).min(MAX_DIGITS), value);
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let significant = digits.bytes().filter(u8::is_ascii_digit).collect::<Vec<u8>>();
    let significant = 1 + significant[1..].iter().rposition(|&b| b != b'0').map_or(0, |i| i + 1);
    let mut bound = precision as i64;
    if bound > significant as i64 && significant as i64 > exponent {
        bound = significant as i64;
    }
    if exponent < -4 || exponent >= bound {
        return exponential(value, Some(significant - 1));
    }
    let behind_point = (significant as i64 - 1 - exponent).max(0) as usize;
    // Rounded to the digits that count first: more may stand before the point.
    let rounded: f64 = written.parse().unwrap_or(value);
    fixed(rounded, Some(behind_point))
}

/// Mantissa and power of two, both decimal.
fn binary(value: f64) -> String {
    let (mantissa, exponent, sign) = parts(value);
    let sign_of_exponent = if exponent < 0 { "" } else { "+" };
    format!("{sign}{mantissa}p{sign_of_exponent}{exponent}")
}

fn hexadecimal(value: f64) -> String {
    let (mantissa, exponent, sign) = parts(value);
    if mantissa == 0 {
        return format!("{sign}0x0p+00");
    }
    // The leading bit stands before the point, 52 bits behind it.
    let shift = mantissa.leading_zeros() - 11;
    let mantissa = mantissa << shift;
    let exponent = exponent + 52 - i64::from(shift);
    let fraction = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    let sign_of_exponent = if exponent < 0 { '-' } else { '+' };
    format!(
        "{sign}0x1{point}{fraction}p{sign_of_exponent}{:02}",
        exponent.unsigned_abs()
    )
}

/// Mantissa, exponent and sign: the value is mantissa × 2^exponent.
fn parts(value: f64) -> (u64, i64, &'static str) {
    let bits = value.to_bits();
    let biased = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let sign = if value.is_sign_negative() { "-" } else { "" };
    match biased {
        0 => (fraction, -1074, sign),
        _ => (fraction | 1 << 52, biased - 1075, sign),
    }
}
