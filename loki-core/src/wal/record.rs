//! Records: one accepted push each.

use super::Frame;
use crate::{Error, TenantId};

/// Version of the record layout.
const VERSION: u8 = 1;
/// Metadata pairs that an entry can name instead of repeating them: levels and the like recur line by line.
const RECENT_PAIRS: usize = 8;

/// Writes one push as a frame, stream by stream, entry by entry, into one buffer.
#[derive(Debug)]
pub(crate) struct RecordBuilder<'m> {
    frame: Vec<u8>,
    last_timestamp: i64,
    recent: Recent<'m>,
}

/// The metadata pairs written or read last, overwritten in turn.
#[derive(Debug, Default)]
struct Recent<'m> {
    pairs: Vec<(&'m str, &'m str)>,
    next: usize,
}

impl<'m> Recent<'m> {
    fn push(&mut self, pair: (&'m str, &'m str)) {
        if self.pairs.len() < RECENT_PAIRS {
            self.pairs.push(pair);
        } else {
            self.pairs[self.next] = pair;
            self.next = (self.next + 1) % RECENT_PAIRS;
        }
    }
}

/// A stream as a record holds it.
#[derive(Debug)]
pub(crate) struct RecordStream<'a> {
    /// Sorted by name.
    pub(crate) labels: Vec<(&'a str, &'a str)>,
    /// Reads on to the entries.
    entries: Reader<'a>,
    count: u64,
}

impl<'m> RecordBuilder<'m> {
    /// A record of `tenant`, with room for about `bytes` of lines.
    pub(crate) fn new(tenant: &TenantId, bytes: usize) -> RecordBuilder<'m> {
        let mut frame = Frame::open(bytes + bytes / 8 + 256);
        frame.push(VERSION);
        put_bytes(&mut frame, tenant.as_str().as_bytes());
        RecordBuilder {
            frame,
            last_timestamp: 0,
            recent: Recent::default(),
        }
    }

    /// Begins a stream that will get `entries` entries.
    pub(crate) fn stream<'l>(&mut self, labels: impl ExactSizeIterator<Item = (&'l str, &'l str)>, entries: usize) {
        put_varint(&mut self.frame, labels.len() as u64);
        for (name, value) in labels {
            put_bytes(&mut self.frame, name.as_bytes());
            put_bytes(&mut self.frame, value.as_bytes());
        }
        put_varint(&mut self.frame, entries as u64);
    }

    /// Adds an entry to the stream begun last.
    pub(crate) fn entry(&mut self, timestamp: i64, line: &[u8], metadata: &[(&'m str, &'m str)]) {
        put_varint(&mut self.frame, zigzag(timestamp.wrapping_sub(self.last_timestamp)));
        self.last_timestamp = timestamp;
        put_bytes(&mut self.frame, line);
        put_varint(&mut self.frame, metadata.len() as u64);
        for pair in metadata {
            match self.recent.pairs.iter().position(|recent| recent == pair) {
                Some(place) => put_varint(&mut self.frame, place as u64 + 1),
                None => {
                    put_varint(&mut self.frame, 0);
                    put_bytes(&mut self.frame, pair.0.as_bytes());
                    put_bytes(&mut self.frame, pair.1.as_bytes());
                    self.recent.push(*pair);
                }
            }
        }
    }

    /// The frame, ready to be appended to the log.
    ///
    /// # Errors
    ///
    /// [`crate::ErrorKind::LimitExceeded`] where it is too large for one.
    pub(crate) fn finish(self) -> Result<Frame, Error> {
        Frame::close(self.frame)
    }
}

/// The version of a whole record that this program does not read.
pub(super) fn foreign_version(payload: &[u8]) -> Option<u8> {
    payload.first().copied().filter(|&version| version != VERSION)
}

/// Reads a record: hands each stream to `each`, which reads its entries.
///
/// # Errors
///
/// [`crate::ErrorKind::Corrupt`] where the bytes are no record; what `each` answers.
pub(crate) fn decode(
    payload: &[u8],
    each: &mut dyn FnMut(&TenantId, &mut RecordStream<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reader = Reader {
        bytes: payload,
        last_timestamp: 0,
        recent: Recent::default(),
    };
    let version = reader.byte()?;
    if version != VERSION {
        return Err(Error::corrupt(
            "write-ahead log record",
            format!("version {version}, expected {VERSION}"),
        ));
    }
    let tenant: TenantId = reader
        .text()?
        .parse()
        .map_err(|e| Error::corrupt("write-ahead log record", e))?;
    while !reader.bytes.is_empty() {
        let count = reader.varint()?;
        let labels = reader.pairs(count)?;
        let count = reader.varint()?;
        let mut stream = RecordStream {
            labels,
            entries: reader,
            count,
        };
        each(&tenant, &mut stream)?;
        while stream.next_entry(&mut Vec::new())?.is_some() {}
        reader = stream.entries;
    }
    Ok(())
}

impl<'a> RecordStream<'a> {
    /// The next entry; its metadata go into `metadata`, which is cleared first.
    pub(crate) fn next_entry(
        &mut self,
        metadata: &mut Vec<(&'a str, &'a str)>,
    ) -> Result<Option<(i64, &'a [u8])>, Error> {
        metadata.clear();
        if self.count == 0 {
            return Ok(None);
        }
        self.count -= 1;
        let reader = &mut self.entries;
        let delta = unzigzag(reader.varint()?);
        reader.last_timestamp = reader.last_timestamp.wrapping_add(delta);
        let line = reader.slice()?;
        let count = reader.varint()?;
        for _ in 0..count {
            metadata.push(reader.pair()?);
        }
        Ok(Some((reader.last_timestamp, line)))
    }
}

#[derive(Debug)]
struct Reader<'a> {
    bytes: &'a [u8],
    last_timestamp: i64,
    recent: Recent<'a>,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Error> {
        let (&first, rest) = self.bytes.split_first().ok_or_else(cut)?;
        self.bytes = rest;
        Ok(first)
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Error::corrupt(
            "write-ahead log record",
            "a number of more than 64 bits",
        ))
    }

    fn slice(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.varint()?).map_err(|_| cut())?;
        let (slice, rest) = self.bytes.split_at_checked(length).ok_or_else(cut)?;
        self.bytes = rest;
        Ok(slice)
    }

    fn text(&mut self) -> Result<&'a str, Error> {
        std::str::from_utf8(self.slice()?).map_err(|e| Error::corrupt("write-ahead log record", e))
    }

    fn pair(&mut self) -> Result<(&'a str, &'a str), Error> {
        match self.varint()? {
            0 => {
                let pair = (self.text()?, self.text()?);
                self.recent.push(pair);
                Ok(pair)
            }
            place => usize::try_from(place - 1)
                .ok()
                .and_then(|place| self.recent.pairs.get(place).copied())
                .ok_or_else(|| Error::corrupt("write-ahead log record", format!("no recent metadata pair {place}"))),
        }
    }

    fn pairs(&mut self, count: u64) -> Result<Vec<(&'a str, &'a str)>, Error> {
        // No room is reserved by a count that was read: each pair must stand there.
        let mut pairs = Vec::new();
        for _ in 0..count {
            pairs.push((self.text()?, self.text()?));
        }
        Ok(pairs)
    }
}

fn cut() -> Error {
    Error::corrupt("write-ahead log record", "it ends too early")
}

fn put_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

fn put_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(buffer, bytes.len() as u64);
    buffer.extend_from_slice(bytes);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Push = Vec<(Vec<(String, String)>, Vec<(i64, Vec<u8>, Vec<(String, String)>)>)>;

    fn pairs(list: &[(String, String)]) -> Vec<(&str, &str)> {
        list.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect()
    }

    proptest! {
        #[test]
        fn decode_of_encode_is_the_push(push in proptest::collection::vec((
            proptest::collection::vec((".{0,4}", ".{0,4}"), 0..3),
            proptest::collection::vec((any::<i64>(), any::<Vec<u8>>(), proptest::collection::vec((".{0,4}", ".{0,4}"), 0..3)), 0..4),
        ), 0..4)) {
            let push: Push = push;
            let mut builder = RecordBuilder::new(&TenantId::single(), 0);
            for (labels, entries) in &push {
                builder.stream(pairs(labels).into_iter(), entries.len());
                for (timestamp, line, metadata) in entries {
                    builder.entry(*timestamp, line, &pairs(metadata));
                }
            }
            let frame = builder.finish().expect("it is small");
            let mut read: Push = Vec::new();
            decode(frame.payload(), &mut |_, stream| {
                let labels = stream.labels.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
                let mut entries = Vec::new();
                let mut metadata = Vec::new();
                while let Some((timestamp, line)) = stream.next_entry(&mut metadata)? {
                    let metadata = metadata.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
                    entries.push((timestamp, line.to_vec(), metadata));
                }
                read.push((labels, entries));
                Ok(())
            }).expect("just encoded");
            prop_assert_eq!(read, push);
        }

        #[test]
        fn any_bytes_decode_or_are_refused(bytes in any::<Vec<u8>>()) {
            let _ = decode(&bytes, &mut |_, _| Ok(()));
        }
    }
}
