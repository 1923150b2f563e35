//! Comparison, truth, and parts of values.

use super::{Call, Function};
use crate::template::printf::to_text;
use crate::template::value::Type::Any;
use crate::template::value::{IntType, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

pub(super) const FUNCTIONS: &[Function] = &[
    // The evaluator ends `and` and `or` early; their bodies never run.
    Function::new("and", &[Any], |call| Ok(call.take(0)))
        .rest(Any)
        .labels()
        .short_circuit(false),
    Function::new("or", &[Any], |call| Ok(call.take(0)))
        .rest(Any)
        .labels()
        .short_circuit(true),
    Function::new("not", &[Any], |call| Ok(Value::Bool(!call.args[0].is_true(call.data)))).labels(),
    Function::new("default", &[Any], default).rest(Any),
    Function::new("eq", &[Any], |call| equals_any(call).map(Value::Bool)).rest(Any),
    Function::new("ne", &[Any, Any], |call| {
        equals_any(call).map(|equal| Value::Bool(!equal))
    }),
    Function::new("lt", &[Any, Any], |call| Ok(Value::Bool(is_less(call)?))),
    Function::new("le", &[Any, Any], |call| {
        Ok(Value::Bool(is_less(call)? || equals_any(call)?))
    }),
    Function::new("gt", &[Any, Any], |call| {
        Ok(Value::Bool(!is_less(call)? && !equals_any(call)?))
    }),
    Function::new("ge", &[Any, Any], |call| Ok(Value::Bool(!is_less(call)?))),
    Function::new("len", &[Any], len),
    Function::new("index", &[Any], index).rest(Any).labels(),
    Function::new("slice", &[Any], slice).rest(Any),
    Function::new("call", &[Any], |call| {
        let name = call.first.map_or_else(String::new, ToString::to_string);
        Err(match &call.args[0] {
            Value::Nil => "call of nil".to_owned(),
            value => format!("non-function {name} of type {}", value.type_name()),
        })
    })
    .rest(Any),
];

fn default<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let given = call.args.get(1).is_some_and(|value| !value.is_empty());
    Ok(call.take(usize::from(given)))
}

/// What kinds of values can be compared with each other.
#[derive(PartialEq, Clone, Copy)]
enum Basic {
    Bool,
    Int,
    Float,
    Str,
}

fn basic(value: &Value<'_>) -> Option<Basic> {
    match value {
        Value::Bool(_) => Some(Basic::Bool),
        Value::Int(..) => Some(Basic::Int),
        Value::Float(_) => Some(Basic::Float),
        Value::Str(_) => Some(Basic::Str),
        _ => None,
    }
}

fn incompatible(a: &Value<'_>, b: &Value<'_>) -> String {
    format!(
        "incompatible types for comparison: {} and {}",
        a.type_name(),
        b.type_name()
    )
}

/// Whether the first argument equals any of the others.
fn equals_any(call: &Call<'_, '_>) -> Result<bool, String> {
    let (first, others) = call.args.split_first().ok_or("missing argument for comparison")?;
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if equals(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn equals(a: &Value<'_>, b: &Value<'_>) -> Result<bool, String> {
    match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(matches!((a, b), (Value::Nil, Value::Nil))),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a, _), Value::Int(b, _)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Str(a), Value::Str(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.key() == b.key()),
        _ if basic(a) != basic(b) => Err(incompatible(a, b)),
        _ => Err(format!("non-comparable type {}: {}", to_text(a), a.type_name())),
    }
}

fn is_less(call: &Call<'_, '_>) -> Result<bool, String> {
    let (a, b) = (&call.args[0], &call.args[1]);
    let (Some(kind), Some(other)) = (basic(a), basic(b)) else {
        return Err("invalid type for comparison".to_owned());
    };
    if kind != other {
        return Err(incompatible(a, b));
    }
    let order = match (a, b) {
        (Value::Int(a, _), Value::Int(b, _)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
        _ => return Err("invalid type for comparison".to_owned()),
    };
    Ok(order == Some(Ordering::Less))
}

fn no_type() -> String {
    "reflect: call of reflect.Value.Type on zero Value".to_owned()
}

fn len<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let length = match &call.args[0] {
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) | Value::LabelMap(map) => map.len(),
        Value::Nil => return Err(no_type()),
        value => return Err(format!("len of type {}", value.type_name())),
    };
    Ok(Value::int(length as i64))
}

fn index<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let mut item = call.take(0);
    if let Value::Nil = item {
        return Err("index of untyped nil".to_owned());
    }
    for key in &call.args[1..] {
        item = match item {
            Value::Nil => return Err("index of nil pointer".to_owned()),
            Value::Labels => {
                let name = String::from_utf8_lossy(map_key(key)?);
                let value = call.data.label(&name).unwrap_or_default();
                Value::Str(match value {
                    Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                    Cow::Owned(text) => Cow::Owned(text.into_bytes()),
                })
            }
            Value::LabelMap(map) => map
                .get(map_key(key)?)
                .cloned()
                .unwrap_or(Value::Str(Cow::Borrowed(b""))),
            Value::Map(map) => map.get(map_key(key)?).cloned().unwrap_or(Value::Nil),
            Value::List(list) => list[place(key, list.len(), false)?].clone(),
            Value::Str(text) => Value::Int(i64::from(text[place(key, text.len(), false)?]), IntType::Uint8),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(item)
}

fn map_key<'v>(key: &'v Value<'_>) -> Result<&'v [u8], String> {
    match key {
        Value::Str(key) => Ok(key),
        Value::Nil => Err("value is nil; should be of type string".to_owned()),
        key => Err(format!("value has type {}; should be string", key.type_name())),
    }
}

/// An index below `length`, or up to it.
fn place(index: &Value<'_>, length: usize, inclusive: bool) -> Result<usize, String> {
    match index {
        Value::Int(index, _) => match usize::try_from(*index) {
            Ok(place) if place < length || inclusive && place == length => Ok(place),
            _ => Err(format!("index out of range: {index}")),
        },
        Value::Nil => Err("cannot index slice/array with nil".to_owned()),
        index => Err(format!("cannot index slice/array with type {}", index.type_name())),
    }
}

fn slice<'a>(call: &mut Call<'_, 'a>) -> Result<Value<'a>, String> {
    let item = call.take(0);
    let bounds = &call.args[1..];
    let length = match &item {
        Value::Nil => return Err("slice of untyped nil".to_owned()),
        _ if bounds.len() > 3 => return Err(format!("too many slice indexes: {}", bounds.len())),
        Value::Str(_) if bounds.len() == 3 => return Err("cannot 3-index slice a string".to_owned()),
        Value::Str(text) => text.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut places = [0, length, length];
    for (place_of, bound) in places.iter_mut().zip(bounds) {
        *place_of = place(bound, length, true)?;
    }
    let [start, end, cap] = places;
    for (low, high) in [(start, end), (end, cap)] {
        if low > high {
            return Err(format!("invalid slice index: {low} > {high}"));
        }
    }
    Ok(match item {
        Value::Str(Cow::Borrowed(text)) => Value::Str(Cow::Borrowed(&text[start..end])),
        Value::Str(Cow::Owned(text)) => Value::bytes(text[start..end].to_vec()),
        Value::List(list) => Value::List(Rc::new(list[start..end].to_vec())),
        other => other,
    })
}
