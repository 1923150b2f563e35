//! A queue of records on disk.

use super::part::{self, Part};
use crate::files::{Files, WriteFile};
use crate::store::Document;
use crate::{ByteSize, Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A part is this share of the capacity, so that making room drops little at once.
const PARTS: u64 = 8;
/// The largest part: one is read whole.
const LARGEST_PART: u64 = 8 << 20;

/// A bounded queue of records on disk.
///
/// - Records come out in the order in which they went in, each until it was [released](Spool::release).
/// - They survive the end of the process; a power cut can take the newest.
/// - Where they take more than the capacity the oldest go, and are counted.
///
/// ```
/// # use loki_core::{ByteSize, Engine, Settings};
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::open(folder.path(), Settings::default())?;
/// let spool = engine.spool("to-elsewhere", ByteSize(1 << 20))?;
/// spool.append(1, b"a record")?;
/// let batch = spool.peek(1000)?;
/// assert_eq!(batch.records[0].bytes, b"a record");
/// spool.release(&batch)?;
/// assert_eq!(spool.stats().items, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Spool {
    files: Arc<dyn Files>,
    folder: PathBuf,
    capacity_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Oldest first; none below `read`.
    parts: VecDeque<Part>,
    /// The last part, while it can be written to.
    writer: Option<Arc<dyn WriteFile>>,
    next_number: u64,
    /// What stands before was taken.
    read: Place,
    /// `read`, as it is known after a restart.
    kept: Document<Place>,
    dropped_items: u64,
}

/// Between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
struct Place {
    part: u64,
    offset: usize,
}

/// A record of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How many things it counts for.
    pub items: u32,
    /// As it was appended.
    pub bytes: Vec<u8>,
}

/// The oldest records of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Oldest first.
    pub records: Vec<Record>,
    end: Place,
    /// Items of the records in the part that it ends in.
    items_in_last_part: u64,
}

/// What a spool holds and has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Items that wait.
    pub items: u64,
    /// Bytes on disk.
    pub bytes: u64,
    /// Items that were dropped since it was opened, for want of room or because they could not be written.
    pub dropped_items: u64,
}

impl Spool {
    /// Opens the spool in `folder`, which is made where it is not there.
    pub(super) fn open(files: Arc<dyn Files>, folder: &Path, capacity: ByteSize) -> Result<Spool, Error> {
        let named = |error| Error::io(folder.display(), error);
        files.create_folder(folder).map_err(named)?;
        let kept: Document<Place> = Document::open(Arc::clone(&files), folder, "place")?;
        let read = *kept.value();
        let mut numbers: Vec<u64> = files
            .list(folder)
            .map_err(named)?
            .iter()
            .filter_map(|name| part::number(name))
            .collect();
        numbers.sort_unstable();
        let mut parts = VecDeque::new();
        for &number in &numbers {
            let path = part::path(folder, number);
            if number < read.part {
                files.remove(&path).map_err(|e| Error::io(path.display(), e))?;
                continue;
            }
            let bytes = files.read(&path).map_err(|e| Error::io(path.display(), e))?;
            let start = if number == read.part { read.offset } else { 0 };
            let items = part::records(&bytes, start).map(|(items, _, _)| u64::from(items)).sum();
            parts.push_back(Part {
                number,
                bytes: bytes.len() as u64,
                items,
            });
        }
        let next_number = numbers.last().map_or(0, |&last| last).max(read.part) + 1;
        Ok(Spool {
            files,
            folder: folder.to_owned(),
            capacity_bytes: capacity.0,
            state: Mutex::new(State {
                parts,
                writer: None,
                next_number,
                read,
                kept,
                dropped_items: 0,
            }),
        })
    }

    /// Puts a record that counts for `items` things behind all others. It survives the end of the process from here on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::LimitExceeded`] where the record alone is larger than the spool, [`ErrorKind::Io`]. The record then
    /// counts as dropped.
    pub fn append(&self, items: u32, record: &[u8]) -> Result<(), Error> {
        let frame = part::frame(items, record).unwrap_or_default();
        let mut state = self.lock();
        let done = match frame.is_empty() {
            true => Err(self.too_large(record.len())),
            false => self.append_frame(&mut state, &frame),
        };
        match (&done, state.parts.back_mut()) {
            (Ok(()), Some(last)) => {
                last.bytes += frame.len() as u64;
                last.items += u64::from(items);
            }
            _ => {
                // A part of it may stand there: reading stops at that, so nothing may follow.
                state.writer = None;
                state.dropped_items += u64::from(items);
                // While the disk is full every record would leave an empty file.
                if let Some(empty) = state.parts.pop_back_if(|part| part.bytes == 0) {
                    self.remove(empty.number);
                }
            }
        }
        self.make_room(&mut state);
        done
    }

    fn append_frame(&self, state: &mut State, frame: &[u8]) -> Result<(), Error> {
        if frame.len() as u64 > self.capacity_bytes {
            return Err(self.too_large(frame.len()));
        }
        let is_full = state.parts.back().is_some_and(|part| part.bytes >= self.part_bytes());
        let writer = match &state.writer {
            Some(writer) if !is_full => Arc::clone(writer),
            before => {
                if let Some(before) = before {
                    before.sync().map_err(|e| Error::io(self.folder.display(), e))?;
                }
                self.begin_part(state)?
            }
        };
        writer.append(frame).map_err(|e| Error::io(self.folder.display(), e))
    }

    fn too_large(&self, bytes: usize) -> Error {
        let limit = self.capacity_bytes;
        let text = format!("a record of {bytes} bytes is larger than its queue, {limit} bytes");
        Error::new(ErrorKind::LimitExceeded, text)
    }

    fn begin_part(&self, state: &mut State) -> Result<Arc<dyn WriteFile>, Error> {
        let number = state.next_number;
        let path = part::path(&self.folder, number);
        // The number is used up whatever happens: the file may be there.
        state.next_number += 1;
        let file = self.files.create(&path).map_err(|e| Error::io(path.display(), e))?;
        state.parts.push_back(Part {
            number,
            bytes: 0,
            items: 0,
        });
        state.writer = Some(Arc::clone(&file));
        self.files
            .sync_folder(&self.folder)
            .map_err(|e| Error::io(self.folder.display(), e))?;
        Ok(file)
    }

    /// Drops the oldest parts while all take more than the capacity.
    fn make_room(&self, state: &mut State) {
        while state.parts.len() > 1 && state.parts.iter().map(|part| part.bytes).sum::<u64>() > self.capacity_bytes {
            if let Some(oldest) = state.parts.pop_front() {
                state.dropped_items += oldest.items;
                self.remove(oldest.number);
            }
        }
    }

    /// One that cannot be removed is found by the next open; until then it takes space, and nothing else.
    fn remove(&self, number: u64) {
        let _ = self.files.remove(&part::path(&self.folder, number));
    }

    /// The oldest records, as many as `most_bytes` hold and at least one; none where nothing waits.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub fn peek(&self, most_bytes: usize) -> Result<Batch, Error> {
        let state = self.lock();
        let mut batch = Batch {
            records: Vec::new(),
            end: state.read,
            items_in_last_part: 0,
        };
        let mut left = most_bytes;
        for part in &state.parts {
            let path = part::path(&self.folder, part.number);
            let bytes = match self.files.read(&path) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io(path.display(), error)),
            };
            let start = if part.number == state.read.part {
                state.read.offset
            } else {
                0
            };
            let mut items_in_part = 0;
            for (items, record, end) in part::records(&bytes, start) {
                if record.len() > left && !batch.records.is_empty() {
                    return Ok(batch);
                }
                left = left.saturating_sub(record.len());
                items_in_part += u64::from(items);
                batch.records.push(Record {
                    items,
                    bytes: record.to_vec(),
                });
                batch.end = Place {
                    part: part.number,
                    offset: end,
                };
                batch.items_in_last_part = items_in_part;
            }
        }
        Ok(batch)
    }

    /// Takes the records of `batch` out.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]: they are out, but may come back after a restart.
    pub fn release(&self, batch: &Batch) -> Result<(), Error> {
        let mut state = self.lock();
        if batch.end <= state.read {
            return Ok(());
        }
        state.read = batch.end;
        while state.parts.front().is_some_and(|part| part.number < batch.end.part) {
            if let Some(done) = state.parts.pop_front() {
                self.remove(done.number);
            }
        }
        if let Some(last) = state.parts.front_mut().filter(|part| part.number == batch.end.part) {
            last.items = last.items.saturating_sub(batch.items_in_last_part);
        }
        state.kept.commit(batch.end)
    }

    /// What it holds and has lost.
    pub fn stats(&self) -> Stats {
        let state = self.lock();
        Stats {
            items: state.parts.iter().map(|part| part.items).sum(),
            bytes: state.parts.iter().map(|part| part.bytes).sum(),
            dropped_items: state.dropped_items,
        }
    }

    fn part_bytes(&self) -> u64 {
        (self.capacity_bytes / PARTS).min(LARGEST_PART)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Fault, FaultyFiles};

    const CAPACITY: ByteSize = ByteSize(800);

    fn open(files: &FaultyFiles) -> Spool {
        Spool::open(Arc::new(files.clone()), Path::new("spool/x"), CAPACITY).expect("opens")
    }

    fn all(spool: &Spool) -> Vec<u8> {
        let batch = spool.peek(usize::MAX).expect("reads");
        batch.records.iter().map(|record| record.bytes[0]).collect()
    }

    #[test]
    fn records_come_out_in_order_and_once_across_restarts() {
        let files = FaultyFiles::default();
        for n in 0..12 {
            open(&files).append(2, &[n; 10]).expect("written");
        }
        let spool = open(&files);
        assert_eq!((spool.stats().items, all(&spool)), (24, (0..12).collect()));
        let batch = spool.peek(25).expect("reads");
        assert_eq!(batch.records.len(), 2, "as many as fit");
        spool.release(&batch).expect("released");
        spool.append(2, &[12; 10]).expect("written");
        drop(spool);
        let spool = open(&files);
        assert_eq!((spool.stats().items, all(&spool)), (22, (2..13).collect()));
        let rest = spool.peek(usize::MAX).expect("reads");
        spool.release(&rest).expect("released");
        spool.release(&batch).expect("an older batch changes nothing");
        assert_eq!((spool.stats().items, all(&spool)), (0, vec![]));
        assert!(files.paths().len() <= 2, "{:?}", files.paths());
    }

    #[test]
    fn beyond_the_capacity_the_oldest_go_and_are_counted() {
        let files = FaultyFiles::default();
        let spool = open(&files);
        let early = {
            spool.append(1, &[0; 10]).expect("written");
            spool.peek(usize::MAX).expect("reads")
        };
        for n in 1..200 {
            spool.append(1, &[n; 10]).expect("written");
            assert!(spool.stats().bytes <= CAPACITY.0);
        }
        let stats = spool.stats();
        assert_eq!(stats.items + stats.dropped_items, 200);
        assert!(stats.items > 15, "{stats:?}");
        let left = all(&spool);
        assert_eq!(left.len() as u64, stats.items);
        assert_eq!(left.last(), Some(&199));
        spool.release(&early).expect("what is gone can be released");
        assert_eq!(all(&spool), left);
        let error = spool.append(1, &[0; 900]).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(spool.stats().dropped_items, stats.dropped_items + 1);
    }

    #[test]
    fn behind_damage_the_next_part_is_read() {
        let files = FaultyFiles::default();
        for first in [0, 3] {
            let spool = open(&files);
            (first..first + 3).for_each(|n| spool.append(1, &[n; 10]).expect("written"));
        }
        files.damage(Path::new("spool/x/0000000000000001.spool"), |bytes| bytes[40] ^= 1);
        let spool = open(&files);
        assert_eq!((all(&spool), spool.stats().items), (vec![0, 3, 4, 5], 4));
        spool
            .release(&spool.peek(usize::MAX).expect("reads"))
            .expect("released");
        assert_eq!((all(&open(&files)), spool.stats().items), (vec![], 0));
    }

    #[test]
    fn a_full_disk_leaves_no_empty_parts() {
        let files = FaultyFiles::default();
        let spool = open(&files);
        spool.append(1, &[1; 10]).expect("written");
        files.fail_at(files.calls(), Fault::Full);
        for _ in 0..20 {
            spool.append(1, &[2; 10]).expect_err("the disk is full");
        }
        let paths = files.paths();
        assert_eq!(paths, [Path::new("spool/x/0000000000000001.spool")]);
        assert_eq!((all(&spool), spool.stats().dropped_items), (vec![1], 20));
        files.process_killed();
        spool.append(1, &[3; 10]).expect("there is room again");
        assert_eq!(all(&spool), [1, 3]);
    }

    /// Appends and releases, whatever fails; what was acknowledged and not released, and what was released.
    fn live(files: &FaultyFiles) -> (Vec<u8>, Vec<u8>) {
        let (mut kept, mut released) = (Vec::new(), Vec::new());
        for session in 0..3 {
            let opened = Spool::open(Arc::new(files.clone()), Path::new("spool/x"), ByteSize(1 << 20));
            let Ok(spool) = opened else { continue };
            for n in 0..6 {
                let n = session * 6 + n;
                if spool.append(1, &[n; 10]).is_ok() {
                    kept.push(n);
                }
            }
            let Ok(batch) = spool.peek(35) else { continue };
            if spool.release(&batch).is_ok() {
                let taken: Vec<u8> = batch.records.iter().map(|record| record.bytes[0]).collect();
                kept.retain(|n| !taken.contains(n));
                released.extend(taken);
            } else {
                // They may come back and may not.
                kept.retain(|n| batch.records.iter().all(|record| record.bytes[0] != *n));
            }
        }
        (kept, released)
    }

    #[test]
    fn whatever_call_fails_nothing_acknowledged_is_lost_and_nothing_released_comes_back() {
        let calls = {
            let files = FaultyFiles::default();
            live(&files);
            files.calls()
        };
        for call in 0..calls {
            for fault in [Fault::Fail, Fault::Tear, Fault::Die, Fault::Full] {
                for power_cut in [false, true] {
                    let files = FaultyFiles::default();
                    files.fail_at(call, fault);
                    let (kept, released) = live(&files);
                    if power_cut {
                        files.power_cut()
                    } else {
                        files.process_killed()
                    }
                    let found = all(&open(&files));
                    let case = format!("{fault:?} at {call}, power cut: {power_cut}: {found:?} of {kept:?}");
                    assert!(
                        found.is_sorted() && found.iter().all(|n| !released.contains(n)),
                        "{case}"
                    );
                    assert!(power_cut || kept.iter().all(|n| found.contains(n)), "{case}");
                }
            }
        }
    }
}
