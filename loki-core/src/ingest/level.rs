//! The level of a line: `detected_level`, found as Loki's distributor documents it.

use crate::Limits;

/// The words that name a level, and the level that they name. Those with `true` count in running text, too.
const WORDS: [(&str, &str, bool); 14] = [
    ("trace", "trace", true),
    ("trc", "trace", false),
    ("debug", "debug", true),
    ("dbg", "debug", false),
    ("info", "info", true),
    ("inf", "info", false),
    ("information", "info", false),
    ("warn", "warn", true),
    ("wrn", "warn", false),
    ("warning", "warn", true),
    ("error", "error", true),
    ("err", "error", true),
    ("critical", "critical", true),
    ("fatal", "fatal", true),
];
/// The level of a line that states none.
const UNKNOWN: &str = "unknown";

/// The level that `word` names, whatever its case.
pub(super) fn normal(word: &str) -> Option<&'static str> {
    if word.is_empty() || word.len() > 11 {
        return None;
    }
    WORDS
        .iter()
        .find(|(known, _, _)| known.eq_ignore_ascii_case(word))
        .map(|(_, level, _)| *level)
}

/// Finds levels by the fields that a tenant's limits name.
#[derive(Debug)]
pub(super) struct Detector<'l> {
    fields: &'l [String],
    json_depth: usize,
}

impl<'l> Detector<'l> {
    pub(super) fn new(limits: &'l Limits) -> Detector<'l> {
        Detector {
            fields: &limits.log_level_fields,
            json_depth: limits.log_level_from_json_max_depth,
        }
    }

    /// The level that structured metadata state.
    pub(super) fn of_metadata<'m>(&self, value: &dyn Fn(&str) -> Option<&'m str>) -> Option<&'m str> {
        if let Some(level) = self.fields.iter().find_map(|field| value(field)) {
            return Some(normal(level).unwrap_or(level));
        }
        Some(match value("severity_number")?.parse::<i64>() {
            Err(_) => "info",
            Ok(1..=4) => "trace",
            Ok(5..=8) => "debug",
            Ok(9..=12) => "info",
            Ok(13..=16) => "warn",
            Ok(17..=20) => "error",
            Ok(21..=24) => "fatal",
            Ok(_) => UNKNOWN,
        })
    }

    /// The level that a line states.
    pub(super) fn of_line(&self, line: &[u8]) -> &'static str {
        let text = line.trim_ascii();
        let field = if text.first() == Some(&b'{') && text.last() == Some(&b'}') {
            self.json_field(text)
        } else if memchr::memchr(b'=', line).is_some() {
            self.logfmt_field(line)
        } else {
            None
        };
        let named = field.and_then(|value| normal(std::str::from_utf8(value).ok()?));
        named.or_else(|| word_in(line)).unwrap_or(UNKNOWN)
    }

    /// The first string member of a JSON object, in document order, that is a level field.
    fn json_field<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        let mut depth = 0;
        let mut at = 0;
        // Whether the string at hand is a key: the one behind `{` or `,` of an object that is not too deep.
        let mut key_next = false;
        let mut arrays = 0usize;
        while let Some(&byte) = text.get(at) {
            at += 1;
            match byte {
                b'{' => {
                    depth += 1;
                    key_next = arrays == 0;
                }
                b'}' => depth = usize::checked_sub(depth, 1)?,
                b'[' => arrays += 1,
                b']' => arrays = arrays.checked_sub(1)?,
                b',' => key_next = arrays == 0,
                b'"' => {
                    let end = string_end(text, at)?;
                    let string = &text[at..end];
                    at = end + 1;
                    if !std::mem::take(&mut key_next) || depth > self.json_depth || !self.is_field(string) {
                        continue;
                    }
                    let rest = text[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
                    if let Some(value) = rest.strip_prefix(b"\"") {
                        return Some(&value[..string_end(value, 0)?]);
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn is_field(&self, key: &[u8]) -> bool {
        self.fields.iter().any(|field| field.as_bytes() == key)
    }

    /// The value of the level field that stands first in the list, keys compared without case.
    fn logfmt_field<'t>(&self, line: &'t [u8]) -> Option<&'t [u8]> {
        let mut best: Option<(usize, &[u8])> = None;
        let mut rest = line;
        while let Some(equal) = memchr::memchr(b'=', rest) {
            let key_start = rest[..equal]
                .iter()
                .rposition(|&b| b <= b' ')
                .map_or(0, |blank| blank + 1);
            let key = &rest[key_start..equal];
            let value = &rest[equal + 1..];
            let (value, behind) = match value.strip_prefix(b"\"") {
                Some(quoted) => {
                    let Some(end) = string_end(quoted, 0) else { break };
                    (&quoted[..end], &quoted[end + 1..])
                }
                None => value.split_at(value.iter().position(|&b| b <= b' ').unwrap_or(value.len())),
            };
            let limit = best.map_or(self.fields.len(), |(rank, _)| rank);
            let rank = self.fields[..limit]
                .iter()
                .position(|field| field.as_bytes().eq_ignore_ascii_case(key));
            match rank {
                Some(0) => return Some(value),
                Some(rank) => best = Some((rank, value)),
                None => {}
            }
            rest = behind;
        }
        best.map(|(_, value)| value)
    }
}

/// Where the string that begins at `from` ends: the place of its closing quote.
fn string_end(text: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}

/// The level word nearest to the start of the line that stands between bounds.
fn word_in(line: &[u8]) -> Option<&'static str> {
    // A byte says whether a word may begin with it, and whether one may begin behind it: no branch is taken but at a word.
    let mut before = BOUND;
    let free = free_bytes(line);
    if let Some(last) = free.checked_sub(1) {
        before = CLASS[usize::from(line[last])];
    }
    for (at, &byte) in line.iter().enumerate().skip(free) {
        let class = CLASS[usize::from(byte)];
        if before & BOUND & class >> 1 != 0
            && let Some(level) = word_at(&line[at..])
        {
            return Some(level);
        }
        before = class;
    }
    None
}

/// So many bytes of a line are looked at together.
const STRETCH: usize = 32;

/// How many bytes at the start of the line no level begins in: in many lines nearly all.
fn free_bytes(line: &[u8]) -> usize {
    let Some((_, behind)) = line.split_first().filter(|(first, _)| !is_first(**first)) else {
        return 0;
    };
    let before = line[..behind.len()].as_chunks::<STRETCH>().0;
    let stretches = before.iter().zip(behind.as_chunks().0);
    1 + STRETCH
        * stretches
            .take_while(|(before, bytes)| !has_begin(before, bytes))
            .count()
}

/// Whether a level may begin somewhere in `bytes`, each of which stands behind one of `before`. Without a branch or a table,
/// so that the compiler uses vectors.
fn has_begin(before: &[u8; STRETCH], bytes: &[u8; STRETCH]) -> bool {
    let begins = before
        .iter()
        .zip(bytes)
        .map(|(&before, &byte)| u8::from(may_begin(before, byte)));
    begins.fold(0, |any, begins| any | begins) != 0
}

/// Whether a level may begin with `byte` behind `before`.
const fn may_begin(before: u8, byte: u8) -> bool {
    is_bound(before) & is_first(byte)
}

/// Whether a level may begin behind `byte`.
const fn is_bound(byte: u8) -> bool {
    (byte == b' ')
        | (byte == b'\t')
        | (byte == b'\n')
        | (byte == b'[')
        | (byte == b'(')
        | (byte == b'{')
        | (byte == b'"')
        | (byte == b'=')
}

/// Whether a level begins with `byte`.
const fn is_first(byte: u8) -> bool {
    let letter = byte | 0x20;
    (letter == b't')
        | (letter == b'd')
        | (letter == b'f')
        | (letter == b'c')
        | (letter == b'e')
        | (letter == b'w')
        | (letter == b'i')
}

/// The class of a byte behind which a word may begin.
const BOUND: u8 = 1;
/// The class of a byte with which a level begins.
const FIRST: u8 = 2;

const CLASS: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        if is_bound(byte as u8) {
            classes[byte] |= BOUND;
        }
        if is_first(byte as u8) {
            classes[byte] |= FIRST;
        }
        byte += 1;
    }
    classes
};

/// The level of the word that `text` starts with, where a bound follows it.
fn word_at(text: &[u8]) -> Option<&'static str> {
    let (_, level, _) = WORDS.iter().filter(|(_, _, running)| *running).find(|(word, _, _)| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
            && text.get(word.len()).is_none_or(|&next| {
                matches!(
                    next,
                    b' ' | b'\t' | b'\n' | b'[' | b']' | b'(' | b')' | b'{' | b'}' | b':' | b',' | b'!' | b'"' | b'='
                )
            })
    })?;
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_have_the_level_that_loki_finds() {
        let limits = Limits::default();
        let detector = Detector::new(&limits);
        for (line, level) in [
            ("error: x", "error"),
            ("errors happened", "unknown"),
            ("x:error", "unknown"),
            ("debug:x", "debug"),
            ("an error.", "unknown"),
            ("wrn something", "unknown"),
            (r#"{"a":{"b":{"level":"error"}}}"#, "error"),
            (r#"{"a":{"level":"debug"},"x":"an error"}"#, "debug"),
            (r#"{"level":5,"severity":"WARN"}"#, "warn"),
            (r#"{"x":"level","y":"error"}"#, "error"),
            (r#"{"x":[{"level":"debug"}],"lvl":"fatal"}"#, "fatal"),
            (r#"msg="x" LEVEL=Warning"#, "warn"),
            (r#"{"severity":"NOTICE","msg":"an error"}"#, "error"),
            ("a=b level=weird x", "unknown"),
            ("wrn: x level=wrn", "warn"),
            ("x Error=1", "error"),
            (r#"lvl=debug level="error" x"#, "error"),
            (r#"msg="level=info" x"#, "info"),
            ("", "unknown"),
            ("level=", "unknown"),
            ("{\"", "unknown"),
        ] {
            assert_eq!(detector.of_line(line.as_bytes()), level, "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_first_word_between_bounds_is_found_wherever_it_stands(
            parts in proptest::collection::vec(prop_oneof!["error", "warn", "x", " ", "=", "[a-z ]{0,40}"], 0..12),
        ) {
            let line = format!(" {}", parts.concat());
            let places = line.bytes().enumerate().filter(|(_, byte)| b" \t\n[({\"=".contains(byte));
            let plain = places.filter_map(|(place, _)| word_at(&line.as_bytes()[place + 1..])).next();
            prop_assert_eq!(word_in(line.as_bytes()), plain, "{}", line);
            let line = line.trim_ascii_start();
            prop_assert_eq!(word_in(line.as_bytes()), plain, "{}", line);
        }
    }

    #[test]
    fn metadata_name_the_level_by_field_then_by_number() {
        let limits = Limits::default();
        let detector = Detector::new(&limits);
        let of = |pairs: &[(&'static str, &'static str)]| {
            detector.of_metadata(&|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| *v))
        };
        assert_eq!(of(&[("severity", "Odd"), ("level", "WRN")]), Some("warn"));
        assert_eq!(of(&[("severity", "Odd")]), Some("Odd"));
        assert_eq!(of(&[("severity_number", "17")]), Some("error"));
        assert_eq!(of(&[("severity_number", "x")]), Some("info"));
        assert_eq!(of(&[("severity_number", "99")]), Some("unknown"));
        assert_eq!(of(&[("trace_id", "1")]), None);
    }
}
