//! Finding one's way in JSON text that may be broken anywhere: tokens, blocks, escapes.
//!
//! This is a scanner, not a validator. It looks at as little as it needs to find where a value ends, which is how
//! Loki comes to accept much that is no JSON; what it refuses, it refuses with the same words.

use super::words::{self, Word};

/// What is wrong with a JSON text, in the words of `__error_details__`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonError {
    Object,
    Array,
    String,
    Malformed,
    UnknownValue,
    Escape,
    NoObject,
}

impl JsonError {
    /// The text that Loki answers with.
    pub(super) fn details(self) -> &'static str {
        match self {
            JsonError::Object => "Value looks like object, but can't find closing '}' symbol",
            JsonError::Array => "Value is array, but can't find closing ']' symbol",
            JsonError::String => "Value is string, but can't find closing '\"' symbol",
            JsonError::Malformed => "Malformed JSON error",
            JsonError::UnknownValue => "Unknown value type",
            JsonError::Escape => "Encountered an invalid escape sequence in a string",
            JsonError::NoObject => "expecting json object(6), but it is not",
        }
    }
}

/// A value and its extent in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) kind: ValueKind,
    /// For a string, behind the opening quote.
    pub(super) start: usize,
    /// For a string, before the closing quote.
    pub(super) end: usize,
    /// Where to go on.
    pub(super) next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueKind {
    String {
        escaped: bool,
    },
    /// Starts with a digit or `-`; not checked further.
    Number,
    Bool,
    Null,
    Object,
    Array,
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first position at or behind `at` that is not white space; the length of the text where there is none.
#[inline]
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        // Machines write none.
        Some(&byte) if !is_space(byte) => at,
        _ => text[at..]
            .iter()
            .position(|&byte| !is_space(byte))
            .map_or(text.len(), |n| at + n),
    }
}

/// From behind an opening quote, the position of the closing one and whether there is a backslash before it.
#[inline]
pub(super) fn string_end(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    loop {
        // Strings differ in length: looking at 32 bytes at once beats a loop over words, which ends where no processor can
        // predict it.
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// From an opening bracket, the position behind the closing one of its kind; strings between are passed over.
pub(super) fn block_end(text: &[u8], start: usize, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        at += memchr::memchr3(b'"', open, close, &text[at..])?;
        let byte = text[at];
        at += 1;
        if byte == b'"' {
            at = string_end(text, at)?.0 + 1;
        } else if byte == open {
            depth += 1;
        } else {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

/// Where the number or the word that starts at `start` ends.
#[inline]
fn bare_end(text: &[u8], start: usize) -> usize {
    // Whatever ends it is outside the bytes from `-` to `\`, and so is little of a number.
    let is_outside = |byte| !matches!(byte, b'-'..=b'\\');
    let find = |word: Word| word.find_below(b'-').or(word.find_above(b'\\'));
    let mut at = start;
    while let Some(outside) = words::position(text, at, find, is_outside) {
        let byte = text[outside];
        if is_space(byte) || matches!(byte, b',' | b'}' | b']') {
            return outside;
        }
        at = outside + 1;
    }
    text.len()
}

/// The value that starts at `at`, which is not white space and inside the text.
#[inline(always)]
pub(super) fn value(text: &[u8], at: usize) -> Result<Value, JsonError> {
    let block = |kind, close, error| {
        let end = block_end(text, at, text[at], close).ok_or(error)?;
        Ok(Value {
            kind,
            start: at,
            end,
            next: end,
        })
    };
    match text[at] {
        b'"' => {
            let (end, escaped) = string_end(text, at + 1).ok_or(JsonError::String)?;
            Ok(Value {
                kind: ValueKind::String { escaped },
                start: at + 1,
                end,
                next: end + 1,
            })
        }
        b'{' => block(ValueKind::Object, b'}', JsonError::Object),
        b'[' => block(ValueKind::Array, b']', JsonError::Array),
        first => {
            let end = bare_end(text, at);
            let kind = match (first, &text[at..end]) {
                (b'0'..=b'9' | b'-', _) => ValueKind::Number,
                (_, b"true" | b"false") => ValueKind::Bool,
                (_, b"null") => ValueKind::Null,
                _ => return Err(JsonError::UnknownValue),
            };
            Ok(Value {
                kind,
                start: at,
                end,
                next: end,
            })
        }
    }
}

/// Writes the text that a JSON string stands for. An escape that is none, or half of a surrogate pair, is an error.
pub(super) fn unescape(string: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    let mut rest = string;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let escape = rest.get(at + 1).ok_or(JsonError::Escape)?;
        rest = &rest[at + 2..];
        let plain = match escape {
            b'"' | b'\\' | b'/' => *escape,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = unicode_escape(&mut rest).ok_or(JsonError::Escape)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return Err(JsonError::Escape),
        };
        out.push(plain);
    }
    out.extend_from_slice(rest);
    Ok(())
}

/// The character behind `\u`, of which the text is moved on.
fn unicode_escape(rest: &mut &[u8]) -> Option<char> {
    let high = hex4(rest)?;
    if let Some(c) = char::from_u32(high) {
        return Some(c);
    }
    *rest = rest.strip_prefix(b"\\u")?;
    let low = hex4(rest)?;
    char::decode_utf16([u16::try_from(high).ok()?, u16::try_from(low).ok()?])
        .next()?
        .ok()
}

/// Four hexadecimal digits, which the text is moved behind.
pub(super) fn hex4(rest: &mut &[u8]) -> Option<u32> {
    let (digits, behind) = rest.split_first_chunk::<4>()?;
    let number = digits
        .iter()
        .try_fold(0, |n, &digit| Some(n * 16 + char::from(digit).to_digit(16)?))?;
    *rest = behind;
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ends_are_where_the_first_byte_that_ends_is(
            text in prop::collection::vec(prop::sample::select(b"a!#\"\\\x00\xff\xa2-+e.\\\t \n\r,}]1".to_vec()), 0..60),
            start in 0usize..61,
        ) {
            let first = |is_end: fn(u8) -> bool| {
                text.iter().enumerate().skip(start).find(|&(_, &b)| is_end(b)).map(|(at, _)| at)
            };
            let is_end = |b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b'}' | b']');
            prop_assert_eq!(bare_end(&text, start), first(is_end).unwrap_or(text.len()));
        }

        #[test]
        fn good_strings_mean_what_they_say(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("text is JSON");
            let found = value(json.as_bytes(), 0).expect("a string");
            prop_assert_eq!((found.start, found.end, found.next), (1, json.len() - 1, json.len()));
            let mut out = Vec::new();
            unescape(&json.as_bytes()[found.start..found.end], &mut out).expect("good escapes");
            prop_assert_eq!(out, text.as_bytes());
        }
    }
}
