//! The `server` section.

use super::section::Section;
use super::{Config, Error};
use crate::settings::{CorsSettings, TlsSettings};
use serde_json::Value;
use std::path::PathBuf;

impl Config {
    pub(super) fn server(&mut self, mut section: Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let server = &mut self.server;
        section.set("http_listen_address", &mut server.address)?;
        section.set("http_listen_port", &mut server.port)?;
        section.set("http_path_prefix", &mut server.path_prefix)?;
        section.set("log_level", &mut self.log_level)?;
        section.set("log_format", &mut self.log_format)?;
        for (key, place) in [
            ("http_server_read_timeout", &mut server.read_timeout),
            ("http_server_write_timeout", &mut server.write_timeout),
            ("http_server_idle_timeout", &mut server.idle_timeout),
            ("graceful_shutdown_timeout", &mut server.graceful_timeout),
        ] {
            section.set_duration(key, place)?;
        }
        // Less than none is none to Loki, too.
        if let Some(most) = section.take::<i64>("http_listen_conn_limit")? {
            server.max_connections = usize::try_from(most).unwrap_or(0);
        }
        server.tls = tls(section.section("http_tls_config")?, unused)?;
        server.cors = cors(section.section("cors")?, unused)?;
        // There is no gRPC between the parts of one process.
        for key in ["grpc_listen_address", "grpc_listen_port"] {
            section.take::<Value>(key)?;
        }
        section.rest(unused);
        Ok(())
    }
}

/// `http_tls_config`: none where it names no certificate.
fn tls(mut section: Section, unused: &mut Vec<String>) -> Result<Option<TlsSettings>, Error> {
    let files = (section.take("cert_file")?, section.take("key_file")?);
    let client_ca_file: Option<PathBuf> = section.take("client_ca_file")?;
    let client_auth: Option<String> = section.take("client_auth_type")?;
    let path = section.path("client_auth_type");
    section.rest(unused);
    let (verify, client_cert_required) = match client_auth.as_deref() {
        None | Some("" | "NoClientCert") => (false, false),
        Some("VerifyClientCertIfGiven") => (true, false),
        Some("RequireAndVerifyClientCert") => (true, true),
        Some(other) => return Err(Error::value(path, format!("{other:?} is not supported"))),
    };
    if verify && client_ca_file.is_none() {
        return Err(Error::value(path, "needs a client_ca_file"));
    }
    // Whoever names an authority wants clients to be checked; not to check them must be no accident.
    if !verify && client_ca_file.is_some() {
        return Err(Error::value(
            path,
            "must say how clients are checked against client_ca_file",
        ));
    }
    match files {
        (Some(cert_file), Some(key_file)) => Ok(Some(TlsSettings {
            cert_file,
            key_file,
            client_ca_file,
            client_cert_required,
        })),
        (None, None) if verify => Err(Error::value(path, "needs a cert_file and a key_file")),
        (None, None) => Ok(None),
        _ => Err(Error::value(
            "server.http_tls_config",
            "cert_file and key_file belong together",
        )),
    }
}

/// `cors`, which is this program's own: none where no origin is allowed.
fn cors(mut section: Section, unused: &mut Vec<String>) -> Result<Option<CorsSettings>, Error> {
    let mut cors = CorsSettings::default();
    section.set("allowed_origins", &mut cors.allowed_origins)?;
    section.set_duration("max_age", &mut cors.max_age)?;
    let path = section.path("allowed_origins");
    section.rest(unused);
    if let Some(origin) = cors.allowed_origins.iter().find(|origin| !is_origin(origin)) {
        let problem = format!("{origin:?} is no origin such as https://grafana.example:3000, nor \"*\"");
        return Err(Error::value(path, problem));
    }
    Ok(Some(cors).filter(|cors| !cors.allowed_origins.is_empty()))
}

/// Browsers send scheme, host and port alone: with a path no request would ever match.
fn is_origin(text: &str) -> bool {
    let is_host = |host: &str| !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    text == "*"
        || text
            .split_once("://")
            .is_some_and(|(scheme, host)| !scheme.is_empty() && is_host(host))
}
