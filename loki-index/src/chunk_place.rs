//! Where the chunks of a series lie.

use crate::{Error, format};

/// Where one chunk of a series lies and what it holds.
///
/// The index hands it back as it came: `offset` and `length` mean what the owner of the chunks says.
///
/// ```
/// use loki_index::{ChunkPlace, Index, IndexBuilder};
///
/// let place =
///     ChunkPlace { offset: 4096, length: 70_000, min_timestamp: 10, max_timestamp: 90, entries: 500, bytes: 250_000 };
/// let mut builder = IndexBuilder::new();
/// builder.push(&[("app", "api")], &[place]);
/// let mut bytes = Vec::new();
/// builder.finish(&mut bytes)?;
///
/// let index = Index::open(bytes)?;
/// let series = index.lookup(&[("app", "api")])?.expect("it was pushed");
/// assert_eq!(index.places(series)?, [place]);
/// assert_eq!(index.time_range(), Some(10..=90));
/// # Ok::<(), loki_index::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkPlace {
    /// First byte of the chunk.
    pub offset: u64,
    /// Bytes from there.
    pub length: u64,
    /// Timestamp of the earliest entry, Unix nanoseconds.
    pub min_timestamp: i64,
    /// Timestamp of the latest entry, Unix nanoseconds, inclusive.
    pub max_timestamp: i64,
    /// How many entries there are.
    pub entries: u64,
    /// How many bytes their lines have, uncompressed.
    pub bytes: u64,
}

/// Appends the places of one series: varints, each place relative to the end of the one before it.
///
/// Differences wrap, so every value a `ChunkPlace` can hold comes back, sensible or not.
pub(crate) fn encode(places: &[ChunkPlace], into: &mut Vec<u8>) {
    let (mut offset, mut timestamp) = (0u64, 0i64);
    for place in places {
        format::put_varint(into, format::zigzag(place.offset.wrapping_sub(offset) as i64));
        format::put_varint(into, place.length);
        format::put_varint(into, format::zigzag(place.min_timestamp.wrapping_sub(timestamp)));
        format::put_varint(
            into,
            format::zigzag(place.max_timestamp.wrapping_sub(place.min_timestamp)),
        );
        format::put_varint(into, place.entries);
        format::put_varint(into, place.bytes);
        offset = place.offset.wrapping_add(place.length);
        timestamp = place.max_timestamp;
    }
}

/// Reads what `encode` wrote; `at` is where the bytes lie, for errors.
pub(crate) fn decode(mut bytes: &[u8], at: u64) -> Result<Vec<ChunkPlace>, Error> {
    let mut places = Vec::new();
    let (mut offset, mut timestamp) = (0u64, 0i64);
    while !bytes.is_empty() {
        let mut next = || format::take_varint(&mut bytes).ok_or_else(|| Error::malformed("chunk place", at));
        let start = offset.wrapping_add(format::unzigzag(next()?) as u64);
        let length = next()?;
        let min_timestamp = timestamp.wrapping_add(format::unzigzag(next()?));
        let max_timestamp = min_timestamp.wrapping_add(format::unzigzag(next()?));
        let place = ChunkPlace {
            offset: start,
            length,
            min_timestamp,
            max_timestamp,
            entries: next()?,
            bytes: next()?,
        };
        offset = place.offset.wrapping_add(place.length);
        timestamp = place.max_timestamp;
        places.push(place);
    }
    Ok(places)
}
