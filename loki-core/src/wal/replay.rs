//! Reading the log back.

use super::frame::{self, Found};
use super::record::{RecordStream, decode};
use crate::files::Files;
use crate::{Error, TenantId};
use std::path::Path;

/// What reading one log file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Replayed {
    /// Whole records.
    pub(crate) records: u64,
    /// Bytes at the end that belong to no whole record: a push that was never acknowledged.
    pub(crate) torn_bytes: u64,
    /// Bytes that are damaged, between or instead of records.
    pub(crate) damaged_bytes: u64,
}

/// Reads the log file `path` and hands each stream of each record to `each`, in the order written.
///
/// Damage is stepped over, frame by frame, and counted.
///
/// # Errors
///
/// [`crate::ErrorKind::Io`] where the file cannot be read; what `each` answers.
pub(crate) fn replay(
    files: &dyn Files,
    path: &Path,
    each: &mut dyn FnMut(&TenantId, &mut RecordStream<'_>) -> Result<(), Error>,
) -> Result<Replayed, Error> {
    let bytes = files.read(path).map_err(|e| Error::io(path.display(), e))?;
    let mut found = Replayed::default();
    let mut at = 0;
    loop {
        match frame::next(&bytes, at) {
            Found::Frame(payload) => {
                at = payload.end;
                let length = payload.len() as u64;
                if let Some(version) = super::record::foreign_version(&bytes[payload.clone()]) {
                    // Whole and not ours to read: nothing of it may be dropped.
                    return Err(Error::corrupt(
                        path.display(),
                        format!("it holds a record of version {version}"),
                    ));
                }
                match check(&bytes[payload.clone()]) {
                    // A record is applied whole or not at all.
                    Ok(()) => {
                        decode(&bytes[payload], each)?;
                        found.records += 1;
                    }
                    Err(_) => found.damaged_bytes += length,
                }
            }
            Found::Damaged(range) => {
                found.damaged_bytes += range.len() as u64;
                at = range.end;
            }
            Found::End => {
                found.torn_bytes = (bytes.len() - at) as u64;
                return Ok(found);
            }
        }
    }
}

/// Whether `payload` is a record that can be read to its end.
fn check(payload: &[u8]) -> Result<(), Error> {
    decode(payload, &mut |_, _| Ok(()))
}
