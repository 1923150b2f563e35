//! Rule groups as YAML, in and out.

mod folder;
mod read;
mod write;

pub(crate) use folder::{RuleFolder, read_tenant};
pub(crate) use read::{read_file, read_group};
pub(crate) use write::{write_group, write_namespaces, write_tenants};
