//! `limits_config` and the file of overrides.

use super::Error;
use loki_core::{Limits, Period, TenantId};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Limits on top of `base`: the keys of `given` replace those of `base`. Keys that this engine does not have are added
/// to `unused`.
pub(super) fn merge(
    base: &Limits,
    given: Map<String, Value>,
    path: &str,
    unused: &mut Vec<String>,
) -> Result<Limits, Error> {
    let Ok(Value::Object(mut all)) = serde_json::to_value(base) else {
        return Err(Error::value(path, "limits cannot be represented"));
    };
    let mut limits = base.clone();
    for (key, value) in given {
        if value.is_null() {
            continue;
        }
        if !all.contains_key(&key) {
            unused.push(format!("{path}.{key}"));
            continue;
        }
        let shown = value.to_string();
        overlay(all.entry(key.clone()).or_insert(Value::Null), value);
        // One key at a time, so that the error is that key's.
        let named = |error| Error::value(format!("{path}.{key}"), format!("{shown}: {error}"));
        limits = serde_json::from_value(Value::Object(all.clone())).map_err(named)?;
    }
    check(&limits, path)?;
    Ok(limits)
}

/// Puts `value` in the place of another; of a mapping only the keys that it has.
fn overlay(place: &mut Value, value: Value) {
    match (place, value) {
        (Value::Object(place), Value::Object(keys)) => {
            for (key, value) in keys {
                overlay(place.entry(key).or_insert(Value::Null), value);
            }
        }
        (place, value) => *place = value,
    }
}

/// Without `compactor.retention_enabled` nothing expires, whatever the limits say. Says whether they said anything.
pub(super) fn disable_retention(limits: &mut Limits) -> bool {
    let is_set = limits.retention_period != Period::ZERO || !limits.retention_stream.is_empty();
    limits.retention_period = Period::ZERO;
    limits.retention_stream.clear();
    is_set
}

/// What Loki refuses at start.
fn check(limits: &Limits, path: &str) -> Result<(), Error> {
    for stream in &limits.retention_stream {
        if stream.period < Period::hours(24) {
            let problem = format!("retention period must be >= 24h was {}", stream.period);
            return Err(Error::value(format!("{path}.retention_stream"), problem));
        }
    }
    let period = limits.retention_period;
    if period != Period::ZERO && period < Period::hours(24) {
        let problem = format!("retention period must be >= 24h was {period}");
        return Err(Error::value(format!("{path}.retention_period"), problem));
    }
    Ok(())
}

/// The limits of the tenants that a file of overrides names, each on top of `base`.
pub(super) fn overrides(
    text: &str,
    base: &Limits,
    unused: &mut Vec<String>,
) -> Result<BTreeMap<TenantId, Limits>, Error> {
    let mut root = super::section::Section::root(super::load::yaml(text)?)?;
    let tenants = root.section("overrides")?.into_keys();
    let mut out = BTreeMap::new();
    for (name, keys) in tenants {
        let path = format!("overrides.{name}");
        let tenant: TenantId = name
            .parse()
            .map_err(|error: loki_core::Error| Error::value(&*path, error.message()))?;
        let keys = match keys {
            Value::Object(keys) => keys,
            Value::Null => Map::new(),
            other => return Err(Error::value(path, format!("expected limits, got {other}"))),
        };
        out.insert(tenant, merge(base, keys, &path, unused)?);
    }
    root.rest(unused);
    Ok(out)
}
