//! A small value that is kept whole: every change is a record that holds all of it.

use super::records::Records;
use crate::Error;
use crate::files::Files;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// Version of the record layout.
const VERSION: u32 = 1;

/// A durable value of a tenant, such as its delete requests.
#[derive(Debug)]
pub(crate) struct Document<T> {
    records: Records,
    /// Number of the last record; 0 before the first.
    last: u64,
    value: Arc<T>,
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    number: u64,
    value: &'a T,
}

#[derive(Deserialize)]
struct Read<T> {
    value: T,
}

impl<T: Default + Serialize + DeserializeOwned> Document<T> {
    /// Reads the value in `folder`, whose records are called `<number>.<kind>`; the default where there is none.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) where the last record is damaged, [`Io`](crate::ErrorKind::Io).
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path, kind: &'static str) -> Result<Document<T>, Error> {
        let records = Records::open(files, folder, kind, VERSION..=VERSION)?;
        let last = records.numbers()?.last().copied();
        let value = match last {
            Some(number) => records.read::<Read<T>>(number)?.value,
            None => T::default(),
        };
        Ok(Document {
            records,
            last: last.unwrap_or(0),
            value: Arc::new(value),
        })
    }

    /// The value.
    pub(crate) fn value(&self) -> &T {
        &self.value
    }

    /// The value as it is now, to keep.
    pub(crate) fn shared(&self) -> Arc<T> {
        Arc::clone(&self.value)
    }

    /// Puts another value in its place, durably: all of it counts from here on, or the old one does.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io): nothing changed. [`Closed`](crate::ErrorKind::Closed): whether it changed will be
    /// seen at the next open, and until then it cannot be changed.
    pub(crate) fn commit(&mut self, value: T) -> Result<(), Error> {
        if self.last == 0 {
            self.records.create_folder()?;
        }
        let number = self.last + 1;
        self.records.write(
            number,
            &Written {
                version: VERSION,
                number,
                value: &value,
            },
        )?;
        self.last = number;
        self.value = Arc::new(value);
        self.records.forget_before(number);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::files::{Fault, FaultyFiles};

    fn open(files: &FaultyFiles) -> Document<Vec<u32>> {
        Document::open(Arc::new(files.clone()), Path::new("d/n"), "numbers").expect("opens")
    }

    #[test]
    fn a_failed_commit_changes_nothing_or_closes() {
        for call in 0..20 {
            for fault in [Fault::Fail, Fault::Tear, Fault::Full, Fault::Die] {
                let files = FaultyFiles::default();
                open(&files).commit(vec![1]).expect("commits");
                let mut document = open(&files);
                files.fail_at(files.calls() + call, fault);
                let done = document.commit(vec![1, 2]);
                let is_closed = done.as_ref().is_err_and(|error| error.kind() == ErrorKind::Closed);
                if is_closed && fault == Fault::Fail {
                    let again = document.commit(vec![1, 2]).expect_err("it is unknown what is there");
                    assert_eq!(again.kind(), ErrorKind::Closed, "{again}");
                }
                files.power_cut();
                let kept = open(&files).value().len();
                match done {
                    Ok(()) => assert_eq!(kept, 2),
                    Err(error) if error.kind() == ErrorKind::Closed => assert!(kept == 1 || kept == 2),
                    Err(_) => assert_eq!(kept, 1),
                }
            }
        }
    }

    #[test]
    fn what_an_interrupted_write_left_goes_at_the_next_open() {
        for call in 0..20 {
            let files = FaultyFiles::default();
            open(&files).commit(vec![1]).expect("commits");
            files.fail_at(files.calls() + call, Fault::Die);
            let _ = open(&files).commit(vec![1, 2]);
            files.process_killed();
            open(&files);
            let is_left = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "new");
            assert!(!files.paths().iter().any(is_left), "call {call}: {:?}", files.paths());
        }
    }

    #[test]
    fn one_record_is_left_and_damage_in_it_is_refused() {
        let files = FaultyFiles::default();
        let mut document = open(&files);
        (0..5).for_each(|n| document.commit(vec![n]).expect("commits"));
        assert_eq!(files.paths(), [Path::new("d/n/0000000000000005.numbers")]);
        files.damage(Path::new("d/n/0000000000000005.numbers"), |bytes| bytes[12] ^= 1);
        let error = Document::<Vec<u32>>::open(Arc::new(files), Path::new("d/n"), "numbers").expect_err("damaged");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
