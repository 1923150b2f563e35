//! What a server is bound with.

mod ruler;

pub use ruler::{
    AlertmanagerSettings, Authorization, ClientTlsSettings, RemoteWriteSettings, RulerSettings, Secret, TargetSettings,
};

use crate::config::ConfigPages;
use crate::push;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a server. `ServerSettings::default()` listens on `127.0.0.1:3100` and asks for no tenant.
///
/// ```
/// use loki_http::ServerSettings;
/// let settings = ServerSettings { port: 0, ..ServerSettings::default() };
/// assert!(!settings.auth_enabled);
/// ```
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address to listen on; empty: all of them.
    pub address: String,
    /// Port; 0: one that is free.
    pub port: u16,
    /// Whether requests must name their tenant in `X-Scope-OrgID`; otherwise there is the one tenant `fake`.
    pub auth_enabled: bool,
    /// Whether a request that reads may name several tenants, as `a|b`.
    pub multi_tenant_queries: bool,
    /// What stands before all paths, such as `/loki-1`; empty: nothing.
    pub path_prefix: String,
    /// How long a request may take to arrive, headers and body.
    pub read_timeout: Duration,
    /// How long a client may read nothing of its answer.
    pub write_timeout: Duration,
    /// How long a connection without a request stays open.
    pub idle_timeout: Duration,
    /// How long a stop waits for requests that are being answered.
    pub graceful_timeout: Duration,
    /// Connections at once; others wait to be accepted. 0: as many as come.
    pub max_connections: usize,
    /// Encryption; none: plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Whether pages of other origins may ask; none: they may not.
    pub cors: Option<CorsSettings>,
    /// How `/api/v1/push` and the endpoints for plain lines take what comes.
    pub receiver: ReceiverSettings,
    /// Bytes of a push as received.
    pub max_push_bytes: u64,
    /// Bytes of a push once decompressed.
    pub max_push_decompressed_bytes: u64,
    /// Bytes of any other body.
    pub max_body_bytes: u64,
    /// Whether answers of 1,400 bytes and more are compressed for clients that accept gzip.
    pub compress_responses: bool,
    /// Queries evaluated at once; the others wait.
    pub max_concurrent_queries: usize,
    /// Whether a stop writes everything in memory to segments first.
    pub flush_on_shutdown: bool,
    /// Whether there is an API to delete lines.
    pub deletes_enabled: bool,
    /// Where what rules come to goes.
    pub ruler: RulerSettings,
    /// The configuration as `/config` shows it.
    pub config_pages: ConfigPages,
    /// Resource attributes of OpenTelemetry that become labels; all others become structured metadata.
    pub otlp_labels: Vec<String>,
}

/// Certificates of a server that speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate chain, PEM.
    pub cert_file: PathBuf,
    /// The private key, PEM.
    pub key_file: PathBuf,
    /// Authorities that sign clients' certificates, PEM; none: clients need no certificate.
    pub client_ca_file: Option<PathBuf>,
    /// Whether a client without a certificate is turned away; counts where there is a `client_ca_file`.
    pub client_cert_required: bool,
}

/// Which pages of other origins may ask the server from inside a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorsSettings {
    /// Origins such as `https://grafana.example:3000`; `*`: all.
    pub allowed_origins: Vec<String>,
    /// How long a browser may remember the answer.
    pub max_age: Duration,
}

impl Default for CorsSettings {
    fn default() -> CorsSettings {
        CorsSettings {
            allowed_origins: Vec::new(),
            max_age: Duration::from_secs(600),
        }
    }
}

/// How `/api/v1/push` and the endpoints for plain lines take what comes, as Alloy's `loki.source.api` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverSettings {
    /// Labels that every stream gets, over its own of that name.
    pub labels: Vec<(String, String)>,
    /// Whether entries keep the time that they came with, where they have one; otherwise it is the time of arrival.
    pub use_incoming_timestamp: bool,
    /// Bytes of a request as received.
    pub max_message_bytes: u64,
}

impl Default for ReceiverSettings {
    fn default() -> ReceiverSettings {
        ReceiverSettings {
            labels: Vec::new(),
            use_incoming_timestamp: false,
            max_message_bytes: 100 << 20,
        }
    }
}

impl Default for ServerSettings {
    fn default() -> ServerSettings {
        ServerSettings {
            address: "127.0.0.1".to_owned(),
            port: 3100,
            auth_enabled: false,
            multi_tenant_queries: false,
            path_prefix: String::new(),
            read_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(120),
            max_connections: 0,
            graceful_timeout: Duration::from_secs(30),
            tls: None,
            cors: None,
            receiver: ReceiverSettings::default(),
            max_push_bytes: 100 << 20,
            // Loki allows fifty times the received size; one push then holds five gigabytes of memory.
            max_push_decompressed_bytes: 512 << 20,
            max_body_bytes: 10 << 20,
            compress_responses: false,
            max_concurrent_queries: 16,
            flush_on_shutdown: false,
            deletes_enabled: true,
            ruler: RulerSettings::default(),
            config_pages: ConfigPages::default(),
            otlp_labels: push::OTLP_LABELS.map(str::to_owned).to_vec(),
        }
    }
}
