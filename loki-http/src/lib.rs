//! Loki's documented HTTP API over [`loki_core::Engine`], and what the `loki` program is made of.
//!
//! Use this crate to serve an engine of your own; use `loki_core` instead to embed the database without a network.
//! A handler decodes a request, makes one call of the engine and encodes its answer: whatever the server can do, a Rust
//! caller can do without it.
//!
//! ```no_run
//! use loki_core::{Engine, Settings};
//! use loki_http::{Server, ServerSettings};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = Engine::open("data", Settings::default())?;
//! let server = Server::bind(engine, ServerSettings::default()).await?;
//! println!("listening on {}", server.local_addr());
//! server.run(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod api;
mod body;
pub mod config;
mod context;
mod deliver;
mod encode;
pub mod log;
mod metrics;
mod params;
mod push;
mod respond;
mod routes;
mod rules;
mod server;
mod settings;
mod tenant;
mod tls;
mod write_timeout;

pub use server::Server;
pub use settings::{RemoteWriteSettings, RulerSettings, ServerSettings, TlsSettings};
