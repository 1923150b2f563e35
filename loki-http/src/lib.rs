#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod body;
pub mod config;
mod context;
mod cors;
mod deliver;
mod encode;
mod leftover;
pub mod log;
mod metrics;
mod params;
mod push;
mod request_line;
mod respond;
mod room;
mod routes;
mod rules;
mod server;
mod settings;
mod tenant;
mod tls;
mod write_timeout;

/// For the fuzz target alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub use push::push_bytes;
pub use server::Server;
pub use settings::{
    AlertmanagerSettings, Authorization, ClientTlsSettings, CorsSettings, ReceiverSettings, RemoteWriteSettings,
    RulerSettings, Secret, ServerSettings, TargetSettings, TlsSettings,
};
