//! A rule group from YAML.

use crate::config;
use loki_core::{Period, Rule, RuleGroup};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A text that is no rule group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to decoded rule group")]
pub(crate) struct Unreadable;

/// The rule group that `text` holds. Keys that are not known are not looked at, as in Loki.
pub(crate) fn read_group(text: &[u8]) -> Result<RuleGroup, Unreadable> {
    group(yaml(text)?)
}

/// The rule groups of a file as Prometheus reads them: `groups: [...]`.
pub(crate) fn read_file(text: &[u8]) -> Result<Vec<RuleGroup>, Unreadable> {
    let mut keys = object(yaml(text)?)?;
    let groups = keys.remove("groups").unwrap_or_default();
    match (groups, keys.is_empty()) {
        (Value::Array(groups), true) => groups.into_iter().map(group).collect(),
        (Value::Null, true) => Ok(Vec::new()),
        _ => Err(Unreadable),
    }
}

fn yaml(text: &[u8]) -> Result<Value, Unreadable> {
    let text = std::str::from_utf8(text).map_err(|_| Unreadable)?;
    config::parse_yaml(text).map_err(|_| Unreadable)
}

fn group(value: Value) -> Result<RuleGroup, Unreadable> {
    let mut keys = object(value)?;
    let rules = match keys.remove("rules") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(rules)) => rules.into_iter().map(read_rule).collect::<Result<_, _>>()?,
        Some(_) => return Err(Unreadable),
    };
    let limit = match keys.remove("limit") {
        None | Some(Value::Null) => 0,
        Some(limit) => limit.as_u64().ok_or(Unreadable)?,
    };
    Ok(RuleGroup {
        name: text_of(&mut keys, "name")?,
        interval: period(&mut keys, "interval")?,
        limit,
        rules,
    })
}

fn read_rule(value: Value) -> Result<Rule, Unreadable> {
    let mut keys = object(value)?;
    Ok(Rule {
        record: text_of(&mut keys, "record")?,
        alert: text_of(&mut keys, "alert")?,
        expr: text_of(&mut keys, "expr")?,
        pending_for: period(&mut keys, "for")?,
        keep_firing_for: period(&mut keys, "keep_firing_for")?,
        labels: texts(&mut keys, "labels")?,
        annotations: texts(&mut keys, "annotations")?,
    })
}

fn object(value: Value) -> Result<Map<String, Value>, Unreadable> {
    match value {
        Value::Object(keys) => Ok(keys),
        Value::Null => Ok(Map::new()),
        _ => Err(Unreadable),
    }
}

/// A scalar as the text that it was written as.
fn text(value: Value) -> Result<String, Unreadable> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(Unreadable),
    }
}

fn text_of(keys: &mut Map<String, Value>, key: &str) -> Result<String, Unreadable> {
    keys.remove(key).map_or_else(|| Ok(String::new()), text)
}

fn period(keys: &mut Map<String, Value>, key: &str) -> Result<Period, Unreadable> {
    match text_of(keys, key)?.as_str() {
        "" => Ok(Period::ZERO),
        text => match text.parse() {
            Ok(period) if period >= Period::ZERO => Ok(period),
            _ => Err(Unreadable),
        },
    }
}

fn texts(keys: &mut Map<String, Value>, key: &str) -> Result<BTreeMap<String, String>, Unreadable> {
    let pairs = object(keys.remove(key).unwrap_or_default())?;
    pairs
        .into_iter()
        .map(|(name, value)| Ok((name, text(value)?)))
        .collect()
}
