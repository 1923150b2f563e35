//! Rule groups as YAML, in and out.

mod read;
mod write;

pub(crate) use read::read_group;
pub(crate) use write::{write_group, write_namespaces};
