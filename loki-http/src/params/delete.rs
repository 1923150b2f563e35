//! The parameters of delete requests.

use super::{Error, Params, SECOND, rfc3339};
use loki_core::Period;

/// Digits of a time in seconds; any other number of them is refused.
const SECONDS_DIGITS: usize = 10;

impl Params {
    /// The first time to delete, in nanoseconds.
    pub(crate) fn delete_start(&self) -> Result<i64, Error> {
        let text = self.value("start").ok_or(Error::NoDeleteStart)?;
        delete_time(text).ok_or(Error::DeleteTime("start"))
    }

    /// The last time to delete.
    pub(crate) fn delete_end(&self) -> Result<Option<i64>, Error> {
        let time = |text| delete_time(text).ok_or(Error::DeleteTime("end"));
        self.value("end").map(time).transpose()
    }

    /// The longest part that a delete is split into.
    pub(crate) fn max_interval(&self) -> Result<Option<Period>, Error> {
        let Some(text) = self.value("max_interval") else {
            return Ok(None);
        };
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"smh".contains(&byte));
        match super::period(text) {
            Ok(nanos) if is_plain && !text.contains("ms") => Ok(Some(Period::nanos(nanos))),
            _ => Err(Error::MaxInterval),
        }
    }
}

fn delete_time(text: &str) -> Option<i64> {
    if text.len() == SECONDS_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse::<i64>().ok()?.saturating_mul(SECOND));
    }
    rfc3339(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ten_digits_or_rfc_3339() {
        for (query, start) in [
            ("start=1795250000", Ok(1_795_250_000 * SECOND)),
            ("start=2026-11-21T10:00:00Z", Ok(1_795_255_200 * SECOND)),
            ("start=1795250000000", Err(Error::DeleteTime("start"))),
            ("", Err(Error::NoDeleteStart)),
        ] {
            let params = Params::parse(b"", query).expect("a query");
            assert_eq!(params.delete_start(), start, "{query}");
        }
    }

    #[test]
    fn intervals_have_seconds_minutes_and_hours() {
        let of = |text: &str| Params(vec![("max_interval".to_owned(), text.to_owned())]).max_interval();
        assert_eq!(of("1h30m"), Ok(Some(Period::minutes(90))));
        assert_eq!(of("1d"), Err(Error::MaxInterval));
        assert_eq!(of("5ms"), Err(Error::MaxInterval));
        assert_eq!(of("x"), Err(Error::MaxInterval));
    }
}
