//! The configuration of the `loki` program: Loki's YAML file and flags, read into what this server and its engine have.
//!
//! - Without a file the program serves `127.0.0.1:3100` without authentication from `./data`. A file has Loki's own
//!   defaults for what it leaves out: every address, and `auth_enabled: true`.
//! - Flags win over the file; both are checked alike, and a bad value is named with its file and key.
//! - A key that has no meaning here is not an error: [`Config::warnings`] names it.
//! - `ingester.wal.sync` (`always`, `interval`, `never`), `ingester.wal.sync_interval`, `server.cors`, `receiver`,
//!   `ruler.remote_write.queue_bytes` and `engine` are this program's own; the README of the crate describes them.

mod engine;
mod expand;
mod flags;
mod limits;
mod load;
mod memory;
mod page;
mod receiver;
mod ruler;
mod runtime;
mod section;
mod server;
mod target;

pub use flags::{Action, CommandLine};
pub use load::Config;
pub use page::ConfigPages;
pub(crate) use page::to_yaml;
pub use runtime::RuntimeConfig;

use std::path::PathBuf;

/// A configuration that cannot be used.
///
/// ```
/// use loki_http::config::Config;
/// let error = Config::from_yaml("server:\n  http_listen_port: high\n").expect_err("no number");
/// assert!(error.to_string().contains("server.http_listen_port"));
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is wrong; the message explains it.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be read.
    #[error("cannot read {}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The text is no YAML.
    #[error("not a configuration: {0}")]
    Syntax(String),
    /// A value that its key does not take.
    #[error("{key}: {problem}")]
    Value {
        /// The path of the key, such as `server.http_listen_port`.
        key: String,
        /// What is wrong with the value.
        problem: String,
    },
    /// An error in a file.
    #[error("{}: {error}", file.display())]
    InFile {
        /// The file.
        file: PathBuf,
        /// The error.
        error: Box<Error>,
    },
}

impl Error {
    fn value(key: impl Into<String>, problem: impl ToString) -> Error {
        Error::Value {
            key: key.into(),
            problem: problem.to_string(),
        }
    }

    fn in_file(self, file: impl Into<PathBuf>) -> Error {
        Error::InFile {
            file: file.into(),
            error: Box::new(self),
        }
    }
}

#[cfg(test)]
mod tests;
