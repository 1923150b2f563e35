//! From file and flags to settings.

use super::page::ConfigPages;
use super::section::Section;
use super::{CommandLine, Error, RuntimeConfig, expand, limits, memory};
use crate::log::{Format, Level};
use crate::settings::ServerSettings;
use loki_core::chunk::Encoding;
use loki_core::{Period, RuleStorage, Settings, WalSync};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Sections that say how a cluster is laid out or how Loki does what is done differently here.
const UNUSED_SECTIONS: [&str; 25] = [
    "analytics",
    "bloom_build",
    "bloom_gateway",
    "chunk_store_config",
    "compactor_client",
    "compactor_grpc_client",
    "frontend_worker",
    "index_gateway",
    "ingester_client",
    "ingester_rf1",
    "internal_server",
    "kafka_config",
    "memberlist",
    "metastore",
    "operational_config",
    "profiling",
    "query_range",
    "query_scheduler",
    "schema_config",
    "shutdown_delay",
    "storage_config",
    "table_manager",
    "target",
    "tracing",
    "ui",
];

/// The configuration of the program.
///
/// ```
/// use loki_http::config::Config;
/// let config = Config::from_yaml("auth_enabled: false\nserver: {http_listen_port: 3101}\n")?;
/// assert_eq!(config.server.port, 3101);
/// # Ok::<(), loki_http::config::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Of the server.
    pub server: ServerSettings,
    /// Of the engine.
    pub engine: Settings,
    /// The directory of the data.
    pub data_dir: PathBuf,
    /// How much is logged.
    pub log_level: Level,
    /// How it is written.
    pub log_format: Format,
    /// Limits of single tenants that are read again while the program runs.
    pub runtime: RuntimeConfig,
    /// What was asked for and has no effect, or another than in Loki.
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            server: ServerSettings::default(),
            engine: Settings::default(),
            data_dir: "data".into(),
            log_level: Level::default(),
            log_format: Format::default(),
            runtime: RuntimeConfig::default(),
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// The configuration that a command line asks for. What it does not say of memory follows from how much the process may
    /// use.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a value that cannot be used.
    pub fn load(line: &CommandLine) -> Result<Config, Error> {
        let mut config = Config::default();
        if let Some(memory) = memory::available() {
            config.engine = Settings::for_memory(memory);
        }
        let Some(file) = line
            .files
            .iter()
            .find(|file| Path::new(file).exists())
            .or(line.files.first())
        else {
            config.apply(Section::root(Value::Null)?, &line.keys)?;
            return Ok(config);
        };
        config.follow_loki();
        let mut text = read(Path::new(file))?;
        if line.expand_env {
            text = expand::expand(&text, |name| std::env::var(name).ok());
        }
        let root = yaml(&text)
            .and_then(Section::root)
            .map_err(|error| error.in_file(file))?;
        config.apply(root, &line.keys).map_err(|error| error.in_file(file))?;
        Ok(config)
    }

    /// The configuration that a file of this text describes.
    ///
    /// # Errors
    ///
    /// The text is no YAML, or a value cannot be used.
    pub fn from_yaml(text: &str) -> Result<Config, Error> {
        let mut config = Config::default();
        config.follow_loki();
        config.apply(Section::root(yaml(text)?)?, &[])?;
        Ok(config)
    }

    /// Loki's defaults, which hold for what a file leaves out.
    fn follow_loki(&mut self) {
        self.server.auth_enabled = true;
        self.server.address = String::new();
        self.server.deletes_enabled = false;
    }

    fn apply(&mut self, mut root: Section, flags: &[(&'static str, Value)]) -> Result<(), Error> {
        let defaults = self.shown();
        for (path, value) in flags {
            root.put(path, value.clone())?;
        }
        let mut unused = Vec::new();
        root.set("auth_enabled", &mut self.server.auth_enabled)?;
        self.server(root.section("server")?, &mut unused)?;
        let mut common = root.section("common")?;
        common.set("path_prefix", &mut self.data_dir)?;
        // One process on one disk needs no addresses, rings and stores.
        for key in ["instance_addr", "replication_factor", "ring"] {
            common.take::<Value>(key)?;
        }
        let mut files = common.section("storage")?.section("filesystem")?;
        if let Some(folder) = files.take::<PathBuf>("rules_directory")? {
            self.server.ruler.rule_folder = Some(folder);
            self.engine.rule_storage = RuleStorage::Both;
        }
        common.rest(&mut unused);
        self.ingester(root.section("ingester")?, &mut unused)?;
        self.limits(&mut root, &mut unused)?;
        self.sizes(&mut root, &mut unused)?;
        self.ruler(root.section("ruler")?, &mut unused)?;
        self.receiver(root.section("receiver")?, &mut unused)?;
        self.engine(root.section("engine")?, &mut unused)?;
        let mut patterns = root.section("pattern_ingester")?;
        patterns.set("enabled", &mut self.engine.pattern_ingester)?;
        patterns.rest(&mut unused);
        for section in UNUSED_SECTIONS {
            if root.take::<Value>(section)?.is_some() {
                unused.push(section.to_owned());
            }
        }
        if !unused.is_empty() {
            self.warnings
                .push(format!("no effect in this program: {}", unused.join(", ")));
        }
        let mut unknown = Vec::new();
        root.rest(&mut unknown);
        if !unknown.is_empty() {
            self.warnings.push(format!("unknown keys: {}", unknown.join(", ")));
        }
        self.server.config_pages = ConfigPages::new(&defaults, &self.shown());
        Ok(())
    }

    fn ingester(&mut self, mut section: Section, unused: &mut Vec<String>) -> Result<(), Error> {
        section.set("chunk_idle_period", &mut self.engine.chunk_idle_period)?;
        section.set("max_chunk_age", &mut self.engine.max_chunk_age)?;
        if let Some(name) = section.take::<String>("chunk_encoding")? {
            self.engine.encoding = match name.as_str() {
                "none" => Encoding::None,
                "snappy" => Encoding::Snappy,
                "zstd" => Encoding::Zstd,
                name if name.starts_with("lz4") => Encoding::Lz4,
                "gzip" | "flate" => {
                    self.warnings
                        .push(format!("ingester.chunk_encoding: {name} is not written; zstd is used"));
                    Encoding::Zstd
                }
                other => {
                    return Err(Error::value(
                        "ingester.chunk_encoding",
                        format!("{other:?} is not a codec"),
                    ));
                }
            };
        }
        let mut wal = section.section("wal")?;
        if wal.take::<bool>("enabled")? == Some(false) {
            self.warnings
                .push("ingester.wal.enabled: the log is always written; without it, it is not synced".to_owned());
            self.engine.wal_sync = WalSync::Never;
        }
        if let Some(directory) = wal.take::<PathBuf>("dir")?
            && directory.components().ne(self.data_dir.join("wal").components())
        {
            let (wanted, used) = (directory.display(), self.data_dir.display());
            self.warnings.push(format!(
                "ingester.wal.dir: {wanted} is not used; the log is with the data in {used}"
            ));
        }
        let interval = wal.take::<Period>("sync_interval")?;
        match wal.take::<String>("sync")?.as_deref() {
            None if interval.is_none() => {}
            Some("always") => self.engine.wal_sync = WalSync::Always,
            Some("never") => self.engine.wal_sync = WalSync::Never,
            None | Some("interval") => self.engine.wal_sync = WalSync::Interval(interval.unwrap_or(Period::seconds(1))),
            Some(other) => {
                return Err(Error::value(
                    "ingester.wal.sync",
                    format!("{other:?} is none of always, interval, never"),
                ));
            }
        }
        wal.set("flush_on_shutdown", &mut self.server.flush_on_shutdown)?;
        wal.rest(unused);
        section.rest(unused);
        Ok(())
    }

    fn limits(&mut self, root: &mut Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let mut section = root.section("limits_config")?;
        let mut files: Vec<String> = section.take("per_tenant_override_config")?.into_iter().collect();
        section.set_duration("per_tenant_override_period", &mut self.runtime.period)?;
        self.engine.limits = limits::merge(&self.engine.limits, section.into_keys(), "limits_config", unused)?;

        let mut runtime = root.section("runtime_config")?;
        files.extend(runtime.take::<String>("file")?);
        runtime.set_duration("period", &mut self.runtime.period)?;
        runtime.rest(unused);

        let mut compactor = root.section("compactor")?;
        compactor.set("compaction_interval", &mut self.engine.retention_interval)?;
        let is_retained = compactor.take::<bool>("retention_enabled")?.unwrap_or(false);
        compactor.set("delete_request_cancel_period", &mut self.engine.delete_cancel_period)?;
        compactor.set("delete_max_interval", &mut self.engine.delete_max_interval)?;
        self.server.deletes_enabled |= is_retained;
        // Requests are kept with the data.
        for key in ["working_directory", "delete_request_store"] {
            compactor.take::<Value>(key)?;
        }
        compactor.rest(unused);
        if !is_retained && limits::disable_retention(&mut self.engine.limits) {
            let text = "limits_config.retention_period: nothing expires unless compactor.retention_enabled is true";
            self.warnings.push(text.to_owned());
        }
        let files = files
            .iter()
            .flat_map(|files| files.split(','))
            .filter(|file| !file.is_empty());
        self.runtime.files = files.map(PathBuf::from).collect();
        self.runtime.base = self.engine.limits.clone();
        self.runtime.is_retained = is_retained;
        self.engine.overrides = self.runtime.read(unused)?;
        Ok(())
    }

    fn sizes(&mut self, root: &mut Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let server = &mut self.server;
        let mut distributor = root.section("distributor")?;
        distributor.set_size("max_recv_msg_size", &mut server.max_push_bytes)?;
        distributor.set_size("max_decompressed_size", &mut server.max_push_decompressed_bytes)?;
        let mut otlp = distributor.section("otlp_config")?;
        otlp.set("default_resource_attributes_as_index_labels", &mut server.otlp_labels)?;
        otlp.rest(unused);
        // The ring of a single process has one member, wherever it is kept.
        distributor.take::<Value>("ring")?;
        distributor.rest(unused);
        let mut frontend = root.section("frontend")?;
        frontend.set_size("max_body_size", &mut server.max_body_bytes)?;
        frontend.set("compress_responses", &mut server.compress_responses)?;
        frontend.rest(unused);
        let mut querier = root.section("querier")?;
        querier.set("max_concurrent", &mut server.max_concurrent_queries)?;
        querier.set("multi_tenant_queries_enabled", &mut server.multi_tenant_queries)?;
        querier.set("tail_max_duration", &mut self.engine.tail_max_duration)?;
        // Memory and disk are always asked both.
        querier.take::<Value>("query_ingesters_within")?;
        querier.rest(unused);
        Ok(())
    }
}

/// The value of a YAML text.
pub(super) fn yaml(text: &str) -> Result<Value, Error> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str(text).map_err(|error| Error::Syntax(error.to_string()))
}

pub(super) fn read(file: &Path) -> Result<String, Error> {
    fs::read_to_string(file).map_err(|error| Error::Read {
        file: file.to_owned(),
        error,
    })
}
