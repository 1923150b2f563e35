//! What Prometheus' templates do with the results of queries.

use super::Function;
use crate::VectorSample;
use crate::template::value::Type::{Any, Str};
use crate::template::value::{Map, Value};
use std::borrow::Cow;
use std::rc::Rc;

/// The fields of a sample.
const LABELS: &[u8] = b"Labels";
const VALUE: &[u8] = b"Value";
/// The label that `strvalue` reads.
const TEXT_VALUE: &[u8] = b"__value__";

/// Those that make queries and read their results.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("query", &[Str], |call| {
        let found = call.data.query(&call.text(0))?;
        Ok(Value::List(Rc::new(found.into_iter().map(sample).collect())))
    }),
    Function::new("first", &[Any], |call| {
        let first = vector(&call.args[0])?.first();
        first
            .cloned()
            .ok_or_else(|| "first() called on vector with no elements".to_owned())
    }),
    Function::new("label", &[Str, Any], |call| {
        let value = label(&call.args[1], call.bytes(0))?;
        Ok(Value::bytes(value.to_vec()))
    }),
    Function::new("strvalue", &[Any], |call| {
        let value = label(&call.args[0], TEXT_VALUE)?;
        Ok(Value::bytes(value.to_vec()))
    }),
    Function::new("value", &[Any], |call| match fields(&call.args[0])?.get(VALUE) {
        Some(value) => Ok(value.clone()),
        None => Err(no_sample(&call.args[0])),
    }),
    Function::new("sortByLabel", &[Str, Any], |call| {
        let name = call.bytes(0).to_vec();
        let mut keyed = Vec::new();
        for sample in vector(&call.args[1])? {
            keyed.push((label(sample, &name)?.to_vec(), sample.clone()));
        }
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Value::List(Rc::new(
            keyed.into_iter().map(|(_, sample)| sample).collect(),
        )))
    }),
    Function::new("args", &[], |call| {
        let named = call.args.iter().enumerate();
        let named = named.map(|(n, value)| (Cow::Owned(format!("arg{n}").into_bytes()), value.clone()));
        Ok(Value::Map(Rc::new(named.collect())))
    })
    .rest(Any),
];

/// A sample as templates see it: `.Labels` and `.Value`.
fn sample<'a>(found: VectorSample) -> Value<'a> {
    let labels = found.labels.iter();
    let labels = labels.map(|(name, value)| (Cow::Owned(name.as_bytes().to_vec()), Value::str(value)));
    let fields: Map<'a> = [
        (Cow::Borrowed(LABELS), Value::LabelMap(Rc::new(labels.collect()))),
        (Cow::Borrowed(VALUE), Value::Float(found.sample.value)),
    ]
    .into();
    Value::Map(Rc::new(fields))
}

fn vector<'v, 'a>(value: &'v Value<'a>) -> Result<&'v [Value<'a>], String> {
    match value {
        Value::List(samples) => Ok(samples),
        other => Err(format!("expected the result of a query; found {}", other.type_name())),
    }
}

fn fields<'v, 'a>(value: &'v Value<'a>) -> Result<&'v Map<'a>, String> {
    match value {
        Value::Map(fields) => Ok(fields),
        other => Err(no_sample(other)),
    }
}

/// The value of a label of a sample; empty where it has none.
fn label<'v>(sample: &'v Value<'_>, name: &[u8]) -> Result<&'v [u8], String> {
    match fields(sample)?.get(LABELS) {
        Some(Value::LabelMap(labels)) => match labels.get(name) {
            Some(Value::Str(text)) => Ok(text),
            _ => Ok(b""),
        },
        _ => Err(no_sample(sample)),
    }
}

fn no_sample(value: &Value<'_>) -> String {
    format!("expected a sample of a query; found {}", value.type_name())
}
