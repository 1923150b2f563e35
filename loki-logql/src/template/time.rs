//! Instants and zones as Go's `time` knows them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// Seconds from 0001-01-01, Go's zero time, to 1970-01-01.
const ZERO: i64 = -62_135_596_800;

/// An instant and the zone that shows it. Any number of seconds is valid.
#[derive(Debug, Clone)]
pub(super) struct Time {
    /// Since 1970, UTC.
    pub(super) seconds: i64,
    /// Below one second.
    pub(super) nanos: u32,
    pub(super) zone: Zone,
}

/// Which wall clock shows an instant.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    Utc,
    /// Seconds east of UTC, and a name which may be empty.
    Fixed(i32, Arc<str>),
    Named(TimeZone),
}

/// A date and time of day on some wall clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: u32,
    /// From 1.
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    /// From 0, Sunday.
    pub(super) weekday: u32,
    /// From 1.
    pub(super) year_day: u32,
}

impl Zone {
    /// The zone that is called `name` in the time zone database.
    pub(super) fn find(name: &str, local: &Zone) -> Option<Zone> {
        match name {
            "" | "UTC" => Some(Zone::Utc),
            "Local" => Some(local.clone()),
            name => TimeZone::get(name).ok().map(Zone::Named),
        }
    }

    /// The zone that the environment variable `TZ` names, else UTC.
    pub(super) fn local() -> Zone {
        let name = std::env::var("TZ").unwrap_or_default();
        Zone::find(name.trim_start_matches(':'), &Zone::Utc).unwrap_or(Zone::Utc)
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Zone::Utc => "UTC",
            Zone::Fixed(_, name) => name,
            Zone::Named(zone) => zone.iana_name().unwrap_or("Local"),
        }
    }

    /// Seconds east of UTC, and the abbreviation, at `seconds` since 1970.
    pub(super) fn offset(&self, seconds: i64) -> (i64, String) {
        match self {
            Zone::Utc => (0, "UTC".to_owned()),
            Zone::Fixed(offset, name) => (i64::from(*offset), name.to_string()),
            Zone::Named(zone) => {
                let bounds = Timestamp::MIN.as_second()..=Timestamp::MAX.as_second();
                let inside = seconds.clamp(*bounds.start(), *bounds.end());
                let at = Timestamp::from_second(inside).unwrap_or_default();
                let info = zone.to_offset_info(at);
                (i64::from(info.offset().seconds()), info.abbreviation().to_owned())
            }
        }
    }
}

impl Time {
    pub(super) fn from_nanos(nanos: i64, zone: Zone) -> Time {
        Time {
            seconds: nanos.div_euclid(NANOS),
            nanos: nanos.rem_euclid(NANOS) as u32,
            zone,
        }
    }

    pub(super) fn from_seconds(seconds: i64, zone: Zone) -> Time {
        Time {
            seconds,
            nanos: 0,
            zone,
        }
    }

    /// Go's zero time: the start of year 1.
    pub(super) fn zero() -> Time {
        Time::from_seconds(ZERO, Zone::Utc)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.seconds == ZERO && self.nanos == 0
    }

    /// The instant at which a clock in `zone` shows `seconds`, counted as if it were UTC.
    pub(super) fn from_wall(seconds: i64, nanos: u32, zone: Zone) -> Time {
        let guess = zone.offset(seconds).0;
        let offset = zone.offset(seconds.saturating_sub(guess)).0;
        Time {
            seconds: seconds.saturating_sub(offset),
            nanos,
            zone,
        }
    }

    pub(super) fn key(&self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }

    /// Nanoseconds since 1970; wraps around as Go's does.
    pub(super) fn unix_nanos(&self) -> i64 {
        self.seconds.wrapping_mul(NANOS).wrapping_add(i64::from(self.nanos))
    }

    pub(super) fn civil(&self) -> Civil {
        let offset = self.zone.offset(self.seconds).0;
        Civil::from_seconds(self.seconds.saturating_add(offset))
    }

    pub(super) fn add(&self, nanos: i64) -> Time {
        let sum = i64::from(self.nanos) + nanos.rem_euclid(NANOS);
        Time {
            seconds: self
                .seconds
                .saturating_add(nanos.div_euclid(NANOS))
                .saturating_add(sum / NANOS),
            nanos: (sum % NANOS) as u32,
            zone: self.zone.clone(),
        }
    }

    /// Nanoseconds from `earlier` to this, as far as they fit.
    pub(super) fn since(&self, earlier: &Time) -> i64 {
        let seconds = i128::from(self.seconds) - i128::from(earlier.seconds);
        let nanos = i128::from(self.nanos) - i128::from(earlier.nanos);
        let total = seconds * i128::from(NANOS) + nanos;
        total.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    /// The same wall clock some years, months and days later; months roll over.
    pub(super) fn add_date(&self, years: i64, months: i64, days: i64) -> Time {
        let civil = self.civil();
        // Bounded so that no sum overflows; a template that goes further gets the bound.
        let bound = |n: i64| n.clamp(-1_000_000_000, 1_000_000_000);
        let month = i64::from(civil.month) - 1 + bound(months);
        let year = civil.year + bound(years) + month.div_euclid(12);
        let day = days_from_civil(year, month.rem_euclid(12) as u32 + 1, 1) + i64::from(civil.day) - 1 + bound(days);
        let clock = i64::from(civil.hour * 3600 + civil.minute * 60 + civil.second);
        Time::from_wall(
            day.saturating_mul(DAY).saturating_add(clock),
            self.nanos,
            self.zone.clone(),
        )
    }

    pub(super) fn within(&self, zone: Zone) -> Time {
        Time { zone, ..self.clone() }
    }
}

impl Civil {
    /// What a clock shows `seconds` after the start of 1970.
    pub(super) fn from_seconds(seconds: i64) -> Civil {
        let days = seconds.div_euclid(DAY);
        let clock = seconds.rem_euclid(DAY) as u32;
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            hour: clock / 3600,
            minute: clock / 60 % 60,
            second: clock % 60,
            weekday: (days + 4).rem_euclid(7) as u32,
            year_day: (days - days_from_civil(year, 1, 1) + 1) as u32,
        }
    }
}

/// Days since 1970 of a date in the Gregorian calendar, by counting from 1 March in 400-year eras.
pub(super) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    } as u32;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

pub(super) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}
