//! What an open finds: the write-ahead log becomes the head again.

use crate::files::Files;
use crate::head::{Head, Sealers};
use crate::tenants::Tenants;
use crate::{Error, Settings, wal};
use loki_chunk::EntryRef;
use loki_logql::Labels;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an open found in the write-ahead log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Pushes that were replayed.
    pub records: u64,
    /// Entries of those.
    pub entries: u64,
    /// Bytes of pushes that were cut off while they were written, and never acknowledged.
    pub torn_bytes: u64,
    /// Files with damage. What could be read of them was kept; they stand in `wal/damaged/`.
    pub damaged: Vec<DamagedFile>,
}

/// A file of the write-ahead log with damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedFile {
    /// Where it was found.
    pub path: PathBuf,
    /// Bytes that could not be read.
    pub bytes: u64,
    /// Pushes that are missing, as far as the numbers of those behind them tell.
    pub pushes: u64,
}

/// The head as it was when the engine stopped.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) head: Head,
    /// The number of the log file to go on with.
    pub(crate) next_wal: u64,
    /// Bytes of the log files that are there.
    pub(crate) bytes: u64,
    pub(crate) report: Recovery,
}

/// Replays the log files in `folder` that hold more than the segments do.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io).
pub(crate) fn replay(
    files: &dyn Files,
    folder: &Path,
    tenants: &Tenants,
    settings: &Settings,
    now: i64,
) -> Result<Replay, Error> {
    let names = files.list(folder).map_err(|e| Error::io(folder.display(), e))?;
    let numbers = wal::numbers(&names);
    let head = Head::new(Arc::new(Sealers::new(settings)));
    let mut report = Recovery::default();
    let mut bytes = 0;
    for &number in &numbers {
        let path = wal::path(folder, number);
        let mut entries = 0;
        let found = wal::replay(files, &path, &mut |tenant, stream| {
            let state = tenants.get_or_open(tenant)?;
            if state.store.wal_through() >= number {
                return Ok(());
            }
            let labels = Labels::from_pairs(stream.labels.iter().copied());
            let (kept, _) = head.find_or_new(&head.tenant_or_new(tenant), &labels);
            head.append(&kept, now, |end| {
                let mut metadata = Vec::new();
                while let Some((timestamp, line)) = stream.next_entry(&mut metadata)? {
                    end.append(EntryRef {
                        timestamp,
                        line,
                        metadata: &metadata,
                    });
                    entries += 1;
                }
                Ok(())
            })
        })?;
        bytes += found.bytes;
        report.records += found.records;
        report.entries += entries;
        report.torn_bytes += found.torn_bytes;
        if found.damaged_bytes > 0 || found.lost_records > 0 {
            report.damaged.push(DamagedFile {
                path,
                bytes: found.damaged_bytes,
                pushes: found.lost_records,
            });
        }
    }
    let flushed = tenants
        .all()
        .iter()
        .map(|(_, state)| state.store.wal_through())
        .max()
        .unwrap_or(0);
    let next_wal = numbers.last().copied().unwrap_or(0).max(flushed) + 1;
    Ok(Replay {
        head,
        next_wal,
        bytes,
        report,
    })
}

/// Copies damaged files to `damaged/`; the originals go with the flush of what could be read of them.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io).
pub(crate) fn set_aside(files: &dyn Files, folder: &Path, report: &Recovery) -> Result<(), Error> {
    let aside = folder.join("damaged");
    files.create_folder(&aside).map_err(|e| Error::io(aside.display(), e))?;
    for file in &report.damaged {
        let Some(name) = file.path.file_name() else { continue };
        let copy = aside.join(name);
        // An earlier open may have been interrupted behind its copy.
        let copied = files
            .remove(&copy)
            .and_then(|()| files.read(&file.path))
            .and_then(|bytes| {
                let copy = files.create(&copy)?;
                copy.append(&bytes)?;
                copy.sync()
            });
        copied.map_err(|e| Error::io(copy.display(), e))?;
    }
    files.sync_folder(&aside).map_err(|e| Error::io(aside.display(), e))
}
