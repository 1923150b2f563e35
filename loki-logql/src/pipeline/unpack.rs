//! The parser `| unpack`: labels and a line that were packed into one JSON object.

use super::entry_labels::EntryLabels;
use super::extraction::{Extraction, Next};
use super::json::{JSON_ERROR, set_unescaped};
use super::json_scan::{JsonError, ValueKind, skip_space, string_end, unescape, value};
use super::names::NameId;
use std::ops::Range;

/// The key of the packed line.
const ENTRY_KEY: &[u8] = b"_entry";

/// Buffers of the parser, reused from line to line.
#[derive(Debug, Default)]
pub(super) struct UnpackScratch {
    /// The labels to set, once it is known that there is a line.
    labels: Vec<(NameId, Range<usize>)>,
    key: Vec<u8>,
    entry: Vec<u8>,
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unpacked {
    /// The line is as it was.
    Unchanged,
    /// The line was replaced.
    Replaced,
    /// The entry is dropped.
    Dropped,
}

/// Unpacks `line`; a new line is written to `out`.
pub(super) fn parse(
    line: &[u8],
    labels: &mut EntryLabels,
    extraction: &Extraction,
    scratch: &mut UnpackScratch,
    out: &mut Vec<u8>,
) -> Unpacked {
    if line.is_empty() || extraction.is_done(labels) {
        return Unpacked::Unchanged;
    }
    match read(line, labels, extraction, scratch) {
        Ok(false) => return Unpacked::Unchanged,
        Ok(true) => {}
        Err(error) => {
            extraction.fail(labels, JSON_ERROR, Some(error.details()));
            return Unpacked::Unchanged;
        }
    }
    let UnpackScratch {
        labels: found,
        key,
        entry,
    } = scratch;
    for (name, string) in found.drain(..) {
        set_unescaped(&line[string], name, labels, key);
        if extraction.after(labels, name) == Next::Drop {
            return Unpacked::Dropped;
        }
    }
    std::mem::swap(out, entry);
    Unpacked::Replaced
}

/// Collects the members that are strings; whether there is a line among them.
fn read(
    line: &[u8],
    labels: &mut EntryLabels,
    extraction: &Extraction,
    scratch: &mut UnpackScratch,
) -> Result<bool, JsonError> {
    let UnpackScratch {
        labels: found,
        key,
        entry,
    } = scratch;
    found.clear();
    if line[0] != b'{' {
        return Err(JsonError::NoObject);
    }
    let mut has_entry = false;
    let mut at = skip_space(line, 1);
    let mut end_of_text = JsonError::Malformed;
    loop {
        match line.get(at) {
            Some(b'"') => {}
            Some(b'}') => return Ok(has_entry),
            Some(_) => return Err(JsonError::Object),
            None => return Err(end_of_text),
        }
        let (end, escaped) = string_end(line, at + 1).ok_or(JsonError::Malformed)?;
        key.clear();
        if escaped {
            unescape(&line[at + 1..end], key)?;
        } else {
            key.extend_from_slice(&line[at + 1..end]);
        }
        let colon = skip_space(line, end + 1);
        let start = skip_space(line, (colon + 1).min(line.len()));
        if line.get(colon) != Some(&b':') || start == line.len() {
            return Err(JsonError::Malformed);
        }
        let member = value(line, start)?;
        if matches!(member.kind, ValueKind::String { .. }) {
            let string = member.start..member.end;
            if *key == ENTRY_KEY {
                entry.clear();
                unescape(&line[string], entry)?;
                has_entry = true;
            } else if let Some(name) = target(key, labels, extraction) {
                found.push((name, string));
            }
        }
        at = skip_space(line, member.next);
        match line.get(at) {
            Some(b',') => at = skip_space(line, at + 1),
            Some(b'}') => return Ok(has_entry),
            Some(_) => return Err(JsonError::Object),
            None => return Err(JsonError::Array),
        }
        end_of_text = JsonError::Array;
    }
}

/// Where to store the member `key`. Whether its name is taken is asked of the key as it is written.
fn target(key: &[u8], labels: &mut EntryLabels, extraction: &Extraction) -> Option<NameId> {
    let name = labels.key(None, key)?;
    if !extraction.wants(name) {
        return None;
    }
    let written = std::str::from_utf8(key).ok().and_then(|key| labels.find(key));
    let name = match written {
        Some(written) if labels.is_taken(written) => labels.extracted_name(name),
        _ => name,
    };
    (!labels.is_extracted(name)).then_some(name)
}
