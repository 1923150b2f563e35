//! Lines as tokens, and templates as text again.

use super::WILDCARD;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;

/// Tokens that a line must have, and those that it may have.
const MIN_TOKENS: usize = 4;
const MAX_TOKENS: usize = 80;
/// Longer lines are not looked at.
const MAX_LINE_BYTES: usize = 3000;
/// Fields of a JSON line that can hold its message, best first.
const MESSAGE_FIELDS: [&str; 6] = ["log", "message", "msg", "msg_", "_msg", "content"];
/// Keys whose values are times or ids, in any case of letters.
const CHANGING_KEYS: [&str; 4] = ["ts", "time", "timestamp", "traceid"];

/// How the lines of a stream are cut into tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineFormat {
    /// At spaces and punctuation.
    Plain,
    /// Into keys and values.
    Logfmt,
    /// As plain text, the message alone.
    Json,
}

/// A line in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line<'l> {
    pub(super) tokens: Vec<&'l str>,
    /// Spaces before each token, and behind the last.
    pub(super) gaps: Vec<u16>,
}

impl LineFormat {
    /// The format that a line looks like.
    pub(super) fn of(line: &str) -> LineFormat {
        if line.starts_with('{') && line.ends_with('}') {
            LineFormat::Json
        } else if !line.is_empty() && pairs(line).all(|pair| pair.is_complete()) {
            LineFormat::Logfmt
        } else {
            LineFormat::Plain
        }
    }

    /// The tokens of a line; `None` of one that is too long, or has too many or too few.
    pub(super) fn tokens(self, line: &str) -> Option<Line<'_>> {
        if line.len() > MAX_LINE_BYTES {
            return None;
        }
        let line = match self {
            LineFormat::Plain => plain(line),
            LineFormat::Logfmt => logfmt(line),
            LineFormat::Json => plain(message(line)?),
        };
        (MIN_TOKENS..=MAX_TOKENS).contains(&line.tokens.len()).then_some(line)
    }

    /// The text of a template of this format.
    pub(super) fn text(self, tokens: &[Box<str>], gaps: &[u16]) -> String {
        let mut text = String::new();
        let is_json = self == LineFormat::Json;
        if is_json {
            text.push_str(WILDCARD);
        }
        for (i, token) in tokens.iter().enumerate() {
            let spaces = gaps.get(i).copied().unwrap_or(0);
            text.extend(std::iter::repeat_n(' ', spaces.into()));
            text.push_str(token);
        }
        let spaces = gaps.get(tokens.len()).copied().unwrap_or(0);
        text.extend(std::iter::repeat_n(' ', spaces.into()));
        if is_json {
            text.push_str(WILDCARD);
        }
        while text.contains("<_><_>") {
            text = text.replace("<_><_>", WILDCARD);
        }
        text
    }
}

impl<'l> Line<'l> {
    fn push(&mut self, token: &'l str, gap: usize) {
        self.tokens.push(token);
        self.gaps.push(u16::try_from(gap).unwrap_or(u16::MAX));
    }
}

/// Cuts at spaces, and around punctuation that rarely stands inside a name or a number.
fn plain(text: &str) -> Line<'_> {
    let mut line = Line::default();
    let (mut start, mut gap) = (0, 0);
    for (at, byte) in text.bytes().enumerate() {
        if !is_separate(byte) {
            continue;
        }
        if start < at {
            line.push(&text[start..at], std::mem::take(&mut gap));
        }
        if byte == b' ' {
            gap += 1;
        } else {
            line.push(&text[at..=at], std::mem::take(&mut gap));
        }
        start = at + 1;
    }
    if start < text.len() {
        line.push(&text[start..], std::mem::take(&mut gap));
    }
    line.gaps.push(u16::try_from(gap).unwrap_or(u16::MAX));
    line
}

/// Whether a byte belongs to no longer token: a space, `=`, or punctuation other than `_ - . : /`. Symbols such as `<`,
/// `+` and `$` are no punctuation.
fn is_separate(byte: u8) -> bool {
    b" =!\"#%&'()*,;?@[\\]{}".contains(&byte)
}

/// Keys with their `=`, and values as they are written.
fn logfmt(text: &str) -> Line<'_> {
    let mut line = Line::default();
    for (i, pair) in pairs(text).enumerate() {
        line.push(pair.key, usize::from(i > 0));
        let name = pair.key.trim_end_matches('=');
        let is_changing = name == "t" || CHANGING_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name));
        line.push(if is_changing { WILDCARD } else { pair.value }, 0);
    }
    line.gaps.push(0);
    line
}

/// A key with its `=` where it has one, and a value with its quotes where it has any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair<'l> {
    key: &'l str,
    value: &'l str,
}

impl Pair<'_> {
    fn is_complete(&self) -> bool {
        self.key.len() > 1 && self.key.ends_with('=')
    }
}

fn pairs(text: &str) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(' ');
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(['=', ' ']).unwrap_or(rest.len());
        let end = if rest[end..].starts_with('=') { end + 1 } else { end };
        let (key, tail) = rest.split_at(end);
        let length = if key.ends_with('=') { value_length(tail) } else { 0 };
        let (value, tail) = tail.split_at(length);
        rest = tail;
        Some(Pair { key, value })
    })
}

/// How long the value at the start of `text` is; a quoted one ends behind its quote.
fn value_length(text: &str) -> usize {
    if text.starts_with('"') {
        let mut is_escaped = true;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => return at + 1,
                _ => {}
            }
        }
        return text.len();
    }
    text.find(' ').unwrap_or(text.len())
}

/// The message of a JSON line, as it is written between its quotes.
fn message(line: &str) -> Option<&str> {
    let fields: HashMap<Cow<'_, str>, &RawValue> = serde_json::from_str(line).ok()?;
    MESSAGE_FIELDS
        .iter()
        .find_map(|&name| fields.get(name)?.get().strip_prefix('"')?.strip_suffix('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(format: LineFormat, line: &str) -> Vec<&str> {
        format.tokens(line).map_or_else(Vec::new, |line| line.tokens)
    }

    #[test]
    fn the_format_is_seen_from_a_line() {
        for (line, format) in [
            ("{\"a\":1}", LineFormat::Json),
            ("level=info msg=\"a b\" x=", LineFormat::Logfmt),
            ("level=info and more", LineFormat::Plain),
            ("=a b=c", LineFormat::Plain),
            ("GET /", LineFormat::Plain),
            ("", LineFormat::Plain),
        ] {
            assert_eq!(LineFormat::of(line), format, "{line}");
        }
    }

    #[test]
    fn plain_text_is_cut_at_spaces_and_punctuation() {
        assert_eq!(
            tokens(LineFormat::Plain, "10:20:30 user=[bob,\"é\"]  a/b-c_d.e <x>"),
            [
                "10:20:30",
                "user",
                "=",
                "[",
                "bob",
                ",",
                "\"",
                "é",
                "\"",
                "]",
                "a/b-c_d.e",
                "<x>"
            ]
        );
        assert_eq!(LineFormat::Plain.tokens("only three tokens"), None);
        assert_eq!(LineFormat::Plain.tokens(&"a ".repeat(81)), None);
        assert_eq!(LineFormat::Plain.tokens(&"aaaa ".repeat(601)), None);
        assert_eq!(tokens(LineFormat::Plain, &"a ".repeat(80)).len(), 80);
    }

    #[test]
    fn logfmt_is_cut_into_keys_and_values() {
        assert_eq!(
            tokens(LineFormat::Logfmt, r#"ts=12 msg="a \" b" TraceID=7 flag x= t=1 T=1"#),
            [
                "ts=",
                "<_>",
                "msg=",
                r#""a \" b""#,
                "TraceID=",
                "<_>",
                "flag",
                "",
                "x=",
                "",
                "t=",
                "<_>",
                "T=",
                "1"
            ]
        );
    }

    #[test]
    fn of_json_the_message_is_cut() {
        let line = r#"{"msg":"user \"x\" logged in","log":7,"level":"info"}"#;
        assert_eq!(
            tokens(LineFormat::Json, line),
            ["user", "\\", "\"", "x", "\\", "\"", "logged", "in"]
        );
        assert_eq!(LineFormat::Json.tokens(r#"{"text":"one two three four"}"#), None);
        assert_eq!(LineFormat::Json.tokens("{one two three four}"), None);
    }

    #[test]
    fn tokens_are_text_again() {
        for (format, line, text) in [
            (LineFormat::Plain, " a  b [c]=d ", " a  b [c]=d "),
            (LineFormat::Plain, "a <_>,<_> <_>[<_>", "a <_>,<_> <_>[<_>"),
            (LineFormat::Logfmt, "a=1  ts=5 b=\"x y\"", "a=1 ts=<_> b=\"x y\""),
            (LineFormat::Json, r#"{"msg":"a b c d"}"#, "<_>a b c d<_>"),
        ] {
            let line = format.tokens(line).expect("enough tokens");
            let tokens: Vec<Box<str>> = line.tokens.iter().map(|&token| token.into()).collect();
            assert_eq!(format.text(&tokens, &line.gaps), text);
        }
        let wildcards = vec![Box::from(WILDCARD); 5];
        assert_eq!(LineFormat::Plain.text(&wildcards, &[0, 0, 0, 1, 0, 0]), "<_> <_>");
    }

    proptest! {
        #[test]
        fn the_tokens_of_plain_text_are_the_text_again(text in "[a-c1=,<é\\[\"]{0,3}( {1,2}[a-c1=,<é\\[\"]{1,4}){0,12} {0,2}") {
            let line = plain(&text);
            let tokens: Vec<Box<str>> = line.tokens.iter().map(|&token| token.into()).collect();
            prop_assert_eq!(LineFormat::Plain.text(&tokens, &line.gaps), text);
        }

        #[test]
        fn any_text_has_tokens_within_bounds(text in ".{0,300}") {
            for format in [LineFormat::of(&text), LineFormat::Plain, LineFormat::Logfmt, LineFormat::Json] {
                if let Some(line) = format.tokens(&text) {
                    prop_assert!((MIN_TOKENS..=MAX_TOKENS).contains(&line.tokens.len()));
                    prop_assert_eq!(line.gaps.len(), line.tokens.len() + 1);
                }
            }
        }
    }
}
