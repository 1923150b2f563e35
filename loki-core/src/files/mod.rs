//! The one door to the file system.
//!
//! Everything that the engine keeps goes through [`Files`], so that tests can put a file system behind it that fails,
//! tears writes and forgets what was not synced ([`FaultyFiles`]).

mod disk;
mod faulty;

pub use disk::DiskFiles;
pub use faulty::{Fault, FaultyFiles};

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A file system, as little of it as the engine needs.
///
/// Paths are those that the engine was opened with, and below. A name that was made, renamed or removed is durable
/// once the folder that holds it was synced with [`sync_folder`](Files::sync_folder).
pub trait Files: Debug + Send + Sync {
    /// Makes the folder `path` and those above it; nothing happens where it is there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn create_folder(&self, path: &Path) -> io::Result<()>;

    /// The names in the folder `path`, sorted; none where it is not there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// Makes the file `path` for writing from its start.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` where it is there, and what the file system says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn WriteFile>>;

    /// The bytes of the file `path`.
    ///
    /// # Errors
    ///
    /// `NotFound` where it is not there, and what the file system says.
    fn read(&self, path: &Path) -> io::Result<FileBytes>;

    /// Gives the file `from` the name `to`, which nothing may have.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` where something has it, and what the file system says.
    fn publish(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes the file `path`; nothing happens where it is not there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in the folder `path` durable.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Locks the file `path`, which is made where it is not there, until the answer is dropped.
    ///
    /// # Errors
    ///
    /// `WouldBlock` where another holds the lock, and what the file system says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;

    /// A number that nobody outside the process can guess, another one each time: what is written behind it into a file
    /// is told by it from what others had written there.
    fn random(&self) -> u64;
}

/// Digits of the numbers that files are named with.
const NUMBER_DIGITS: usize = 16;
/// The largest number that a file is named with.
pub(crate) const LARGEST_NUMBER: u64 = 9_999_999_999_999_999;

/// The name of the file `number` of a kind.
pub(crate) fn numbered_name(number: u64, kind: &str) -> String {
    format!("{number:0NUMBER_DIGITS$}.{kind}")
}

/// The number of a file of a kind by its name, where it is called as [`numbered_name`] says: others are not ours.
pub(crate) fn number_of_name(name: &str, kind: &str) -> Option<u64> {
    let digits = name.strip_suffix(kind)?.strip_suffix('.')?;
    let is_number = digits.len() == NUMBER_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// A file open for writing at its end.
pub trait WriteFile: Debug + Send + Sync {
    /// Writes all of `bytes` at the end. After an error any part of them may stand there.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable. Other threads may append meanwhile.
    ///
    /// # Errors
    ///
    /// What the file system says; then nothing is known of what was written since the last sync.
    fn sync(&self) -> io::Result<()>;

    /// Tells that the first `length` bytes, which are durable, will hardly be read: the system may use the memory in which
    /// it keeps them for something else. Answers nothing, and need not do anything.
    fn forget(&self, length: u64) {
        let _ = length;
    }

    /// Cuts the file to its first `length` bytes.
    ///
    /// # Errors
    ///
    /// What the file system says.
    fn truncate(&self, length: u64) -> io::Result<()>;
}

/// Holds a lock until it is dropped.
pub trait Lock: Debug + Send + Sync {}

/// The bytes of a file, mapped or in memory. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileBytes(Bytes);

#[derive(Debug, Clone)]
enum Bytes {
    Mapped(Arc<memmap2::Mmap>),
    Owned(Arc<[u8]>),
}

impl From<Vec<u8>> for FileBytes {
    fn from(bytes: Vec<u8>) -> FileBytes {
        FileBytes(Bytes::Owned(bytes.into()))
    }
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl std::ops::Deref for FileBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_ref()
    }
}
