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

use std::path::{Path, PathBuf};

/// The file of the log with this number.
pub(crate) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:016}.wal"))
}

/// The numbers of the log files among `names`, ascending.
pub(crate) fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|name| name.strip_suffix(".wal"))
        .filter_map(|stem| stem.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}
