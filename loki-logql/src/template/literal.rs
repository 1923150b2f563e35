//! Go's literals: strings, characters, numbers.

use super::lex::decode;
use super::node::Number;
use crate::go::parse_float;
use crate::quote::quote;

/// What a quoted string stands for. `None`: it is malformed.
pub(super) fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let (&first, rest) = text.split_first()?;
    let (&last, inner) = rest.split_last()?;
    if first != last {
        return None;
    }
    if first == b'`' {
        // Carriage returns have no place in raw strings.
        return Some(inner.iter().copied().filter(|&b| b != b'\r').collect());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, after) = unquote_unit(rest, b'"')?;
        match unit {
            Unit::Byte(b) => out.push(b),
            Unit::Char(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = after;
    }
    Some(out)
}

/// A character constant such as `'x'` as a number.
///
/// # Errors
///
/// Go's text for a malformed one.
pub(super) fn character(text: &[u8]) -> Result<Number, String> {
    let written = || String::from_utf8_lossy(text).into_owned();
    let (unit, tail) = unquote_unit(&text[1..], b'\'').ok_or("invalid syntax")?;
    if tail != b"'" {
        return Err(format!("malformed character constant: {}", written()));
    }
    let int = match unit {
        Unit::Byte(b) => i64::from(b),
        Unit::Char(c) => i64::from(u32::from(c)),
    };
    Ok(Number {
        text: written(),
        int: Some(int),
        float: Some(int as f64),
        is_char: true,
    })
}

enum Unit {
    Byte(u8),
    Char(char),
}

fn unquote_unit(text: &[u8], quote: u8) -> Option<(Unit, &[u8])> {
    let (c, width) = decode(text)?;
    if c == quote as char || c == '\n' {
        return None;
    }
    if c != '\\' {
        let unit = match c {
            char::REPLACEMENT_CHARACTER if width == 1 => Unit::Byte(text[0]),
            c => Unit::Char(c),
        };
        return Some((unit, &text[width..]));
    }
    let (&escape, rest) = text[1..].split_first()?;
    let plain = |c: char| Some((Unit::Char(c), rest));
    match escape {
        b'a' => plain('\x07'),
        b'b' => plain('\x08'),
        b'f' => plain('\x0c'),
        b'n' => plain('\n'),
        b'r' => plain('\r'),
        b't' => plain('\t'),
        b'v' => plain('\x0b'),
        b'\\' => plain('\\'),
        c if c == quote => plain(quote as char),
        b'x' => {
            let value = digits(rest, 2, 16)?;
            Some((Unit::Byte(value as u8), &rest[2..]))
        }
        b'u' | b'U' => {
            let width = if escape == b'u' { 4 } else { 8 };
            let value = digits(rest, width, 16)?;
            Some((Unit::Char(char::from_u32(value)?), &rest[width..]))
        }
        b'0'..=b'7' => {
            let value = digits(&text[1..], 3, 8)?;
            Some((Unit::Byte(u8::try_from(value).ok()?), &text[4..]))
        }
        _ => None,
    }
}

fn digits(text: &[u8], width: usize, radix: u32) -> Option<u32> {
    text.get(..width)?
        .iter()
        .try_fold(0u32, |n, &b| Some(n.checked_mul(radix)? + (b as char).to_digit(radix)?))
}

/// A numeric constant.
///
/// # Errors
///
/// Go's text for one that is no number.
pub(super) fn number(text: &str) -> Result<Number, String> {
    let int = parse_int(text);
    let mut number = Number {
        text: text.to_owned(),
        int,
        float: int.map(|i| i as f64),
        is_char: false,
    };
    if int.is_some() {
        return Ok(number);
    }
    // Beyond i64 but a u64: a number that no place takes.
    if parse_uint(text).is_some() {
        return Ok(number);
    }
    let quoted = || quote(text.as_bytes());
    let float = parse_float(text).map_err(|_| format!("illegal number syntax: {}", quoted()))?;
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quoted()));
    }
    number.float = Some(float);
    if float == float.trunc() && float.abs() < 9.2e18 {
        number.int = Some(float as i64);
    }
    Ok(number)
}

/// Go's `ParseInt` with base 0: `0x1f`, `0b1`, `0o7`, `010`, `1_000`.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = parse_uint(magnitude)?;
    match negative {
        true => 0i64.checked_sub_unsigned(value),
        false => i64::try_from(value).ok(),
    }
}

fn parse_uint(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let (radix, digits, prefixed) = match bytes {
        [b'0', b'x' | b'X', rest @ ..] => (16, rest, true),
        [b'0', b'b' | b'B', rest @ ..] => (2, rest, true),
        [b'0', b'o' | b'O', rest @ ..] => (8, rest, true),
        [b'0', rest @ ..] if !rest.is_empty() => (8, rest, true),
        _ => (10, bytes, false),
    };
    let mut value = 0u64;
    // A prefix counts as a digit for the underscore behind it.
    let mut after_digit = prefixed;
    for &b in digits {
        if b == b'_' {
            if !after_digit {
                return None;
            }
            after_digit = false;
            continue;
        }
        let digit = (b as char).to_digit(radix)?;
        value = value.checked_mul(u64::from(radix))?.checked_add(u64::from(digit))?;
        after_digit = true;
    }
    (after_digit && !digits.is_empty()).then_some(value)
}
