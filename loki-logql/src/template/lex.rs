//! Template text to tokens: text outside `{{ }}`, words inside.

use super::print::unicode_name;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// A printable character that means nothing by itself, such as `,`.
    Char,
    Bool,
    CharConstant,
    Number,
    Str,
    RawString,
    Identifier,
    /// `.name`.
    Field,
    /// `$` or `$name`.
    Variable,
    // From here on words of the language.
    Dot,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
}

impl Kind {
    /// Whether messages write the token as `<word>`.
    pub(super) fn is_keyword(self) -> bool {
        self as u8 >= Kind::Dot as u8
    }

    fn of_word(word: &[u8]) -> Kind {
        match word {
            b"block" => Kind::Block,
            b"break" => Kind::Break,
            b"continue" => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"nil" => Kind::Nil,
            b"range" => Kind::Range,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        }
    }
}

/// One token: where it starts, on which line (from 1), and its bytes, or the message of an [`Error`](Kind::Error).
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) pos: usize,
    pub(super) line: usize,
    pub(super) text: Vec<u8>,
}

/// Splits a template into tokens, one at a call. Behind an error or the end it gives [`Kind::Eof`] for ever.
pub(super) struct Lexer<'t> {
    input: &'t [u8],
    start: usize,
    pos: usize,
    /// Line of `start`.
    line: usize,
    in_action: bool,
    paren_depth: usize,
    failed: bool,
}

const LEFT: &[u8] = b"{{";
const RIGHT: &[u8] = b"}}";
/// A trim marker is a minus and a blank, in either order.
const MARKER: usize = 2;

impl<'t> Lexer<'t> {
    pub(super) fn new(input: &'t [u8]) -> Lexer<'t> {
        Lexer {
            input,
            start: 0,
            pos: 0,
            line: 1,
            in_action: false,
            paren_depth: 0,
            failed: false,
        }
    }

    pub(super) fn next_token(&mut self) -> Token {
        if self.failed {
            self.start = self.input.len();
            self.pos = self.start;
            return self.emit(Kind::Eof);
        }
        if self.in_action { self.action() } else { self.text() }
    }

    fn emit(&mut self, kind: Kind) -> Token {
        let text = self.input[self.start..self.pos].to_vec();
        let token = Token {
            kind,
            pos: self.start,
            line: self.line,
            text,
        };
        self.ignore();
        token
    }

    /// Forgets what was read since the last token.
    fn ignore(&mut self) {
        self.line += self.input[self.start..self.pos].iter().filter(|&&b| b == b'\n').count();
        self.start = self.pos;
    }

    fn error(&mut self, message: impl Into<String>) -> Token {
        self.failed = true;
        Token {
            kind: Kind::Error,
            pos: self.start,
            line: self.line,
            text: message.into().into_bytes(),
        }
    }

    fn rest(&self) -> &'t [u8] {
        &self.input[self.pos..]
    }

    /// The next character without taking it; a byte that is not UTF-8 is U+FFFD.
    fn peek(&self) -> Option<char> {
        decode(self.rest()).map(|(c, _)| c)
    }

    fn bump(&mut self) -> Option<char> {
        let (c, width) = decode(self.rest())?;
        self.pos += width;
        Some(c)
    }

    fn text(&mut self) -> Token {
        loop {
            let Some(at) = memchr::memmem::find(self.rest(), LEFT) else {
                self.pos = self.input.len();
                let kind = if self.pos > self.start { Kind::Text } else { Kind::Eof };
                return self.emit(kind);
            };
            if at > 0 {
                let delim = self.pos + at;
                let text = &self.input[self.start..delim];
                let trimmed = match has_left_marker(&self.input[delim + LEFT.len()..]) {
                    true => text.len() - text.trim_end_with(is_blank).len(),
                    false => 0,
                };
                self.pos = delim - trimmed;
                let token = self.emit(Kind::Text);
                self.pos = delim;
                self.ignore();
                if !token.text.is_empty() {
                    return token;
                }
            }
            match self.left_delim() {
                Some(token) => return token,
                None => continue,
            }
        }
    }

    /// `{{`, or nothing where it opened a comment.
    fn left_delim(&mut self) -> Option<Token> {
        self.pos += LEFT.len();
        let marker = if has_left_marker(self.rest()) { MARKER } else { 0 };
        if self.input[self.pos + marker..].starts_with(b"/*") {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let token = self.emit(Kind::LeftDelim);
        self.in_action = true;
        self.pos += marker;
        self.ignore();
        self.paren_depth = 0;
        Some(token)
    }

    fn comment(&mut self) -> Option<Token> {
        self.pos += 2;
        let Some(end) = memchr::memmem::find(self.rest(), b"*/") else {
            return Some(self.error("unclosed comment"));
        };
        self.pos += end + 2;
        let Some(trim) = self.at_right_delim() else {
            return Some(self.error("comment ends before closing delimiter"));
        };
        self.pos += if trim { MARKER } else { 0 } + RIGHT.len();
        if trim {
            self.skip_blanks();
        }
        self.ignore();
        None
    }

    /// Whether `}}` is next, and whether it has a trim marker.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_marker(rest) && rest[MARKER..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    fn right_delim(&mut self, trim: bool) -> Token {
        if trim {
            self.pos += MARKER;
            self.ignore();
        }
        self.pos += RIGHT.len();
        let token = self.emit(Kind::RightDelim);
        if trim {
            self.skip_blanks();
            self.ignore();
        }
        self.in_action = false;
        token
    }

    fn skip_blanks(&mut self) {
        while self.rest().first().is_some_and(|&b| is_blank(b)) {
            self.pos += 1;
        }
    }

    fn action(&mut self) -> Token {
        if let Some(trim) = self.at_right_delim() {
            if self.paren_depth > 0 {
                return self.error("unclosed left paren");
            }
            return self.right_delim(trim);
        }
        let Some(c) = self.bump() else {
            return self.error("unclosed action");
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => match self.bump() {
                Some('=') => self.emit(Kind::Declare),
                _ => self.error("expected :="),
            },
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::Str, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => match memchr::memchr(b'`', self.rest()) {
                Some(end) => {
                    self.pos += end + 1;
                    self.emit(Kind::RawString)
                }
                None => self.error("unterminated raw quoted string"),
            },
            '$' => self.name(Kind::Variable),
            '.' if !self.rest().first().is_some_and(u8::is_ascii_digit) => match self.rest().is_empty() {
                true => self.number(),
                false => self.name(Kind::Field),
            },
            '.' | '+' | '-' | '0'..='9' => self.number(),
            c if is_alphanumeric(c) => self.word(),
            '(' => {
                self.paren_depth += 1;
                self.emit(Kind::LeftParen)
            }
            ')' if self.paren_depth == 0 => self.error("unexpected right paren"),
            ')' => {
                self.paren_depth -= 1;
                self.emit(Kind::RightParen)
            }
            c if c.is_ascii_graphic() => self.emit(Kind::Char),
            c => self.error(format!("unrecognized character in action: {}", unicode_name(c))),
        }
    }

    fn space(&mut self) -> Token {
        let first = self.pos - 1;
        self.skip_blanks();
        // The last blank may belong to ` -}}`.
        let tail = &self.input[self.pos - 1..];
        if has_right_marker(tail) && tail[MARKER..].starts_with(RIGHT) {
            self.pos -= 1;
            if self.pos == first {
                return self.right_delim(true);
            }
        }
        self.emit(Kind::Space)
    }

    fn quoted(&mut self, end: char, kind: Kind, unterminated: &str) -> Token {
        loop {
            match self.bump() {
                Some('\\') if !matches!(self.bump(), None | Some('\n')) => {}
                Some('\\' | '\n') | None => return self.error(unterminated),
                Some(c) if c == end => return self.emit(kind),
                Some(_) => {}
            }
        }
    }

    /// What follows `.` or `$`.
    fn name(&mut self, kind: Kind) -> Token {
        if self.at_terminator() {
            return self.emit(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.alphanumerics();
        match self.peek() {
            Some(c) if !self.at_terminator() => self.error(format!("bad character {}", unicode_name(c))),
            _ => self.emit(kind),
        }
    }

    fn word(&mut self) -> Token {
        self.alphanumerics();
        match self.peek() {
            Some(c) if !self.at_terminator() => self.error(format!("bad character {}", unicode_name(c))),
            _ => self.emit(Kind::of_word(&self.input[self.start..self.pos])),
        }
    }

    fn alphanumerics(&mut self) {
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | '.' | ',' | '|' | ':' | '(' | ')') => true,
            Some(_) => self.rest().starts_with(RIGHT),
        }
    }

    fn number(&mut self) -> Token {
        self.pos = self.start;
        if !self.scan_number() {
            let text = String::from_utf8_lossy(&self.input[self.start..self.pos]).into_owned();
            let quoted = crate::quote::quote(text.as_bytes());
            return self.error(format!("bad number syntax: {quoted}"));
        }
        self.emit(Kind::Number)
    }

    /// Takes what looks like a number; whether it may end there. The parser looks closer.
    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                digits = b"0123456789abcdefABCDEF_";
            } else if self.accept(b"oO") {
                digits = b"01234567_";
            } else if self.accept(b"bB") {
                digits = b"01_";
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }

    fn accept(&mut self, set: &[u8]) -> bool {
        let accepted = self.rest().first().is_some_and(|b| set.contains(b));
        self.pos += usize::from(accepted);
        accepted
    }

    fn accept_run(&mut self, set: &[u8]) {
        while self.accept(set) {}
    }
}

/// The first character of `bytes` and its width; a byte that is not UTF-8 is U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((first as char, 1));
    }
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(c) => Some((c, c.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}

fn has_left_marker(bytes: &[u8]) -> bool {
    matches!(bytes, [b'-', blank, ..] if is_blank(*blank))
}

fn has_right_marker(bytes: &[u8]) -> bool {
    matches!(bytes, [blank, b'-', ..] if is_blank(*blank))
}

fn is_blank(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

trait TrimEndWith {
    fn trim_end_with(&self, set: fn(u8) -> bool) -> &[u8];
}

impl TrimEndWith for [u8] {
    fn trim_end_with(&self, set: fn(u8) -> bool) -> &[u8] {
        let end = self.iter().rposition(|&b| !set(b)).map_or(0, |i| i + 1);
        &self[..end]
    }
}
