//! The messages inside OpenTelemetry's request, counted before any of them gets a place in memory: two bytes of an
//! empty record become some two hundred.

use crate::push::protobuf::Reader;
use crate::push::{Bounds, Error};

/// A kind of message that holds others, named as in `opentelemetry.proto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Export,
    ResourceLogs,
    Resource,
    ScopeLogs,
    Scope,
    LogRecord,
    KeyValue,
    AnyValue,
    ArrayValue,
    KeyValueList,
}

impl Kind {
    /// The kind of the messages in one of its fields.
    fn inner(self, field: u64) -> Option<Kind> {
        Some(match (self, field) {
            (Kind::Export, 1) => Kind::ResourceLogs,
            (Kind::ResourceLogs, 1) => Kind::Resource,
            (Kind::ResourceLogs, 2) => Kind::ScopeLogs,
            (Kind::Resource, 1) | (Kind::Scope, 3) | (Kind::LogRecord, 6) | (Kind::KeyValueList, 1) => Kind::KeyValue,
            (Kind::ScopeLogs, 1) => Kind::Scope,
            (Kind::ScopeLogs, 2) => Kind::LogRecord,
            (Kind::LogRecord, 5) | (Kind::KeyValue, 2) | (Kind::ArrayValue, 1) => Kind::AnyValue,
            (Kind::AnyValue, 5) => Kind::ArrayValue,
            (Kind::AnyValue, 6) => Kind::KeyValueList,
            _ => return None,
        })
    }
}

/// Refuses a request that holds more messages than `bounds` allow.
///
/// # Errors
///
/// More of them, or a message that is none.
pub(super) fn check_items(request: &[u8], bounds: Bounds) -> Result<(), Error> {
    let mut seen = 0;
    let mut open = vec![(Kind::Export, request)];
    while let Some((kind, message)) = open.pop() {
        let mut reader = Reader(message);
        while let Some((field, wire)) = reader.key()? {
            match kind.inner(field) {
                Some(inner) => {
                    seen += 1;
                    bounds.check(seen)?;
                    open.push((inner, reader.bytes(wire, "message")?));
                }
                None => reader.skip(wire)?,
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds `bytes`, as often as `times`.
    fn field(number: u8, bytes: &[u8], times: usize) -> Vec<u8> {
        let length = u8::try_from(bytes.len()).expect("short");
        [&[number << 3 | 2, length], bytes].concat().repeat(times)
    }

    #[test]
    fn messages_of_every_kind_count() {
        let bounds = |items| Bounds { bytes: 1000, items };
        let text = field(1, b"text", 1);
        let value = field(2, &text, 1);
        let attributes = field(6, &value, 3);
        let body = field(5, &field(5, &field(1, &text, 2), 1), 1);
        let record = [attributes, body].concat();
        let scope = [field(1, &field(3, b"", 1), 1), field(2, &record, 1)].concat();
        let request = field(1, &[field(1, &field(1, b"", 1), 1), field(2, &scope, 1)].concat(), 1);
        // Resource logs, resource, its attribute, scope logs, scope, its attribute, record, three attributes and their
        // values, body, array, two values.
        let count = 7 + 6 + 4;
        assert_eq!(check_items(&request, bounds(count)), Ok(()));
        assert_eq!(
            check_items(&request, bounds(count - 1)),
            Err(Error::TooManyItems { max: count - 1 })
        );
    }

    #[test]
    fn a_torn_message_is_refused() {
        assert_eq!(check_items(b"\x0a\x05a", Bounds::COMMON), Err(Error::UnexpectedEnd));
    }
}
