//! JSON to values, as `fromJson` reads it: numbers are floats, of equal keys the last one stays.

use super::lex::decode;
use super::value::{Map, Value};
use std::borrow::Cow;
use std::rc::Rc;

/// The deepest nesting; deeper text counts as invalid.
const MAX_DEPTH: usize = 100;

/// The value of `text`, `None` where it is not JSON.
pub(super) fn parse(text: &[u8]) -> Option<Value<'static>> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.value()?;
    parser.blanks();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'t> {
    rest: &'t [u8],
    depth: usize,
}

impl Parser<'_> {
    fn blanks(&mut self) {
        let blanks = self
            .rest
            .iter()
            .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'));
        self.rest = &self.rest[blanks.count()..];
    }

    fn accept(&mut self, text: &[u8]) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Value<'static>> {
        self.blanks();
        match *self.rest.first()? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => self.string().map(Value::bytes),
            b't' => self.accept(b"true").then_some(Value::Bool(true)),
            b'f' => self.accept(b"false").then_some(Value::Bool(false)),
            b'n' => self.accept(b"null").then_some(Value::Nil),
            _ => self.number(),
        }
    }

    fn nested(&mut self, parse: fn(&mut Self) -> Option<Value<'static>>) -> Option<Value<'static>> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        let value = if self.depth > MAX_DEPTH { None } else { parse(self) };
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Option<Value<'static>> {
        let mut map = Map::new();
        self.blanks();
        if !self.accept(b"}") {
            loop {
                self.blanks();
                let key = self.string()?;
                self.blanks();
                if !self.accept(b":") {
                    return None;
                }
                let value = self.value()?;
                map.insert(Cow::Owned(key), value);
                self.blanks();
                if self.accept(b"}") {
                    break;
                }
                if !self.accept(b",") {
                    return None;
                }
            }
        }
        Some(Value::Map(Rc::new(map)))
    }

    fn array(&mut self) -> Option<Value<'static>> {
        let mut list = Vec::new();
        self.blanks();
        if !self.accept(b"]") {
            loop {
                list.push(self.value()?);
                self.blanks();
                if self.accept(b"]") {
                    break;
                }
                if !self.accept(b",") {
                    return None;
                }
            }
        }
        Some(Value::List(Rc::new(list)))
    }

    fn number(&mut self) -> Option<Value<'static>> {
        let start = self.rest;
        let digits = |parser: &mut Self| {
            let count = parser.rest.iter().take_while(|b| b.is_ascii_digit()).count();
            parser.rest = &parser.rest[count..];
            count > 0
        };
        self.accept(b"-");
        if !self.accept(b"0") && !digits(self) {
            return None;
        }
        if self.accept(b".") && !digits(self) {
            return None;
        }
        if self.accept(b"e") || self.accept(b"E") {
            let _sign = self.accept(b"+") || self.accept(b"-");
            if !digits(self) {
                return None;
            }
        }
        let text = std::str::from_utf8(&start[..start.len() - self.rest.len()]).ok()?;
        let value: f64 = text.parse().ok()?;
        // Go leaves out a number that no float holds and goes on.
        Some(if value.is_finite() {
            Value::Float(value)
        } else {
            Value::Nil
        })
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        if !self.accept(b"\"") {
            return None;
        }
        let mut out = Vec::new();
        loop {
            match *self.rest.first()? {
                b'"' => {
                    self.rest = &self.rest[1..];
                    return Some(out);
                }
                b'\\' => {
                    self.rest = &self.rest[1..];
                    let c = self.escape()?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                0..=0x1f => return None,
                _ => {
                    let (c, width) = decode(self.rest)?;
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    self.rest = &self.rest[width..];
                }
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let escape = *self.rest.first()?;
        self.rest = &self.rest[1..];
        Some(match escape {
            b'"' | b'\\' | b'/' => escape as char,
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.hex()?;
                if let 0xd800..=0xdbff = first
                    && self.rest.starts_with(b"\\u")
                {
                    let before = self.rest;
                    self.rest = &self.rest[2..];
                    if let second @ 0xdc00..=0xdfff = self.hex()? {
                        return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
                    }
                    self.rest = before;
                }
                // Half a surrogate pair stands for nothing.
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.rest.get(..4)?;
        self.rest = &self.rest[4..];
        digits
            .iter()
            .try_fold(0, |n, b| Some(n * 16 + (*b as char).to_digit(16)?))
    }
}
