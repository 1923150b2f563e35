//! One tenant's segments: the folder, the manifest, the open files.

use super::manifest::{Change, Manifest, SegmentMeta};
use super::segment::Segment;
use super::segment_writer::SegmentWriter;
use crate::Error;
use crate::files::{Files, number_of_name, numbered_name};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// What the names of segments end in.
const KIND: &str = "segment";

/// The segments of one tenant.
#[derive(Debug)]
pub(crate) struct TenantStore {
    files: Arc<dyn Files>,
    folder: PathBuf,
    /// What writers change, one at a time.
    writing: Mutex<Writing>,
    /// What readers see.
    live: RwLock<Arc<[Arc<Segment>]>>,
}

#[derive(Debug)]
struct Writing {
    manifest: Manifest,
    next_number: u64,
}

impl TenantStore {
    /// Opens the store in `folder`, which is made where it is not there, and removes files that count for nothing.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io), [`Corrupt`](crate::ErrorKind::Corrupt).
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<TenantStore, Error> {
        let (segments, records) = (segment_folder(folder), folder.join("manifest"));
        let failed = |e| Error::io(folder.display(), e);
        for made in [&segments, &records] {
            files.create_folder(made).map_err(failed)?;
        }
        files.sync_folder(folder).map_err(failed)?;
        let manifest = Manifest::open(Arc::clone(&files), &records)?;
        let mut next_number = manifest.live().iter().map(|s| s.number + 1).max().unwrap_or(1);
        let names = files.list(&segments).map_err(failed)?;
        let numbers = names.iter().filter_map(|name| number_of_name(name, KIND));
        if manifest.is_new() && numbers.count() > 1 {
            // One may be of a first flush that was interrupted. Several were live, and are not for us to remove.
            return Err(Error::corrupt(records.display(), "it is empty, and there are segments"));
        }
        for name in names {
            let number = number_of_name(&name, KIND);
            next_number = next_number.max(number.map_or(0, |n| n + 1));
            let is_live = |n| manifest.live().iter().any(|s| s.number == n);
            if number.is_some_and(|n| !is_live(n)) || name.ends_with(".new") {
                // Of an interrupted flush or compaction.
                files.remove(&segments.join(&name)).map_err(failed)?;
            }
        }
        let open =
            |meta: &SegmentMeta| Segment::open(&*files, &segment_path(folder, meta.number), meta.clone()).map(Arc::new);
        let live = manifest.live().iter().map(open).collect::<Result<Arc<[_]>, Error>>()?;
        Ok(TenantStore {
            files: Arc::clone(&files),
            folder: folder.to_owned(),
            writing: Mutex::new(Writing { manifest, next_number }),
            live: RwLock::new(live),
        })
    }

    /// The live segments in their order: what lies in an earlier one came earlier.
    pub(crate) fn live(&self) -> Arc<[Arc<Segment>]> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The last file of the write-ahead log whose records of this tenant are in segments.
    pub(crate) fn wal_through(&self) -> u64 {
        self.lock().manifest.wal_through()
    }

    /// Writes a segment with `fill` and puts it in the place of the segments `replaced`, which are neighbours in their
    /// order, or behind all others where there are none. What `fill` leaves empty becomes no segment.
    ///
    /// # Errors
    ///
    /// What `fill` answers, [`Io`](crate::ErrorKind::Io): nothing changed. [`Closed`](crate::ErrorKind::Closed): see
    /// [`Manifest::commit`].
    pub(crate) fn replace(
        &self,
        replaced: &[u64],
        wal_through: Option<u64>,
        fill: impl FnOnce(&mut SegmentWriter) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let number = {
            let mut writing = self.lock();
            // Otherwise each try would leave a segment behind that counts for nothing.
            writing.manifest.check_open()?;
            writing.next_number += 1;
            writing.next_number - 1
        };
        let path = segment_path(&self.folder, number);
        let written = self.write(number, &path, fill).and_then(|meta| {
            let meta = meta.map(|meta| SegmentMeta {
                order: self.order_of(replaced).unwrap_or(meta.order),
                ..meta
            });
            let segment = meta.map(|meta| Segment::open(&*self.files, &path, meta)).transpose()?;
            self.commit(segment, replaced, wal_through)
        });
        match written {
            // Whether the manifest names the segment is unknown: it has to stay.
            Err(error) if error.kind() == crate::ErrorKind::Closed => return Err(error),
            Err(error) => {
                let _ = self.files.remove(&path);
                return Err(error);
            }
            Ok(()) => {}
        }
        for &old in replaced {
            // Readers that hold it read on; a file that stays is removed at the next open.
            let _ = self.files.remove(&segment_path(&self.folder, old));
        }
        Ok(())
    }

    /// The order that takes the place of these segments.
    fn order_of(&self, numbers: &[u64]) -> Option<u64> {
        let live = self.live();
        let replaced = live.iter().filter(|segment| numbers.contains(&segment.meta().number));
        replaced.map(|segment| segment.meta().order).max()
    }

    fn write(
        &self,
        number: u64,
        path: &Path,
        fill: impl FnOnce(&mut SegmentWriter) -> Result<(), Error>,
    ) -> Result<Option<SegmentMeta>, Error> {
        let folder = segment_folder(&self.folder);
        let beside = folder.join(format!("{number}.new"));
        let failed = |e| Error::io(path.display(), e);
        let file = self.files.create(&beside).map_err(failed)?;
        let mut writer = SegmentWriter::new(file, path.display().to_string());
        let written = fill(&mut writer).and_then(|()| {
            if writer.is_empty() {
                return Ok(None);
            }
            let meta = writer.finish(number)?;
            self.files.publish(&beside, path).map_err(failed)?;
            self.files.sync_folder(&folder).map_err(failed)?;
            Ok(Some(meta))
        });
        if !matches!(written, Ok(Some(_))) {
            let _ = self.files.remove(&beside);
        }
        written
    }

    fn commit(&self, segment: Option<Segment>, replaced: &[u64], wal_through: Option<u64>) -> Result<(), Error> {
        let mut writing = self.lock();
        let add = segment.iter().map(|segment| segment.meta().clone()).collect();
        writing.manifest.commit(Change {
            add,
            remove: replaced.to_vec(),
            wal_through,
        })?;
        let mut now: Vec<_> = self
            .live()
            .iter()
            .filter(|s| !replaced.contains(&s.meta().number))
            .cloned()
            .chain(segment.map(Arc::new))
            .collect();
        now.sort_by_key(|segment| segment.meta().order);
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = now.into();
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn segment_folder(folder: &Path) -> PathBuf {
    folder.join("segments")
}

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    segment_folder(folder).join(numbered_name(number, KIND))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::files::{Fault, FaultyFiles};
    use loki_chunk::{Encoding, EntryRef, HeadBlock};
    use loki_logql::Labels;

    fn write(store: &TenantStore) -> Result<(), Error> {
        store.replace(&[], None, |writer| {
            let labels = Labels::from_pairs([("app", "x")]);
            let mut head = HeadBlock::new();
            let entry = EntryRef {
                timestamp: 1,
                line: b"line",
                metadata: &[],
            };
            head.append(entry).expect("it fits");
            let block = head.seal(Encoding::None);
            let mut stream = writer.stream(&labels);
            stream.block(&block.header, &block.data, &[])?;
            stream.finish();
            Ok(())
        })
    }

    #[test]
    fn nothing_is_written_behind_a_commit_of_unknown_outcome() {
        let mut was_closed = false;
        for call in 0..20 {
            let files = FaultyFiles::default();
            let store = TenantStore::open(Arc::new(files.clone()), Path::new("t")).expect("opens");
            files.fail_at(files.calls() + call, Fault::Fail);
            if write(&store).is_err_and(|error| error.kind() == ErrorKind::Closed) {
                was_closed = true;
                let calls = files.calls();
                let error = write(&store).expect_err("it is unknown what is there");
                assert_eq!((error.kind(), files.calls()), (ErrorKind::Closed, calls));
            }
        }
        assert!(was_closed);
    }
}
