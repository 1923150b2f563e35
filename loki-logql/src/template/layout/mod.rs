//! Go's time layouts: how the moment `Mon Jan 2 15:04:05 2006 MST` would be written.

mod chunk;
mod format;
mod parse;

pub(super) use format::format;
pub(super) use parse::parse;

/// How Go prints a time where nobody says how.
pub(super) const DEFAULT: &[u8] = b"2006-01-02 15:04:05.999999999 -0700 MST";

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
