//! Numbers, and what grows out of them: durations, sizes and ranges.

use super::raw::Raw;
use super::scan::LexError;
use crate::go;
use logos::Lexer;

/// What starts with a digit.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numeric {
    Number,
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
}

/// What starts with `-`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Minus {
    Sign,
    /// `-5s`, in nanoseconds.
    Duration(i64),
    Strict,
    KeepEmpty,
}

/// Behind the first digit: the longest numeric literal, then as much more as makes it a duration or a size.
pub(super) fn scan(lexer: &mut Lexer<'_, Raw>) -> Result<Numeric, LexError> {
    let start = lexer.span().start;
    let text = &lexer.source()[start..];
    let scanned = scan_literal(text).map(|length| extend(text, length));
    let length = match scanned {
        Ok((_, length)) => length,
        // The error is about the whole word.
        Err(_) => run(text, |c| c.is_alphanumeric() || matches!(c, '_' | '.')),
    };
    lexer.bump(length - lexer.slice().len());
    Ok(scanned?.0)
}

/// The literal of `length` bytes at the start of `text`, with its unit if it has one.
fn extend(text: &str, length: usize) -> (Numeric, usize) {
    let end = length + run(&text[length..], is_duration_char);
    if end > length
        && let Some(duration) = parse_duration(&text[..end])
    {
        return (Numeric::Duration(duration), end);
    }
    let end = length + run(&text[length..], is_size_char);
    if end > length
        && let Ok(size) = go::parse_size(&text[..end])
    {
        return (Numeric::Bytes(size), end);
    }
    (Numeric::Number, length)
}

/// Behind `-`: a flag, a negative duration or a sign.
pub(super) fn scan_minus(lexer: &mut Lexer<'_, Raw>) -> Minus {
    let rest = lexer.remainder();
    for (flag, minus) in [("-strict", Minus::Strict), ("-keep-empty", Minus::KeepEmpty)] {
        let ends_there = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if rest.strip_prefix(flag).is_some_and(ends_there) {
            lexer.bump(flag.len());
            return minus;
        }
    }
    if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let length = run(rest, is_duration_char);
        let start = lexer.span().start;
        if let Some(duration) = parse_duration(&lexer.source()[start..start + 1 + length]) {
            lexer.bump(length);
            return Minus::Duration(duration);
        }
    }
    Minus::Sign
}

/// Behind `[`: a duration up to `]`, with nothing around it.
pub(super) fn scan_range(lexer: &mut Lexer<'_, Raw>) -> Result<i64, LexError> {
    let rest = lexer.remainder();
    let Some(length) = rest.find(']') else {
        lexer.bump(rest.len());
        return Err(LexError::looked_ahead("missing closing ']' in duration"));
    };
    lexer.bump(length + 1);
    go::parse_prometheus_duration(&rest[..length]).map_err(|e| LexError::looked_ahead(e.to_string()))
}

/// A duration as Prometheus writes them, or else as Go does.
fn parse_duration(text: &str) -> Option<i64> {
    go::parse_prometheus_duration(text)
        .ok()
        .or_else(|| go::parse_duration(text).ok())
}

fn is_duration_char(c: char) -> bool {
    matches!(c, '.' | 'n' | 'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w' | 'y') || c.is_numeric()
}

fn is_size_char(c: char) -> bool {
    matches!(c, '.' | 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P') || c.is_numeric()
}

/// The length of the longest prefix of such characters.
fn run(text: &str, is_part: fn(char) -> bool) -> usize {
    text.find(|c| !is_part(c)).unwrap_or(text.len())
}

/// A base of numeric literals.
#[derive(Clone, Copy, PartialEq)]
enum Base {
    Decimal,
    /// `0x`
    Hexadecimal,
    /// `0o`
    Octal,
    /// A leading `0`: octal if it turns out to be an integer.
    LeadingZero,
    /// `0b`
    Binary,
}

impl Base {
    fn radix(self) -> u32 {
        match self {
            Base::Decimal => 10,
            Base::Hexadecimal => 16,
            Base::Octal | Base::LeadingZero => 8,
            Base::Binary => 2,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Base::Decimal => "decimal literal",
            Base::Hexadecimal => "hexadecimal literal",
            Base::Octal | Base::LeadingZero => "octal literal",
            Base::Binary => "binary literal",
        }
    }

    /// The base that the start of `text` announces, and the length of the announcement.
    fn announced(text: &[u8]) -> (Base, usize) {
        match text {
            [b'0', b'x' | b'X', ..] => (Base::Hexadecimal, 2),
            [b'0', b'o' | b'O', ..] => (Base::Octal, 2),
            [b'0', b'b' | b'B', ..] => (Base::Binary, 2),
            [b'0', ..] => (Base::LeadingZero, 1),
            _ => (Base::Decimal, 0),
        }
    }
}

/// What a run of digits holds.
#[derive(Default)]
struct Digits {
    has_digit: bool,
    has_separator: bool,
    /// The first digit that the base does not have.
    invalid: Option<u8>,
}

impl Digits {
    /// Reads digits and separators from `at`; answers where they end. A base up to ten takes all decimal digits and
    /// complains later.
    fn read(&mut self, text: &[u8], mut at: usize, radix: u32) -> usize {
        while let Some(&b) = text.get(at) {
            match b {
                b'_' => self.has_separator = true,
                b if char::from(b).is_digit(radix.max(10)) => {
                    if !char::from(b).is_digit(radix) && self.invalid.is_none() {
                        self.invalid = Some(b);
                    }
                    self.has_digit = true;
                }
                _ => break,
            }
            at += 1;
        }
        at
    }
}

/// The length of the Go numeric literal at the start of `text`, which starts with a digit or with `.` and a digit.
fn scan_literal(text: &str) -> Result<usize, LexError> {
    let bytes = text.as_bytes();
    let (base, mut at) = Base::announced(bytes);
    let mut digits = Digits {
        has_digit: base == Base::LeadingZero,
        ..Digits::default()
    };
    at = digits.read(bytes, at, base.radix());
    let mut is_integer = true;
    if bytes.get(at) == Some(&b'.') {
        is_integer = false;
        if matches!(base, Base::Octal | Base::Binary) {
            return Err(LexError::owned(format!("invalid radix point in {}", base.name())));
        }
        at = digits.read(bytes, at + 1, base.radix());
    }
    if !digits.has_digit {
        return Err(LexError::owned(format!("{} has no digits", base.name())));
    }
    match bytes.get(at) {
        Some(&e @ (b'e' | b'E' | b'p' | b'P')) => {
            is_integer = false;
            let wants = if e.eq_ignore_ascii_case(&b'e') {
                "decimal"
            } else {
                "hexadecimal"
            };
            let fits = match base {
                Base::Decimal | Base::LeadingZero => wants == "decimal",
                Base::Hexadecimal => wants == "hexadecimal",
                Base::Octal | Base::Binary => false,
            };
            if !fits {
                let e = char::from(e);
                return Err(LexError::owned(format!("'{e}' exponent requires {wants} mantissa")));
            }
            at += 1;
            if matches!(bytes.get(at), Some(b'+' | b'-')) {
                at += 1;
            }
            let mut exponent = Digits::default();
            at = exponent.read(bytes, at, 10);
            digits.has_separator |= exponent.has_separator;
            if !exponent.has_digit {
                return Err(LexError::new("exponent has no digits"));
            }
        }
        _ if base == Base::Hexadecimal && !is_integer => {
            return Err(LexError::new("hexadecimal mantissa requires a 'p' exponent"));
        }
        _ => {}
    }
    if is_integer && let Some(digit) = digits.invalid {
        let digit = char::from(digit);
        return Err(LexError::owned(format!("invalid digit '{digit}' in {}", base.name())));
    }
    if digits.has_separator && !are_separators_inside(&bytes[..at], base) {
        return Err(LexError::new("'_' must separate successive digits"));
    }
    Ok(at)
}

/// Whether each `_` of a literal stands between two digits, the announcement of the base counting as one.
fn are_separators_inside(literal: &[u8], base: Base) -> bool {
    let is_digit = |b: u8| match base {
        Base::Hexadecimal => b.is_ascii_hexdigit(),
        _ => b.is_ascii_digit(),
    };
    let announced = Base::announced(literal).1;
    (0..literal.len()).filter(|&i| literal[i] == b'_').all(|i| {
        let before = i > 0 && (is_digit(literal[i - 1]) || (announced == 2 && i == 2));
        let after = literal.get(i + 1).is_some_and(|&b| is_digit(b));
        before && after
    })
}
