//! Values as Go's `fmt.Print` writes them.

use super::layout;
use super::value::{IntType, Value};
use crate::go::{format_duration, format_general};
use crate::quote::quote;
use std::io::Write as _;

/// The most bytes that one value, and the whole output of a template, may have.
pub(super) const MAX_BYTES: usize = 8 << 20;

/// The message about what grew beyond [`MAX_BYTES`].
pub(super) fn too_large() -> String {
    format!("larger than the limit of {MAX_BYTES} bytes")
}

/// Appends `value` as `%v` does; nil is `<nil>`.
pub(super) fn print(out: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Nil => out.extend_from_slice(b"<nil>"),
        Value::Bool(value) => drop(write!(out, "{value}")),
        Value::Str(text) => out.extend_from_slice(text),
        Value::Float(value) => out.extend_from_slice(format_general(*value).as_bytes()),
        Value::Int(value, IntType::Int | IntType::Int64 | IntType::Uint8) => drop(write!(out, "{value}")),
        Value::List(list) => {
            out.push(b'[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                print(out, item);
            }
            out.push(b']');
        }
        Value::Map(map) | Value::LabelMap(map) => {
            out.extend_from_slice(b"map[");
            for (i, (key, item)) in map.iter().enumerate() {
                if i > 0 {
                    out.push(b' ');
                }
                out.extend_from_slice(key);
                out.push(b':');
                print(out, item);
            }
            out.push(b']');
        }
        // Whoever prints reads the labels first.
        Value::Labels => out.extend_from_slice(b"map[]"),
        Value::Int(..) | Value::Time(_) | Value::Location(_) => {
            out.extend_from_slice(&string_method(value).unwrap_or_default());
        }
    }
}

/// What the method `String` of the value gives, where its type has one.
pub(super) fn string_method(value: &Value<'_>) -> Option<Vec<u8>> {
    let name = |names: &[&str], index: i64, kind: &str| match usize::try_from(index).ok().and_then(|i| names.get(i)) {
        Some(name) => (*name).to_owned(),
        None => format!("%!{kind}({index})"),
    };
    Some(match value {
        Value::Int(nanos, IntType::Duration) => format_duration(*nanos).into_bytes(),
        Value::Int(month, IntType::Month) => name(&layout::MONTHS, month.saturating_sub(1), "Month").into_bytes(),
        Value::Int(day, IntType::Weekday) => name(&layout::WEEKDAYS, *day, "Weekday").into_bytes(),
        Value::Time(time) => layout::format(time, layout::DEFAULT),
        Value::Location(zone) => zone.name().as_bytes().to_vec(),
        _ => return None,
    })
}

/// Go's `Sprint`: a blank between operands of which neither is a string.
pub(super) fn sprint(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut after_string = true;
    for value in values {
        let is_string = matches!(value, Value::Str(_));
        if !is_string && !after_string {
            out.push(b' ');
        }
        print(&mut out, value);
        after_string = is_string;
    }
    out
}

/// Go's `Sprintln`: blanks between all operands, and a newline.
pub(super) fn sprintln(values: &[Value<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        print(&mut out, value);
    }
    out.push(b'\n');
    out
}

/// A character as `%#U` writes it: `U+002D '-'`, without the character where it cannot be printed.
pub(super) fn unicode_name(c: char) -> String {
    let code = format!("U+{:04X}", u32::from(c));
    let quoted = quote(c.encode_utf8(&mut [0; 4]).as_bytes());
    let printable = !quoted.starts_with("\"\\") || matches!(c, '"' | '\\');
    if printable { format!("{code} '{c}'") } else { code }
}
