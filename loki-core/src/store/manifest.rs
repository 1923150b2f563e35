//! Which segments of a tenant are live: a log of numbered records, each made once and never changed.

use super::records::Records;
use crate::Error;
use crate::files::{Files, LARGEST_NUMBER};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Version of the record layout.
const VERSION: u32 = 2;
/// The oldest version that is read.
const OLDEST_VERSION: u32 = 1;
/// After so many records one of them repeats all live segments, and the older ones go.
const RECORDS_PER_SNAPSHOT: u64 = 32;

/// What the manifest says of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentMeta {
    /// Number of its file; files that were made later have larger ones.
    pub(crate) number: u64,
    /// Its place among the others: what lies in a segment of a lower order came earlier.
    #[serde(default)]
    pub(crate) order: u64,
    /// Bytes of the file.
    pub(crate) bytes: u64,
    pub(crate) min_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) streams: u64,
    pub(crate) entries: u64,
    /// Bytes of the lines in it.
    pub(crate) line_bytes: u64,
    /// Whether compaction wrote it: its blocks are laid out for good then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) settled: bool,
}

/// A change of the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) add: Vec<SegmentMeta>,
    /// Numbers of segments that no longer count.
    pub(crate) remove: Vec<u64>,
    /// Records of the write-ahead log in files up to this one are in segments.
    pub(crate) wal_through: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    version: u32,
    number: u64,
    /// Whether `add` is all that is live, and older records do not count.
    snapshot: bool,
    wal_through: u64,
    add: Vec<SegmentMeta>,
    remove: Vec<u64>,
}

/// The manifest of one tenant.
#[derive(Debug)]
pub(crate) struct Manifest {
    records: Records,
    /// Number of the last record; 0 before the first.
    last: u64,
    wal_through: u64,
    live: Vec<SegmentMeta>,
}

impl Manifest {
    /// Reads the manifest in `folder`; an empty one where there is no record.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where a record is damaged or missing, [`Io`](crate::ErrorKind::Io).
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<Manifest, Error> {
        let files = Records::open(files, folder, "manifest", OLDEST_VERSION..=VERSION)?;
        let mut records = Vec::new();
        for number in files.numbers()?.into_iter().rev() {
            let mut record: Record = files.read(number)?;
            if record.version == 1 {
                // It knows no order: that of the files comes closest.
                record.add.iter_mut().for_each(|segment| segment.order = segment.number);
            }
            let numbers = record
                .add
                .iter()
                .map(|segment| segment.number)
                .chain([record.wal_through]);
            if let Some(number) = numbers.into_iter().find(|&number| number > LARGEST_NUMBER) {
                let problem = format!("record {} names a file {number}", record.number);
                return Err(Error::corrupt(files.folder().display(), problem));
            }
            let complete = record.snapshot;
            records.push(record);
            if complete {
                break;
            }
        }
        records.reverse();
        let mut manifest = Manifest {
            records: files,
            last: 0,
            wal_through: 0,
            live: Vec::new(),
        };
        for record in records {
            if !record.snapshot && record.number != manifest.last + 1 {
                let problem = format!("record {} follows record {}", record.number, manifest.last);
                return Err(Error::corrupt(manifest.records.folder().display(), problem));
            }
            manifest.apply(&record);
        }
        Ok(manifest)
    }

    /// Whether there is no record yet.
    pub(crate) fn is_new(&self) -> bool {
        self.last == 0
    }

    /// The live segments in their order.
    pub(crate) fn live(&self) -> &[SegmentMeta] {
        &self.live
    }

    /// The last file of the write-ahead log whose records of this tenant are in segments.
    pub(crate) fn wal_through(&self) -> u64 {
        self.wal_through
    }

    /// Whether changes can be made.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed), as of [`commit`](Manifest::commit).
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.records.check_open()
    }

    /// Makes a change durable. Either all of it counts from here on, or none.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io): nothing changed. [`Closed`](crate::ErrorKind::Closed): whether it changed will be
    /// seen at the next open, and until then nothing may be written. [`Locked`](crate::ErrorKind::Locked): another
    /// wrote a record.
    pub(crate) fn commit(&mut self, change: Change) -> Result<(), Error> {
        let mut record = Record {
            version: VERSION,
            number: self.last + 1,
            snapshot: false,
            wal_through: change.wal_through.unwrap_or(self.wal_through),
            add: change.add,
            remove: change.remove,
        };
        if record.number.is_multiple_of(RECORDS_PER_SNAPSHOT) {
            let mut live = std::mem::take(&mut record.add);
            live.extend(self.live.iter().filter(|s| !record.remove.contains(&s.number)).cloned());
            record = Record {
                snapshot: true,
                add: live,
                remove: Vec::new(),
                ..record
            };
        }
        self.records.write(record.number, &record)?;
        self.apply(&record);
        if record.snapshot {
            self.records.forget_before(record.number);
        }
        Ok(())
    }

    fn apply(&mut self, record: &Record) {
        if record.snapshot {
            self.live.clear();
        }
        self.live.retain(|segment| !record.remove.contains(&segment.number));
        self.live.extend(record.add.iter().cloned());
        self.live.sort_by_key(|segment| segment.order);
        self.last = record.number;
        self.wal_through = record.wal_through;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::files::{Fault, FaultyFiles};

    fn segment(number: u64) -> SegmentMeta {
        SegmentMeta {
            number,
            order: number,
            bytes: 1,
            min_timestamp: 0,
            max_timestamp: 0,
            streams: 1,
            entries: 1,
            line_bytes: 1,
            settled: false,
        }
    }

    fn open(files: &FaultyFiles) -> Manifest {
        Manifest::open(Arc::new(files.clone()), Path::new("m")).expect("opens")
    }

    #[test]
    fn what_was_committed_is_there_after_a_power_cut_across_snapshots() {
        let files = FaultyFiles::default();
        let mut manifest = open(&files);
        for n in 1..=100 {
            let remove = if n % 3 == 0 { vec![n - 1] } else { vec![] };
            manifest
                .commit(Change {
                    add: vec![segment(n)],
                    remove,
                    wal_through: Some(n),
                })
                .expect("commits");
            files.power_cut();
            let again = open(&files);
            assert_eq!(again.live(), manifest.live());
            assert_eq!(again.wal_through(), n);
        }
        assert!(files.paths().len() < 40, "snapshots let old records go");
    }

    #[test]
    fn numbers_that_no_file_can_have_are_refused() {
        for wal_through in [0, u64::MAX] {
            let files = FaultyFiles::default();
            let add = vec![segment(if wal_through == 0 { u64::MAX } else { 1 })];
            let change = Change {
                add,
                wal_through: Some(wal_through),
                ..Change::default()
            };
            open(&files).commit(change).expect("commits");
            let error = Manifest::open(Arc::new(files), Path::new("m")).expect_err("no such file");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn segments_stand_in_their_order_across_records_and_snapshots() {
        let files = FaultyFiles::default();
        let mut manifest = open(&files);
        let mut expected = Vec::new();
        for number in 1..=100 {
            // Every third one takes the place of the first.
            let (order, remove) = match expected.first() {
                Some(&(order, first)) if number % 3 == 0 => (order, vec![first]),
                _ => (number, vec![]),
            };
            expected.retain(|(_, number)| !remove.contains(number));
            expected.push((order, number));
            expected.sort();
            let add = vec![SegmentMeta {
                order,
                ..segment(number)
            }];
            let change = Change {
                add,
                remove,
                wal_through: None,
            };
            manifest.commit(change).expect("commits");
            for manifest in [&manifest, &open(&files)] {
                let live: Vec<_> = manifest.live().iter().map(|s| (s.order, s.number)).collect();
                assert_eq!(live, expected);
            }
        }
    }

    #[test]
    fn a_failed_commit_changes_nothing_or_closes() {
        for call in 0..20 {
            for fault in [Fault::Fail, Fault::Tear, Fault::Full, Fault::Die] {
                let files = FaultyFiles::default();
                let mut manifest = open(&files);
                manifest
                    .commit(Change {
                        add: vec![segment(1)],
                        ..Change::default()
                    })
                    .expect("commits");
                files.fail_at(files.calls() + call, fault);
                let done = manifest.commit(Change {
                    add: vec![segment(2)],
                    ..Change::default()
                });
                let is_closed = done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Closed);
                if is_closed && fault == Fault::Fail {
                    let again = manifest
                        .commit(Change::default())
                        .expect_err("it is unknown what is there");
                    assert_eq!(again.kind(), ErrorKind::Closed, "{again}");
                }
                files.power_cut();
                let live = open(&files).live().len();
                match done {
                    Ok(()) => assert_eq!(live, 2),
                    Err(error) if error.kind() == ErrorKind::Closed => assert!(live == 1 || live == 2),
                    Err(_) => assert_eq!(live, 1),
                }
            }
        }
    }

    #[test]
    fn a_damaged_record_is_refused_by_name() {
        let files = FaultyFiles::default();
        let mut manifest = open(&files);
        manifest
            .commit(Change {
                add: vec![segment(1)],
                ..Change::default()
            })
            .expect("commits");
        files.damage(Path::new("m/0000000000000001.manifest"), |bytes| bytes[20] ^= 1);
        let error = Manifest::open(Arc::new(files), Path::new("m")).expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.message().contains("0000000000000001.manifest"));
    }
}
