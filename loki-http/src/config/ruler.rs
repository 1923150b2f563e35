//! The `ruler` section.

use super::section::Section;
use super::{Config, Error, target};
use loki_core::{Period, RuleStorage};
use serde_json::Value;
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
        if let Some(folder) = folder.filter(|_| is_local) {
            ruler.rule_folder = Some(folder);
            ruler.files_only = true;
            self.engine.rule_storage = RuleStorage::Given;
        }
        ruler.alertmanagers = target::alertmanagers(&mut section, unused)?;
        ruler.remote_write = target::remote_write(&mut section, unused)?;
        // Rules are kept with the data, and evaluated in one process; there is one version of the API of alerts.
        for key in ["rule_path", "ring", "enable_alertmanager_v2", "enable_sharding", "wal"] {
            section.take::<Value>(key)?;
        }
        section.rest(unused);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_and_evaluated_as_the_section_says() {
        let config = Config::from_yaml(
            "ruler: {evaluation_interval: 30s, storage: {type: local, local: {directory: rules}}, poll_interval: 5s}",
        )
        .expect("valid");
        assert_eq!(config.engine.rule_interval, Period::seconds(30));
        assert_eq!(config.engine.rule_storage, RuleStorage::Given);
        let ruler = config.server.ruler;
        assert!(ruler.files_only);
        assert_eq!(ruler.rule_folder, Some("rules".into()));
        assert_eq!(ruler.poll_interval.as_secs(), 5);
    }

    #[test]
    fn the_common_folder_of_rules_is_read_beside_the_rules_of_the_api() {
        let common = "common: {storage: {filesystem: {chunks_directory: c, rules_directory: /loki/rules}}}\n";
        let config = Config::from_yaml(common).expect("valid");
        assert_eq!(config.engine.rule_storage, RuleStorage::Both);
        let ruler = config.server.ruler;
        assert_eq!(
            (ruler.rule_folder, ruler.files_only),
            (Some("/loki/rules".into()), false)
        );
        let local = format!("{common}ruler: {{storage: {{type: local, local: {{directory: mine}}}}}}");
        let config = Config::from_yaml(&local).expect("valid");
        assert_eq!(config.engine.rule_storage, RuleStorage::Given);
        assert_eq!(config.server.ruler.rule_folder, Some("mine".into()));
    }
}
