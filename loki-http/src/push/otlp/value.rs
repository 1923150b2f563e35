//! Values of OpenTelemetry as text.

use super::message::{AnyValue, KeyValue, Value};
use base64::Engine as _;
use std::borrow::Cow;

/// Pairs of structured metadata.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Adds an attribute, a map flattened into one pair a leaf; what has no text is left out.
pub(super) fn flatten<'a>(attributes: &'a [KeyValue], prefix: &str, out: &mut Pairs<'a>) {
    for attribute in attributes {
        let name = match prefix {
            "" => Cow::Borrowed(attribute.key.as_str()),
            prefix => Cow::Owned(format!("{prefix}_{}", attribute.key)),
        };
        match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            // The depth is bounded: both readers of messages refuse more than a hundred levels.
            Some(Value::Map(map)) => flatten(&map.values, &name, out),
            Some(value) => {
                let text = text(value);
                if !text.is_empty() {
                    out.push((name, text));
                }
            }
            None => {}
        }
    }
}

/// The text of a value.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Double(value) => Cow::Owned(double(*value)),
        Value::Bytes(bytes) => Cow::Owned(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::Array(_) | Value::Map(_) => Cow::Owned(json(value).to_string()),
    }
}

/// A number with an exponent only where it is tiny or huge.
fn double(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        }
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        value.to_string()
    } else {
        // Rust prints 1.5e21 where Go prints 1.5e+21.
        let text = format!("{value:e}");
        if text.contains("e-") {
            text
        } else {
            text.replace('e', "e+")
        }
    }
}

fn json(value: &Value) -> serde_json::Value {
    let any = |value: &AnyValue| value.value.as_ref().map_or(serde_json::Value::Null, json);
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        // A whole number prints without a point in Go.
        Value::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => (*value as i64).into(),
        Value::Double(value) => (*value).into(),
        Value::Bytes(_) => text(value).into_owned().into(),
        Value::Array(array) => array.values.iter().map(any).collect(),
        Value::Map(map) => {
            let pair = |pair: &KeyValue| {
                (
                    pair.key.clone(),
                    pair.value.as_ref().map_or(serde_json::Value::Null, any),
                )
            };
            serde_json::Value::Object(map.values.iter().map(pair).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{ArrayValue, KeyValueList};
    use super::*;

    fn any(value: Value) -> AnyValue {
        AnyValue { value: Some(value) }
    }

    fn pair(key: &str, value: Value) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: Some(any(value)),
        }
    }

    #[test]
    fn values_print_as_documented() {
        for (value, wanted) in [
            (Value::Text("a".to_owned()), "a"),
            (Value::Bool(false), "false"),
            (Value::Int(-42), "-42"),
            (Value::Double(1.5), "1.5"),
            (Value::Double(1.5e21), "1.5e+21"),
            (Value::Bytes(vec![1, 2, 3]), "AQID"),
            (
                Value::Array(ArrayValue {
                    values: vec![any(Value::Text("<x>".to_owned())), any(Value::Int(2))],
                }),
                r#"["<x>",2]"#,
            ),
        ] {
            assert_eq!(text(&value), wanted);
        }
    }

    #[test]
    fn maps_are_flattened_and_empty_texts_dropped() {
        let inner = Value::Map(KeyValueList {
            values: vec![pair("d", Value::Int(2)), pair("e", Value::Text(String::new()))],
        });
        let outer = Value::Map(KeyValueList {
            values: vec![pair("b", Value::Int(1)), pair("c", inner)],
        });
        let attributes = [pair("a", outer)];
        let mut pairs = Vec::new();
        flatten(&attributes, "", &mut pairs);
        assert_eq!(pairs, [("a_b".into(), "1".into()), ("a_c_d".into(), "2".into())]);
    }
}
