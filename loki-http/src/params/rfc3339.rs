//! Times as RFC 3339 writes them, read as Go's `time.Parse` reads them.

use jiff::civil::Date;

/// An RFC 3339 time in nanoseconds; one that 64 bits do not hold becomes the nearest that they do.
///
/// As in Go the hour may have one digit, a comma may begin the fraction, and what is behind its ninth digit is left out.
pub(crate) fn rfc3339(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let year = rest.number(4)?;
    rest.skip(b'-')?;
    let month = rest.number(2)?;
    rest.skip(b'-')?;
    let day = rest.number(2)?;
    rest.skip(b'T')?;
    let hour = rest.number(2).or_else(|| rest.number(1)).filter(|hour| *hour < 24)?;
    rest.skip(b':')?;
    let minute = rest.number(2).filter(|minute| *minute < 60)?;
    rest.skip(b':')?;
    let second = rest.number(2).filter(|second| *second < 60)?;
    let nanos = rest.fraction()?;
    let offset = rest.offset()?;
    if !rest.0.is_empty() {
        return None;
    }
    let part = |number: u32| i8::try_from(number).ok();
    let date = Date::new(i16::try_from(year).ok()?, part(month)?, part(day)?).ok()?;
    let midnight = date.duration_since(Date::constant(1970, 1, 1)).as_secs();
    let seconds = midnight + i64::from(hour * 3600 + minute * 60 + second) - offset;
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Some(i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX }))
}

/// What is not read yet.
struct Rest<'t>(&'t [u8]);

impl Rest<'_> {
    /// A number of exactly so many digits.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    fn skip(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// The nanoseconds of a fraction, where there is one.
    fn fraction(&mut self) -> Option<u32> {
        let [b'.' | b',', digits @ ..] = self.0 else {
            return Some(0);
        };
        let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = digits.split_at(length);
        if digits.is_empty() {
            return None;
        }
        self.0 = rest;
        let nine = digits.iter().chain(std::iter::repeat(&b'0')).take(9);
        Some(nine.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    }

    /// The offset from UTC in seconds.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.0 {
            [b'Z', rest @ ..] => {
                self.0 = rest;
                return Some(0);
            }
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.number(2).filter(|hours| *hours <= 24)?;
        self.skip(b':')?;
        let minutes = self.number(2).filter(|minutes| *minutes <= 60)?;
        Some(sign * i64::from(hours * 3600 + minutes * 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_go_reads_them() {
        const NOON: i64 = 1_709_294_400_000_000_000;
        for (text, nanos) in [
            ("2024-03-01T12:00:00Z", NOON),
            ("2024-03-01T12:00:00.5Z", NOON + 500_000_000),
            ("2024-03-01T12:00:00,000000001Z", NOON + 1),
            ("2024-03-01T12:00:00.0000000019Z", NOON + 1),
            ("2024-03-01T13:30:00+01:30", NOON),
            ("2024-03-01T11:00:00-01:00", NOON),
            ("2024-03-01T2:00:00-10:00", NOON),
            ("2024-02-29T12:00:00+00:00", NOON - 86_400_000_000_000),
            ("1969-12-31T23:59:59.999999999Z", -1),
            ("9999-12-31T23:59:59Z", i64::MAX),
            ("0000-01-01T00:00:00Z", i64::MIN),
        ] {
            assert_eq!(rfc3339(text), Some(nanos), "{text}");
        }
        for text in [
            "",
            "2024-03-01",
            "2024-03-01T12:00:00",
            "2024-03-01T12:00Z",
            "2024-03-01T12Z",
            "2024-03-01t12:00:00Z",
            "2024-03-01T12:00:00z",
            "2024-03-01 12:00:00Z",
            "2024-03-01T12:00:00.Z",
            "2024-03-01T12:00:60Z",
            "2024-03-01T12:60:00Z",
            "2024-03-01T24:00:00Z",
            "2024-03-01T12:00:00+01",
            "2024-03-01T12:00:00+0100",
            "2024-03-01T12:00:00+25:00",
            "2024-03-01T12:00:00Z ",
            "2024-03-01T12:00:00+01:00[Europe/Paris]",
            "2023-02-29T12:00:00Z",
            "2024-00-01T12:00:00Z",
            "2024-3-01T12:00:00Z",
            "+2024-03-01T12:00:00Z",
            "2024-03-01T12:00:00é",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
    }
}
