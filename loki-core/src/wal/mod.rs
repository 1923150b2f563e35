//! The write-ahead log: accepted pushes, durable before they are acknowledged. See `FORMAT.md`.

mod frame;
mod frame_v1;
mod record;
mod replay;
mod writer;

pub(crate) use frame::Frame;
pub(crate) use record::RecordBuilder;
pub(crate) use replay::replay;
pub(crate) use writer::Wal;

use crate::files::{number_of_name, numbered_name};
use std::path::{Path, PathBuf};

/// What the names of log files end in.
const KIND: &str = "wal";

/// The file of the log with this number.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(numbered_name(number, KIND))
}

/// The numbers of the log files among `names`, ascending.
pub(crate) fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of_name(name, KIND)).collect();
    numbers.sort_unstable();
    numbers
}
