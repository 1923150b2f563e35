//! Durations and sizes as Loki's configuration writes them: `1h30m`, `7d`, `256KB`.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

/// A length of time in nanoseconds that reads and prints as Loki's configuration does.
///
/// Reads the Prometheus form (`1w`, `7d`, `1h30m`), the Go form (`1.5h`, `100us`) and plain `0`; prints the Prometheus
/// form.
///
/// ```
/// use loki_core::Period;
/// assert_eq!("30d1h".parse::<Period>()?, Period::hours(721));
/// assert_eq!(Period::hours(24).to_string(), "1d");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(pub i64);

impl Period {
    /// No time.
    pub const ZERO: Period = Period(0);

    /// So many nanoseconds.
    pub const fn nanos(n: i64) -> Period {
        Period(n)
    }

    /// So many seconds.
    pub const fn seconds(n: i64) -> Period {
        Period(n * SECOND)
    }

    /// So many minutes.
    pub const fn minutes(n: i64) -> Period {
        Period(n * 60 * SECOND)
    }

    /// So many hours.
    pub const fn hours(n: i64) -> Period {
        Period(n * 3600 * SECOND)
    }

    /// The length in nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// As the standard library's type; a negative period is none.
    pub fn as_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl std::str::FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Period, String> {
        let refuse = || format!("not a valid duration: {text:?}");
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if rest == "0" {
            return Ok(Period(0));
        }
        if rest.is_empty() {
            return Err(refuse());
        }
        let mut total = 0f64;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .unwrap_or(rest.len());
            let value: f64 = rest[..digits].parse().map_err(|_| refuse())?;
            rest = &rest[digits..];
            let end = rest
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(rest.len());
            let unit = match &rest[..end] {
                "ns" => 1,
                "us" | "µs" | "μs" => 1_000,
                "ms" => 1_000_000,
                "s" => SECOND,
                "m" => 60 * SECOND,
                "h" => 3600 * SECOND,
                "d" => 24 * 3600 * SECOND,
                "w" => 7 * 24 * 3600 * SECOND,
                "y" => 365 * 24 * 3600 * SECOND,
                _ => return Err(refuse()),
            };
            total += value * unit as f64;
            rest = &rest[end..];
        }
        if total >= i64::MAX as f64 {
            return Err(format!("duration out of range: {text:?}"));
        }
        Ok(Period(if negative { -(total as i64) } else { total as i64 }))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [
            ("y", 365 * 24 * 3600 * SECOND, true),
            ("w", 7 * 24 * 3600 * SECOND, true),
            ("d", 24 * 3600 * SECOND, false),
            ("h", 3600 * SECOND, false),
            ("m", 60 * SECOND, false),
            ("s", SECOND, false),
            ("ms", 1_000_000, false),
        ];
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        for (unit, length, exact) in units {
            let length = length as u64;
            // Prometheus prints years and weeks only where nothing is left of them.
            if rest < length || (exact && !rest.is_multiple_of(length)) {
                continue;
            }
            write!(f, "{}{unit}", rest / length)?;
            rest %= length;
        }
        if rest > 0 {
            write!(f, "{rest}ns")?;
        }
        Ok(())
    }
}

/// A size in bytes that reads and prints as Loki's configuration does: `KB` is 1024 bytes.
///
/// ```
/// use loki_core::ByteSize;
/// assert_eq!("256KB".parse::<ByteSize>()?, ByteSize(262_144));
/// assert_eq!(ByteSize(3 << 20).to_string(), "3MB");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As messages about queries write sizes: in units of 1024 bytes and their names, one decimal below ten of them.
    pub(crate) fn iec(self) -> String {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 10 {
            return format!("{} B", self.0);
        }
        let power = self.0.ilog2() as usize / 10;
        let tenths = (self.0 as f64 / 1024f64.powi(power as i32) * 10.0 + 0.5).floor();
        let decimals = usize::from(tenths < 100.0);
        format!("{:.decimals$} {}", tenths / 10.0, UNITS[power])
    }
}

impl std::str::FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<ByteSize, String> {
        let refuse = || format!("not a valid size: {text:?}");
        let text = text.trim();
        let digits = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let value: f64 = text[..digits].parse().map_err(|_| refuse())?;
        let power = match text[digits..].trim().to_ascii_lowercase().as_str() {
            "" | "b" => 0,
            "k" | "kb" | "kib" => 1,
            "m" | "mb" | "mib" => 2,
            "g" | "gb" | "gib" => 3,
            "t" | "tb" | "tib" => 4,
            _ => return Err(refuse()),
        };
        let bytes = value * 1024f64.powi(power);
        if bytes >= u64::MAX as f64 {
            Err(refuse())
        } else {
            Ok(ByteSize(bytes as u64))
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0;
        let mut units = ["B", "KB", "MB", "GB", "TB"].into_iter();
        let mut unit = units.next().unwrap_or("B");
        while value != 0 && value.is_multiple_of(1024) {
            let Some(next) = units.next() else { break };
            unit = next;
            value /= 1024;
        }
        write!(f, "{value}{unit}")
    }
}

macro_rules! as_text {
    ($type:ident, $what:literal, $number:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$type, E> {
                        $number(number).ok_or_else(|| E::custom(format!("{number} is too large for {}", $what)))
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$type, E> {
                        u64::try_from(number)
                            .ok()
                            .and_then($number)
                            .ok_or_else(|| E::custom(format!("{number} is out of range for {}", $what)))
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }
    };
}

// A bare number is nanoseconds, as Go's decoder reads it.
as_text!(Period, "a duration such as 1h30m", |n| i64::try_from(n)
    .ok()
    .map(Period));
as_text!(ByteSize, "a size such as 256KB", |n| Some(ByteSize(n)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_write_sizes_in_iec_units() {
        let written = [0, 9, 10, 1023, 1024, 12 << 20, 1 << 20, 10_485_759, 150 << 30].map(|n| ByteSize(n).iec());
        let expected = [
            "0 B", "9 B", "10 B", "1023 B", "1.0 KiB", "12 MiB", "1.0 MiB", "10 MiB", "150 GiB",
        ];
        assert_eq!(written, expected);
    }

    #[test]
    fn periods_read_both_forms_and_print_the_prometheus_one() {
        for (text, nanos, printed) in [
            ("1w", 604_800 * SECOND, "1w"),
            ("30d1h", 721 * 3600 * SECOND, "30d1h"),
            ("1.5h", 5400 * SECOND, "1h30m"),
            ("100ms", SECOND / 10, "100ms"),
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("-5s", -5 * SECOND, "-5s"),
        ] {
            let period: Period = text.parse().expect(text);
            assert_eq!(period, Period(nanos), "{text}");
            assert_eq!(period.to_string(), printed, "{text}");
        }
        for text in ["", "5", "1x", "h", "99999999y"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_count_by_1024_and_print_the_largest_exact_unit() {
        for (text, bytes, printed) in [
            ("256KB", 262_144, "256KB"),
            ("1.5GiB", 1_610_612_736, "1536MB"),
            ("90", 90, "90B"),
            ("0B", 0, "0B"),
        ] {
            let size: ByteSize = text.parse().expect(text);
            assert_eq!(size, ByteSize(bytes), "{text}");
            assert_eq!(size.to_string(), printed, "{text}");
        }
        for text in ["", "KB", "1XB", "-1"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
