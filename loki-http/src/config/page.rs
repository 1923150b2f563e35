//! The configuration as `/config` shows it.

use super::Config;
use loki_core::WalSync;
use serde_json::{Value, json};

/// YAML of a value.
pub(crate) fn to_yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_default()
}

impl Config {
    /// The configuration as YAML: everything that has an effect, with the values that hold.
    pub fn page(&self) -> String {
        let seconds = |time: std::time::Duration| format!("{}s", time.as_secs_f64());
        let server = &self.server;
        let tls = server.tls.as_ref().map(|tls| {
            json!({
                "cert_file": tls.cert_file,
                "key_file": tls.key_file,
                "client_ca_file": tls.client_ca_file,
            })
        });
        let (sync, interval) = match self.engine.wal_sync {
            WalSync::Always => ("always", None),
            WalSync::Interval(interval) => ("interval", Some(interval)),
            WalSync::Never => ("never", None),
        };
        to_yaml(&json!({
            "auth_enabled": server.auth_enabled,
            "server": {
                "http_listen_address": server.address,
                "http_listen_port": server.port,
                "http_path_prefix": server.path_prefix,
                "http_server_read_timeout": seconds(server.read_timeout),
                "http_server_write_timeout": seconds(server.write_timeout),
                "http_server_idle_timeout": seconds(server.idle_timeout),
                "graceful_shutdown_timeout": seconds(server.graceful_timeout),
                "http_tls_config": tls,
                "log_level": self.log_level,
                "log_format": self.log_format,
            },
            "common": { "path_prefix": self.data_dir },
            "distributor": {
                "max_recv_msg_size": server.max_push_bytes,
                "max_decompressed_size": server.max_push_decompressed_bytes,
            },
            "frontend": {
                "max_body_size": server.max_body_bytes,
                "compress_responses": server.compress_responses,
            },
            "querier": {
                "max_concurrent": server.max_concurrent_queries,
                "tail_max_duration": self.engine.tail_max_duration,
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
                "alertmanager_url": server.ruler.alertmanager_urls.join(","),
                "evaluation_interval": self.engine.rule_interval,
                "resend_delay": self.engine.alert_resend_delay,
                "external_url": server.ruler.external_url,
                "datasource_uid": server.ruler.datasource_uid,
            },
            "limits_config": self.engine.limits,
        }))
    }
}
