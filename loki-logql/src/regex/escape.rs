//! Single characters and classes of them, as written: `\x41`, `\d`, `\p{Greek}`, `[a-z[:digit:]]`.

use super::class;
use super::parse::Parser;
use super::syntax::{Code, SyntaxError};
use regex_syntax::hir::ClassUnicode;

impl Parser<'_> {
    /// `\pL`, `\d` and their kin, where one stands here.
    pub(super) fn class_escape(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else {
            return Ok(None);
        };
        if letter == 'p' || letter == 'P' {
            return self.unicode_class(letter == 'P').map(Some);
        }
        let Some(mut class) = class::perl(letter.to_ascii_lowercase()) else {
            return Ok(None);
        };
        self.advance(2);
        self.finish_class(&mut class, letter.is_ascii_uppercase());
        Ok(Some(class))
    }

    fn finish_class(&self, class: &mut ClassUnicode, negated: bool) {
        if self.flags.fold {
            class::fold(class);
        }
        if negated {
            class.negate();
        }
    }

    fn unicode_class(&mut self, negated: bool) -> Result<ClassUnicode, SyntaxError> {
        let start = self.rest;
        self.advance(2);
        let name = match self.rest.chars().next() {
            Some('{') => {
                let end = start
                    .find('}')
                    .ok_or_else(|| SyntaxError::new(Code::InvalidCharRange, start))?;
                self.rest = &start[end + 1..];
                &start[3..end]
            }
            first => {
                let bytes = first.map_or(0, char::len_utf8);
                self.advance(bytes);
                &start[2..2 + bytes]
            }
        };
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (!negated, name),
            None => (negated, name),
        };
        let mut class = class::unicode(name).ok_or_else(|| self.error_since(Code::InvalidCharRange, start))?;
        self.ranges += class.ranges().len();
        self.finish_class(&mut class, negated);
        Ok(class)
    }

    /// `[…]`.
    pub(super) fn class(&mut self) -> Result<ClassUnicode, SyntaxError> {
        let start = self.rest;
        self.advance(1);
        let negated = self.rest.starts_with('^');
        self.advance(usize::from(negated));
        let mut ranges: Vec<ClassUnicode> = Vec::new();
        // A bracket that stands first is one of the members.
        let mut first = true;
        while first || !self.rest.starts_with(']') {
            first = false;
            if let Some(class) = self.posix_class()? {
                ranges.push(class);
                continue;
            }
            if let Some(class) = self.class_escape()? {
                ranges.push(class);
                continue;
            }
            let range_start = self.rest;
            let low = self.class_member(start)?;
            let mut high = low;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.advance(1);
                high = self.class_member(start)?;
                if high < low {
                    return Err(self.error_since(Code::InvalidCharRange, range_start));
                }
            }
            let mut class = class::range(low, high);
            self.finish_class(&mut class, false);
            ranges.push(class);
        }
        self.advance(1);
        let mut class = ClassUnicode::new(ranges.iter().flat_map(|class| class.ranges().iter().copied()));
        if negated {
            class.negate();
        }
        Ok(class)
    }

    /// `[:alpha:]` inside a class, where one stands here.
    fn posix_class(&mut self) -> Result<Option<ClassUnicode>, SyntaxError> {
        let start = self.rest;
        let Some(name_start) = start.strip_prefix("[:") else {
            return Ok(None);
        };
        let Some(end) = name_start.find(":]") else {
            return Ok(None);
        };
        self.rest = &name_start[end + 2..];
        let name = &name_start[..end];
        let (negated, name) = match name.strip_prefix('^') {
            Some(name) => (true, name),
            None => (false, name),
        };
        let mut class = class::posix(name).ok_or_else(|| self.error_since(Code::InvalidCharRange, start))?;
        self.finish_class(&mut class, negated);
        Ok(Some(class))
    }

    /// One code point inside the class that starts at `class_start`.
    fn class_member(&mut self, class_start: &str) -> Result<u32, SyntaxError> {
        match self.rest.chars().next() {
            None => Err(SyntaxError::new(Code::MissingBracket, class_start)),
            Some('\\') => self.escape(),
            Some(c) => {
                self.advance(c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }

    fn next_char(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.advance(c.len_utf8());
        Some(c)
    }

    /// The code point that a backslash and what follows it stand for.
    pub(super) fn escape(&mut self) -> Result<u32, SyntaxError> {
        let start = self.rest;
        self.advance(1);
        let Some(c) = self.next_char() else {
            return Err(SyntaxError::new(Code::TrailingBackslash, ""));
        };
        let value = match c {
            // A digit alone would refer back to a group.
            '1'..='7' if !self.rest.starts_with(|c| matches!(c, '0'..='7')) => None,
            '0'..='7' => Some(self.octal(c)),
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        value.ok_or_else(|| self.error_since(Code::InvalidEscape, start))
    }

    /// At most three octal digits, of which `first` is read.
    fn octal(&mut self, first: char) -> u32 {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 1..3 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.advance(1);
            value = value * 8 + digit;
        }
        value
    }

    /// Two digits behind `\x`, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let c = self.next_char()?;
        if c != '{' {
            let second = self.next_char();
            return Some(c.to_digit(16)? * 16 + second?.to_digit(16)?);
        }
        let mut value = None;
        loop {
            let c = self.next_char()?;
            if c == '}' {
                return value;
            }
            let next = value.unwrap_or(0) * 16 + c.to_digit(16)?;
            if next > u32::from(char::MAX) {
                return None;
            }
            value = Some(next);
        }
    }
}
