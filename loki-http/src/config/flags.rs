//! The command line: Loki's flags, with one dash or two.

use super::Error;
use clap::{Arg, ArgAction, Command};
use serde_json::Value;

/// Flags that set a key of the configuration.
const KEYS: &[(&str, &str)] = &[
    ("auth.enabled", "auth_enabled"),
    ("common.path-prefix", "common.path_prefix"),
    ("compactor.compaction-interval", "compactor.compaction_interval"),
    ("compactor.retention-enabled", "compactor.retention_enabled"),
    (
        "distributor.ingestion-burst-size-mb",
        "limits_config.ingestion_burst_size_mb",
    ),
    ("distributor.ingestion-rate-limit-mb", "limits_config.ingestion_rate_mb"),
    ("distributor.max-line-size", "limits_config.max_line_size"),
    (
        "distributor.max-line-size-truncate",
        "limits_config.max_line_size_truncate",
    ),
    ("distributor.max-recv-msg-size", "distributor.max_recv_msg_size"),
    ("engine.content-filters", "engine.content_filters"),
    ("engine.head-bytes", "engine.head_bytes"),
    ("engine.max-query-memory", "engine.max_query_memory"),
    ("engine.query-threads", "engine.query_threads"),
    ("engine.retention-bytes", "engine.retention_bytes"),
    ("engine.quiet-period", "engine.quiet_period"),
    ("engine.settle-period", "engine.settle_period"),
    ("engine.target-segment-bytes", "engine.target_segment_bytes"),
    ("frontend.max-body-size", "frontend.max_body_size"),
    ("ingester.chunk-encoding", "ingester.chunk_encoding"),
    ("ingester.chunks-idle-period", "ingester.chunk_idle_period"),
    ("ingester.flush-on-shutdown", "ingester.wal.flush_on_shutdown"),
    ("ingester.max-chunk-age", "ingester.max_chunk_age"),
    (
        "ingester.max-global-streams-per-user",
        "limits_config.max_global_streams_per_user",
    ),
    ("ingester.max-streams-per-user", "limits_config.max_streams_per_user"),
    ("ingester.wal-dir", "ingester.wal.dir"),
    ("ingester.wal-sync", "ingester.wal.sync"),
    ("ingester.wal-sync-interval", "ingester.wal.sync_interval"),
    ("log.format", "server.log_format"),
    ("log.level", "server.log_level"),
    ("pattern-ingester.enabled", "pattern_ingester.enabled"),
    ("querier.max-concurrent", "querier.max_concurrent"),
    ("querier.query-timeout", "limits_config.query_timeout"),
    (
        "querier.split-queries-by-interval",
        "limits_config.split_queries_by_interval",
    ),
    ("querier.tail-max-duration", "querier.tail_max_duration"),
    ("receiver.labels", "receiver.labels"),
    ("receiver.max-send-message-size", "receiver.max_send_message_size"),
    ("receiver.use-incoming-timestamp", "receiver.use_incoming_timestamp"),
    ("ruler.remote-write.queue-bytes", "ruler.remote_write.queue_bytes"),
    ("runtime-config.file", "runtime_config.file"),
    ("server.cors-allowed-origins", "server.cors.allowed_origins"),
    ("server.cors-max-age", "server.cors.max_age"),
    ("server.graceful-shutdown-timeout", "server.graceful_shutdown_timeout"),
    ("server.http-conn-limit", "server.http_listen_conn_limit"),
    ("server.http-idle-timeout", "server.http_server_idle_timeout"),
    ("server.http-listen-address", "server.http_listen_address"),
    ("server.http-listen-port", "server.http_listen_port"),
    ("server.http-read-timeout", "server.http_server_read_timeout"),
    ("server.http-tls-ca-path", "server.http_tls_config.client_ca_file"),
    ("server.http-tls-cert-path", "server.http_tls_config.cert_file"),
    ("server.http-tls-client-auth", "server.http_tls_config.client_auth_type"),
    ("server.http-tls-key-path", "server.http_tls_config.key_file"),
    ("server.http-write-timeout", "server.http_server_write_timeout"),
    ("server.path-prefix", "server.http_path_prefix"),
    ("store.retention", "limits_config.retention_period"),
    ("validation.reject-old-samples", "limits_config.reject_old_samples"),
];

/// Flags that are on or off: they may stand without a value.
const SWITCHES: [&str; 7] = [
    "auth.enabled",
    "compactor.retention-enabled",
    "distributor.max-line-size-truncate",
    "ingester.flush-on-shutdown",
    "pattern-ingester.enabled",
    "receiver.use-incoming-timestamp",
    "validation.reject-old-samples",
];

/// What the program is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    Run,
    /// Check the configuration and say so.
    Verify,
    /// Print the version.
    Version,
}

/// A command line that was read.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// What to do.
    pub action: Action,
    /// Files of which the first that exists is the configuration.
    pub(super) files: Vec<String>,
    /// Whether variables in the file are replaced.
    pub(super) expand_env: bool,
    /// Paths of keys and their values.
    pub(super) keys: Vec<(&'static str, Value)>,
}

impl CommandLine {
    /// Reads the arguments behind the program's name.
    ///
    /// ```
    /// use loki_http::config::{Action, CommandLine};
    /// let line = CommandLine::parse(["-config.file=loki.yaml", "-verify-config"])?;
    /// assert_eq!(line.action, Action::Verify);
    /// # Ok::<(), loki_http::config::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a flag that is not known; also for `-help`, with the help as its text.
    pub fn parse<A: Into<String>>(arguments: impl IntoIterator<Item = A>) -> Result<CommandLine, Error> {
        let arguments = arguments.into_iter().map(|argument| two_dashes(argument.into()));
        let matches = command()
            .try_get_matches_from(arguments)
            .map_err(|error| Error::Usage(error.to_string()))?;
        let is_on = |name: &str| matches.get_one::<String>(name).is_some_and(|value| value == "true");
        let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
        if !matches!(text("target"), "" | "all") {
            return Err(Error::Usage(format!(
                "target {:?}: this program is all parts in one: all",
                text("target")
            )));
        }
        let mut keys = Vec::new();
        for &(flag, key) in KEYS {
            if let Some(value) = matches.get_one::<String>(flag) {
                keys.push((
                    key,
                    super::load::yaml(value).unwrap_or_else(|_| Value::from(value.as_str())),
                ));
            }
        }
        Ok(CommandLine {
            action: if is_on("version") {
                Action::Version
            } else if is_on("verify-config") {
                Action::Verify
            } else {
                Action::Run
            },
            files: text("config.file")
                .split(',')
                .filter(|file| !file.is_empty())
                .map(str::to_owned)
                .collect(),
            expand_env: is_on("config.expand-env"),
            keys,
        })
    }
}

/// Go takes flags with one dash or two; clap with two.
fn two_dashes(argument: String) -> String {
    let is_flag = argument.starts_with('-') && !argument.starts_with("--") && argument.len() > 2;
    if is_flag { format!("-{argument}") } else { argument }
}

fn command() -> Command {
    let value = |name: &'static str, help: String| Arg::new(name).long(name).action(ArgAction::Set).help(help);
    let switch = |name: &'static str, help: String| {
        value(name, help)
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"])
    };
    let mut command = Command::new("loki")
        .about("A log database that speaks LogQL and Loki's HTTP API.")
        .no_binary_name(true)
        .args_override_self(true)
        .arg(value(
            "config.file",
            "The configuration; of several, with commas, the first that exists.".to_owned(),
        ))
        .arg(switch(
            "config.expand-env",
            "Replace ${VAR} and ${VAR:default} in the configuration.".to_owned(),
        ))
        .arg(value("target", "The parts to run: all.".to_owned()))
        .arg(switch("verify-config", "Check the configuration and exit.".to_owned()))
        .arg(switch("version", "Print the version and exit.".to_owned()));
    for &(flag, key) in KEYS {
        let help = format!("Sets {key}.");
        command = command.arg(if SWITCHES.contains(&flag) {
            switch(flag, help)
        } else {
            value(flag, help)
        });
    }
    command
}
