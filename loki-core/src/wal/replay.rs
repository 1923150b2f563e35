//! Reading the log back.

use super::frame::{Found, Frames};
use super::record::{RecordStream, decode};
use crate::files::Files;
use crate::{Error, TenantId};
use std::path::Path;

/// What reading one log file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Replayed {
    /// Bytes of the file.
    pub(crate) bytes: u64,
    /// Whole records.
    pub(crate) records: u64,
    /// Bytes at the end that belong to no whole record: a push that was never acknowledged.
    pub(crate) torn_bytes: u64,
    /// Bytes that are damaged, between or instead of records.
    pub(crate) damaged_bytes: u64,
    /// Records that are missing, as far as the numbers of others tell.
    pub(crate) lost_records: u64,
}

/// Reads the log file `path` and hands each stream of each record to `each`, in the order written.
///
/// Damage is stepped over, frame by frame, and counted.
///
/// # Errors
///
/// [`crate::ErrorKind::Io`] where the file cannot be read, [`crate::ErrorKind::Corrupt`] where it is of another
/// version; what `each` answers.
pub(crate) fn replay(
    files: &dyn Files,
    path: &Path,
    each: &mut dyn FnMut(&TenantId, &mut RecordStream<'_>) -> Result<(), Error>,
) -> Result<Replayed, Error> {
    let bytes = files.read(path).map_err(|e| Error::io(path.display(), e))?;
    let foreign = |what: &str, version: u32| {
        // Whole and not ours to read: nothing of it may be dropped.
        Error::corrupt(path.display(), format!("it {what} version {version}"))
    };
    let mut frames = Frames::new(&bytes).map_err(|version| foreign("is of", version))?;
    let mut replayed = Replayed {
        bytes: bytes.len() as u64,
        ..Replayed::default()
    };
    for found in frames.by_ref() {
        match found {
            Found::Record(payload) => {
                if let Some(version) = super::record::foreign_version(payload) {
                    return Err(foreign("holds a record of", version.into()));
                }
                match check(payload) {
                    // A record is applied whole or not at all.
                    Ok(()) => {
                        decode(payload, each)?;
                        replayed.records += 1;
                    }
                    Err(_) => {
                        replayed.damaged_bytes += payload.len() as u64;
                        replayed.lost_records += 1;
                    }
                }
            }
            Found::Damaged(bytes) => replayed.damaged_bytes += bytes,
            Found::Torn(bytes) => replayed.torn_bytes += bytes,
        }
    }
    replayed.lost_records = replayed.lost_records.saturating_add(frames.lost());
    Ok(replayed)
}

/// Whether `payload` is a record that can be read to its end.
fn check(payload: &[u8]) -> Result<(), Error> {
    decode(payload, &mut |_, _| Ok(()))
}
