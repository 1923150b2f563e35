//! The pairs of a logfmt line, and what is wrong between them.

use super::json_scan::{hex4, string_end};
use super::words::{self, Word};

/// Reads the pairs of a line from left to right; goes on behind an error.
#[derive(Debug, Clone)]
pub(super) struct Pairs<'a> {
    line: &'a [u8],
    at: usize,
}

/// A key and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair<'a> {
    /// Never empty, valid UTF-8.
    pub(super) key: &'a [u8],
    /// As written, without quotes; empty where there is none.
    pub(super) value: &'a [u8],
    /// Whether the value has escapes; they are known to be good.
    pub(super) escaped: bool,
}

/// What is wrong with a line, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("logfmt syntax error at pos {position} : {fault}")]
pub(super) struct LogfmtError {
    /// Counts bytes from 1.
    position: usize,
    fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("unexpected '='")]
    Equals,
    #[error("unexpected '\"'")]
    Quote,
    #[error("invalid key")]
    Key,
    #[error("invalid quoted value")]
    Value,
    #[error("unterminated quoted value")]
    Unterminated,
}

fn is_space(byte: u8) -> bool {
    byte <= b' '
}

fn is_special(byte: u8) -> bool {
    is_space(byte) || byte == b'=' || byte == b'"'
}

impl<'a> Pairs<'a> {
    pub(super) fn new(line: &'a [u8]) -> Pairs<'a> {
        Pairs { line, at: 0 }
    }

    /// Moves on up to white space, `=` or `"`; the byte there, if the line has not ended.
    #[inline]
    fn skip_plain(&mut self) -> Option<u8> {
        let find = |word: Word| word.find_below(b' ' + 1).or(word.find(b'=')).or(word.find(b'"'));
        self.at = words::position(self.line, self.at, find, is_special).unwrap_or(self.line.len());
        self.line.get(self.at).copied()
    }

    /// Moves on while bytes are not `stop`.
    fn skip_until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.line[self.at..];
        self.at += rest.iter().position(|&b| stop(b)).unwrap_or(rest.len());
    }

    /// An error at the current byte; what follows up to white space is left out.
    fn unexpected(&mut self, byte: u8) -> LogfmtError {
        let fault = if byte == b'=' { Fault::Equals } else { Fault::Quote };
        let error = self.error(fault);
        self.skip_until(is_space);
        error
    }

    fn error(&self, fault: Fault) -> LogfmtError {
        LogfmtError {
            position: self.at + 1,
            fault,
        }
    }

    /// The line from the next pair on; `None` where there is none.
    #[inline]
    pub(super) fn rest(&mut self) -> Option<&'a [u8]> {
        while is_space(*self.line.get(self.at)?) {
            self.at += 1;
        }
        Some(&self.line[self.at..])
    }

    /// The pair that the rest of the line begins with, whose key is known: so many bytes, none of them special or beyond
    /// ASCII, and `=` behind them.
    #[inline]
    pub(super) fn pair_of(&mut self, key_bytes: usize) -> Result<Pair<'a>, LogfmtError> {
        let key = &self.line[self.at..self.at + key_bytes];
        self.at += key_bytes + 1;
        let (value, escaped) = self.value()?;
        Ok(Pair { key, value, escaped })
    }

    /// The pair that the rest of the line begins with.
    pub(super) fn pair(&mut self) -> Result<Pair<'a>, LogfmtError> {
        let start = self.at;
        let stop = self.skip_plain();
        let key = &self.line[start..self.at];
        if let Some(byte @ (b'"' | b'=')) = stop
            && (byte == b'"' || key.is_empty())
        {
            return Err(self.unexpected(byte));
        }
        if !key.is_ascii() && !is_clean(key) {
            let error = self.error(Fault::Key);
            self.skip_until(is_space);
            return Err(error);
        }
        let (value, escaped) = if stop == Some(b'=') {
            self.at += 1;
            self.value()?
        } else {
            (&self.line[..0], false)
        };
        Ok(Pair { key, value, escaped })
    }

    #[inline]
    fn value(&mut self) -> Result<(&'a [u8], bool), LogfmtError> {
        if self.line.get(self.at) == Some(&b'"') {
            self.at += 1;
            return self.quoted();
        }
        let start = self.at;
        match self.skip_plain() {
            Some(byte @ (b'"' | b'=')) => Err(self.unexpected(byte)),
            _ => Ok((&self.line[start..self.at], false)),
        }
    }

    fn quoted(&mut self) -> Result<(&'a [u8], bool), LogfmtError> {
        let start = self.at;
        let Some((end, escaped)) = string_end(self.line, start) else {
            self.at = self.line.len();
            return Err(self.error(Fault::Unterminated));
        };
        self.at = end + 1;
        let value = &self.line[start..end];
        if escaped && !has_good_escapes(value) {
            return Err(self.error(Fault::Value));
        }
        Ok((value, escaped))
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, LogfmtError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest()?;
        Some(self.pair())
    }
}

/// Whether the bytes are UTF-8 without U+FFFD.
pub(super) fn is_clean(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(char::REPLACEMENT_CHARACTER))
}

fn has_good_escapes(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let Some(escape) = rest.get(at + 1) else { return false };
        rest = &rest[at + 2..];
        let is_good = match escape {
            b'"' | b'\\' | b'/' | b'\'' | b'b' | b'f' | b'n' | b'r' | b't' => true,
            b'u' => hex4(&mut rest).is_some(),
            _ => false,
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// Writes the text that a quoted value stands for. Half of a surrogate pair reads as U+FFFD.
pub(super) fn unescape(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let Some(&escape) = rest.get(at + 1) else { return };
        rest = &rest[at + 2..];
        let plain = match escape {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let c = unicode_escape(&mut rest);
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            itself => itself,
        };
        out.push(plain);
    }
    out.extend_from_slice(rest);
}

fn unicode_escape(rest: &mut &[u8]) -> char {
    let high = hex4(rest).unwrap_or_default();
    if let Some(c) = char::from_u32(high) {
        return c;
    }
    let mut behind = *rest;
    let low = behind.strip_prefix(b"\\u").and_then(|mut digits| {
        let low = hex4(&mut digits)?;
        behind = digits;
        Some(low)
    });
    let pair = low.and_then(|low| {
        let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
        char::decode_utf16(units).next()?.ok()
    });
    if pair.is_some() {
        *rest = behind;
    }
    pair.unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn errors(line: &str) -> Vec<String> {
        Pairs::new(line.as_bytes())
            .filter_map(|pair| pair.err())
            .map(|error| error.to_string())
            .collect()
    }

    #[test]
    fn errors_name_their_place() {
        assert_eq!(errors("a==1 b=2"), ["logfmt syntax error at pos 3 : unexpected '='"]);
        assert_eq!(errors("=1 b=2"), ["logfmt syntax error at pos 1 : unexpected '='"]);
        assert_eq!(errors("a\"b=1 c=2"), ["logfmt syntax error at pos 2 : unexpected '\"'"]);
        assert_eq!(errors("a=1,b=2"), ["logfmt syntax error at pos 6 : unexpected '='"]);
        assert_eq!(
            errors("a=\"unterminated"),
            ["logfmt syntax error at pos 16 : unterminated quoted value"]
        );
    }

    #[test]
    fn values_may_touch() {
        let keys: Vec<_> = Pairs::new(br#"a="x"b=2 c"#).flatten().map(|pair| pair.key).collect();
        assert_eq!(keys, [b"a", b"b", b"c"]);
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_scanned(line in prop::collection::vec(prop::sample::select(b"ab=\"\\u0 \xff".to_vec()), 0..40)) {
            let mut out = Vec::new();
            for pair in Pairs::new(&line).flatten() {
                prop_assert!(!pair.key.is_empty());
                out.clear();
                unescape(pair.value, &mut out);
                prop_assert!(pair.escaped == (out != pair.value) || !pair.escaped);
            }
        }
    }
}
