//! Any bytes: opening and reading an index answers or refuses.

use loki_index::{Index, Predicate, SeriesId};

/// Reads everything that there is to read, first from the bytes as they are, then behind a header that fits them.
pub fn run(data: &[u8]) {
    read(data);
    read(&sealed(data));
}

fn read(bytes: &[u8]) {
    let Ok(index) = Index::open(bytes) else { return };
    let _ = index.verify();
    for id in (0..index.len().min(64) as u32).map(SeriesId) {
        if let Ok(labels) = index.labels(id) {
            let _ = index.lookup(&labels);
        }
        let _ = index.places(id);
    }
    let predicates = [
        Predicate::not_equal("app", "api"),
        Predicate::regex("env", "(p|d).*").expect("the pattern is valid"),
    ];
    let found = index.select(&predicates);
    for name in index.label_names(None).unwrap_or_default() {
        let _ = index.label_values(&name, None);
        let _ = index.label_values(&name, found.as_ref().ok());
        let _ = index.select(&[Predicate::not_regex(&name, ".*a.*").expect("the pattern is valid")]);
    }
}

/// The bytes with checksums that fit them, so that what lies behind the checksums is reached. See FORMAT.md of the crate.
pub fn sealed(data: &[u8]) -> Vec<u8> {
    const HEADER: usize = 148;
    const PAGE: usize = 16 << 10;
    let mut bytes = data.to_vec();
    // The largest body for which header, page checksums and their checksum leave room.
    let rest = data.len().checked_sub(HEADER + 4);
    let Some(body) = rest.and_then(|rest| rest.checked_sub(rest.div_ceil(PAGE + 4) * 4)) else {
        return bytes;
    };
    let start = HEADER + body.div_ceil(PAGE) * 4 + 4;
    if start + body != bytes.len() {
        return bytes;
    }
    seal_dictionary(&mut bytes, start);
    for page in 0..body.div_ceil(PAGE) {
        let sum = crc32(&bytes[start + page * PAGE..bytes.len().min(start + (page + 1) * PAGE)]);
        bytes[HEADER + page * 4..][..4].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = crc32(&bytes[..start - 4]);
    bytes[start - 4..start].copy_from_slice(&sum.to_le_bytes());
    bytes
}

/// The dictionary, which is the sixth section of the body at `start`, ends in the masked CRC-32C of the fst crate.
fn seal_dictionary(bytes: &mut [u8], start: usize) {
    const LENGTHS: usize = 44;
    let length = |section: usize| {
        let bytes = bytes[LENGTHS + 8 * section..][..8].try_into();
        u64::from_le_bytes(bytes.expect("eight bytes are an array of eight bytes")) as usize
    };
    let from = (0..5).fold(start, |sum, section| sum.saturating_add(length(section)));
    let to = from.saturating_add(length(5));
    if to <= bytes.len() && to - from >= 4 {
        let sum = crc(&bytes[from..to - 4], 0x82f6_3b78);
        let masked = sum.rotate_right(15).wrapping_add(0xa282_ead8);
        bytes[to - 4..to].copy_from_slice(&masked.to_le_bytes());
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    crc(bytes, 0xedb8_8320)
}

fn crc(bytes: &[u8], polynomial: u32) -> u32 {
    !bytes.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ polynomial } else { sum >> 1 }
        })
    })
}
