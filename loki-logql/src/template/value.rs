//! What expressions give: the values of Go that a template can meet.

use super::data::Data;
use super::time::{Time, Zone};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A value. Strings are bytes, as in Go.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64, IntType),
    Float(f64),
    Str(Cow<'a, [u8]>),
    /// `[]interface {}`.
    List(Rc<Vec<Value<'a>>>),
    /// `map[string]interface {}`.
    Map(Rc<Map<'a>>),
    /// The labels of the entry, read one by one as long as nobody wants them all.
    Labels,
    /// The labels of the entry, all of them: `map[string]string`.
    LabelMap(Rc<Map<'a>>),
    Time(Time),
    Location(Zone),
}

/// A map with its keys sorted.
pub(super) type Map<'a> = BTreeMap<Cow<'a, [u8]>, Value<'a>>;

/// Go's integer types, and the named ones with methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntType {
    Int,
    Int64,
    Uint8,
    /// Nanoseconds.
    Duration,
    /// From 1.
    Month,
    /// From 0, Sunday.
    Weekday,
}

/// What a function parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Str,
    Int,
    Float,
    Time,
    Duration,
    Location,
}

impl Type {
    pub(super) fn name(self) -> &'static str {
        match self {
            Type::Any => "interface {}",
            Type::Str => "string",
            Type::Int => "int",
            Type::Float => "float64",
            Type::Time => "time.Time",
            Type::Duration => "time.Duration",
            Type::Location => "*time.Location",
        }
    }

    pub(super) fn takes(self, value: &Value<'_>) -> bool {
        match self {
            Type::Any => true,
            Type::Str => matches!(value, Value::Str(_)),
            Type::Int => matches!(value, Value::Int(_, IntType::Int)),
            Type::Float => matches!(value, Value::Float(_)),
            Type::Time => matches!(value, Value::Time(_)),
            Type::Duration => matches!(value, Value::Int(_, IntType::Duration)),
            Type::Location => matches!(value, Value::Location(_)),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn int(value: i64) -> Value<'a> {
        Value::Int(value, IntType::Int)
    }

    pub(super) fn int64(value: i64) -> Value<'a> {
        Value::Int(value, IntType::Int64)
    }

    pub(super) fn str(text: impl Into<String>) -> Value<'a> {
        Value::Str(Cow::Owned(text.into().into_bytes()))
    }

    pub(super) fn bytes(bytes: Vec<u8>) -> Value<'a> {
        Value::Str(Cow::Owned(bytes))
    }

    /// Go's name of the value's type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_, kind) => match kind {
                IntType::Int => "int",
                IntType::Int64 => "int64",
                IntType::Uint8 => "uint8",
                IntType::Duration => "time.Duration",
                IntType::Month => "time.Month",
                IntType::Weekday => "time.Weekday",
            },
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::List(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
            Value::Labels | Value::LabelMap(_) => "map[string]string",
            Value::Time(_) => "time.Time",
            Value::Location(_) => "*time.Location",
        }
    }

    /// Whether `if` takes the value for true.
    pub(super) fn is_true(&self, data: &dyn Data) -> bool {
        match self {
            Value::Labels => !data.labels().is_empty(),
            _ => !self.is_empty(),
        }
    }

    /// Whether the value is the nothing of its type, for everything but [`Value::Labels`].
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Value::Nil => true,
            Value::Bool(value) => !value,
            Value::Int(value, _) => *value == 0,
            Value::Float(value) => *value == 0.0,
            Value::Str(text) => text.is_empty(),
            Value::List(list) => list.is_empty(),
            Value::Map(map) | Value::LabelMap(map) => map.is_empty(),
            Value::Labels | Value::Time(_) | Value::Location(_) => false,
        }
    }

    /// The value with all labels read, where it is the labels.
    pub(super) fn whole(self, data: &dyn Data) -> Value<'a> {
        match self {
            Value::Labels => {
                let pairs = data.labels().into_iter();
                let map = pairs.map(|(name, value)| (Cow::Owned(name.into_bytes()), Value::str(value)));
                Value::LabelMap(Rc::new(map.collect()))
            }
            value => value,
        }
    }

    /// Roughly how many bytes the value takes, for the budget.
    pub(super) fn weight(&self) -> usize {
        match self {
            Value::Str(text) => text.len(),
            Value::List(list) => 16 * list.len(),
            Value::Map(map) | Value::LabelMap(map) => 32 * map.len(),
            _ => 1,
        }
    }
}
