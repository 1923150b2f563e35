use super::*;
use loki_core::chunk::Encoding;
use loki_core::{AttributeAction, AttributeRule, ByteSize, ContentFilters, Period, TenantId, WalSync};
use std::time::Duration;

fn problem(text: &str) -> String {
    Config::from_yaml(text).expect_err(text).to_string()
}

fn from_line(arguments: &[&str]) -> Result<Config, Error> {
    Config::load(&CommandLine::parse(arguments.iter().copied())?)
}

#[test]
fn without_a_file_the_server_is_private_and_with_one_it_is_lokis() {
    let config = from_line(&[]).expect("nothing is wrong with nothing");
    assert_eq!(
        (config.server.address.as_str(), config.server.port),
        ("127.0.0.1", 3100)
    );
    assert!(!config.server.auth_enabled);
    assert_eq!(config.data_dir, PathBuf::from("data"));
    assert!(config.warnings.is_empty());
    let config = Config::from_yaml("").expect("an empty file");
    assert_eq!(config.server.address, "");
    assert!(config.server.auth_enabled);
}

#[test]
fn documented_keys_reach_their_settings() {
    let config = Config::from_yaml(
        "auth_enabled: false
server:
  http_listen_address: 127.0.0.1
  http_listen_port: 3101
  http_server_read_timeout: 5s
  http_listen_conn_limit: 900
  http_tls_config: {cert_file: a.pem, key_file: b.pem}
  log_level: warn
  log_format: json
common:
  path_prefix: /var/loki
ingester:
  chunk_idle_period: 15m
  max_chunk_age: 1h30m
  chunk_encoding: snappy
  wal: {dir: /var/loki/wal, sync: interval, sync_interval: 100ms, flush_on_shutdown: true}
distributor: {max_recv_msg_size: 1MB}
frontend: {compress_responses: true}
querier: {multi_tenant_queries_enabled: true}
limits_config:
  max_line_size: 64KB
  reject_old_samples: true
  retention_period: 744h
  ingestion_rate_mb: 10
compactor: {retention_enabled: true, compaction_interval: 5m}
",
    )
    .expect("documented");
    assert_eq!(
        (config.server.address.as_str(), config.server.port),
        ("127.0.0.1", 3101)
    );
    assert_eq!(config.server.read_timeout, Duration::from_secs(5));
    assert_eq!(
        config.server.tls.as_ref().map(|tls| tls.key_file.clone()),
        Some("b.pem".into())
    );
    assert_eq!(
        (config.log_level, config.log_format),
        (crate::log::Level::Warn, crate::log::Format::Json)
    );
    assert_eq!(config.data_dir, PathBuf::from("/var/loki"));
    assert_eq!(config.server.max_connections, 900);
    assert_eq!(config.engine.chunk_idle_period, Period::minutes(15));
    assert_eq!(config.engine.max_chunk_age, Period::minutes(90));
    assert_eq!(config.engine.encoding, Encoding::Snappy);
    assert_eq!(config.engine.wal_sync, WalSync::Interval(Period(100_000_000)));
    assert!(config.server.flush_on_shutdown);
    assert_eq!(config.server.max_push_bytes, 1 << 20);
    assert!(config.server.compress_responses);
    assert!(config.server.multi_tenant_queries);
    assert_eq!(config.engine.limits.max_line_size, ByteSize(64 << 10));
    assert!(config.engine.limits.reject_old_samples);
    assert_eq!(config.engine.limits.retention_period, Period::hours(744));
    assert_eq!(config.engine.limits.ingestion_rate_mb, 10.0);
    assert_eq!(config.engine.retention_interval, Period::minutes(5));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

#[test]
fn what_has_no_effect_is_named_and_not_fatal() {
    let config = Config::from_yaml(
        "schema_config: {configs: []}
ingester: {chunk_target_size: 1, chunk_encoding: gzip, wal: {dir: /elsewhere}}
limits_config: {max_query_parallelism: 1, retention_period: 24h}
nonsense: 1
",
    )
    .expect("nothing is fatal");
    let warnings = config.warnings.join("\n");
    for name in [
        "schema_config",
        "ingester.chunk_target_size",
        "ingester.chunk_encoding",
        "/elsewhere",
        "limits_config.max_query_parallelism",
        "limits_config.retention_period",
        "nonsense",
    ] {
        assert!(warnings.contains(name), "{name} is not in: {warnings}");
    }
    assert_eq!(config.engine.limits.retention_period, Period::ZERO);
}

#[test]
fn a_bad_value_is_named_with_its_key() {
    for (text, key) in [
        ("server: {http_listen_port: high}", "server.http_listen_port: \"high\""),
        ("server: {http_listen_port: 70000}", "server.http_listen_port: 70000"),
        ("server: {log_level: loud}", "server.log_level: \"loud\""),
        (
            "server: {http_server_read_timeout: soon}",
            "server.http_server_read_timeout",
        ),
        ("server: 5", "server: expected keys and values"),
        ("server: {http_tls_config: {cert_file: a}}", "server.http_tls_config"),
        (
            "server: {http_tls_config: {client_auth_type: Maybe}}",
            "server.http_tls_config.client_auth_type",
        ),
        (
            "server: {http_tls_config: {cert_file: a, key_file: b, client_ca_file: c}}",
            "server.http_tls_config.client_auth_type: must say",
        ),
        (
            "server: {http_tls_config: {client_auth_type: RequireAndVerifyClientCert}}",
            "needs a client_ca_file",
        ),
        (
            "server: {cors: {allowed_origins: ['https://a/b']}}",
            "server.cors.allowed_origins: \"https://a/b\"",
        ),
        ("receiver: {labels: {__a: b}}", "receiver.labels: \"__a\""),
        ("receiver: {labels: {a-b: c}}", "receiver.labels: \"a-b\""),
        ("engine: {content_filters: many}", "engine.content_filters: \"many\""),
        ("engine: {retention_bytes: much}", "engine.retention_bytes: \"much\""),
        ("auth_enabled: perhaps", "auth_enabled"),
        (
            "limits_config: {max_line_size: big}",
            "limits_config.max_line_size: \"big\"",
        ),
        (
            "limits_config: {retention_period: 1h}",
            "retention period must be >= 24h was 1h",
        ),
        ("ingester: {chunk_encoding: brotli}", "ingester.chunk_encoding"),
        ("ingester: {wal: {sync: sometimes}}", "ingester.wal.sync"),
        ("- a list", "not a configuration"),
        ("a: [", "not a configuration"),
    ] {
        let problem = problem(text);
        assert!(problem.contains(key), "{text}: {problem}");
    }
}

#[test]
fn flags_take_one_dash_or_two_and_win_over_the_file() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(
        file.path(),
        "server: {http_listen_port: ${PORT_OF_NO_ONE:1}, log_level: warn}\ncompactor: {delete_request_store: filesystem}\n",
    )
    .expect("written");
    let path = file.path().display();
    let config = from_line(&[
        &format!("-config.file=/nowhere.yaml,{path}"),
        "-config.expand-env",
        "--server.http-listen-port",
        "7",
        "-auth.enabled=false",
        "-store.retention=48h",
        "-compactor.retention-enabled",
    ])
    .expect("valid");
    assert_eq!(config.server.port, 7);
    assert_eq!(config.log_level, crate::log::Level::Warn);
    assert!(!config.server.auth_enabled);
    assert_eq!(config.engine.limits.retention_period, Period::hours(48));
}

#[test]
fn a_wrong_command_line_is_explained() {
    for arguments in [
        &["-no.such-flag=1"][..],
        &["stray"],
        &["-target=querier"],
        &["-auth.enabled=maybe"],
    ] {
        assert!(
            matches!(CommandLine::parse(arguments.iter().copied()), Err(Error::Usage(_))),
            "{arguments:?}"
        );
    }
    let problem = from_line(&["-config.file=/nowhere.yaml"])
        .expect_err("no file")
        .to_string();
    assert!(problem.contains("/nowhere.yaml"), "{problem}");
    let problem = from_line(&["-server.http-listen-port=high"])
        .expect_err("no number")
        .to_string();
    assert!(problem.contains("server.http_listen_port"), "{problem}");
}

#[test]
fn overrides_stand_on_the_global_limits() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "overrides:\n  a: {max_query_series: 7}\nconfigs: {}\n").expect("written");
    let text = format!(
        "limits_config: {{max_line_size: 1KB}}\nruntime_config: {{file: {}}}\n",
        file.path().display()
    );
    let config = Config::from_yaml(&text).expect("valid");
    let tenant: TenantId = "a".parse().expect("valid");
    assert_eq!(config.engine.limits(&tenant).max_query_series, 7);
    assert_eq!(config.engine.limits(&tenant).max_line_size, ByteSize(1 << 10));
    std::fs::write(file.path(), "overrides:\n  a: {max_query_series: many}\n").expect("written");
    let problem = problem(&text);
    assert!(problem.contains("overrides.a.max_query_series") && problem.contains(&*file.path().to_string_lossy()));
}

#[test]
fn the_page_of_a_configuration_is_a_configuration() {
    let pages = |text| Config::from_yaml(text).expect("readable").server.config_pages;
    let all = pages(ALL_OWN_KEYS);
    assert_eq!(pages(&all.running), all);
    // The difference asks for the same as the whole.
    assert_eq!(pages(&all.diff), all);
    assert_eq!(pages(&all.defaults).diff, "{}\n");
    assert_eq!(pages("").running, all.defaults);
}

#[test]
fn a_difference_holds_what_is_not_default_and_nothing_else() {
    let text = "auth_enabled: true\nserver: {http_listen_port: 3101, http_path_prefix: ''}\nlimits_config: {max_query_series: 7}\n";
    let diff = Config::from_yaml(text).expect("valid").server.config_pages.diff;
    assert_eq!(
        diff,
        "limits_config:\n  max_query_series: 7\nserver:\n  http_listen_port: 3101\n"
    );
}

/// Every key that is this program's own, none at its default.
const ALL_OWN_KEYS: &str = "
engine: {content_filters: sparse, retention_bytes: 1GB, head_bytes: 64MB, target_segment_bytes: 128MB,
         quiet_period: 3s, settle_period: 5m, max_query_memory: 32MB, query_threads: 3}
receiver: {labels: {via: alloy}, use_incoming_timestamp: true, max_send_message_size: 1MB}
server: {cors: {allowed_origins: ['https://grafana.example:3000'], max_age: 5m}}
";

#[test]
fn the_keys_of_this_program_are_read() {
    let config = Config::from_yaml(ALL_OWN_KEYS).expect("valid");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.engine.content_filters, ContentFilters::Sparse);
    assert_eq!(config.engine.retention_bytes, ByteSize(1 << 30));
    assert_eq!(config.engine.head_bytes, ByteSize(64 << 20));
    assert_eq!(config.engine.target_segment_bytes, ByteSize(128 << 20));
    assert_eq!(config.engine.quiet_period, Period::seconds(3));
    assert_eq!(config.engine.settle_period, Period::minutes(5));
    assert_eq!(config.engine.max_query_memory, ByteSize(32 << 20));
    assert_eq!(config.engine.query_threads, 3);
    assert_eq!(config.server.receiver.labels, [("via".to_owned(), "alloy".to_owned())]);
    assert!(config.server.receiver.use_incoming_timestamp);
    assert_eq!(config.server.receiver.max_message_bytes, 1 << 20);
    let cors = config.server.cors.expect("configured");
    assert_eq!(cors.allowed_origins, ["https://grafana.example:3000"]);
    assert_eq!(cors.max_age, Duration::from_secs(300));
}

#[test]
fn flags_set_labels_and_lists_as_the_file_does() {
    let config = from_line(&[
        "-receiver.labels={via: alloy}",
        "-receiver.use-incoming-timestamp",
        "-server.cors-allowed-origins=['*']",
        "-engine.content-filters=none",
    ])
    .expect("valid");
    assert_eq!(config.server.receiver.labels, [("via".to_owned(), "alloy".to_owned())]);
    assert!(config.server.receiver.use_incoming_timestamp);
    assert_eq!(config.server.cors.expect("configured").allowed_origins, ["*"]);
    assert_eq!(config.engine.content_filters, ContentFilters::Off);
}

#[test]
fn rules_for_attributes_are_limits_of_tenants() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let overrides = "overrides:\n  a: {otlp_config: {log_attributes: [{action: drop, attributes: [x]}]}}\n";
    std::fs::write(file.path(), overrides).expect("written");
    let text = format!(
        "limits_config:\n  otlp_config:\n    resource_attributes:\n      attributes_config: [{{action: index_label, regex: 'team.*'}}]\n\
         runtime_config: {{file: {}}}\n",
        file.path().display()
    );
    let config = Config::from_yaml(&text).expect("valid");
    let tenant: TenantId = "a".parse().expect("valid");
    // What the tenant does not say stays as it is for all.
    let [all, one] = [&config.engine.limits, config.engine.limits(&tenant)].map(|limits| &limits.otlp_config);
    assert_eq!(all.resource_attributes, one.resource_attributes);
    assert_eq!(
        AttributeRule::action(&one.resource_attributes.attributes_config, "team.x"),
        AttributeAction::IndexLabel
    );
    assert_eq!(AttributeRule::action(&one.log_attributes, "x"), AttributeAction::Drop);
    assert_eq!(
        AttributeRule::action(&all.log_attributes, "x"),
        AttributeAction::StructuredMetadata
    );
    let problem = problem("limits_config: {otlp_config: {scope_attributes: [{action: index_label, regex: a}]}}");
    assert!(
        problem.contains("limits_config.otlp_config") && problem.contains("index_label action is only supported"),
        "{problem}"
    );
}
