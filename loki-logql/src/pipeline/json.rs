//! The parser `| json`: every member of the object in the line becomes a label.

use super::entry_labels::EntryLabels;
use super::extraction::{Extraction, Next};
use super::json_scan::{JsonError, Value, ValueKind, skip_space, string_end, unescape, value};
use super::names::NameId;

/// The error that parsers of JSON record.
pub(super) const JSON_ERROR: &str = "JSONParserErr";

/// Objects deeper than this are taken for broken: every level is looked through once more for its end.
pub(super) const MAX_DEPTH: usize = 128;

/// Buffers of the parser, reused from line to line.
#[derive(Debug, Default)]
pub(super) struct JsonScratch {
    /// The objects around the one being read: the name of each and where it ends.
    around: Vec<Object>,
    unescaped: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Object {
    /// The names of the keys that lead here; `None` at the top.
    prefix: Option<NameId>,
    /// The position behind its closing brace; behind the text where that is not known.
    end: usize,
}

/// Extracts the members of the object in `line`; false: the entry is dropped.
pub(super) fn parse(line: &[u8], labels: &mut EntryLabels, extraction: &Extraction, scratch: &mut JsonScratch) -> bool {
    if extraction.is_done(labels) {
        return true;
    }
    match members(line, labels, extraction, scratch) {
        Ok(Next::Drop) => return false,
        Ok(_) => {}
        Err(error) => extraction.fail(labels, JSON_ERROR, Some(error.details())),
    }
    true
}

fn members(
    line: &[u8],
    labels: &mut EntryLabels,
    extraction: &Extraction,
    scratch: &mut JsonScratch,
) -> Result<Next, JsonError> {
    let JsonScratch { around, unescaped } = scratch;
    around.clear();
    let mut object = Object {
        prefix: None,
        end: line.len(),
    };
    let mut text = line;
    let mut at = skip_space(text, 0);
    if text.get(at) != Some(&b'{') {
        return Err(JsonError::Object);
    }
    at = skip_space(text, at + 1);
    let mut is_open = expect_member(text, at, JsonError::Malformed)?;
    loop {
        if !is_open {
            // The object ends here, or where its last brace is: what stands between is ignored.
            let Some(outer) = around.pop() else {
                return Ok(Next::More);
            };
            at = object.end;
            object = outer;
            text = &line[..object.end];
            (at, is_open) = behind_value(text, at)?;
            continue;
        }
        let (name, colon) = match labels.guess_key(object.prefix, &text[at + 1..], b"\":") {
            Some((length, name)) => (name, at + 1 + length + 1),
            None => {
                let (key, colon) = key(text, at, unescaped)?;
                let name = match key {
                    Key::Plain(start, end) => labels.key(object.prefix, &text[start..end]),
                    Key::Unescaped => labels.key(object.prefix, unescaped),
                };
                (name, colon)
            }
        };
        let start = skip_space(text, colon + 1);
        if start == text.len() {
            return Err(JsonError::Malformed);
        }
        let member = value(text, start)?;
        if member.kind == ValueKind::Object {
            if around.len() == MAX_DEPTH {
                return Err(JsonError::Object);
            }
            around.push(object);
            object = Object {
                prefix: name.or(object.prefix),
                end: member.end,
            };
            text = &line[..object.end];
            at = skip_space(text, member.start + 1);
            is_open = expect_member(text, at, JsonError::Malformed)?;
            continue;
        }
        // A key of which nothing is left names what is around it, except at the top, where nothing is.
        if let Some(name) = name
            && extraction.wants(name)
        {
            match set(text, member, name, labels, extraction, unescaped) {
                Next::More => {}
                next => return Ok(next),
            }
        }
        (at, is_open) = behind_value(text, member.next)?;
    }
}

/// Whether a member starts at `at`; else the object ends there.
#[inline]
pub(super) fn expect_member(text: &[u8], at: usize, end_of_text: JsonError) -> Result<bool, JsonError> {
    match text.get(at) {
        Some(b'"') => Ok(true),
        Some(b'}') => Ok(false),
        Some(_) => Err(JsonError::Object),
        None => Err(end_of_text),
    }
}

/// Where the next member starts or the object ends, behind a value; and which of the two.
#[inline]
pub(super) fn behind_value(text: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
    let mut at = skip_space(text, at);
    match text.get(at) {
        Some(b'}') => return Ok((at, false)),
        Some(b',') => at = skip_space(text, at + 1),
        Some(_) => return Err(JsonError::Object),
        None => return Err(JsonError::Array),
    }
    Ok((at, expect_member(text, at, JsonError::Array)?))
}

enum Key {
    Plain(usize, usize),
    /// Stands in the buffer.
    Unescaped,
}

/// The key whose opening quote is at `at`, and the position of the colon behind it.
pub(super) fn key_extent(text: &[u8], at: usize) -> Result<(usize, usize, bool, usize), JsonError> {
    let (end, escaped) = string_end(text, at + 1).ok_or(JsonError::Malformed)?;
    let colon = skip_space(text, end + 1);
    Ok((at + 1, end, escaped, colon))
}

fn key(text: &[u8], at: usize, unescaped: &mut Vec<u8>) -> Result<(Key, usize), JsonError> {
    let (start, end, escaped, colon) = key_extent(text, at)?;
    let key = if escaped {
        unescaped.clear();
        unescape(&text[start..end], unescaped)?;
        Key::Unescaped
    } else {
        Key::Plain(start, end)
    };
    if text.get(colon) != Some(&b':') {
        return Err(JsonError::Malformed);
    }
    Ok((key, colon))
}

fn set(
    text: &[u8],
    member: Value,
    name: NameId,
    labels: &mut EntryLabels,
    extraction: &Extraction,
    unescaped: &mut Vec<u8>,
) -> Next {
    if matches!(member.kind, ValueKind::Null | ValueKind::Array) {
        return Next::More;
    }
    let Some(name) = extraction.target(labels, name) else {
        return Next::More;
    };
    let raw = &text[member.start..member.end];
    if member.kind == (ValueKind::String { escaped: true }) {
        set_unescaped(raw, name, labels, unescaped);
    } else {
        labels.set_clean(name, raw);
    }
    extraction.after_json(labels, name)
}

/// Sets a label to the text that a JSON string stands for; to nothing where it has a bad escape.
pub(super) fn set_unescaped(string: &[u8], name: NameId, labels: &mut EntryLabels, buffer: &mut Vec<u8>) {
    buffer.clear();
    if unescape(string, buffer).is_err() {
        buffer.clear();
    }
    labels.set_clean(name, buffer);
}

#[cfg(test)]
mod tests;
