//! A mapping of the file that is being read: keys are taken out one by one, and what is left over is known at the end.

use super::Error;
use loki_core::{ByteSize, Period};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::time::Duration;

/// A mapping and where it stands.
#[derive(Debug)]
pub(super) struct Section {
    path: String,
    keys: Map<String, Value>,
}

impl Section {
    /// The whole file.
    pub(super) fn root(value: Value) -> Result<Section, Error> {
        match value {
            Value::Null => Ok(Section {
                path: String::new(),
                keys: Map::new(),
            }),
            Value::Object(keys) => Ok(Section {
                path: String::new(),
                keys,
            }),
            _ => Err(Error::Syntax("expected keys and values at the top".to_owned())),
        }
    }

    /// The mapping `value`, which stands at `path`.
    pub(super) fn at(path: String, value: Value) -> Result<Section, Error> {
        match value {
            Value::Null => Ok(Section { path, keys: Map::new() }),
            Value::Object(keys) => Ok(Section { path, keys }),
            other => Err(Error::value(path, format!("expected keys and values, got {other}"))),
        }
    }

    /// The path of a key.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes the value of a key; none where it is absent or null.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Error> {
        match self.keys.remove(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let shown = value.to_string();
                let named = |error| Error::value(self.path(key), format!("{shown}: {error}"));
                serde_json::from_value(value).map(Some).map_err(named)
            }
        }
    }

    /// Takes the value of a key into `place`, which stays as it is where the key is absent.
    pub(super) fn set<T: DeserializeOwned>(&mut self, key: &str, place: &mut T) -> Result<(), Error> {
        if let Some(value) = self.take(key)? {
            *place = value;
        }
        Ok(())
    }

    /// As [`set`](Section::set), of a duration such as `1h30m`.
    pub(super) fn set_duration(&mut self, key: &str, place: &mut Duration) -> Result<(), Error> {
        if let Some(period) = self.take::<Period>(key)? {
            *place = period.as_std();
        }
        Ok(())
    }

    /// As [`set`](Section::set), of a size such as `256KB`.
    pub(super) fn set_size(&mut self, key: &str, place: &mut u64) -> Result<(), Error> {
        if let Some(ByteSize(bytes)) = self.take(key)? {
            *place = bytes;
        }
        Ok(())
    }

    /// Takes a mapping inside this one; an empty one where it is absent.
    pub(super) fn section(&mut self, key: &str) -> Result<Section, Error> {
        let path = self.path(key);
        Section::at(path, self.keys.remove(key).unwrap_or_default())
    }

    /// Puts a value at a dotted path, as a flag does.
    pub(super) fn put(&mut self, path: &str, value: Value) -> Result<(), Error> {
        let mut keys = &mut self.keys;
        let mut segments = path.split('.').peekable();
        while let Some(segment) = segments.next() {
            if segments.peek().is_none() {
                keys.insert(segment.to_owned(), value);
                break;
            }
            let inner = keys.entry(segment).or_insert(Value::Null);
            if inner.is_null() {
                *inner = Value::Object(Map::new());
            }
            match inner {
                Value::Object(inner) => keys = inner,
                other => return Err(Error::value(path, format!("expected keys and values, got {other}"))),
            }
        }
        Ok(())
    }

    /// The keys that are left and their values.
    pub(super) fn into_keys(self) -> Map<String, Value> {
        self.keys
    }

    /// The paths of the keys that were not taken.
    pub(super) fn rest(self, unused: &mut Vec<String>) {
        unused.extend(self.keys.keys().map(|key| self.path(key)));
    }
}
