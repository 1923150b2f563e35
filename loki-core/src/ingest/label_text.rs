//! Labels as text: `{app="shop", env="dev"}`, what a push in Loki's protocol carries.

use crate::{Error, ErrorKind};

/// Parses the labels of a pushed stream: pairs sorted by name, repeated names kept, empty values dropped.
///
/// The grammar is that of a Prometheus series: an optional metric name, then braces with `name="value"` pairs joined by
/// commas, names bare or quoted, values in any of Go's quotes.
///
/// # Errors
///
/// [`ErrorKind::InvalidPush`]: what is wrong and where, as `line:column: parse error: …`.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, String)>, Error> {
    Parser { text, at: 0 }
        .series()
        .map_err(|problem| Error::new(ErrorKind::InvalidPush, format!("couldn't parse labels: {problem}")))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Comma,
    Equal,
    Operator(&'static str),
    Name(String),
    Text(String),
}

impl Parser<'_> {
    fn series(mut self) -> Result<Vec<(String, String)>, String> {
        let mut pairs = Vec::new();
        self.blanks();
        // A metric name may hold colons; behind it only braces can stand.
        let name: String = self.rest().chars().take_while(|&c| is_name(c) || c == ':').collect();
        if !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) {
            self.at += name.len();
            pairs.push(("__name__".to_owned(), name));
            self.blanks();
        }
        if self.rest().is_empty() {
            return Ok(pairs);
        }
        let start = self.at;
        if !self.rest().starts_with('{') {
            let first = self.rest().chars().next().unwrap_or(' ');
            return Err(self.error(start, &format!("unexpected {:?}", first.to_string())));
        }
        self.at += 1;
        loop {
            let start = self.at_token();
            let name = match self.token()? {
                Token::Close => break,
                Token::Name(name) | Token::Text(name) => name,
                other => return Err(self.unexpected(start, &other, "identifier or \"}\"")),
            };
            let start = self.at_token();
            match self.token()? {
                Token::Equal => {}
                other => return Err(self.unexpected(start, &other, "\"=\"")),
            }
            let start = self.at_token();
            let value = match self.token()? {
                Token::Text(value) => value,
                other => return Err(self.unexpected(start, &other, "string")),
            };
            if !value.is_empty() {
                pairs.push((name, value));
            }
            let start = self.at_token();
            match self.token()? {
                Token::Comma => {}
                Token::Close => break,
                other => return Err(self.unexpected(start, &other, "\",\" or \"}\"")),
            }
        }
        self.blanks();
        if let Some(first) = self.rest().chars().next() {
            return Err(self.error(self.at, &format!("unexpected {:?}", first.to_string())));
        }
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(pairs)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Where the next token starts.
    fn at_token(&mut self) -> usize {
        self.blanks();
        self.at
    }

    fn token(&mut self) -> Result<Token, String> {
        self.blanks();
        let start = self.at;
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Err(self.error(start, "unexpected end of input inside braces"));
        };
        let second = rest[first.len_utf8()..].chars().next();
        let (token, length) = match first {
            '{' => (Token::Open, 1),
            '}' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' if second == Some('~') => (Token::Operator("=~"), 2),
            '=' => (Token::Equal, 1),
            '!' if second == Some('~') => (Token::Operator("!~"), 2),
            '!' if second == Some('=') => (Token::Operator("!="), 2),
            '!' => {
                let found = second.map_or_else(|| "end of input".to_owned(), |c| format!("'{c}'"));
                return Err(self.error(start, &format!("unexpected character after '!' inside braces: {found}")));
            }
            '"' | '\'' | '`' => {
                let (value, length) = unquote(rest, first).map_err(|problem| self.error(start, problem))?;
                (Token::Text(value), length)
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                (Token::Name(rest[..length].to_owned()), length)
            }
            c => return Err(self.error(start, &format!("unexpected character inside braces: '{c}'"))),
        };
        self.at += length;
        Ok(token)
    }

    fn unexpected(&self, start: usize, token: &Token, expected: &str) -> String {
        let found = match token {
            Token::Open => "\"{\"".to_owned(),
            Token::Close => "\"}\"".to_owned(),
            Token::Comma => "\",\"".to_owned(),
            Token::Equal => "\"=\"".to_owned(),
            Token::Operator(op) => format!("<op:{op}>"),
            Token::Name(name) => format!("identifier {name:?}"),
            Token::Text(text) => format!("string {text:?}"),
        };
        self.error(start, &format!("unexpected {found} in label set, expected {expected}"))
    }

    fn error(&self, at: usize, problem: &str) -> String {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
        format!("{line}:{column}: parse error: {problem}")
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The string literal that `text` starts with, and its length.
fn unquote(text: &str, quote: char) -> Result<(String, usize), &'static str> {
    const UNTERMINATED: &str = "unterminated quoted string";
    const ESCAPE: &str = "unknown escape sequence in quoted string";
    let mut value = Vec::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                return Ok((String::from_utf8_lossy(&value).into_owned(), at + 1));
            }
            '\n' if quote != '`' => return Err(UNTERMINATED),
            '\\' if quote != '`' => {
                let (_, escape) = chars.next().ok_or(UNTERMINATED)?;
                let mut digits = |count: usize, radix: u32, first: Option<char>| {
                    let digits: String = first
                        .into_iter()
                        .chain(chars.by_ref().take(count).map(|(_, c)| c))
                        .collect();
                    u32::from_str_radix(&digits, radix).map_err(|_| ESCAPE)
                };
                match escape {
                    'a' => value.push(7),
                    'b' => value.push(8),
                    'f' => value.push(12),
                    'n' => value.push(b'\n'),
                    'r' => value.push(b'\r'),
                    't' => value.push(b'\t'),
                    'v' => value.push(11),
                    '\\' => value.push(b'\\'),
                    c if c == quote => value.push(c as u8),
                    'x' => value.push(u8::try_from(digits(2, 16, None)?).map_err(|_| ESCAPE)?),
                    '0'..='7' => value.push(u8::try_from(digits(2, 8, Some(escape))?).map_err(|_| ESCAPE)?),
                    'u' | 'U' => {
                        let code = digits(if escape == 'u' { 4 } else { 8 }, 16, None)?;
                        let c = char::from_u32(code).ok_or(ESCAPE)?;
                        value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    _ => return Err(ESCAPE),
                }
            }
            c => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(UNTERMINATED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_come_sorted_and_unquoted_without_empty_values() {
        for (text, expected) in [
            ("", vec![]),
            ("{}", vec![]),
            (r#"{b="2", a='1',}"#, vec![("a", "1"), ("b", "2")]),
            (r#" { app = `x\y` } "#, vec![("app", "x\\y")]),
            (r#"{app="", env="\u00e9\n"}"#, vec![("env", "\u{e9}\n")]),
            (r#"up{a="1"}"#, vec![("__name__", "up"), ("a", "1")]),
            (r#"{"a.b"="x"}"#, vec![("a.b", "x")]),
            (r#"{a="1", a="2"}"#, vec![("a", "1"), ("a", "2")]),
        ] {
            let parsed = parse(text).expect(text);
            let parsed: Vec<_> = parsed.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn errors_name_the_place() {
        for (text, expected) in [
            (
                r#"{app="p", bad-name="x"}"#,
                "1:14: parse error: unexpected character inside braces: '-'",
            ),
            (
                r#"{1num="x"}"#,
                "1:2: parse error: unexpected character inside braces: '1'",
            ),
            (
                r#"{app="b3""#,
                "1:10: parse error: unexpected end of input inside braces",
            ),
            (
                r#"{app=~"b6"}"#,
                "1:5: parse error: unexpected <op:=~> in label set, expected \"=\"",
            ),
            (r#"app="l3""#, "1:4: parse error: unexpected \"=\""),
            (r#"{app="x"} y"#, "1:11: parse error: unexpected \"y\""),
            (r#"{app="x"#, "1:6: parse error: unterminated quoted string"),
            (
                "{app}",
                "1:5: parse error: unexpected \"}\" in label set, expected \"=\"",
            ),
            (
                "{app=x}",
                "1:6: parse error: unexpected identifier \"x\" in label set, expected string",
            ),
        ] {
            let expected = format!("couldn't parse labels: {expected}");
            assert_eq!(parse(text).expect_err(text).message(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn a_quoted_value_comes_back(value in ".{1,20}") {
            let quoted = loki_logql::Labels::from_pairs([("a", &value)]).to_string();
            prop_assert_eq!(parse(&quoted).expect("printed labels parse"), vec![("a".to_owned(), value)]);
        }
    }
}
