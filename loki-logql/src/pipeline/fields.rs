//! The fields of one line, found as `| json` and `| logfmt` find them, with the way to each.

use super::json::{MAX_DEPTH, behind_value, expect_member, key_extent};
use super::json_scan::{self, JsonError, Value, ValueKind, skip_space, value};
use super::logfmt_scan::{self, Pairs};
use super::names::push_sanitized;
use crate::Labels;
use std::collections::HashSet;

/// A field that a parser finds in a line.
///
/// ```
/// use loki_logql::{Labels, json_fields};
/// let fields = json_fields(br#"{"user":{"id":7}}"#, &Labels::default()).expect("an object");
/// assert_eq!((fields[0].name.as_str(), fields[0].value.as_str()), ("user_id", "7"));
/// assert_eq!(fields[0].path, ["user", "id"]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The label that the parser makes of it.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The keys that lead to it, as the line has them; empty for logfmt.
    pub path: Vec<String>,
}

/// The fields of a line that `| json` accepts, in their order; of a repeated name the first. A name that the stream
/// has gets `_extracted` behind it.
pub fn json_fields(line: &[u8], stream: &Labels) -> Option<Vec<Field>> {
    json(line, Found::new(stream)).ok()
}

/// The fields of a line as `| logfmt` finds them, in their order; of a repeated name the first, and none that is
/// empty.
pub fn logfmt_fields(line: &[u8], stream: &Labels) -> Vec<Field> {
    let mut found = Found::new(stream);
    let mut unescaped = Vec::new();
    for pair in Pairs::new(line).flatten().filter(|pair| !pair.value.is_empty()) {
        let mut name = String::new();
        push_sanitized(&mut name, pair.key);
        if pair.escaped {
            unescaped.clear();
            logfmt_scan::unescape(pair.value, &mut unescaped);
            found.add(name, clean(&unescaped), &[]);
        } else {
            found.add(name, clean(pair.value), &[]);
        }
    }
    found.fields
}

/// What was found so far.
struct Found<'s> {
    stream: &'s Labels,
    fields: Vec<Field>,
    names: HashSet<String>,
}

impl Found<'_> {
    fn new(stream: &Labels) -> Found<'_> {
        Found {
            stream,
            fields: Vec::new(),
            names: HashSet::new(),
        }
    }

    fn add(&mut self, mut name: String, value: String, path: &[String]) {
        if self.stream.value(&name).is_some() {
            name.push_str("_extracted");
        }
        if !name.is_empty() && self.names.insert(name.clone()) {
            let path = path.to_vec();
            self.fields.push(Field { name, value, path });
        }
    }
}

/// An object that is being read: where it ends, and how long the name that leads to it is.
struct Object {
    end: usize,
    name_length: usize,
}

fn json(line: &[u8], mut found: Found<'_>) -> Result<Vec<Field>, JsonError> {
    let mut around: Vec<Object> = Vec::new();
    let mut path: Vec<String> = Vec::new();
    let mut name = String::new();
    let mut object = Object {
        end: line.len(),
        name_length: 0,
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
            let Some(outer) = around.pop() else {
                return Ok(found.fields);
            };
            at = object.end;
            object = outer;
            path.pop();
            text = &line[..object.end];
            (at, is_open) = behind_value(text, at)?;
            continue;
        }
        let (start, end, escaped, colon) = key_extent(text, at)?;
        let key = if escaped {
            unescape(&text[start..end])?
        } else {
            text[start..end].to_vec()
        };
        if text.get(colon) != Some(&b':') {
            return Err(JsonError::Malformed);
        }
        name.truncate(object.name_length);
        push_sanitized(&mut name, &key);
        path.push(clean(&key));
        let start = skip_space(text, colon + 1);
        if start == text.len() {
            return Err(JsonError::Malformed);
        }
        let member = value(text, start)?;
        if member.kind == ValueKind::Object {
            if around.len() == MAX_DEPTH {
                return Err(JsonError::Object);
            }
            let inner = Object {
                end: member.end,
                name_length: name.len(),
            };
            around.push(std::mem::replace(&mut object, inner));
            text = &line[..object.end];
            at = skip_space(text, member.start + 1);
            is_open = expect_member(text, at, JsonError::Malformed)?;
            continue;
        }
        if let Some(value) = scalar(text, member) {
            found.add(name.clone(), value, &path);
        }
        path.pop();
        (at, is_open) = behind_value(text, member.next)?;
    }
}

/// The text of a value that becomes a label; one with a bad escape is empty.
fn scalar(text: &[u8], member: Value) -> Option<String> {
    let raw = &text[member.start..member.end];
    match member.kind {
        ValueKind::Null | ValueKind::Array | ValueKind::Object => None,
        ValueKind::String { escaped: true } => Some(clean(&unescape(raw).unwrap_or_default())),
        _ => Some(clean(raw)),
    }
}

fn unescape(string: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::with_capacity(string.len());
    json_scan::unescape(string, &mut out)?;
    Ok(out)
}

/// As parsers write values: what is no UTF-8 becomes a blank.
fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.replace(char::REPLACEMENT_CHARACTER, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MemorySource;
    use crate::{Plan, QueryResult, Request, Time, parse};
    use proptest::prelude::*;

    /// What the stage makes of the line, as a label set; `None` where it fails.
    fn parsed(line: &str, stage: &str, stream: &Labels) -> Option<Labels> {
        let mut source = MemorySource::new();
        source.push(stream, 1, line, &[]);
        let mut request = Request::new(Time::Range {
            start: 0,
            end: 2,
            step: 1,
        });
        request.categorize = true;
        let plan = Plan::compile(&parse(&format!("{{app=\"x\"}} | {stage}")).expect("valid")).expect("compiles");
        let QueryResult::Streams(streams) = plan.evaluate(&source, &request).expect("answers").result else {
            panic!("lines");
        };
        let parsed = streams[0].entries[0].parsed.clone();
        parsed.value("__error__").is_none().then_some(parsed)
    }

    fn labels(fields: Vec<Field>) -> Labels {
        Labels::from_pairs(fields.into_iter().map(|field| (field.name, field.value)))
    }

    proptest! {
        /// Pieces that make JSON, nearly JSON, logfmt and neither.
        #[test]
        fn fields_are_the_labels_that_the_parsers_extract(
            pieces in prop::collection::vec(prop::sample::select(vec![
                "{", "}", "\"a\"", ":", ",", "\"b c\"", "1", "true", "null", "[1,{}]", " ", "\"\\n\"", "\"app\"",
                "{\"a\":{\"b\":2},\"1\":\"x\"", "a=b", " c=\"d e\"", "app=1", "=", "é", "\"\\ud800\"",
            ]), 0..12),
        ) {
            let line = pieces.concat();
            let stream = Labels::from_pairs([("app", "x")]);
            prop_assert_eq!(json_fields(line.as_bytes(), &stream).map(labels), parsed(&line, "json", &stream));
            prop_assert_eq!(Some(labels(logfmt_fields(line.as_bytes(), &stream))), parsed(&line, "logfmt", &stream));
        }
    }

    #[test]
    fn the_way_to_a_field_has_the_keys_as_written() {
        let line = br#"{"request":{"e f":{"1":"x"}},"top":2}"#;
        let fields = json_fields(line, &Labels::default()).expect("an object");
        assert_eq!(fields[0].name, "request_e_f_1");
        assert_eq!(fields[0].path, ["request", "e f", "1"]);
        assert_eq!(fields[1].path, ["top"]);
    }
}
