//! The spools of an engine.

use super::Spool;
use crate::files::Files;
use crate::{ByteSize, Engine, Error, ErrorKind};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Longest name of a spool in bytes; it is the name of a folder.
const MAX_NAME_BYTES: usize = 200;

/// Where spools are, and which are open.
#[derive(Debug)]
pub(crate) struct Spools {
    files: Arc<dyn Files>,
    folder: PathBuf,
    open: Mutex<BTreeMap<String, Weak<Spool>>>,
}

impl Spools {
    /// The spools in `folder`, which is made by the first of them.
    pub(crate) fn new(files: Arc<dyn Files>, folder: PathBuf) -> Spools {
        Spools {
            files,
            folder,
            open: Mutex::default(),
        }
    }

    fn get(&self, name: &str, capacity: ByteSize) -> Result<Arc<Spool>, Error> {
        let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_allowed) {
            let text = format!("{name:?} names no spool: expected 1 to {MAX_NAME_BYTES} of a-z, 0-9 and -");
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(name).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let spool = Arc::new(Spool::open(Arc::clone(&self.files), &self.folder.join(name), capacity)?);
        open.insert(name.to_owned(), Arc::downgrade(&spool));
        Ok(spool)
    }
}

impl Engine {
    /// Opens a bounded queue on disk beside the data, for whoever delivers what comes out of the engine. One that is
    /// open is given again, whatever capacity is asked for.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] for a name that is no name of a folder, [`ErrorKind::Corrupt`], [`ErrorKind::Io`],
    /// [`ErrorKind::Closed`].
    pub fn spool(&self, name: &str, capacity: ByteSize) -> Result<Arc<Spool>, Error> {
        self.0.check_open()?;
        self.0.spools.get(name, capacity)
    }
}
