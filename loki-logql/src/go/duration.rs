//! Durations in nanoseconds: Go's form (`1h30m0s`, fractions, any order) and Prometheus' form (`1d12h`, integers, units
//! in descending order).

use crate::quote::quote;

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000 * MICROSECOND;
const SECOND: u64 = 1_000 * MILLISECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// One more than the longest duration; what the most negative one counts.
const LIMIT: u64 = 1 << 63;

/// Reads a duration as Go's `time.ParseDuration` does.
///
/// # Errors
///
/// The text of Go's error: `time: unknown unit "d" in duration "5d"` and the like.
pub(crate) fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("time: invalid duration {}", quote_as_time(text));
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (whole, behind_whole) = leading_integer(rest).ok_or_else(invalid)?;
        let (fraction, behind_number) = match behind_whole.strip_prefix('.') {
            Some(digits) => leading_fraction(digits),
            None => (Fraction::NONE, behind_whole),
        };
        // A dot needs a digit on one of its sides.
        if behind_whole.len() == rest.len() && fraction.is_empty {
            return Err(invalid());
        }
        let end = behind_number
            .bytes()
            .position(|b| b == b'.' || b.is_ascii_digit())
            .unwrap_or(behind_number.len());
        let (unit, behind_unit) = behind_number.split_at(end);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {}", quote_as_time(text)));
        }
        let unit = go_unit(unit).ok_or_else(|| {
            format!(
                "time: unknown unit {} in duration {}",
                quote_as_time(unit),
                quote_as_time(text)
            )
        })?;
        let part = whole.checked_mul(unit).filter(|&n| n <= LIMIT).ok_or_else(invalid)?;
        let part = part + fraction.of(unit);
        total = total.checked_add(part).filter(|&n| n <= LIMIT).ok_or_else(invalid)?;
        rest = behind_unit;
    }
    if negative {
        return Ok((total as i64).wrapping_neg());
    }
    i64::try_from(total).map_err(|_| invalid())
}

fn go_unit(name: &str) -> Option<u64> {
    Some(match name {
        "ns" => 1,
        // U+00B5, the micro sign, and U+03BC, the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => MICROSECOND,
        "ms" => MILLISECOND,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        _ => return None,
    })
}

/// The digits that `text` starts with, and what is behind them.
fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// So many digits are a number below [`LIMIT`].
const FEW_DIGITS: usize = 18;

/// The number that a few digits are.
fn few_digits(digits: &str) -> u64 {
    debug_assert!(digits.len() <= FEW_DIGITS);
    digits.bytes().fold(0, |value, b| value * 10 + u64::from(b - b'0'))
}

/// The integer that `text` starts with (0 for none) and what is behind it; `None` above [`LIMIT`].
fn leading_integer(text: &str) -> Option<(u64, &str)> {
    let (digits, rest) = leading_digits(text);
    if digits.len() <= FEW_DIGITS {
        return Some((few_digits(digits), rest));
    }
    let value = digits.bytes().try_fold(0u64, |value, b| {
        value
            .checked_mul(10)?
            .checked_add(u64::from(b - b'0'))
            .filter(|&n| n <= LIMIT)
    })?;
    Some((value, rest))
}

/// Digits behind a dot: `value` / `scale`.
struct Fraction {
    value: u64,
    scale: f64,
    is_empty: bool,
}

impl Fraction {
    const NONE: Fraction = Fraction {
        value: 0,
        scale: 1.0,
        is_empty: true,
    };

    fn of(&self, unit: u64) -> u64 {
        if self.value == 0 {
            return 0;
        }
        (self.value as f64 * (unit as f64 / self.scale)) as u64
    }
}

/// The fraction that `text` starts with; digits that do not fit in 63 bits are read and count nothing.
fn leading_fraction(text: &str) -> (Fraction, &str) {
    let (digits, rest) = leading_digits(text);
    let is_empty = digits.is_empty();
    if digits.len() <= FEW_DIGITS {
        let fraction = Fraction {
            value: few_digits(digits),
            scale: 10u64.pow(digits.len() as u32) as f64,
            is_empty,
        };
        return (fraction, rest);
    }
    let mut fraction = Fraction {
        is_empty,
        ..Fraction::NONE
    };
    for b in digits.bytes() {
        let next = fraction.value.checked_mul(10).map(|n| n + u64::from(b - b'0'));
        let Some(next) = next.filter(|&n| n <= LIMIT && fraction.value <= (LIMIT - 1) / 10) else {
            break;
        };
        fraction.value = next;
        fraction.scale *= 10.0;
    }
    (fraction, rest)
}

/// Quotes as Go's package `time` does: bytes outside printable ASCII as `\xNN`, and nothing else but `"` and `\`.
fn quote_as_time(text: &str) -> String {
    let mut out = String::from("\"");
    for b in text.bytes() {
        match b {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(b));
            }
            b' '..=0x7f => out.push(char::from(b)),
            _ => out.push_str(&format!("\\x{b:02x}")),
        }
    }
    out.push('"');
    out
}

/// Prints `ns` as Go's `time.Duration.String` does: `1h30m0s`, `1.5s`, `5µs`, `0s`.
pub(crate) fn format_duration(ns: i64) -> String {
    let magnitude = ns.unsigned_abs();
    let sign = if ns < 0 { "-" } else { "" };
    let text = match magnitude {
        0 => "0s".to_owned(),
        _ if magnitude < MICROSECOND => format!("{magnitude}ns"),
        _ if magnitude < MILLISECOND => format!("{}µs", decimal(magnitude, MICROSECOND)),
        _ if magnitude < SECOND => format!("{}ms", decimal(magnitude, MILLISECOND)),
        _ => {
            let seconds = decimal(magnitude % MINUTE, SECOND);
            match (magnitude / HOUR, magnitude % HOUR / MINUTE) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

/// `value` / `unit` in decimal without trailing zeros; `unit` is a power of ten.
fn decimal(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{rest:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

/// What can be wrong with a duration in Prometheus' form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PrometheusDurationError {
    /// No text at all.
    #[error("empty duration string")]
    Empty,
    /// Not numbers each followed by a unit, in descending order of units.
    #[error("not a valid duration string: {}", quote(.text.as_bytes()))]
    Invalid {
        /// The whole text.
        text: String,
    },
    /// What stands behind a number is no unit.
    #[error("unknown unit {} in duration {}", quote(.unit.as_bytes()), quote(.text.as_bytes()))]
    UnknownUnit {
        /// All up to the next digit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than 63 bits of nanoseconds.
    #[error("duration out of range")]
    OutOfRange,
}

/// Prometheus' units, largest first, and whether one is only printed where nothing remains behind it.
const PROMETHEUS_UNITS: [(&str, u64, bool); 7] = [
    ("y", 365 * DAY, true),
    ("w", 7 * DAY, true),
    ("d", DAY, false),
    ("h", HOUR, false),
    ("m", MINUTE, false),
    ("s", SECOND, false),
    ("ms", MILLISECOND, false),
];

/// Reads a duration in Prometheus' form: `1d12h`, `0`.
pub(crate) fn parse_prometheus_duration(text: &str) -> Result<i64, PrometheusDurationError> {
    let invalid = || PrometheusDurationError::Invalid { text: text.to_owned() };
    match text {
        "" => return Err(PrometheusDurationError::Empty),
        "0" => return Ok(0),
        _ => {}
    }
    let mut total: u64 = 0;
    let mut units = &PROMETHEUS_UNITS[..];
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(invalid)?;
        let count: u64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (unit, behind) = rest.split_at(end);
        let Some(&(_, length, _)) = PROMETHEUS_UNITS.iter().find(|(name, ..)| *name == unit) else {
            return Err(PrometheusDurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            });
        };
        let place = units.iter().position(|(name, ..)| *name == unit).ok_or_else(invalid)?;
        units = &units[place + 1..];
        total = count
            .checked_mul(length)
            .and_then(|part| total.checked_add(part))
            .filter(|&n| n < LIMIT)
            .ok_or(PrometheusDurationError::OutOfRange)?;
        rest = behind;
    }
    i64::try_from(total).map_err(|_| PrometheusDurationError::OutOfRange)
}

/// Prints a duration in Prometheus' form, largest unit first: `1d12h`. Parts below a millisecond are not printed.
pub(crate) fn format_prometheus_duration(ns: i64) -> String {
    let mut rest = ns.unsigned_abs() / MILLISECOND * MILLISECOND;
    if rest == 0 {
        return "0s".to_owned();
    }
    let mut out = String::from(if ns < 0 { "-" } else { "" });
    for (name, length, whole_only) in PROMETHEUS_UNITS {
        let count = rest / length;
        if count == 0 || whole_only && !rest.is_multiple_of(length) {
            continue;
        }
        out.push_str(&format!("{count}{name}"));
        rest -= count * length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn go_durations_read_as_go_reads_them() {
        let cases = [
            ("0", 0),
            ("-0", 0),
            ("+5s", 5_000_000_000),
            ("-1.5h", -5_400_000_000_000),
            ("1m1h", 3_660_000_000_000),
            ("100us", 100_000),
            ("1µs", 1_000),
            ("1μs", 1_000),
            (".5ms", 500_000),
            ("5.s", 5_000_000_000),
            ("0.3333333333333333333h", 1_200_000_000_000),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
        ];
        for (text, ns) in cases {
            assert_eq!(parse_duration(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn go_durations_are_refused_with_gos_texts() {
        let cases = [
            ("", r#"time: invalid duration """#),
            ("foo", r#"time: invalid duration "foo""#),
            ("-", r#"time: invalid duration "-""#),
            (".s", r#"time: invalid duration ".s""#),
            (
                "9223372036854775808ns",
                r#"time: invalid duration "9223372036854775808ns""#,
            ),
            (
                "99999999999999999999s",
                r#"time: invalid duration "99999999999999999999s""#,
            ),
            ("5", r#"time: missing unit in duration "5""#),
            ("1h5", r#"time: missing unit in duration "1h5""#),
            ("5d", r#"time: unknown unit "d" in duration "5d""#),
            (
                "5é\n",
                r#"time: unknown unit "\xc3\xa9\x0a" in duration "5\xc3\xa9\x0a""#,
            ),
            ("5 s", r#"time: unknown unit " s" in duration "5 s""#),
        ];
        for (text, error) in cases {
            assert_eq!(parse_duration(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn go_durations_print_as_go_prints_them() {
        let cases = [
            (0, "0s"),
            (1, "1ns"),
            (5_000, "5µs"),
            (1_500, "1.5µs"),
            (100_000_000, "100ms"),
            (1_500_000_000, "1.5s"),
            (60_000_000_000, "1m0s"),
            (5_400_000_000_000, "1h30m0s"),
            (86_400_000_000_000, "24h0m0s"),
            (-3_600_000_000_000, "-1h0m0s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ];
        for (ns, text) in cases {
            assert_eq!(format_duration(ns), text);
        }
    }

    #[test]
    fn prometheus_durations_are_refused_with_their_texts() {
        let cases = [
            ("", "empty duration string"),
            ("5", r#"not a valid duration string: "5""#),
            (" 5m ", r#"not a valid duration string: " 5m ""#),
            ("-5m", r#"not a valid duration string: "-5m""#),
            ("m5", r#"not a valid duration string: "m5""#),
            ("30m1h", r#"not a valid duration string: "30m1h""#),
            ("1h1h", r#"not a valid duration string: "1h1h""#),
            ("5us", r#"unknown unit "us" in duration "5us""#),
            ("1.5h", r#"unknown unit "." in duration "1.5h""#),
            ("5M", r#"unknown unit "M" in duration "5M""#),
            ("5m:1m", r#"unknown unit "m:" in duration "5m:1m""#),
            ("5m\n", r#"unknown unit "m\n" in duration "5m\n""#),
            ("300y", "duration out of range"),
        ];
        for (text, error) in cases {
            let found = parse_prometheus_duration(text).map_err(|e| e.to_string());
            assert_eq!(found, Err(error.to_owned()));
        }
    }

    #[test]
    fn prometheus_durations_print_the_largest_units_first() {
        let cases = [
            ("90s", "1m30s"),
            ("1w2d", "9d"),
            ("14d", "2w"),
            ("36h", "1d12h"),
            ("370d", "370d"),
            ("1y", "1y"),
            ("0s", "0s"),
            ("1500ms", "1s500ms"),
        ];
        for (text, printed) in cases {
            let ns = parse_prometheus_duration(text).unwrap();
            assert_eq!(format_prometheus_duration(ns), printed);
        }
    }

    proptest! {
        #[test]
        fn a_zero_behind_a_fraction_and_one_before_a_number_change_nothing(
            whole in "[0-9]{1,18}", fraction in "[0-9]{1,18}", unit in prop::sample::select(vec!["ns", "us", "ms", "s", "m", "h"]),
        ) {
            // What has few digits is read in another way than what has many.
            let few = parse_duration(&format!("{whole}.{fraction}{unit}"));
            let many = parse_duration(&format!("{whole:0>20}.{fraction}{unit}"));
            prop_assert_eq!(few.is_ok(), many.is_ok());
            prop_assert!(few.is_err() || few == many);
        }

        #[test]
        fn reading_a_printed_duration_gives_it_back(ns in any::<i64>()) {
            // The seconds' fraction passes through a float, which holds nine digits.
            prop_assert_eq!(parse_duration(&format_duration(ns)), Ok(ns));
        }

        #[test]
        fn reading_a_printed_prometheus_duration_gives_its_milliseconds_back(ms in 0..i64::MAX / 1_000_000) {
            let ns = ms * 1_000_000;
            prop_assert_eq!(parse_prometheus_duration(&format_prometheus_duration(ns)), Ok(ns));
        }

        #[test]
        fn any_text_reads_without_a_panic(text in "[-+.0-9a-zµ]{0,24}") {
            let _ = parse_duration(&text);
            let _ = parse_prometheus_duration(&text);
        }
    }
}
