//! Finding one's way in JSON text that may be broken anywhere: tokens, blocks, escapes.
//!
//! This is a scanner, not a validator. It looks at as little as it needs to find where a value ends, which is how
//! Loki comes to accept much that is no JSON; what it refuses, it refuses with the same words.

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
    String { escaped: bool },
    /// Starts with a digit or `-`; not checked further.
    Number,
    Bool,
    Null,
    Object,
    Array,
}

/// The first position at or behind `at` that is not white space; the length of the text where there is none.
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    text[at..]
        .iter()
        .position(|b| !is_space(b))
        .map_or(text.len(), |n| at + n)
}

/// From behind an opening quote, the position of the closing one and whether there is a backslash before it.
pub(super) fn string_end(text: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    loop {
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

/// The value that starts at `at`, which is not white space and inside the text.
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
            let is_end = |b: &u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b'}' | b']');
            let end = text[at..].iter().position(is_end).map_or(text.len(), |n| at + n);
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
