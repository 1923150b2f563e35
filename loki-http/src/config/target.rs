//! How other servers are talked to: authorization, certificates, headers.

use super::Error;
use super::section::Section;
use crate::deliver::Endpoint;
use crate::settings::{
    AlertmanagerSettings, Authorization, ClientTlsSettings, RemoteWriteSettings, Secret, TargetSettings,
};
use loki_core::{ByteSize, Period};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The scheme of credentials without one.
const BEARER: &str = "Bearer";

/// The Alertmanagers of `ruler.alertmanager_url`, a list with commas, with what `alertmanager_client` says.
pub(super) fn alertmanagers(ruler: &mut Section, unused: &mut Vec<String>) -> Result<Vec<AlertmanagerSettings>, Error> {
    let path = ruler.path("alertmanager_url");
    let urls: String = ruler.take("alertmanager_url")?.unwrap_or_default();
    let mut client = ruler.section("alertmanager_client")?;
    let authorization = authorization(
        client.path("basic_auth_username"),
        (
            name(&mut client, "basic_auth_username")?,
            secret(&mut client, "basic_auth_password", "basic_auth_password_file")?,
        ),
        (
            client.take("type")?,
            secret(&mut client, "credentials", "credentials_file")?,
        ),
    )?;
    let target = TargetSettings {
        headers: Vec::new(),
        authorization,
        tls: ClientTlsSettings {
            ca_file: file(&mut client, "tls_ca_path")?,
            cert_file: file(&mut client, "tls_cert_path")?,
            key_file: file(&mut client, "tls_key_path")?,
            server_name: name(&mut client, "tls_server_name")?,
            insecure_skip_verify: client.take("tls_insecure_skip_verify")?.unwrap_or(false),
        },
    };
    client.rest(unused);
    let urls = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
    let manager = |url: &str| {
        check(&path, url)?;
        Ok(AlertmanagerSettings {
            url: url.to_owned(),
            target: target.clone(),
        })
    };
    urls.map(manager).collect()
}

/// The destinations of `ruler.remote_write`; none where it is not enabled.
pub(super) fn remote_write(ruler: &mut Section, unused: &mut Vec<String>) -> Result<Vec<RemoteWriteSettings>, Error> {
    let mut section = ruler.section("remote_write")?;
    let is_enabled = section.take::<bool>("enabled")?.unwrap_or(false);
    let queue_bytes: Option<ByteSize> = section.take("queue_bytes")?;
    let path = section.path("clients");
    let mut clients: Vec<(String, String, Value)> = Vec::new();
    // The older spelling has one, without a name.
    if let Some(client) = section.take::<Value>("client")? {
        clients.push(("default".to_owned(), section.path("client"), client));
    }
    let named: BTreeMap<String, Value> = section.take("clients")?.unwrap_or_default();
    clients.extend(
        named
            .into_iter()
            .map(|(name, client)| (name.clone(), format!("{path}.{name}"), client)),
    );
    section.rest(unused);
    let mut targets = Vec::new();
    for (name, path, client) in clients.into_iter().filter(|_| is_enabled) {
        targets.push(destination(name, Section::at(path, client)?, queue_bytes, unused)?);
    }
    Ok(targets)
}

fn destination(
    name: String,
    mut client: Section,
    queue_bytes: Option<ByteSize>,
    unused: &mut Vec<String>,
) -> Result<RemoteWriteSettings, Error> {
    let defaults = RemoteWriteSettings::default();
    let url: String = client.take("url")?.unwrap_or_default();
    check(&client.path("url"), &url)?;
    let name = client
        .take::<String>("name")?
        .filter(|name| !name.is_empty())
        .unwrap_or(name);
    let timeout = period(&mut client, "remote_timeout")?.unwrap_or(defaults.timeout);
    let headers: BTreeMap<String, Value> = client.take("headers")?.unwrap_or_default();
    let headers = headers.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        other => (name, other.to_string()),
    });
    let target = TargetSettings {
        headers: headers.collect(),
        authorization: client_authorization(&mut client, unused)?,
        tls: client_tls(&mut client, unused)?,
    };
    let mut queue = client.section("queue_config")?;
    let settings = RemoteWriteSettings {
        name,
        url,
        target,
        timeout,
        queue_bytes: queue_bytes.unwrap_or(defaults.queue_bytes),
        max_samples_per_send: queue
            .take("max_samples_per_send")?
            .unwrap_or(defaults.max_samples_per_send),
        min_backoff: period(&mut queue, "min_backoff")?.unwrap_or(defaults.min_backoff),
        max_backoff: period(&mut queue, "max_backoff")?.unwrap_or(defaults.max_backoff),
    };
    // One delivery at a time, which keeps samples in order; the queue is measured in bytes, what fails is tried again.
    for key in [
        "capacity",
        "min_shards",
        "max_shards",
        "batch_send_deadline",
        "retry_on_http_429",
        "sample_age_limit",
    ] {
        queue.take::<Value>(key)?;
    }
    queue.rest(unused);
    client.rest(unused);
    Ok(settings)
}

/// `basic_auth`, `authorization` or a bearer token, as Prometheus' clients have them.
fn client_authorization(client: &mut Section, unused: &mut Vec<String>) -> Result<Authorization, Error> {
    let path = client.path("basic_auth");
    let mut basic = client.section("basic_auth")?;
    let name = (
        name(&mut basic, "username")?,
        secret(&mut basic, "password", "password_file")?,
    );
    basic.rest(unused);
    let mut token = client.section("authorization")?;
    let scheme = token.take("type")?;
    let credentials = secret(&mut token, "credentials", "credentials_file")?;
    token.rest(unused);
    let credentials = credentials.or(secret(client, "bearer_token", "bearer_token_file")?);
    authorization(path, name, (scheme, credentials))
}

fn authorization(
    path: String,
    (username, password): (Option<String>, Option<Secret>),
    (scheme, credentials): (Option<String>, Option<Secret>),
) -> Result<Authorization, Error> {
    let username = username.filter(|name| !name.is_empty());
    match (username, password, credentials) {
        (None, None, None) => Ok(Authorization::None),
        (Some(username), password, None) => Ok(Authorization::Basic {
            username,
            password: password.unwrap_or(Secret::Text(String::new())),
        }),
        (None, None, Some(credentials)) => Ok(Authorization::Token {
            scheme: scheme
                .filter(|scheme| !scheme.is_empty())
                .unwrap_or_else(|| BEARER.to_owned()),
            credentials,
        }),
        (None, Some(_), _) => Err(Error::value(path, "a password needs a name")),
        (Some(_), _, Some(_)) => Err(Error::value(
            path,
            "at most one of a name with a password and a token can be used",
        )),
    }
}

fn client_tls(client: &mut Section, unused: &mut Vec<String>) -> Result<ClientTlsSettings, Error> {
    let mut tls = client.section("tls_config")?;
    let settings = ClientTlsSettings {
        ca_file: file(&mut tls, "ca_file")?,
        cert_file: file(&mut tls, "cert_file")?,
        key_file: file(&mut tls, "key_file")?,
        server_name: name(&mut tls, "server_name")?,
        insecure_skip_verify: tls.take("insecure_skip_verify")?.unwrap_or(false),
    };
    tls.rest(unused);
    Ok(settings)
}

/// A secret that stands in the file, or in a file of its own.
fn secret(section: &mut Section, key: &str, file_key: &str) -> Result<Option<Secret>, Error> {
    let text = name(section, key)?.map(Secret::Text);
    let file = file(section, file_key)?.map(Secret::File);
    match (text, file) {
        (Some(_), Some(_)) => Err(Error::value(
            section.path(key),
            format!("at most one of it and {file_key} can be used"),
        )),
        (text, file) => Ok(text.or(file)),
    }
}

/// A text; a password of digits alone is one too, and must not stand in an error.
fn name(section: &mut Section, key: &str) -> Result<Option<String>, Error> {
    let text = match section.take::<Value>(key)? {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(scalar @ (Value::Number(_) | Value::Bool(_))) => scalar.to_string(),
        Some(_) => return Err(Error::value(section.path(key), "expected a text")),
    };
    Ok(Some(text).filter(|text| !text.is_empty()))
}

fn file(section: &mut Section, key: &str) -> Result<Option<PathBuf>, Error> {
    Ok(name(section, key)?.map(PathBuf::from))
}

fn period(section: &mut Section, key: &str) -> Result<Option<Duration>, Error> {
    Ok(section.take::<Period>(key)?.map(Period::as_std))
}

fn check(path: &str, url: &str) -> Result<(), Error> {
    url.parse::<Endpoint>()
        .map(|_| ())
        .map_err(|problem| Error::value(path, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn ruler(yaml: &str) -> Result<Config, Error> {
        Config::from_yaml(&format!("ruler:\n{yaml}"))
    }

    #[test]
    fn an_alertmanager_is_talked_to_as_its_client_says() {
        let yaml = "  alertmanager_url: https://a:9093,http://b:9093\n  alertmanager_client:\n    tls_ca_path: ca.pem\n    \
                    tls_insecure_skip_verify: true\n    basic_auth_username: me\n    basic_auth_password: 1234\n";
        let managers = ruler(yaml).expect("valid").server.ruler.alertmanagers;
        assert_eq!(
            [&*managers[0].url, &managers[1].url],
            ["https://a:9093", "http://b:9093"]
        );
        let target = TargetSettings {
            headers: vec![],
            authorization: Authorization::Basic {
                username: "me".to_owned(),
                password: Secret::Text("1234".to_owned()),
            },
            tls: ClientTlsSettings {
                ca_file: Some("ca.pem".into()),
                insecure_skip_verify: true,
                ..ClientTlsSettings::default()
            },
        };
        assert_eq!(managers[1].target, target);
    }

    #[test]
    fn a_remote_write_client_has_prometheus_keys() {
        let yaml = "  remote_write:\n    enabled: true\n    queue_bytes: 1MB\n    clients:\n      one:\n        \
                    url: https://p/api/v1/write\n        remote_timeout: 5s\n        headers: {X-A: b}\n        \
                    authorization: {credentials_file: token}\n        tls_config: {server_name: p}\n        \
                    queue_config: {max_samples_per_send: 7, max_backoff: 1s, max_shards: 9}\n        odd: 1\n";
        let config = ruler(yaml).expect("valid");
        let expected = RemoteWriteSettings {
            name: "one".to_owned(),
            url: "https://p/api/v1/write".to_owned(),
            target: TargetSettings {
                headers: vec![("X-A".to_owned(), "b".to_owned())],
                authorization: Authorization::Token {
                    scheme: "Bearer".to_owned(),
                    credentials: Secret::File("token".into()),
                },
                tls: ClientTlsSettings {
                    server_name: Some("p".to_owned()),
                    ..ClientTlsSettings::default()
                },
            },
            timeout: Duration::from_secs(5),
            queue_bytes: ByteSize(1 << 20),
            max_samples_per_send: 7,
            max_backoff: Duration::from_secs(1),
            ..RemoteWriteSettings::default()
        };
        assert_eq!(config.server.ruler.remote_write, [expected]);
        assert!(
            config.warnings[0].contains("ruler.remote_write.clients.one.odd"),
            "{:?}",
            config.warnings
        );
    }

    #[test]
    fn what_cannot_be_is_named_and_secrets_are_not_shown() {
        for (yaml, key) in [
            ("  alertmanager_url: a:9093", "ruler.alertmanager_url"),
            (
                "  alertmanager_client: {basic_auth_password: x}",
                "ruler.alertmanager_client.basic_auth_username",
            ),
            (
                "  alertmanager_client: {credentials: x, credentials_file: z}",
                "ruler.alertmanager_client.credentials",
            ),
            (
                "  remote_write: {enabled: true, clients: {a: {url: x}}}",
                "ruler.remote_write.clients.a.url",
            ),
            (
                "  remote_write: {enabled: true, clients: {a: {url: 'http://x', bearer_token: x, basic_auth: {username: me}}}}",
                "ruler.remote_write.clients.a.basic_auth",
            ),
        ] {
            let error = ruler(yaml).expect_err(yaml).to_string();
            assert!(error.starts_with(&format!("{key}: ")), "{error}");
        }
        let config =
            ruler("  alertmanager_url: http://me:word@a\n  alertmanager_client: {credentials: hidden}").expect("valid");
        let shown = format!(
            "{:?}{}",
            config.server.ruler.alertmanagers[0].target, config.server.config_pages.running
        );
        assert!(shown.contains("alertmanager_url: http://a\n"), "{shown}");
        assert!(!shown.contains("word") && !shown.contains("hidden"), "{shown}");
    }
}
