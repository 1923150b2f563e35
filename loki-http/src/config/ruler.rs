//! The `ruler` section.

use super::section::Section;
use super::{Config, Error};
use crate::deliver::parse_url;
use crate::settings::RemoteWriteSettings;
use loki_core::Period;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

impl Config {
    pub(super) fn ruler(&mut self, mut section: Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let ruler = &mut self.server.ruler;
        section.set("enable_api", &mut ruler.api_enabled)?;
        section.set("evaluation_interval", &mut self.engine.rule_interval)?;
        section.set("resend_delay", &mut self.engine.alert_resend_delay)?;
        section.set("notification_queue_capacity", &mut ruler.queue_capacity)?;
        section.set("datasource_uid", &mut ruler.datasource_uid)?;
        section.set("external_url", &mut ruler.external_url)?;
        self.engine.external_url.clone_from(&ruler.external_url);
        if let Some(timeout) = section.take::<Period>("notification_timeout")? {
            ruler.timeout = timeout.as_std();
        }
        if let Some(period) = section.take::<Period>("poll_interval")? {
            ruler.poll_interval = period.as_std();
        }
        let mut storage = section.section("storage")?;
        let is_local = storage.take::<String>("type")?.as_deref() == Some("local");
        let folder = storage.section("local")?.take::<PathBuf>("directory")?;
        ruler.rule_folder = folder.filter(|_| is_local);
        let path = section.path("alertmanager_url");
        let urls: String = section.take("alertmanager_url")?.unwrap_or_default();
        for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
            parse_url(url).map_err(|problem| Error::value(&*path, problem))?;
            ruler.alertmanager_urls.push(url.to_owned());
        }
        let mut write = section.section("remote_write")?;
        let is_enabled = write.take::<bool>("enabled")?.unwrap_or(false);
        let path = write.path("clients");
        let mut clients: Vec<Value> = write.take("client")?.into_iter().collect();
        let named: BTreeMap<String, Value> = write.take("clients")?.unwrap_or_default();
        clients.extend(named.into_values());
        for client in clients.iter().filter(|_| is_enabled) {
            ruler
                .remote_write
                .push(target(client).map_err(|problem| Error::value(&*path, problem))?);
        }
        write.rest(unused);
        // Rules are kept with the data, and evaluated in one process; there is one version of the API of alerts.
        for key in ["rule_path", "ring", "enable_alertmanager_v2", "enable_sharding", "wal"] {
            section.take::<Value>(key)?;
        }
        section.rest(unused);
        Ok(())
    }
}

fn target(client: &Value) -> Result<RemoteWriteSettings, String> {
    let url = client.get("url").and_then(Value::as_str).unwrap_or_default();
    parse_url(url)?;
    let headers = client.get("headers").and_then(Value::as_object);
    let headers = headers.into_iter().flatten().map(|(name, value)| match value {
        Value::String(text) => (name.clone(), text.clone()),
        other => (name.clone(), other.to_string()),
    });
    Ok(RemoteWriteSettings {
        url: url.to_owned(),
        headers: headers.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_and_checked() {
        let config = Config::from_yaml(
            "ruler:\n  alertmanager_url: http://a:9093,http://b:9093\n  evaluation_interval: 30s\n  remote_write:\n    \
             enabled: true\n    clients:\n      one: {url: http://p:9090/api/v1/write, headers: {X-A: b}}\n",
        )
        .expect("valid");
        assert_eq!(
            config.server.ruler.alertmanager_urls,
            ["http://a:9093", "http://b:9093"]
        );
        assert_eq!(config.engine.rule_interval, Period::seconds(30));
        let target = RemoteWriteSettings {
            url: "http://p:9090/api/v1/write".to_owned(),
            headers: vec![("X-A".to_owned(), "b".to_owned())],
        };
        assert_eq!(config.server.ruler.remote_write, [target]);
        let error = Config::from_yaml("ruler: {alertmanager_url: 'a:9093'}").expect_err("no URL");
        assert!(error.to_string().contains("ruler.alertmanager_url"), "{error}");
    }
}
