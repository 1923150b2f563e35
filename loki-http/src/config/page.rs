//! The configuration as `/config` shows it.

use super::Config;
use loki_core::WalSync;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// YAML of a value.
pub(crate) fn to_yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

/// What `/config` answers, as YAML that is a configuration again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigPages {
    /// Everything that has an effect, with the values that hold.
    pub running: String,
    /// The same, with the values that hold where nothing else is asked for.
    pub defaults: String,
    /// Of the running configuration what differs from the defaults.
    pub diff: String,
}

impl ConfigPages {
    pub(super) fn new(defaults: &Value, running: &Value) -> ConfigPages {
        ConfigPages {
            running: to_yaml(running),
            defaults: to_yaml(defaults),
            diff: to_yaml(&difference(defaults, running).unwrap_or_else(|| json!({}))),
        }
    }
}

/// Of `running` what is not the same in `defaults`; lists differ as a whole.
fn difference(defaults: &Value, running: &Value) -> Option<Value> {
    match (defaults, running) {
        (Value::Object(defaults), Value::Object(running)) => {
            let keys = running.iter().filter_map(|(key, value)| {
                let default = defaults.get(key).unwrap_or(&Value::Null);
                Some((key.clone(), difference(default, value)?))
            });
            let keys: Map<String, Value> = keys.collect();
            (!keys.is_empty()).then_some(Value::Object(keys))
        }
        (default, value) => (default != value).then(|| value.clone()),
    }
}

/// A URL without the name and the password in it.
fn shown_url(url: &str) -> String {
    let parts = url.split_once("://");
    let parts = parts.map(|(scheme, rest)| (scheme, rest.split_at(rest.find('/').unwrap_or(rest.len()))));
    match parts {
        Some((scheme, (authority, path))) => {
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

impl Config {
    /// Everything that has an effect, with the values that hold.
    ///
    /// Headers of remote writes are left out: they may be secret.
    pub(super) fn shown(&self) -> Value {
        let seconds = |time: std::time::Duration| format!("{}s", time.as_secs_f64());
        let server = &self.server;
        let tls = server.tls.as_ref().map(|tls| {
            json!({
                "cert_file": tls.cert_file,
                "key_file": tls.key_file,
                "client_ca_file": tls.client_ca_file,
                "client_auth_type": match (&tls.client_ca_file, tls.client_cert_required) {
                    (None, _) => "NoClientCert",
                    (Some(_), false) => "VerifyClientCertIfGiven",
                    (Some(_), true) => "RequireAndVerifyClientCert",
                },
            })
        });
        let cors = server
            .cors
            .as_ref()
            .map(|cors| json!({ "allowed_origins": cors.allowed_origins, "max_age": seconds(cors.max_age) }));
        let files: Vec<_> = self.runtime.files.iter().map(|file| file.to_string_lossy()).collect();
        let receiver_labels: BTreeMap<_, _> = server.receiver.labels.iter().cloned().collect();
        let (sync, interval) = match self.engine.wal_sync {
            WalSync::Always => ("always", None),
            WalSync::Interval(interval) => ("interval", Some(interval)),
            WalSync::Never => ("never", None),
        };
        // A name and a password that stand in a URL are not shown.
        let alertmanagers = server.ruler.alertmanagers.iter();
        let alertmanagers: Vec<String> = alertmanagers.map(|manager| shown_url(&manager.url)).collect();
        let targets = server.ruler.remote_write.iter();
        let clients: BTreeMap<_, _> = targets
            .map(|target| (target.name.as_str(), json!({ "url": shown_url(&target.url) })))
            .collect();
        let queue_bytes = server.ruler.remote_write.first().map(|target| target.queue_bytes);
        let local = server.ruler.rule_folder.as_ref().filter(|_| server.ruler.files_only);
        let common_rules = server.ruler.rule_folder.as_ref().filter(|_| !server.ruler.files_only);
        json!({
            "auth_enabled": server.auth_enabled,
            "server": {
                "http_listen_address": server.address,
                "http_listen_port": server.port,
                "http_path_prefix": server.path_prefix,
                "http_server_read_timeout": seconds(server.read_timeout),
                "http_server_write_timeout": seconds(server.write_timeout),
                "http_server_idle_timeout": seconds(server.idle_timeout),
                "graceful_shutdown_timeout": seconds(server.graceful_timeout),
                "http_listen_conn_limit": server.max_connections,
                "http_tls_config": tls,
                "cors": cors,
                "log_level": self.log_level,
                "log_format": self.log_format,
            },
            "common": {
                "path_prefix": self.data_dir,
                "storage": { "filesystem": { "rules_directory": common_rules } },
            },
            "distributor": {
                "max_recv_msg_size": server.max_push_bytes,
                "max_decompressed_size": server.max_push_decompressed_bytes,
                "otlp_config": { "default_resource_attributes_as_index_labels": server.otlp_labels },
            },
            "receiver": {
                "labels": receiver_labels,
                "use_incoming_timestamp": server.receiver.use_incoming_timestamp,
                "max_send_message_size": server.receiver.max_message_bytes,
            },
            "frontend": {
                "max_body_size": server.max_body_bytes,
                "compress_responses": server.compress_responses,
            },
            "querier": {
                "max_concurrent": server.max_concurrent_queries,
                "tail_max_duration": self.engine.tail_max_duration,
                "multi_tenant_queries_enabled": server.multi_tenant_queries,
            },
            "engine": {
                "content_filters": self.engine.content_filters,
                "retention_bytes": self.engine.retention_bytes,
                "head_bytes": self.engine.head_bytes,
                "target_segment_bytes": self.engine.target_segment_bytes,
                "quiet_period": self.engine.quiet_period,
                "settle_period": self.engine.settle_period,
                "max_query_memory": self.engine.max_query_memory,
                "query_threads": self.engine.query_threads,
            },
            "pattern_ingester": { "enabled": self.engine.pattern_ingester },
            "ingester": {
                "chunk_encoding": format!("{:?}", self.engine.encoding).to_lowercase(),
                "chunk_idle_period": self.engine.chunk_idle_period,
                "max_chunk_age": self.engine.max_chunk_age,
                "wal": { "sync": sync, "sync_interval": interval, "flush_on_shutdown": server.flush_on_shutdown },
            },
            "compactor": {
                "compaction_interval": self.engine.retention_interval,
                "retention_enabled": server.deletes_enabled,
                "delete_request_cancel_period": self.engine.delete_cancel_period,
                "delete_max_interval": self.engine.delete_max_interval,
            },
            "ruler": {
                "enable_api": server.ruler.api_enabled,
                "alertmanager_url": alertmanagers.join(","),
                "evaluation_interval": self.engine.rule_interval,
                "resend_delay": self.engine.alert_resend_delay,
                "remote_write": {
                    "enabled": !clients.is_empty(),
                    "queue_bytes": queue_bytes,
                    "clients": clients,
                },
                "storage": { "type": local.map(|_| "local"), "local": { "directory": local } },
                "external_url": server.ruler.external_url,
                "datasource_uid": server.ruler.datasource_uid,
            },
            "runtime_config": { "file": files.join(","), "period": seconds(self.runtime.period) },
            "limits_config": self.engine.limits,
        })
    }
}
