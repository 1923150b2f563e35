//! A file system in memory that fails on demand and forgets like a power cut.

use super::{FileBytes, Files, Lock, WriteFile};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A file system in memory, for tests of what happens when a real one fails.
///
/// Every call that changes something counts. With [`fail_at`](FaultyFiles::fail_at) the n-th of them goes wrong; with
/// [`power_cut`](FaultyFiles::power_cut) everything that was not synced is gone, as after a cut.
///
/// ```
/// use loki_core::files::{Files, FaultyFiles};
/// use std::path::Path;
/// let files = FaultyFiles::default();
/// let file = files.create(Path::new("log"))?;
/// file.append(b"gone")?;
/// files.power_cut();
/// assert!(files.read(Path::new("log")).is_err());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FaultyFiles(Arc<Mutex<State>>);

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, the call fails; later calls work.
    Fail,
    /// A write is done by half and fails; later calls work. Of other calls: as `Fail`.
    Tear,
    /// The call and all later ones fail: the disk is gone until the power cut.
    Die,
    /// The disk is full: appends and new files fail from here on, everything else works.
    Full,
}

#[derive(Debug, Default)]
struct State {
    /// Contents by file number. A name points to a number, as a directory entry points to an inode.
    contents: BTreeMap<u64, Content>,
    /// Names as they are now.
    names: BTreeMap<PathBuf, u64>,
    /// Names as they would be after a power cut.
    durable_names: BTreeMap<PathBuf, u64>,
    locks: BTreeSet<PathBuf>,
    calls: u64,
    /// Random numbers given so far.
    randoms: u64,
    fault: Option<(u64, Fault)>,
    dead: bool,
    full: bool,
}

#[derive(Debug, Default, Clone)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
}

impl FaultyFiles {
    /// Makes the `call`-th changing call from the very first (which is 0) go wrong.
    pub fn fail_at(&self, call: u64, fault: Fault) {
        self.state().fault = Some((call, fault));
    }

    /// How many changing calls there were.
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Forgets what was not synced, frees the locks and heals the disk: what a machine finds when it comes up again.
    pub fn power_cut(&self) {
        let mut state = self.state();
        state.names = state.durable_names.clone();
        for content in state.contents.values_mut() {
            content.now = content.durable.clone();
        }
        state.heal();
        state.locks.clear();
    }

    /// Keeps everything that was written, synced or not, frees the locks and heals the disk: what is there after the
    /// process was killed and the machine went on.
    pub fn process_killed(&self) {
        let mut state = self.state();
        state.heal();
        state.locks.clear();
    }

    /// Heals the disk under whoever uses it: nothing is forgotten, and locks stay.
    pub fn heal(&self) {
        self.state().heal();
    }

    /// A file system with the same files that goes its own way from here on, without locks and faults.
    #[must_use]
    pub fn fork(&self) -> FaultyFiles {
        let state = self.state();
        FaultyFiles(Arc::new(Mutex::new(State {
            contents: state.contents.clone(),
            names: state.names.clone(),
            durable_names: state.durable_names.clone(),
            randoms: state.randoms,
            ..State::default()
        })))
    }

    /// Replaces the bytes of a file, as damage would.
    pub fn damage(&self, path: &Path, with: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.state();
        let Some(&number) = state.names.get(path) else { return };
        if let Some(content) = state.contents.get_mut(&number) {
            with(&mut content.now);
            content.durable = content.now.clone();
        }
    }

    /// The names of all files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().names.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn heal(&mut self) {
        self.fault = None;
        self.dead = false;
        self.full = false;
    }

    /// Counts a changing call; says how it goes wrong.
    fn next_fault(&mut self) -> Option<Fault> {
        let call = self.calls;
        self.calls += 1;
        if self.dead {
            return Some(Fault::Die);
        }
        match self.fault {
            Some((at, fault)) if at == call => {
                self.fault = None;
                self.dead = fault == Fault::Die;
                self.full = fault == Fault::Full;
                Some(fault)
            }
            _ => None,
        }
    }

    /// Counts a changing call that either happens or does not.
    fn step(&mut self) -> io::Result<()> {
        match self.next_fault() {
            None | Some(Fault::Full) => Ok(()),
            Some(fault) => Err(failure(fault)),
        }
    }

    fn content(&mut self, path: &Path) -> io::Result<&mut Content> {
        let number = *self.names.get(path).ok_or(io::ErrorKind::NotFound)?;
        self.contents
            .get_mut(&number)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn failure(fault: Fault) -> io::Error {
    match fault {
        Fault::Full => io::ErrorKind::StorageFull.into(),
        _ => io::Error::other(format!("injected fault: {fault:?}")),
    }
}

impl Files for FaultyFiles {
    fn create_folder(&self, _path: &Path) -> io::Result<()> {
        // Folders are implied by the names in them.
        self.state().step()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        if state.dead {
            return Err(failure(Fault::Die));
        }
        let mut names: Vec<String> = state
            .names
            .keys()
            .filter_map(|name| name.strip_prefix(path).ok()?.iter().next()?.to_str().map(str::to_owned))
            .collect();
        names.dedup();
        Ok(names)
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn WriteFile>> {
        let mut state = self.state();
        state.step()?;
        if state.full {
            return Err(failure(Fault::Full));
        }
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = state.contents.len() as u64;
        state.contents.insert(number, Content::default());
        state.names.insert(path.to_owned(), number);
        Ok(Arc::new(FaultyFile {
            files: self.clone(),
            number,
        }))
    }

    fn read(&self, path: &Path) -> io::Result<FileBytes> {
        let mut state = self.state();
        if state.dead {
            return Err(failure(Fault::Die));
        }
        Ok(state.content(path)?.now.clone().into())
    }

    /// Two changing calls, as on a disk: the second one takes the old name away, and nothing depends on it.
    fn publish(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
        state.names.insert(to.to_owned(), number);
        if state.step().is_ok() {
            state.names.remove(from);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.names.remove(path);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.step()?;
        state.durable_names.retain(|name, _| name.parent() != Some(path));
        let now: Vec<_> = state
            .names
            .iter()
            .filter(|(name, _)| name.parent() == Some(path))
            .map(|(name, &number)| (name.clone(), number))
            .collect();
        state.durable_names.extend(now);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        if !self.state().locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(FaultyLock {
            files: self.clone(),
            path: path.to_owned(),
        }))
    }

    /// The same numbers in the same order, for every file system that was made anew.
    fn random(&self) -> u64 {
        let mut state = self.state();
        state.randoms += 1;
        state.randoms.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Debug)]
struct FaultyFile {
    files: FaultyFiles,
    number: u64,
}

impl FaultyFile {
    fn with<T>(&self, change: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let mut state = self.files.state();
        state
            .contents
            .get_mut(&self.number)
            .map(change)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl WriteFile for FaultyFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let (fault, full) = {
            let mut state = self.files.state();
            (state.next_fault(), state.full)
        };
        match fault {
            _ if full => {
                // A full disk takes what fits.
                self.with(|content| content.now.extend_from_slice(&bytes[..bytes.len() / 2]))?;
                Err(failure(Fault::Full))
            }
            None => self.with(|content| content.now.extend_from_slice(bytes)),
            Some(Fault::Tear) => {
                self.with(|content| content.now.extend_from_slice(&bytes[..bytes.len() / 2]))?;
                Err(failure(Fault::Tear))
            }
            Some(fault) => Err(failure(fault)),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.files.state().step()?;
        self.with(|content| content.durable = content.now.clone())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.files.state().step()?;
        self.with(|content| content.now.truncate(usize::try_from(length).unwrap_or(usize::MAX)))
    }
}

#[derive(Debug)]
struct FaultyLock {
    files: FaultyFiles,
    path: PathBuf,
}

impl Lock for FaultyLock {}

impl Drop for FaultyLock {
    fn drop(&mut self) {
        self.files.state().locks.remove(&self.path);
    }
}
