//! The parser `| json a="b.c[0]"`: single values out of a JSON text.

use super::entry_labels::EntryLabels;
use super::extraction::Extraction;
use super::json::{JSON_ERROR, set_unescaped};
use super::json_path::{self, Step};
use super::json_scan::{JsonError, Value, ValueKind, block_end, skip_space, string_end, unescape, value};
use super::names::{NameId, Names};
use crate::ast;
use std::ops::ControlFlow;

/// A compiled `| json` with expressions.
#[derive(Debug)]
pub(super) struct JsonPaths {
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    name: NameId,
    steps: Vec<Step>,
}

/// Buffers of the parser, reused from line to line.
#[derive(Debug, Default)]
pub(super) struct PathScratch {
    /// For each target what was found.
    found: Vec<Option<Result<Value, JsonError>>>,
    key: Vec<u8>,
}

impl JsonPaths {
    /// Compiles the expressions.
    pub(super) fn compile(extractions: &[ast::Extraction], names: &mut Names) -> Result<JsonPaths, String> {
        let mut targets = Vec::with_capacity(extractions.len());
        for extraction in extractions {
            let path = extraction.path.to_str();
            let steps =
                json_path::parse(&path).map_err(|message| format!("cannot parse expression [{path}]: {message}"))?;
            targets.push(Target {
                name: names.intern(&extraction.name),
                steps,
            });
        }
        Ok(JsonPaths { targets })
    }

    /// Extracts the values at the paths; a path that leads nowhere gives an empty label.
    pub(super) fn parse(
        &self,
        line: &[u8],
        labels: &mut EntryLabels,
        extraction: &Extraction,
        scratch: &mut PathScratch,
    ) {
        if line.is_empty() || extraction.is_done(labels) {
            return;
        }
        if !matches!(line[0], b'{' | b'[' | b'"') {
            return extraction.fail(labels, JSON_ERROR, None);
        }
        let PathScratch { found, key } = scratch;
        found.clear();
        found.resize(self.targets.len(), None);
        if let Err(error) = self.find(line, found, key) {
            extraction.fail(labels, JSON_ERROR, Some(error.details()));
        }
        for (target, found) in self.targets.iter().zip(found) {
            match found {
                Some(Ok(value)) => {
                    let name = labels.free_name(target.name);
                    set(line, value, name, labels, key);
                }
                Some(Err(error)) => extraction.fail(labels, JSON_ERROR, Some(error.details())),
                None => {}
            }
            if !matches!(found, Some(Ok(_))) && !labels.is_taken(target.name) && labels.value(target.name).is_none() {
                labels.set_parsed(target.name, "");
            }
        }
    }

    /// Finds the values of all paths in one walk over the outermost members or elements.
    fn find(
        &self,
        line: &[u8],
        found: &mut [Option<Result<Value, JsonError>>],
        key: &mut Vec<u8>,
    ) -> Result<(), JsonError> {
        let mut missing = self.targets.len();
        let mut visit = |is_child: &dyn Fn(&Step) -> bool, at: usize| {
            for (target, found) in self.targets.iter().zip(found.iter_mut()) {
                let Some((first, rest)) = target.steps.split_first() else { continue };
                if found.is_none() && is_child(first) {
                    *found = descend(line, at, rest);
                    missing -= usize::from(found.is_some());
                }
            }
            if missing == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        if line[0] == b'[' {
            elements(line, 0, |index, at| visit(&|step| *step == Step::Index(index), at));
            return Ok(());
        }
        members(line, 0, line.len(), key, |key, at| {
            visit(&|step| matches!(step, Step::Key(wanted) if **wanted == *key), at)
        })
    }
}

/// The value at the end of the path that starts with the value at `at`; `None` where it leads nowhere.
fn descend(text: &[u8], mut at: usize, steps: &[Step]) -> Option<Result<Value, JsonError>> {
    let mut buffer = Vec::new();
    for step in steps {
        let mut child = None;
        match (step, text.get(at)?) {
            (Step::Index(wanted), b'[') => elements(text, at, |index, at| {
                if index < *wanted {
                    return ControlFlow::Continue(());
                }
                child = Some(at);
                ControlFlow::Break(())
            }),
            (Step::Key(wanted), b'{') => {
                let end = block_end(text, at, b'{', b'}').unwrap_or(text.len());
                let walked = members(text, at, end, &mut buffer, |key, at| {
                    if *key != **wanted {
                        return ControlFlow::Continue(());
                    }
                    child = Some(at);
                    ControlFlow::Break(())
                });
                walked.ok()?;
            }
            _ => return None,
        }
        at = child?;
    }
    Some(value(text, at))
}

/// Calls `each` with the key and the place of the value of every member of the object at `at`.
///
/// Anything between members is passed over. A key outside any object is an error.
fn members(
    text: &[u8],
    mut at: usize,
    end: usize,
    buffer: &mut Vec<u8>,
    mut each: impl FnMut(&[u8], usize) -> ControlFlow<()>,
) -> Result<(), JsonError> {
    let text = &text[..end];
    let mut is_inside = false;
    while at < text.len() {
        match text[at] {
            b'"' => {
                let Some((key_end, escaped)) = string_end(text, at + 1) else {
                    return Ok(());
                };
                let colon = skip_space(text, key_end + 1);
                if text.get(colon) != Some(&b':') {
                    at = key_end + 1;
                    continue;
                }
                if !is_inside {
                    return Err(JsonError::Malformed);
                }
                let start = skip_space(text, colon + 1);
                if start == text.len() {
                    return Ok(());
                }
                let mut key = &text[at + 1..key_end];
                if escaped {
                    buffer.clear();
                    // A bad escape makes a key that no path names.
                    key = if unescape(key, buffer).is_ok() { buffer } else { b"" };
                }
                if each(key, start).is_break() {
                    return Ok(());
                }
                match value(text, start) {
                    Ok(value) => at = value.next,
                    Err(JsonError::UnknownValue) => at = start,
                    Err(_) => return Ok(()),
                }
            }
            b'{' => {
                is_inside = true;
                at += 1;
            }
            b'}' => {
                is_inside = false;
                at += 1;
            }
            b'[' => match block_end(text, at, b'[', b']') {
                Some(end) => at = end,
                None => return Ok(()),
            },
            _ => at += 1,
        }
    }
    Ok(())
}

/// Calls `each` with the number and the place of every element of the array at `at`, up to anything unexpected.
fn elements(text: &[u8], at: usize, mut each: impl FnMut(usize, usize) -> ControlFlow<()>) {
    let mut at = skip_space(text, at + 1);
    let mut index = 0;
    while at < text.len() && text[at] != b']' {
        if each(index, at).is_break() {
            return;
        }
        let Ok(element) = value(text, at) else { return };
        at = skip_space(text, element.next);
        if text.get(at) != Some(&b',') {
            return;
        }
        at = skip_space(text, at + 1);
        index += 1;
    }
}

fn set(line: &[u8], value: &Value, name: NameId, labels: &mut EntryLabels, buffer: &mut Vec<u8>) {
    let raw = &line[value.start..value.end];
    match value.kind {
        ValueKind::Null => labels.set_parsed(name, ""),
        ValueKind::Object => labels.set_clean(name, raw),
        _ => set_unescaped(raw, name, labels, buffer),
    }
}
