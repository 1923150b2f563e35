//! Numbered records in a folder, each made once and never changed: how everything that is decided becomes durable.

use crate::files::{Files, number_of_name, numbered_name};
use crate::{Error, ErrorKind};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Hexadecimal digits of the checksum in front of a record.
const CRC_DIGITS: usize = 8;

/// The records of one kind: `<number>.<kind>`, a checksum on the first line and JSON behind it.
#[derive(Debug)]
pub(crate) struct Records {
    files: Arc<dyn Files>,
    folder: PathBuf,
    kind: &'static str,
    /// The versions of their layout that are read.
    versions: RangeInclusive<u32>,
    /// Why nothing can be written any more: whether the last record is there is unknown until the next open.
    closed: Option<String>,
}

/// What every record begins with.
#[derive(Debug, Deserialize)]
struct Header {
    version: u32,
    number: u64,
}

impl Records {
    /// The records in `folder` with names that end in `.<kind>`, of one of these versions of their layout. What
    /// interrupted writes have left there is removed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub(super) fn open(
        files: Arc<dyn Files>,
        folder: &Path,
        kind: &'static str,
        versions: RangeInclusive<u32>,
    ) -> Result<Records, Error> {
        let failed = |e| Error::io(folder.display(), e);
        for name in files.list(folder).map_err(failed)? {
            if name.ends_with(".new") {
                files.remove(&folder.join(name)).map_err(failed)?;
            }
        }
        Ok(Records {
            files,
            folder: folder.to_owned(),
            kind,
            versions,
            closed: None,
        })
    }

    /// The numbers of the records that are there, ascending.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub(super) fn numbers(&self) -> Result<Vec<u64>, Error> {
        let names = self
            .files
            .list(&self.folder)
            .map_err(|e| Error::io(self.folder.display(), e))?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| self.number(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads a record.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where it is damaged or of another version, [`ErrorKind::Io`].
    pub(super) fn read<T: DeserializeOwned>(&self, number: u64) -> Result<T, Error> {
        let path = self.path(number);
        let bytes = self.files.read(&path).map_err(|e| Error::io(path.display(), e))?;
        self.parse(&bytes, number)
            .map_err(|problem| Error::corrupt(path.display(), problem))
    }

    fn parse<T: DeserializeOwned>(&self, bytes: &[u8], number: u64) -> Result<T, String> {
        let (crc, body) = bytes.split_at_checked(CRC_DIGITS + 1).ok_or("it is too short")?;
        let crc = std::str::from_utf8(&crc[..CRC_DIGITS])
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let found = crc32fast::hash(body);
        if crc != Some(found) {
            return Err(format!("its checksum is {found:08x}, expected {crc:08x?}"));
        }
        let header: Header = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        if !self.versions.contains(&header.version) {
            let (oldest, newest) = (self.versions.start(), self.versions.end());
            return Err(format!("version {}, expected {oldest} to {newest}", header.version));
        }
        if header.number != number {
            return Err(format!("it holds record {}", header.number));
        }
        serde_json::from_slice(body).map_err(|e| e.to_string())
    }

    /// Makes the record `number`, whose fields begin with its version and its number, durable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]: it is not there. [`ErrorKind::Closed`]: whether it is there will be seen at the next open, and
    /// until then nothing is written. [`ErrorKind::Locked`]: another wrote it.
    pub(super) fn write(&mut self, number: u64, record: &impl Serialize) -> Result<(), Error> {
        self.check_open()?;
        let body = serde_json::to_vec(record).expect("a record holds numbers, texts and lists of them");
        let mut bytes = format!("{:0CRC_DIGITS$x}\n", crc32fast::hash(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        let (path, beside) = (self.path(number), self.folder.join(format!("{number}.new")));
        let failed = |error: io::Error| Error::io(path.display(), error);
        self.files.remove(&beside).map_err(failed)?;
        let written = self.files.create(&beside).and_then(|file| {
            file.append(&bytes)?;
            file.sync()
        });
        if let Err(error) = written {
            let _ = self.files.remove(&beside);
            return Err(failed(error));
        }
        if let Err(error) = self.files.publish(&beside, &path) {
            let is_there = self.numbers().map_or(true, |numbers| numbers.contains(&number));
            let _ = self.files.remove(&beside);
            return Err(match error.kind() {
                io::ErrorKind::AlreadyExists => Error::new(
                    ErrorKind::Locked,
                    format!("{}: another engine wrote this record", path.display()),
                ),
                // A call that fails may have done its work.
                _ if is_there => self.close(format!("{}: {error}", path.display())),
                _ => failed(error),
            });
        }
        let synced = self.files.sync_folder(&self.folder);
        synced.map_err(|error| self.close(format!("sync of {}: {error}", path.display())))
    }

    /// Whether records can be written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] after a write of unknown outcome.
    pub(super) fn check_open(&self) -> Result<(), Error> {
        self.closed.as_ref().map_or(Ok(()), |why| Err(closed(why)))
    }

    /// Writes nothing more.
    fn close(&mut self, why: String) -> Error {
        closed(self.closed.insert(why))
    }

    /// Removes the records before `number`, which holds all that they say. Nothing depends on it.
    pub(super) fn forget_before(&self, number: u64) {
        for old in self
            .numbers()
            .unwrap_or_default()
            .into_iter()
            .filter(|&old| old < number)
        {
            let _ = self.files.remove(&self.path(old));
        }
        let _ = self.files.sync_folder(&self.folder);
    }

    /// The folder of the records.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder, inside one that is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`].
    pub(super) fn create_folder(&self) -> Result<(), Error> {
        let made = self.files.create_folder(&self.folder);
        let synced = made.and_then(|()| {
            self.folder
                .parent()
                .map_or(Ok(()), |above| self.files.sync_folder(above))
        });
        synced.map_err(|e| Error::io(self.folder.display(), e))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(numbered_name(number, self.kind))
    }

    fn number(&self, name: &str) -> Option<u64> {
        number_of_name(name, self.kind)
    }
}

fn closed(why: &str) -> Error {
    Error::new(ErrorKind::Closed, format!("the engine takes no more writes: {why}"))
}
