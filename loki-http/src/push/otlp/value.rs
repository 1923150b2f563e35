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
            Some(Value::KvlistValue(map)) => flatten(&map.values, &name, out),
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
        Value::StringValue(text) => Cow::Borrowed(text),
        Value::BoolValue(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
        Value::IntValue(value) => Cow::Owned(value.to_string()),
        Value::DoubleValue(value) => Cow::Owned(double(*value)),
        Value::BytesValue(bytes) => Cow::Owned(base64::engine::general_purpose::STANDARD.encode(bytes)),
        Value::ArrayValue(_) | Value::KvlistValue(_) => Cow::Owned(json(value).to_string()),
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
        Value::StringValue(text) => text.as_str().into(),
        Value::BoolValue(value) => (*value).into(),
        Value::IntValue(value) => (*value).into(),
        // A whole number prints without a point in Go.
        Value::DoubleValue(value) if value.fract() == 0.0 && value.abs() < 9e15 => (*value as i64).into(),
        Value::DoubleValue(value) => (*value).into(),
        Value::BytesValue(_) => text(value).into_owned().into(),
        Value::ArrayValue(array) => array.values.iter().map(any).collect(),
        Value::KvlistValue(map) => {
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
            (Value::StringValue("a".to_owned()), "a"),
            (Value::BoolValue(false), "false"),
            (Value::IntValue(-42), "-42"),
            (Value::DoubleValue(1.5), "1.5"),
            (Value::DoubleValue(1.5e21), "1.5e+21"),
            (Value::BytesValue(vec![1, 2, 3]), "AQID"),
            (
                Value::ArrayValue(ArrayValue {
                    values: vec![any(Value::StringValue("<x>".to_owned())), any(Value::IntValue(2))],
                }),
                r#"["<x>",2]"#,
            ),
        ] {
            assert_eq!(text(&value), wanted);
        }
    }

    #[test]
    fn maps_are_flattened_and_empty_texts_dropped() {
        let inner = Value::KvlistValue(KeyValueList {
            values: vec![
                pair("d", Value::IntValue(2)),
                pair("e", Value::StringValue(String::new())),
            ],
        });
        let outer = Value::KvlistValue(KeyValueList {
            values: vec![pair("b", Value::IntValue(1)), pair("c", inner)],
        });
        let attributes = [pair("a", outer)];
        let mut pairs = Vec::new();
        flatten(&attributes, "", &mut pairs);
        assert_eq!(pairs, [("a_b".into(), "1".into()), ("a_c_d".into(), "2".into())]);
    }
}
