//! What can be filtered by: labels with values that mean something, and the fields of a sample of lines.

use super::scope::Scope;
use crate::{DetectedField, DetectedLabel, Error, ErrorKind, FieldParser, FieldRequest, FieldType, QueryRequest};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use loki_logql::ast::{Expr, Selector};
use loki_logql::{Field, ResultStream, json_fields, logfmt_fields, units};
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// Labels that are told whatever their values are.
const ALWAYS: [&str; 4] = ["cluster", "instance", "namespace", "pod"];
/// Labels that tell of a parser's error, not of a field.
const ERRORS: [&str; 2] = ["__error__", "__error_details__"];

/// The labels of the selected streams whose values are more than numbers and ids.
///
/// # Errors
///
/// A matcher that does not compile, a damaged segment.
pub(crate) fn detected_labels(
    scope: &Scope,
    selectors: &[Selector],
    start: i64,
    end: i64,
) -> Result<Vec<DetectedLabel>, Error> {
    let mut labels = Vec::new();
    for name in scope.label_names(selectors, start, end)? {
        let values = scope.label_values(&name, selectors, start, end)?;
        if ALWAYS.contains(&name.as_str()) || is_telling(&values) {
            labels.push(DetectedLabel {
                name,
                cardinality: values.len() as u64,
            });
        }
    }
    Ok(labels)
}

/// Whether values are a flag, or not all of them numbers and ids.
fn is_telling(values: &BTreeSet<String>) -> bool {
    let is_flag = values.iter().all(|value| value == "0" || value == "1");
    is_flag
        || !values
            .iter()
            .all(|value| units::parse_float(value).is_ok() || is_uuid(value))
}

/// A UUID as it is usually written, in braces, as a URN, or of digits alone.
fn is_uuid(text: &str) -> bool {
    let bare = text
        .strip_prefix("urn:uuid:")
        .or_else(|| text.strip_prefix('{')?.strip_suffix('}'));
    let bytes = bare.unwrap_or(text).as_bytes();
    match bytes.len() {
        36 => bytes.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        }),
        32 => bare.is_none() && bytes.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    }
}

/// The query for the lines in which fields are looked for.
///
/// # Errors
///
/// [`ErrorKind::InvalidQuery`] where it is no log query.
pub(crate) fn sample(request: &FieldRequest) -> Result<QueryRequest, Error> {
    match loki_logql::parse(&request.query)? {
        Expr::Log(_) => {}
        _ => return Err(Error::new(ErrorKind::InvalidQuery, "only log selector is supported")),
    }
    let mut query = QueryRequest::range(&request.query, request.start, request.end).limit(request.line_limit);
    query.categorize = true;
    Ok(query)
}

/// The fields of these lines, sorted by name; at most `limit`, those that come first.
pub(crate) fn detected_fields(streams: &[ResultStream], limit: usize) -> Vec<DetectedField> {
    let mut found: HashMap<String, Found> = HashMap::new();
    each_field(streams, |field| {
        if !found.contains_key(field.name) {
            if found.len() >= limit {
                return;
            }
            found.insert(field.name.to_owned(), Found::default());
        }
        if let Some(known) = found.get_mut(field.name) {
            known.add(&field);
        }
    });
    let mut fields: Vec<DetectedField> = found
        .into_iter()
        .map(|(name, found)| DetectedField {
            name,
            kind: found.kind,
            cardinality: found.values.len() as u64,
            parsers: found.parsers,
            json_path: found.path,
        })
        .collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}

/// The values of the field `name` in these lines, sorted; at most `limit`, those that come first.
pub(crate) fn detected_field_values(streams: &[ResultStream], name: &str, limit: usize) -> Vec<String> {
    let mut values = BTreeSet::new();
    each_field(streams, |field| {
        if field.name == name && values.len() < limit {
            values.insert(match units::parse_size(field.value) {
                Ok(size) if FieldType::of(field.value) == FieldType::Bytes => units::format_size(size),
                _ => field.value.to_owned(),
            });
        }
    });
    values.into_iter().collect()
}

/// A field of a line.
struct Seen<'a> {
    name: &'a str,
    value: &'a str,
    parser: Option<FieldParser>,
    path: &'a [String],
}

/// What is known of a field.
#[derive(Debug, Default)]
struct Found {
    /// Of the value seen last.
    kind: FieldType,
    /// Hashes of the values: two of a few thousand values hardly ever share one.
    values: HashSet<u64>,
    /// In the order of their first sight.
    parsers: Vec<FieldParser>,
    path: Vec<String>,
}

impl Found {
    fn add(&mut self, field: &Seen<'_>) {
        self.kind = FieldType::of(field.value);
        self.values.insert(FixedState::default().hash_one(field.value));
        if let Some(parser) = field.parser.filter(|parser| !self.parsers.contains(parser)) {
            self.parsers.push(parser);
        }
        if self.path.is_empty() {
            self.path.extend_from_slice(field.path);
        }
    }
}

/// Hands over the fields of all lines: structured metadata, what the line holds as JSON or else as logfmt, and what
/// the parsers of the query made of it.
fn each_field(streams: &[ResultStream], mut each: impl FnMut(Seen<'_>)) {
    for stream in streams {
        for entry in &stream.entries {
            for (name, value) in entry.structured_metadata.iter() {
                each(Seen {
                    name,
                    value,
                    parser: None,
                    path: &[],
                });
            }
            let (parser, fields) = match json_fields(&entry.line, &stream.labels) {
                Some(fields) => (Some(FieldParser::Json), fields),
                None => {
                    let fields = logfmt_fields(&entry.line, &stream.labels);
                    ((!fields.is_empty()).then_some(FieldParser::Logfmt), fields)
                }
            };
            let is_field = |name: &str| !ERRORS.contains(&name);
            for Field { name, value, path } in fields.iter().filter(|field| is_field(&field.name)) {
                each(Seen {
                    name,
                    value,
                    parser,
                    path,
                });
            }
            let is_new = |name: &str| !fields.iter().any(|field| field.name == name);
            for (name, value) in entry.parsed.iter().filter(|(name, _)| is_field(name) && is_new(name)) {
                each(Seen {
                    name,
                    value,
                    parser,
                    path: &[],
                });
            }
        }
    }
}

impl FieldType {
    /// The type that a value looks like.
    pub(crate) fn of(value: &str) -> FieldType {
        const BOOLEANS: [&str; 10] = ["t", "T", "TRUE", "true", "True", "f", "F", "FALSE", "false", "False"];
        if value.parse::<i64>().is_ok() {
            FieldType::Int
        } else if units::parse_float(value).is_ok() {
            FieldType::Float
        } else if BOOLEANS.contains(&value) {
            FieldType::Boolean
        } else if units::parse_duration(value).is_ok() {
            FieldType::Duration
        } else if units::parse_size(value).is_ok() {
            FieldType::Bytes
        } else {
            FieldType::String
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_told_by_the_value() {
        for (value, kind) in [
            ("1", FieldType::Int),
            ("-7", FieldType::Int),
            ("12345678901234567890", FieldType::Float),
            ("1e3", FieldType::Float),
            ("True", FieldType::Boolean),
            ("1m2s", FieldType::Duration),
            ("1.5 MiB", FieldType::Bytes),
            ("", FieldType::String),
            ("5 apples", FieldType::String),
        ] {
            assert_eq!(FieldType::of(value), kind, "{value}");
        }
    }

    #[test]
    fn labels_of_numbers_and_ids_tell_nothing() {
        let telling = |values: &[&str]| is_telling(&values.iter().map(|&value| value.to_owned()).collect());
        assert!(!telling(&["1.5", "17"]));
        assert!(!telling(&[
            "7",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "{f47ac10b-58cc-4372-a567-0e02b2c3d479}"
        ]));
        assert!(!telling(&[
            "f47ac10b58cc4372a5670e02b2c3d479",
            "urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479"
        ]));
        assert!(telling(&["0", "1"]));
        assert!(telling(&["0", "1", "eu"]));
        assert!(telling(&["f47ac10b-58cc-4372-a567-0e02b2c3d47x"]));
    }
}
