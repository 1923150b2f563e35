//! Where what rules come to goes.

use loki_core::ByteSize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Where what rules come to goes. `RulerSettings::default()` delivers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RulerSettings {
    /// Whether there is an API to change rules.
    pub api_enabled: bool,
    /// A folder with rule files, `<tenant>/<namespace>`; none: there is none. Whether the rules of the API count beside
    /// them the engine's setting `rule_storage` says.
    pub rule_folder: Option<PathBuf>,
    /// Whether the API refuses to change rules and shows the files alone, as it is with Loki's `local` storage.
    pub files_only: bool,
    /// How often it is read.
    pub poll_interval: Duration,
    /// Alertmanagers, each of which is told of all alerts.
    pub alertmanagers: Vec<AlertmanagerSettings>,
    /// Where samples are written to.
    pub remote_write: Vec<RemoteWriteSettings>,
    /// Alerts that wait for one Alertmanager; beyond that the oldest are dropped.
    pub queue_capacity: usize,
    /// How long one delivery of alerts may take.
    pub timeout: Duration,
    /// Where people reach Grafana.
    pub external_url: String,
    /// Grafana's id of this server as a source of data.
    pub datasource_uid: String,
}

/// An Alertmanager.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertmanagerSettings {
    /// `http://host:9093`, with what stands before its paths.
    pub url: String,
    /// How it is talked to.
    pub target: TargetSettings,
}

/// Where samples are written to, by Prometheus' remote write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteWriteSettings {
    /// Tells it apart from the others, in metrics and on disk.
    pub name: String,
    /// `http://host:9090/api/v1/write`.
    pub url: String,
    /// How it is talked to.
    pub target: TargetSettings,
    /// How long one delivery may take.
    pub timeout: Duration,
    /// Bytes on disk of samples that wait; beyond that the oldest are dropped.
    pub queue_bytes: ByteSize,
    /// Samples of one delivery.
    pub max_samples_per_send: usize,
    /// The wait behind the first failure of a delivery; it doubles with every further one.
    pub min_backoff: Duration,
    /// The longest wait.
    pub max_backoff: Duration,
}

/// How a server is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetSettings {
    /// Headers to add.
    pub headers: Vec<(String, String)>,
    /// By what right.
    pub authorization: Authorization,
    /// For `https`.
    pub tls: ClientTlsSettings,
}

/// By what right a server is talked to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Authorization {
    /// None.
    #[default]
    None,
    /// A name and a password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// `Authorization: <scheme> <credentials>`.
    Token {
        /// `Bearer`, mostly.
        scheme: String,
        /// What proves the right.
        credentials: Secret,
    },
}

/// Something that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The secret itself.
    Text(String),
    /// A file that holds it, read whenever it is needed, so that it can change.
    File(PathBuf),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("<secret>"),
            Secret::File(file) => write!(f, "<secret in {}>", file.display()),
        }
    }
}

/// Whom a client believes, and how it proves who it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientTlsSettings {
    /// Authorities that sign the server's certificate, PEM; none: those of the system.
    pub ca_file: Option<PathBuf>,
    /// The client's own certificate chain, PEM.
    pub cert_file: Option<PathBuf>,
    /// The key of that, PEM.
    pub key_file: Option<PathBuf>,
    /// The name that the server's certificate is for; none: the host of the URL.
    pub server_name: Option<String>,
    /// Whether any certificate will do: then nothing is known of whom one talks to.
    pub insecure_skip_verify: bool,
}

impl Default for RulerSettings {
    fn default() -> RulerSettings {
        RulerSettings {
            api_enabled: true,
            rule_folder: None,
            files_only: false,
            poll_interval: Duration::from_secs(60),
            alertmanagers: Vec::new(),
            remote_write: Vec::new(),
            queue_capacity: 10_000,
            timeout: Duration::from_secs(10),
            external_url: String::new(),
            datasource_uid: String::new(),
        }
    }
}

impl Default for RemoteWriteSettings {
    fn default() -> RemoteWriteSettings {
        RemoteWriteSettings {
            name: "default".to_owned(),
            url: String::new(),
            target: TargetSettings::default(),
            timeout: Duration::from_secs(30),
            queue_bytes: ByteSize(64 << 20),
            max_samples_per_send: 2000,
            min_backoff: Duration::from_millis(30),
            max_backoff: Duration::from_secs(5),
        }
    }
}
