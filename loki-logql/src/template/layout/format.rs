//! Time to text.

use super::chunk::{Element, Fraction, Offset, Pad, next};
use super::{MONTHS, WEEKDAYS};
use crate::template::time::Time;
use std::io::Write as _;

/// `time` as `layout` writes it.
pub(in crate::template) fn format(time: &Time, layout: &[u8]) -> Vec<u8> {
    let civil = time.civil();
    let (offset, abbreviation) = time.zone.offset(time.seconds);
    let mut out = Vec::with_capacity(layout.len() + 10);
    let mut rest = layout;
    loop {
        let (literal, element, suffix) = next(rest);
        out.extend_from_slice(literal);
        rest = suffix;
        let Some(element) = element else { return out };
        let month = MONTHS[civil.month as usize - 1];
        let weekday = WEEKDAYS[civil.weekday as usize];
        let hour12 = match civil.hour % 12 {
            0 => 12,
            hour => hour,
        };
        match element {
            Element::LongMonth => out.extend_from_slice(month.as_bytes()),
            Element::Month => out.extend_from_slice(&month.as_bytes()[..3]),
            Element::NumMonth { zero } => number(&mut out, civil.month, zero),
            Element::LongWeekday => out.extend_from_slice(weekday.as_bytes()),
            Element::Weekday => out.extend_from_slice(&weekday.as_bytes()[..3]),
            Element::Day(pad) => padded(&mut out, civil.day, 2, pad),
            Element::YearDay(pad) => padded(&mut out, civil.year_day, 3, pad),
            Element::Hour24 => number(&mut out, civil.hour, true),
            Element::Hour12 { zero } => number(&mut out, hour12, zero),
            Element::Minute { zero } => number(&mut out, civil.minute, zero),
            Element::Second { zero } => number(&mut out, civil.second, zero),
            Element::LongYear => {
                let sign = if civil.year < 0 { "-" } else { "" };
                let _ = write!(out, "{sign}{:04}", civil.year.unsigned_abs());
            }
            Element::Year => number(&mut out, civil.year.unsigned_abs() as u32 % 100, true),
            Element::Noon { lower } => out.extend_from_slice(match (civil.hour >= 12, lower) {
                (true, false) => b"PM",
                (false, false) => b"AM",
                (true, true) => b"pm",
                (false, true) => b"am",
            }),
            Element::Abbreviation if !abbreviation.is_empty() => out.extend_from_slice(abbreviation.as_bytes()),
            Element::Abbreviation => {
                let numeric = Offset {
                    z: false,
                    colon: false,
                    minutes: true,
                    seconds: false,
                };
                write_offset(&mut out, offset, numeric);
            }
            Element::Offset(form) => write_offset(&mut out, offset, form),
            Element::Fraction(form) => write_fraction(&mut out, time.nanos, form),
        }
    }
}

fn number(out: &mut Vec<u8>, value: u32, zero: bool) {
    padded(out, value, 2, if zero { Pad::Zero } else { Pad::None });
}

fn padded(out: &mut Vec<u8>, value: u32, width: usize, pad: Pad) {
    let _ = match pad {
        Pad::None => write!(out, "{value}"),
        Pad::Space => write!(out, "{value:width$}"),
        Pad::Zero => write!(out, "{value:0width$}"),
    };
}

fn write_offset(out: &mut Vec<u8>, offset: i64, form: Offset) {
    if form.z && offset == 0 {
        out.push(b'Z');
        return;
    }
    let east = offset.unsigned_abs();
    out.push(if offset < 0 { b'-' } else { b'+' });
    let colon = if form.colon { ":" } else { "" };
    let _ = write!(out, "{:02}", east / 3600);
    if form.minutes {
        let _ = write!(out, "{colon}{:02}", east / 60 % 60);
    }
    if form.seconds {
        let _ = write!(out, "{colon}{:02}", east % 60);
    }
}

fn write_fraction(out: &mut Vec<u8>, nanos: u32, form: Fraction) {
    if form.trim && nanos == 0 {
        return;
    }
    let start = out.len();
    out.push(form.mark);
    let _ = write!(out, "{nanos:09}");
    out.truncate(start + 1 + form.digits.min(9));
    if form.trim {
        while out.last() == Some(&b'0') {
            out.pop();
        }
        if out.len() == start + 1 {
            out.pop();
        }
    }
}
