//! Cuts a layout into its elements.

/// An element of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    LongMonth,
    Month,
    /// `1`, or `01` where zero-padded.
    NumMonth {
        zero: bool,
    },
    LongWeekday,
    Weekday,
    Day(Pad),
    YearDay(Pad),
    Hour24,
    Hour12 {
        zero: bool,
    },
    Minute {
        zero: bool,
    },
    Second {
        zero: bool,
    },
    LongYear,
    Year,
    /// `PM`, or `pm`.
    Noon {
        lower: bool,
    },
    Abbreviation,
    Offset(Offset),
    Fraction(Fraction),
}

/// How a number below its width is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

/// `-07:00` and its kin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    /// `Z` stands for UTC.
    pub(super) z: bool,
    pub(super) colon: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// `.000`, or `.999` without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fraction {
    pub(super) trim: bool,
    pub(super) digits: usize,
    pub(super) mark: u8,
}

/// The text before the first element of `layout`, the element, and what follows it.
pub(super) fn next(layout: &[u8]) -> (&[u8], Option<Element>, &[u8]) {
    for i in 0..layout.len() {
        if let Some((skip, element, length)) = at(&layout[i..]) {
            return (&layout[..i + skip], Some(element), &layout[i + length..]);
        }
    }
    (layout, None, b"")
}

/// The element that starts at `layout`: how much of it is still literal, itself, and where it ends.
fn at(layout: &[u8]) -> Option<(usize, Element, usize)> {
    let found = |element, length| Some((0, element, length));
    match layout {
        [b'J', b'a', b'n', rest @ ..] => {
            if layout.starts_with(b"January") {
                return found(Element::LongMonth, 7);
            }
            (!starts_lower(rest)).then_some((0, Element::Month, 3))
        }
        [b'M', b'o', b'n', rest @ ..] => {
            if layout.starts_with(b"Monday") {
                return found(Element::LongWeekday, 6);
            }
            (!starts_lower(rest)).then_some((0, Element::Weekday, 3))
        }
        [b'M', b'S', b'T', ..] => found(Element::Abbreviation, 3),
        [b'0', b'1', ..] => found(Element::NumMonth { zero: true }, 2),
        [b'0', b'2', ..] => found(Element::Day(Pad::Zero), 2),
        [b'0', b'3', ..] => found(Element::Hour12 { zero: true }, 2),
        [b'0', b'4', ..] => found(Element::Minute { zero: true }, 2),
        [b'0', b'5', ..] => found(Element::Second { zero: true }, 2),
        [b'0', b'6', ..] => found(Element::Year, 2),
        [b'0', b'0', b'2', ..] => found(Element::YearDay(Pad::Zero), 3),
        [b'1', b'5', ..] => found(Element::Hour24, 2),
        [b'1', ..] => found(Element::NumMonth { zero: false }, 1),
        [b'2', b'0', b'0', b'6', ..] => found(Element::LongYear, 4),
        [b'2', ..] => found(Element::Day(Pad::None), 1),
        // `_2006` is an underscore and a year.
        [b'_', b'2', b'0', b'0', b'6', ..] => Some((1, Element::LongYear, 5)),
        [b'_', b'2', ..] => found(Element::Day(Pad::Space), 2),
        [b'_', b'_', b'2', ..] => found(Element::YearDay(Pad::Space), 3),
        [b'3', ..] => found(Element::Hour12 { zero: false }, 1),
        [b'4', ..] => found(Element::Minute { zero: false }, 1),
        [b'5', ..] => found(Element::Second { zero: false }, 1),
        [b'P', b'M', ..] => found(Element::Noon { lower: false }, 2),
        [b'p', b'm', ..] => found(Element::Noon { lower: true }, 2),
        [sign @ (b'-' | b'Z'), b'0', b'7', rest @ ..] => {
            let (colon, minutes, seconds, length) = match rest {
                [b'0', b'0', b'0', b'0', ..] => (false, true, true, 7),
                [b':', b'0', b'0', b':', b'0', b'0', ..] => (true, true, true, 9),
                [b'0', b'0', ..] => (false, true, false, 5),
                [b':', b'0', b'0', ..] => (true, true, false, 6),
                _ => (false, false, false, 3),
            };
            let z = *sign == b'Z';
            let offset = Offset {
                z,
                colon,
                minutes,
                seconds,
            };
            found(Element::Offset(offset), length)
        }
        [mark @ (b'.' | b','), first @ (b'0' | b'9'), ..] => {
            let digits = layout[1..].iter().take_while(|&b| b == first).count();
            if layout.get(1 + digits).is_some_and(u8::is_ascii_digit) {
                return None;
            }
            let fraction = Fraction {
                trim: *first == b'9',
                digits,
                mark: *mark,
            };
            found(Element::Fraction(fraction), 1 + digits)
        }
        _ => None,
    }
}

fn starts_lower(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_lowercase)
}
