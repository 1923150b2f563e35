//! The file system of the machine.

use super::{Bytes, FileBytes, Files, Lock, WriteFile};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The file system of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskFiles;

/// Files below this many bytes are read into memory: a map costs a page and a system call at least.
const SMALLEST_MAP_BYTES: u64 = 16 << 10;

impl Files for DiskFiles {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .collect();
        fs::create_dir_all(path)?;
        // A folder lasts once the one above it knows its name for good.
        for made in missing {
            let above = made.parent().filter(|above| !above.as_os_str().is_empty());
            File::open(above.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let folder = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            folder => folder?,
        };
        let mut names = Vec::new();
        for item in folder {
            // A name that is not UTF-8 is not ours.
            names.extend(item?.file_name().into_string().ok());
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn WriteFile>> {
        Ok(Arc::new(DiskFile {
            file: OpenOptions::new().write(true).create_new(true).open(path)?,
            forgotten: AtomicU64::new(0),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<FileBytes> {
        let file = File::open(path)?;
        if file.metadata()?.len() < SMALLEST_MAP_BYTES {
            return Ok(fs::read(path)?.into());
        }
        Ok(FileBytes(Bytes::Mapped(Arc::new(map(&file)?))))
    }

    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        publish(|from, to| fs::hard_link(from, to), from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(DiskLock(file))),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn random(&self) -> u64 {
        // A hash under keys that the standard library takes from the operating system, so that no table can be attacked.
        RandomState::new().hash_one(0)
    }
}

/// Gives the file `from` the name `to` by `link`, or by a rename where the file system has no links.
fn publish(link: impl Fn(&Path, &Path) -> io::Result<()>, from: &Path, to: &Path) -> io::Result<()> {
    // A hard link is the one portable rename that refuses to replace: the loser of a race learns that it lost.
    match link(from, to) {
        Ok(()) => {
            // It is published: a name that stays beside it counts for nothing and is removed at the next open.
            let _ = fs::remove_file(from);
            Ok(())
        }
        Err(error) if has_no_links(&error) => {
            // The lock file keeps other engines out, so nothing comes between the look and the rename.
            if to.try_exists()? {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)
        }
        Err(error) => Err(error),
    }
}

/// Whether a file system says that it makes no hard links: `EPERM`, `EOPNOTSUPP`, `ENOSYS`, `EMLINK`.
fn has_no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported | io::ErrorKind::TooManyLinks
    )
}

/// Maps `file` for reading.
#[expect(unsafe_code, reason = "the one memory map of the engine")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: a map is sound while nobody writes to or cuts the file under it. The engine writes a file before it
    // maps it and never after: segments and manifest records are published complete and only ever removed (a removed
    // file stays mapped whole), write-ahead logs are mapped at start, before the first append to a new one. The lock
    // file keeps other engines out.
    unsafe { memmap2::Mmap::map(file) }
}

#[derive(Debug)]
struct DiskFile {
    file: File,
    /// Bytes from the start that were forgotten.
    forgotten: AtomicU64,
}

/// What is forgotten ends at a multiple of this, so that no page is forgotten that is still written to: it would have to be
/// read again. Pages come together in larger pieces; a call for less is not worth it.
#[cfg(target_os = "linux")]
const FORGOTTEN_AT_ONCE: u64 = 64 << 10;

impl WriteFile for DiskFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    #[cfg(target_os = "linux")]
    fn forget(&self, length: u64) {
        use std::num::NonZeroU64;
        use std::sync::atomic::Ordering;
        let end = length - length % FORGOTTEN_AT_ONCE;
        let start = self.forgotten.fetch_max(end, Ordering::Relaxed);
        if let Some(length) = end.checked_sub(start).and_then(NonZeroU64::new) {
            // Memory that stays taken is no error.
            let _ = rustix::fs::fadvise(&self.file, start, Some(length), rustix::fs::Advice::DontNeed);
        }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        (&self.file).seek(SeekFrom::Start(length)).map(drop)
    }
}

/// The lock goes with the open file.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
struct DiskLock(File);

impl Lock for DiskLock {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_published_once_with_links_and_without() {
        let refusals = [
            None,
            Some(io::ErrorKind::PermissionDenied),
            Some(io::ErrorKind::Unsupported),
            Some(io::ErrorKind::TooManyLinks),
        ];
        for refusal in refusals {
            let folder = tempfile::tempdir().expect("a folder");
            let (from, to) = (folder.path().join("1.new"), folder.path().join("1.segment"));
            let link = |from: &Path, to: &Path| match refusal {
                Some(kind) => Err(kind.into()),
                None => fs::hard_link(from, to),
            };
            fs::write(&from, "first").expect("written");
            publish(link, &from, &to).expect("nothing has the name");
            assert!(!from.exists(), "{refusal:?}");
            fs::write(&from, "second").expect("written");
            let error = publish(link, &from, &to).expect_err("something has the name");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{refusal:?}");
            assert_eq!(fs::read(&to).expect("its bytes"), b"first", "{refusal:?}");
        }
    }

    #[test]
    fn other_errors_of_a_link_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("1.new"), folder.path().join("1.segment"));
        fs::write(&from, "first").expect("written");
        let error = publish(|_, _| Err(io::ErrorKind::StorageFull.into()), &from, &to).expect_err("no room");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(from.exists() && !to.exists());
    }
}
