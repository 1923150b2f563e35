//! Text to time.

use super::chunk::{Element, Offset, Pad, next};
use super::{MONTHS, WEEKDAYS};
use crate::template::time::{Time, Zone, days_from_civil, days_in_month};

/// Reads `text` as `layout` writes times; without a zone in it, on the clock of `zone`. `None`: it does not fit.
pub(in crate::template) fn parse(layout: &[u8], text: &[u8], zone: &Zone) -> Option<Time> {
    let mut fields = Fields::default();
    let mut rest = layout;
    let mut text = text;
    loop {
        let (literal, element, suffix) = next(rest);
        text = skip(text, literal)?;
        rest = suffix;
        match element {
            Some(element) => text = fields.read(element, rest, text)?,
            None if text.is_empty() => return fields.time(zone),
            None => return None,
        }
    }
}

#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanos: u32,
    is_pm: Option<bool>,
    is_utc: bool,
    offset: Option<i32>,
    abbreviation: Option<String>,
}

impl Fields {
    /// Takes one element off `text`; `layout` is what follows it.
    fn read<'t>(&mut self, element: Element, layout: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
        let mut rest = text;
        match element {
            Element::Year => {
                let year = i64::from(take(&mut rest, 2)?);
                self.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            Element::LongYear => self.year = i64::from(take(&mut rest, 4)?),
            Element::Month => self.month = Some(name(&mut rest, &MONTHS, 3)? + 1),
            Element::LongMonth => self.month = Some(name(&mut rest, &MONTHS, usize::MAX)? + 1),
            Element::NumMonth { zero } => {
                let month = one_or_two(&mut rest, zero)?;
                self.month = (1..=12).contains(&month).then_some(month);
                self.month?;
            }
            Element::Weekday => drop(name(&mut rest, &WEEKDAYS, 3)?),
            Element::LongWeekday => drop(name(&mut rest, &WEEKDAYS, usize::MAX)?),
            Element::Day(pad) => {
                if pad == Pad::Space && rest.first() == Some(&b' ') {
                    rest = &rest[1..];
                }
                self.day = Some(one_or_two(&mut rest, pad == Pad::Zero)?);
            }
            Element::YearDay(pad) => {
                for _ in 0..2 {
                    if pad == Pad::Space && rest.first() == Some(&b' ') {
                        rest = &rest[1..];
                    }
                }
                let width = rest.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
                if width == 0 || pad == Pad::Zero && width != 3 {
                    return None;
                }
                self.year_day = Some(take(&mut rest, width)?);
            }
            Element::Hour24 => self.hour = below(one_or_two(&mut rest, false)?, 24)?,
            Element::Hour12 { zero } => self.hour = below(one_or_two(&mut rest, zero)?, 13)?,
            Element::Minute { zero } => self.minute = below(one_or_two(&mut rest, zero)?, 60)?,
            Element::Second { zero } => {
                self.second = below(one_or_two(&mut rest, zero)?, 60)?;
                // A fraction is taken behind the second also where the layout has none.
                let in_layout = matches!(next(layout), (_, Some(Element::Fraction(_)), _));
                if !in_layout {
                    self.fraction(&mut rest);
                }
            }
            Element::Noon { lower } => {
                let (pm, am): (&[u8], &[u8]) = if lower { (b"pm", b"am") } else { (b"PM", b"AM") };
                self.is_pm = Some(rest.starts_with(pm));
                if !rest.starts_with(pm) && !rest.starts_with(am) {
                    return None;
                }
                rest = &rest[2..];
            }
            Element::Offset(form) if form.z && rest.first() == Some(&b'Z') => {
                self.is_utc = true;
                rest = &rest[1..];
            }
            Element::Offset(form) => self.offset = Some(offset(&mut rest, form)?),
            Element::Abbreviation if rest.starts_with(b"UTC") => {
                self.is_utc = true;
                rest = &rest[3..];
            }
            Element::Abbreviation => {
                let length = abbreviation_length(rest)?;
                self.abbreviation = Some(String::from_utf8_lossy(&rest[..length]).into_owned());
                rest = &rest[length..];
            }
            Element::Fraction(form) if form.trim => self.fraction(&mut rest),
            Element::Fraction(form) => {
                let (&mark, digits) = rest.split_first()?;
                let taken = digits.get(..form.digits)?;
                if !matches!(mark, b'.' | b',') || !taken.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                self.nanos = nanos(taken);
                rest = &digits[form.digits..];
            }
        }
        Some(rest)
    }

    /// Takes `.123` of any length, if it is there.
    fn fraction(&mut self, rest: &mut &[u8]) {
        if let [b'.' | b',', digits @ ..] = *rest {
            let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
            if length > 0 {
                self.nanos = nanos(&digits[..length]);
                *rest = &digits[length..];
            }
        }
    }

    fn time(&self, zone: &Zone) -> Option<Time> {
        let hour = match self.is_pm {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let days = self.days()?;
        let wall = days * 86_400 + i64::from(hour * 3600 + self.minute * 60 + self.second);
        if self.is_utc {
            return Some(Time::from_wall(wall, self.nanos, Zone::Utc));
        }
        if let Some(offset) = self.offset {
            let seconds = wall - i64::from(offset);
            let (here, abbreviation) = zone.offset(seconds);
            let wanted = self.abbreviation.as_deref();
            if here == i64::from(offset) && wanted.is_none_or(|name| name == abbreviation) {
                return Some(Time::from_wall(wall, self.nanos, zone.clone()));
            }
            let fixed = Zone::Fixed(offset, wanted.unwrap_or_default().into());
            return Some(Time::from_wall(wall, self.nanos, fixed));
        }
        if let Some(name) = &self.abbreviation {
            if zone.offset(wall).1 == *name {
                return Some(Time::from_wall(wall, self.nanos, zone.clone()));
            }
            // An abbreviation that the zone does not know has no offset, but for `GMT+3`.
            let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok());
            let fixed = Zone::Fixed(hours.unwrap_or(0).clamp(-24, 24) * 3600, name.as_str().into());
            let mut time = Time::from_wall(wall, self.nanos, Zone::Utc);
            time.zone = fixed;
            return Some(time);
        }
        Some(Time::from_wall(wall, self.nanos, zone.clone()))
    }

    fn days(&self) -> Option<i64> {
        let leap = u32::from(days_in_month(self.year, 2) == 29);
        let first = days_from_civil(self.year, 1, 1);
        if let Some(year_day) = self.year_day {
            if !(1..=365 + leap).contains(&year_day) {
                return None;
            }
            let days = first + i64::from(year_day) - 1;
            // Day and month, where given too, must agree.
            let agrees = match (self.month, self.day) {
                (Some(month), Some(day)) => days_from_civil(self.year, month, day) == days,
                _ => true,
            };
            return agrees.then_some(days);
        }
        let month = self.month.unwrap_or(1);
        let day = self.day.unwrap_or(1);
        if day < 1 || day > days_in_month(self.year, month) {
            return None;
        }
        Some(days_from_civil(self.year, month, day))
    }
}

/// Takes `literal` off `text`; a run of blanks stands for any run of blanks.
fn skip<'t>(mut text: &'t [u8], mut literal: &[u8]) -> Option<&'t [u8]> {
    while let Some(&expected) = literal.first() {
        if expected == b' ' {
            if text.first().is_some_and(|&b| b != b' ') {
                return None;
            }
            literal = trim_blanks(literal);
            text = trim_blanks(text);
            continue;
        }
        if text.first() != Some(&expected) {
            return None;
        }
        literal = &literal[1..];
        text = &text[1..];
    }
    Some(text)
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&b| b == b' ').count();
    &text[blanks..]
}

/// Takes exactly `width` digits, at most nine.
fn take(rest: &mut &[u8], width: usize) -> Option<u32> {
    let digits = rest.get(..width)?;
    let value = digits
        .iter()
        .try_fold(0u32, |n, b| Some(n * 10 + (*b as char).to_digit(10)?))?;
    *rest = &rest[width..];
    Some(value)
}

fn one_or_two(rest: &mut &[u8], two: bool) -> Option<u32> {
    let has_two = rest.len() >= 2 && rest[0].is_ascii_digit() && rest[1].is_ascii_digit();
    if two && !has_two {
        return None;
    }
    take(rest, if has_two { 2 } else { 1 })
}

fn below(value: u32, bound: u32) -> Option<u32> {
    (value < bound).then_some(value)
}

/// Takes one of `names`, or of their first `length` letters, in any case; which one.
fn name(rest: &mut &[u8], names: &[&str], length: usize) -> Option<u32> {
    let found = names.iter().position(|name| {
        let name = &name.as_bytes()[..name.len().min(length)];
        rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name)
    })?;
    *rest = &rest[names[found].len().min(length)..];
    Some(found as u32)
}

fn nanos(digits: &[u8]) -> u32 {
    (0..9).fold(0, |n, i| {
        n * 10 + digits.get(i).map_or(0, |b| u32::from(b.saturating_sub(b'0')))
    })
}

fn offset(rest: &mut &[u8], form: Offset) -> Option<i32> {
    let (&sign, mut digits) = rest.split_first()?;
    let mut part = |colon: bool, wanted: bool| -> Option<u32> {
        if !wanted {
            return Some(0);
        }
        if colon {
            digits = digits.strip_prefix(b":")?;
        }
        take(&mut digits, 2)
    };
    let hours = below(part(false, true)?, 25)?;
    let minutes = below(part(form.colon, form.minutes)?, 60)?;
    let seconds = below(part(form.colon, form.seconds)?, 60)?;
    let east = (hours * 3600 + minutes * 60 + seconds) as i32;
    *rest = digits;
    match sign {
        b'+' => Some(east),
        b'-' => Some(-east),
        _ => None,
    }
}

/// How long the time zone abbreviation at the start of `text` is: `CET`, `ChST`, `GMT-3`, `+03`.
fn abbreviation_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours(rest).unwrap_or(0));
    }
    if matches!(text[0], b'+' | b'-') {
        return signed_hours(text);
    }
    let upper = text.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count();
    match upper {
        3 => Some(3),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        5 if text[4] == b'T' => Some(5),
        _ => None,
    }
}

fn signed_hours(text: &[u8]) -> Option<usize> {
    let (sign, digits) = text.split_first()?;
    let length = digits.iter().take(3).take_while(|b| b.is_ascii_digit()).count();
    let hours = digits[..length].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    (matches!(sign, b'+' | b'-') && length > 0 && hours <= 23).then_some(1 + length)
}
