//! Frames: how records lie in a log file. See `FORMAT.md`.
//!
//! ```text
//! file    | magic 8 bytes | version u32 | salt 8 bytes | crc32 of these u32 | frames |
//! frame   | salt 8 bytes | number u64 | length u32 | crc32 of payload u32 | crc32 of these u32 | payload |
//! ```

use super::frame_v1;
use crate::{Error, ErrorKind};

/// Starts every file.
const MAGIC: [u8; 8] = *b"LkWaLg\r\n";
/// Version of the layout of files and frames.
const VERSION: u32 = 2;
/// Bytes of a salt.
const SALT_BYTES: usize = 8;

const FILE_VERSION_AT: usize = MAGIC.len();
const FILE_SALT_AT: usize = FILE_VERSION_AT + 4;
const FILE_CRC_AT: usize = FILE_SALT_AT + SALT_BYTES;
/// Bytes of a file before its frames.
const FILE_HEADER_BYTES: usize = FILE_CRC_AT + 4;

const NUMBER_AT: usize = SALT_BYTES;
const LENGTH_AT: usize = NUMBER_AT + 8;
const PAYLOAD_CRC_AT: usize = LENGTH_AT + 4;
const CRC_AT: usize = PAYLOAD_CRC_AT + 4;
/// Bytes of a frame before its payload.
pub(super) const HEADER_BYTES: usize = CRC_AT + 4;

/// Bytes of a payload at most: far below what its length can say, far above what anybody pushes at once.
const PAYLOAD_MAX_BYTES: u32 = 1 << 30;

/// Bytes that every frame of a file starts with, and that nobody who pushes can know: so no pushed bytes pass for a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salt([u8; SALT_BYTES]);

impl Salt {
    /// The salt made of a random number.
    pub(super) fn new(random: u64) -> Salt {
        Salt(random.to_le_bytes())
    }

    fn at(bytes: &[u8], at: usize) -> Option<Salt> {
        Some(Salt(bytes.get(at..at + SALT_BYTES)?.try_into().ok()?))
    }
}

/// The first bytes of a file with this salt.
pub(super) fn file_header(salt: Salt) -> [u8; FILE_HEADER_BYTES] {
    let mut header = [0; FILE_HEADER_BYTES];
    header[..FILE_VERSION_AT].copy_from_slice(&MAGIC);
    header[FILE_VERSION_AT..FILE_SALT_AT].copy_from_slice(&VERSION.to_le_bytes());
    header[FILE_SALT_AT..FILE_CRC_AT].copy_from_slice(&salt.0);
    let crc = crc32fast::hash(&header[..FILE_CRC_AT]);
    header[FILE_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// One record as a frame. Its place in a file is given last, so that it can be made without knowing it.
#[derive(Debug)]
pub(crate) struct Frame(Vec<u8>);

impl Frame {
    /// Room for a header with nothing behind it, and for about `bytes` more.
    pub(super) fn open(bytes: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(HEADER_BYTES + bytes);
        buffer.resize(HEADER_BYTES, 0);
        buffer
    }

    /// The frame of the payload that stands in `buffer` behind the room for the header.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`] of a payload of more than 1 GiB.
    pub(super) fn close(mut buffer: Vec<u8>) -> Result<Frame, Error> {
        let payload = &buffer[HEADER_BYTES..];
        let length = u32::try_from(payload.len())
            .ok()
            .filter(|&bytes| bytes <= PAYLOAD_MAX_BYTES);
        let length = length.ok_or_else(|| {
            let text = format!("a push of {} bytes, limit: {PAYLOAD_MAX_BYTES} bytes", payload.len());
            Error::new(ErrorKind::LimitExceeded, text)
        })?;
        let crc = crc32fast::hash(payload);
        buffer[LENGTH_AT..PAYLOAD_CRC_AT].copy_from_slice(&length.to_le_bytes());
        buffer[PAYLOAD_CRC_AT..CRC_AT].copy_from_slice(&crc.to_le_bytes());
        Ok(Frame(buffer))
    }

    /// Its bytes as the frame `number` of a file.
    pub(super) fn placed(&mut self, salt: Salt, number: u64) -> &[u8] {
        self.0[..NUMBER_AT].copy_from_slice(&salt.0);
        self.0[NUMBER_AT..LENGTH_AT].copy_from_slice(&number.to_le_bytes());
        let crc = crc32fast::hash(&self.0[..CRC_AT]);
        self.0[CRC_AT..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        &self.0
    }

    #[cfg(test)]
    pub(super) fn payload(&self) -> &[u8] {
        &self.0[HEADER_BYTES..]
    }
}

/// What stands at a place in a log file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'b> {
    /// A whole frame: its payload.
    Record(&'b [u8]),
    /// So many damaged bytes.
    Damaged(u64),
    /// So many bytes at the end that belong to no whole frame: one was being written when the machine stopped.
    Torn(u64),
}

/// Reads what stands in a log file, from its start to its end. Time and memory grow with its length and nothing else.
#[derive(Debug)]
pub(super) struct Frames<'b> {
    bytes: &'b [u8],
    at: usize,
    layout: Layout,
    /// Damage found before the first frame.
    damaged_header: bool,
    lost: u64,
}

#[derive(Debug)]
enum Layout {
    /// Without a header.
    One,
    Two {
        salt: Salt,
        /// Number of the next frame.
        next: u64,
    },
    /// It cannot be told what stands there.
    Unknown,
}

impl<'b> Frames<'b> {
    /// The frames of the file with these bytes.
    ///
    /// # Errors
    ///
    /// Its version, where that is another one.
    pub(super) fn new(bytes: &'b [u8]) -> Result<Frames<'b>, u32> {
        let (layout, at, damaged_header) = if bytes.starts_with(&frame_v1::MAGIC) {
            (Layout::One, 0, false)
        } else if let Some((version, salt)) = read_file_header(bytes) {
            if version != VERSION {
                return Err(version);
            }
            (Layout::Two { salt, next: 0 }, FILE_HEADER_BYTES, false)
        } else {
            // The first frame has the salt, too. It stands where nothing pushed can be put, so it is believed.
            let first =
                Salt::at(bytes, FILE_HEADER_BYTES).filter(|&salt| whole(bytes, FILE_HEADER_BYTES, salt, 0).is_some());
            first.map_or((Layout::Unknown, 0, false), |salt| {
                (Layout::Two { salt, next: 0 }, FILE_HEADER_BYTES, true)
            })
        };
        Ok(Frames {
            bytes,
            at,
            layout,
            damaged_header,
            lost: 0,
        })
    }

    /// How many frames are missing before those that were found, as their numbers tell.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }
}

impl<'b> Iterator for Frames<'b> {
    type Item = Found<'b>;

    fn next(&mut self) -> Option<Found<'b>> {
        if std::mem::take(&mut self.damaged_header) {
            return Some(Found::Damaged(FILE_HEADER_BYTES as u64));
        }
        let (bytes, at) = (self.bytes, self.at);
        if at >= bytes.len() {
            return None;
        }
        let found;
        (found, self.at) = match &mut self.layout {
            Layout::One => match frame_v1::whole(bytes, at) {
                Some(payload) => (Found::Record(payload), at + frame_v1::HEADER_BYTES + payload.len()),
                None => skip(bytes, at, &frame_v1::MAGIC, |place| {
                    frame_v1::whole(bytes, place).is_some()
                }),
            },
            Layout::Two { salt, next } => match whole(bytes, at, *salt, *next) {
                Some((number, payload)) => {
                    self.lost = self.lost.saturating_add(number - *next);
                    *next = number.saturating_add(1);
                    (Found::Record(payload), at + HEADER_BYTES + payload.len())
                }
                // Not even the length in a sound header is believed, for bytes may be missing from the payload. Still
                // each byte is looked at once, since nothing but frames holds the salt.
                None => skip(bytes, at, &salt.0, |place| whole(bytes, place, *salt, *next).is_some()),
            },
            // The header is durable before the first frame is written.
            Layout::Unknown if bytes.len() <= FILE_HEADER_BYTES => (Found::Torn(bytes.len() as u64), bytes.len()),
            Layout::Unknown => (Found::Damaged(bytes.len() as u64), bytes.len()),
        };
        Some(found)
    }
}

/// What stands from `at` on to the next whole frame, each of which starts with `mark`; and where to go on.
fn skip<'b>(bytes: &'b [u8], at: usize, mark: &[u8], is_whole: impl Fn(usize) -> bool) -> (Found<'b>, usize) {
    let mut marks = memchr::memmem::find_iter(&bytes[at + 1..], mark).map(|offset| at + 1 + offset);
    match marks.find(|&place| is_whole(place)) {
        Some(place) => (Found::Damaged((place - at) as u64), place),
        // Only the last frame can be torn: behind damage there may be whole frames, behind a torn one there are none.
        None => (Found::Torn((bytes.len() - at) as u64), bytes.len()),
    }
}

/// Version and salt of a file.
fn read_file_header(bytes: &[u8]) -> Option<(u32, Salt)> {
    let header = bytes.get(..FILE_HEADER_BYTES)?;
    let is_sound =
        header.starts_with(&MAGIC) && u32_at(header, FILE_CRC_AT)? == crc32fast::hash(&header[..FILE_CRC_AT]);
    is_sound.then_some((u32_at(header, FILE_VERSION_AT)?, Salt::at(header, FILE_SALT_AT)?))
}

/// Number and payload of the frame at `at`, where a whole and sound one stands there whose number is `next` or larger.
fn whole(bytes: &[u8], at: usize, salt: Salt, next: u64) -> Option<(u64, &[u8])> {
    let header = bytes.get(at..at.checked_add(HEADER_BYTES)?)?;
    if Salt::at(header, 0)? != salt || u32_at(header, CRC_AT)? != crc32fast::hash(&header[..CRC_AT]) {
        return None;
    }
    let number = u64::from_le_bytes(header[NUMBER_AT..LENGTH_AT].try_into().ok()?);
    let start = at + HEADER_BYTES;
    let payload = bytes.get(start..start.checked_add(u32_at(header, LENGTH_AT)? as usize)?)?;
    let is_sound = number >= next && crc32fast::hash(payload) == u32_at(header, PAYLOAD_CRC_AT)?;
    is_sound.then_some((number, payload))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x0123_4567_89ab_cdef;

    fn frame(payload: &[u8], salt: u64, number: u64) -> Vec<u8> {
        let mut buffer = Frame::open(0);
        buffer.extend_from_slice(payload);
        let mut frame = Frame::close(buffer).expect("it is small");
        frame.placed(Salt::new(salt), number).to_vec()
    }

    fn file(payloads: &[&[u8]]) -> Vec<u8> {
        let mut bytes = file_header(Salt::new(SALT)).to_vec();
        for (number, payload) in (0..).zip(payloads) {
            bytes.extend(frame(payload, SALT, number));
        }
        bytes
    }

    /// What is found, and how many frames are missing.
    fn found(bytes: &[u8]) -> (Vec<Found<'_>>, u64) {
        let mut frames = Frames::new(bytes).expect("a version that is read");
        let found = frames.by_ref().collect();
        (found, frames.lost())
    }

    #[test]
    fn a_push_that_no_frame_holds_is_refused() {
        let fits = Frame::close(vec![0; HEADER_BYTES + PAYLOAD_MAX_BYTES as usize + 1]);
        let error = fits.expect_err("it is a byte too long");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(error.message(), "a push of 1073741825 bytes, limit: 1073741824 bytes");
    }

    #[test]
    fn frames_come_back_as_they_were_written() {
        let expected = vec![Found::Record(b"one"), Found::Record(b""), Found::Record(b"three")];
        assert_eq!(found(&file(&[b"one", b"", b"three"])), (expected, 0));
        assert_eq!(found(&file(&[])), (vec![], 0));
        assert_eq!(found(&[]), (vec![], 0));
    }

    #[test]
    fn one_damaged_byte_anywhere_costs_one_frame_at_most() {
        let sound = file(&[b"first", b"second", b"third"]);
        let records = [&b"first"[..], b"second", b"third"];
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x20;
            let (found, lost) = found(&bytes);
            let kept: Vec<_> = found
                .iter()
                .filter_map(|found| match found {
                    Found::Record(payload) => Some(*payload),
                    _ => None,
                })
                .collect();
            let missing: Vec<_> = records.iter().filter(|payload| !kept.contains(payload)).collect();
            assert!(
                missing.len() <= usize::from(at >= FILE_HEADER_BYTES),
                "byte {at}: {found:?}"
            );
            let is_last = missing == [&records[2]];
            // Behind the last frame there is none whose number tells.
            assert_eq!(
                lost,
                if is_last { 0 } else { missing.len() as u64 },
                "byte {at}: {found:?}"
            );
            let is_told = found.iter().any(|found| matches!(found, Found::Damaged(_)));
            assert_eq!(is_told, !is_last, "byte {at}: {found:?}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_keeps_what_is_whole() {
        let sound = file(&[b"first", b"second"]);
        let ends = [FILE_HEADER_BYTES, FILE_HEADER_BYTES + HEADER_BYTES + 5, sound.len()];
        for length in 0..sound.len() {
            let (found, lost) = found(&sound[..length]);
            let whole = ends.iter().filter(|&&end| end <= length).count().saturating_sub(1);
            let torn = length - ends.iter().rfind(|&&end| end <= length).unwrap_or(&0);
            let mut expected: Vec<_> = [Found::Record(b"first"), Found::Record(b"second")]
                .into_iter()
                .take(whole)
                .collect();
            expected.extend((torn > 0).then_some(Found::Torn(torn as u64)));
            assert_eq!((found, lost), (expected, 0), "{length} bytes");
        }
    }

    #[test]
    fn bytes_that_were_pushed_pass_for_no_frame() {
        // Everything that can be known from outside: both layouts, any number, another salt.
        let mut forged = frame(b"forged", SALT ^ 1, 1);
        forged.extend(frame(b"forged", 0, 1));
        forged.extend(file(&[]));
        let crc = crc32fast::hash(&[&6u32.to_le_bytes()[..], b"forged"].concat());
        forged.extend([&frame_v1::MAGIC[..], &6u32.to_le_bytes(), &crc.to_le_bytes(), b"forged"].concat());
        let mut bytes = file(&[&forged, b"next"]);
        bytes[FILE_HEADER_BYTES + HEADER_BYTES - 1] ^= 1;
        let damaged = Found::Damaged((HEADER_BYTES + forged.len()) as u64);
        assert_eq!(found(&bytes), (vec![damaged, Found::Record(b"next")], 1));
    }

    #[test]
    fn a_frame_that_stands_there_again_counts_once() {
        let mut bytes = file(&[b"one", b"two"]);
        let again = bytes[FILE_HEADER_BYTES..].to_vec();
        bytes.extend_from_slice(&again);
        bytes.extend(frame(b"three", SALT, 2));
        let expected = vec![
            Found::Record(b"one"),
            Found::Record(b"two"),
            Found::Damaged(again.len() as u64),
            Found::Record(b"three"),
        ];
        assert_eq!(found(&bytes), (expected, 0));
    }

    #[test]
    fn many_forged_headers_are_stepped_over_in_one_pass() {
        // Each claims all that stands behind it: whoever believed one of them would read some 8 TB here.
        let mut forged = Vec::new();
        while forged.len() < 16 << 20 {
            let length = (16 << 20) - forged.len() as u32;
            forged.extend([&frame_v1::MAGIC[..], &length.to_le_bytes(), &[0; 4]].concat());
        }
        let mut bytes = file(&[&forged, b"next"]);
        bytes[FILE_HEADER_BYTES] ^= 1;
        let (found, lost) = found(&bytes);
        assert_eq!((found.last(), lost), (Some(&Found::Record(b"next")), 1));
    }
}
