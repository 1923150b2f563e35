//! Loki's `PushRequest` message, read without copying: lines and labels stay slices of the message.
//!
//! The messages are few and flat, so they are read by hand: no allocation but the lists of streams, entries and pairs.

use super::{Bounds, Error};
use loki_core::{PushEntry, PushLabels, PushRequest, PushStream};
use std::borrow::Cow;

/// Reads a `PushRequest`, which holds no more than `bounds` allow.
pub(crate) fn decode(message: &[u8], bounds: Bounds) -> Result<PushRequest<'_>, Error> {
    let mut request = PushRequest::new();
    let mut items = Items { bounds, seen: 0 };
    let mut reader = Reader(message);
    while let Some((field, wire)) = reader.key()? {
        match field {
            1 => request
                .streams
                .push(stream(reader.bytes(wire, "Streams")?, items.one_more()?)?),
            _ => reader.skip(wire)?,
        }
    }
    Ok(request)
}

/// Streams, entries and pairs seen so far.
struct Items {
    bounds: Bounds,
    seen: usize,
}

impl Items {
    fn one_more(&mut self) -> Result<&mut Items, Error> {
        self.seen += 1;
        self.bounds.check(self.seen)?;
        Ok(self)
    }

    /// How many more there may be.
    fn left(&self) -> usize {
        self.bounds.items.saturating_sub(self.seen)
    }
}

fn stream<'a>(message: &'a [u8], items: &mut Items) -> Result<PushStream<'a>, Error> {
    let mut labels = Cow::Borrowed("");
    let mut entries = Vec::with_capacity(count(message, 2).min(items.left()));
    let mut reader = Reader(message);
    while let Some((field, wire)) = reader.key()? {
        match field {
            1 => labels = String::from_utf8_lossy(reader.bytes(wire, "Labels")?),
            2 => entries.push(entry(reader.bytes(wire, "Entries")?, items.one_more()?)?),
            3 => _ = reader.number(wire, "Hash")?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(PushStream {
        labels: PushLabels::Text(labels),
        entries,
    })
}

/// How often a field stands in a message, as far as it can be read. Passing over the fields costs a fraction of moving what
/// is made of them each time that a list has to grow.
fn count(message: &[u8], wanted: u64) -> usize {
    let mut reader = Reader(message);
    let mut count = 0;
    while let Ok(Some((field, wire))) = reader.key()
        && reader.skip(wire).is_ok()
    {
        count += usize::from(field == wanted);
    }
    count
}

fn entry<'a>(message: &'a [u8], items: &mut Items) -> Result<PushEntry<'a>, Error> {
    let mut entry = PushEntry {
        timestamp: 0,
        line: Cow::Borrowed(&[]),
        metadata: Vec::new(),
    };
    let mut reader = Reader(message);
    while let Some((field, wire)) = reader.key()? {
        match field {
            1 => entry.timestamp = timestamp(reader.bytes(wire, "Timestamp")?)?,
            2 => entry.line = Cow::Borrowed(reader.bytes(wire, "Line")?),
            3 => {
                items.one_more()?;
                entry.metadata.push(pair(reader.bytes(wire, "StructuredMetadata")?)?);
            }
            4 => _ = reader.bytes(wire, "Parsed")?,
            _ => reader.skip(wire)?,
        }
    }
    Ok(entry)
}

/// A `google.protobuf.Timestamp` in nanoseconds; one that 64 bits do not hold becomes the nearest that they do.
fn timestamp(message: &[u8]) -> Result<i64, Error> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    let mut reader = Reader(message);
    while let Some((field, wire)) = reader.key()? {
        match field {
            1 => seconds = reader.number(wire, "Seconds")?.cast_signed(),
            // An int32 travels sign-extended.
            2 => nanos = reader.number(wire, "Nanos")?.cast_signed(),
            _ => reader.skip(wire)?,
        }
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(Error::Protobuf("timestamp: nanos not in range [0, 1e9)"));
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn pair(message: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), Error> {
    let (mut name, mut value) = (Cow::Borrowed(""), Cow::Borrowed(""));
    let mut reader = Reader(message);
    while let Some((field, wire)) = reader.key()? {
        match field {
            1 => name = String::from_utf8_lossy(reader.bytes(wire, "Name")?),
            2 => value = String::from_utf8_lossy(reader.bytes(wire, "Value")?),
            _ => reader.skip(wire)?,
        }
    }
    Ok((name, value))
}

/// Wire types.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const GROUP: u8 = 3;
const GROUP_END: u8 = 4;
const FIXED32: u8 = 5;

/// What is left of a message.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next field's number and wire type; none at the end.
    pub(super) fn key(&mut self) -> Result<Option<(u64, u8)>, Error> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let (field, wire) = (key >> 3, (key & 7) as u8);
        match wire {
            GROUP_END => Err(Error::Protobuf("wiretype end group for non-group")),
            _ if field == 0 => Err(Error::Protobuf("illegal tag 0")),
            _ => Ok(Some((field, wire))),
        }
    }

    fn varint(&mut self) -> Result<u64, Error> {
        // Most keys, lengths and nanoseconds' first bytes fit in one.
        if let [byte, rest @ ..] = self.0
            && *byte < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(*byte));
        }
        let mut value = 0;
        for (index, &byte) in self.0.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                if index == 9 && byte > 1 {
                    break;
                }
                self.0 = &self.0[index + 1..];
                return Ok(value);
            }
        }
        Err(if self.0.len() < 10 {
            Error::UnexpectedEnd
        } else {
            Error::Protobuf("integer overflow")
        })
    }

    /// The number that follows a key of the field.
    fn number(&mut self, wire: u8, field: &'static str) -> Result<u64, Error> {
        if wire != VARINT {
            return Err(Error::WireType { wire, field });
        }
        self.varint()
    }

    /// The bytes that follow a key of the field.
    pub(super) fn bytes(&mut self, wire: u8, field: &'static str) -> Result<&'a [u8], Error> {
        if wire != BYTES {
            return Err(Error::WireType { wire, field });
        }
        let length = self.varint()?;
        self.take(length)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Error> {
        let (taken, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| self.0.split_at_checked(length))
            .ok_or(Error::UnexpectedEnd)?;
        self.0 = rest;
        Ok(taken)
    }

    /// Passes over the value of a field that is not known; groups, which may hold groups, without recursion.
    pub(super) fn skip(&mut self, wire: u8) -> Result<(), Error> {
        let mut depth = 0u32;
        let mut wire = wire;
        loop {
            match wire {
                VARINT => _ = self.varint()?,
                FIXED64 => _ = self.take(8)?,
                BYTES => {
                    let length = self.varint()?;
                    self.take(length)?;
                }
                GROUP => depth = depth.saturating_add(1),
                GROUP_END => depth = depth.checked_sub(1).ok_or(Error::Protobuf("unexpected end of group"))?,
                FIXED32 => _ = self.take(4)?,
                _ => return Err(Error::Protobuf("illegal wireType")),
            }
            if depth == 0 {
                return Ok(());
            }
            wire = (self.varint()? & 7) as u8;
        }
    }
}

#[cfg(test)]
mod tests;
