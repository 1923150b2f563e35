//! The end of the log that grows: group commit.

use super::frame::{Frame, Salt, file_header};
use crate::files::{Files, WriteFile};
use crate::{Error, ErrorKind, WalSync};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The log that is being written.
///
/// Frames are appended one after the other; one sync serves all that wait for it. A failed sync poisons the log: what
/// is on the disk is unknown then, so nothing more is acknowledged until the engine is opened anew.
#[derive(Debug)]
pub(crate) struct Wal {
    files: Arc<dyn Files>,
    folder: PathBuf,
    sync: WalSync,
    state: Mutex<State>,
    synced: Condvar,
    records: AtomicU64,
    syncs: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct State {
    file: Arc<dyn WriteFile>,
    number: u64,
    salt: Salt,
    /// Bytes of the file up to the end of its last whole frame.
    length: u64,
    /// Bytes of earlier files whose entries are in the same head.
    backlog: u64,
    /// Number of the next frame in the file.
    next_frame: u64,
    /// Frames appended, in all files.
    appended: u64,
    /// Of those, how many are durable.
    durable: u64,
    syncing: bool,
    poisoned: Option<String>,
    /// When the last sync was, by the caller's clock; used with [`WalSync::Interval`].
    last_sync: i64,
}

impl Wal {
    /// Starts the log file `number` in `folder`, behind `backlog` bytes of earlier ones that were replayed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] where the file cannot be made.
    pub(crate) fn create(
        files: Arc<dyn Files>,
        folder: &Path,
        number: u64,
        backlog: u64,
        sync: WalSync,
    ) -> Result<Wal, Error> {
        let LogFile { file, salt, length } = create(&*files, folder, number)?;
        Ok(Wal {
            files,
            folder: folder.to_owned(),
            sync,
            state: Mutex::new(State {
                file,
                number,
                salt,
                length,
                backlog,
                next_frame: 0,
                appended: 0,
                durable: 0,
                syncing: false,
                poisoned: None,
                last_sync: 0,
            }),
            synced: Condvar::new(),
            records: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// Appends a frame and, as [`WalSync`] says, waits until it is durable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] where it cannot be written: then it will not be replayed. [`ErrorKind::Closed`] after a failed
    /// sync.
    pub(crate) fn append(&self, mut frame: Frame) -> Result<(), Error> {
        let mut state = self.lock();
        state.check()?;
        let frame = frame.placed(state.salt, state.next_frame);
        if let Err(error) = state.file.append(frame) {
            // A part of the frame may stand there: it must not be taken for damage in front of the next one.
            let length = state.length;
            if let Err(cut) = state.file.truncate(length) {
                state.poisoned = Some(format!("a torn write could not be cut off: {cut}"));
            }
            return Err(Error::io(format_args!("write-ahead log {}", state.number), error));
        }
        state.length += frame.len() as u64;
        state.next_frame += 1;
        state.appended += 1;
        self.records.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(frame.len() as u64, Ordering::Relaxed);
        match self.sync {
            WalSync::Always => {
                let target = state.appended;
                self.wait_durable(state, target)
            }
            WalSync::Interval(_) | WalSync::Never => Ok(()),
        }
    }

    /// Waits until the first `target` frames are durable, syncing where nobody else does.
    fn wait_durable<'s>(&'s self, mut state: MutexGuard<'s, State>, target: u64) -> Result<(), Error> {
        while state.durable < target {
            state.check()?;
            if state.syncing {
                state = self.synced.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.syncing = true;
            let (file, reached, length) = (Arc::clone(&state.file), state.appended, state.length);
            drop(state);
            let done = file.sync();
            if done.is_ok() {
                // It is read again by the next open at the earliest: it should not push out what queries read.
                file.forget(length);
            }
            self.syncs.fetch_add(1, Ordering::Relaxed);
            state = self.lock();
            state.syncing = false;
            match done {
                Ok(()) => state.durable = state.durable.max(reached),
                Err(error) => state.poisoned = Some(format!("sync of write-ahead log {}: {error}", state.number)),
            }
            self.synced.notify_all();
        }
        Ok(())
    }

    /// Makes durable what is not, where [`WalSync::Interval`] says that it is time to; answers when it will be next.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] where the sync fails.
    pub(crate) fn tick(&self, now: i64) -> Result<Option<i64>, Error> {
        let WalSync::Interval(period) = self.sync else {
            return Ok(None);
        };
        let mut state = self.lock();
        if now >= state.last_sync.saturating_add(period.as_nanos()) || now < state.last_sync {
            state.last_sync = now;
            let target = state.appended;
            self.wait_durable(state, target)?;
        }
        Ok(Some(now.saturating_add(period.as_nanos())))
    }

    /// Makes everything durable and goes on in a new file. Answers the number of the file that was ended.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`] where the new file cannot be made (then the old one goes on), [`ErrorKind::Closed`] after a
    /// failed sync.
    pub(crate) fn rotate(&self) -> Result<u64, Error> {
        self.sync_now()?;
        let mut state = self.lock();
        let ended = state.number;
        let LogFile { file, salt, length } = create(&*self.files, &self.folder, ended + 1)?;
        state.file = file;
        state.number = ended + 1;
        state.salt = salt;
        state.length = length;
        state.backlog = 0;
        state.next_frame = 0;
        Ok(ended)
    }

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] where the sync fails.
    pub(crate) fn sync_now(&self) -> Result<(), Error> {
        let state = self.lock();
        let target = state.appended;
        self.wait_durable(state, target)
    }

    /// Removes the ended files up to `number`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`]; what is left is removed by a later call or the next start.
    pub(crate) fn remove_through(&self, number: u64) -> Result<(), Error> {
        let names = self
            .files
            .list(&self.folder)
            .map_err(|e| Error::io(self.folder.display(), e))?;
        let mut removed = false;
        for old in super::numbers(&names).into_iter().filter(|&n| n <= number) {
            let path = super::path(&self.folder, old);
            self.files.remove(&path).map_err(|e| Error::io(path.display(), e))?;
            removed = true;
        }
        if removed {
            self.files
                .sync_folder(&self.folder)
                .map_err(|e| Error::io(self.folder.display(), e))?;
        }
        Ok(())
    }

    /// Bytes of the files whose entries are in the head that takes pushes.
    pub(crate) fn length(&self) -> u64 {
        let state = self.lock();
        state.backlog.saturating_add(state.length)
    }

    /// Bytes, records and syncs so far.
    pub(crate) fn counters(&self) -> (u64, u64, u64) {
        (
            self.bytes.load(Ordering::Relaxed),
            self.records.load(Ordering::Relaxed),
            self.syncs.load(Ordering::Relaxed),
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self) -> Result<(), Error> {
        match &self.poisoned {
            None => Ok(()),
            Some(why) => Err(Error::new(
                ErrorKind::Closed,
                format!("the engine takes no more writes: {why}"),
            )),
        }
    }
}

/// A file that was just made.
struct LogFile {
    file: Arc<dyn WriteFile>,
    salt: Salt,
    length: u64,
}

/// Makes the file `number`, durable with its header: without its salt no frame in it could be told from what was pushed.
fn create(files: &dyn Files, folder: &Path, number: u64) -> Result<LogFile, Error> {
    let path = super::path(folder, number);
    let salt = Salt::new(files.random());
    let header = file_header(salt);
    let created = match files.create(&path) {
        // It was left by a try that could not even be cleared away: numbers grow, so nothing else can have this one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            files.remove(&path).and_then(|()| files.create(&path))
        }
        created => created,
    };
    let made = created.and_then(|file| {
        file.append(&header)?;
        file.sync()?;
        files.sync_folder(folder)?;
        Ok(LogFile {
            file,
            salt,
            length: header.len() as u64,
        })
    });
    if made.is_err() {
        // A file that is there but not durable must not be appended to, nor stand in the way of the next try.
        let _ = files.remove(&path);
    }
    made.map_err(|e| Error::io(path.display(), e))
}
