//! One file of a spool.

use std::path::{Path, PathBuf};

/// Bytes in front of a record: the length of what follows the header, its checksum, the number of items.
const CRC_AT: usize = 4;
const ITEMS_AT: usize = CRC_AT + 4;
const HEADER_BYTES: usize = ITEMS_AT + 4;

/// A file of a spool and what is known of it.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: u64,
    pub(super) bytes: u64,
    /// Items in it that were not taken yet.
    pub(super) items: u64,
}

/// The file of a part.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.spool"))
}

/// The number of the part that a file is called for.
pub(super) fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".spool")?.parse().ok()
}

/// A record as a frame; none where it is 4 GiB or more.
pub(super) fn frame(items: u32, record: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(record.len()).ok()?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + record.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&checksum(length, items, record).to_le_bytes());
    frame.extend_from_slice(&items.to_le_bytes());
    frame.extend_from_slice(record);
    Some(frame)
}

fn checksum(length: u32, items: u32, record: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(&items.to_le_bytes());
    hasher.update(record);
    hasher.finalize()
}

/// The records of a part from `at` on: items, bytes, and where the record ends.
///
/// They end at the first that is not whole and sound. Nothing is looked for behind it: records hold what others chose,
/// which must not pass for a record.
pub(super) fn records(bytes: &[u8], mut at: usize) -> impl Iterator<Item = (u32, &[u8], usize)> {
    std::iter::from_fn(move || {
        let header = bytes.get(at..)?.get(..HEADER_BYTES)?;
        let number = |place: usize| Some(u32::from_le_bytes(header.get(place..place + 4)?.try_into().ok()?));
        let (length, crc, items) = (number(0)?, number(CRC_AT)?, number(ITEMS_AT)?);
        let start = at + HEADER_BYTES;
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        let record = bytes.get(start..end)?;
        if checksum(length, items, record) != crc {
            return None;
        }
        at = end;
        Some((items, record, at))
    })
}
