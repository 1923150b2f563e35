//! What becomes of attributes.

use loki_core::{AttributeAction, AttributeRule, OtlpConfig};

/// The resource attributes that become labels by default.
pub(crate) const OTLP_LABELS: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// What the server and a tenant's limits say of attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    defaults: &'a [String],
    config: &'a OtlpConfig,
}

impl<'a> Rules<'a> {
    /// `defaults` are the resource attributes that are labels unless `config` ignores them.
    pub(crate) fn new(defaults: &'a [String], config: &'a OtlpConfig) -> Rules<'a> {
        Rules { defaults, config }
    }

    pub(super) fn resource(&self, name: &str) -> AttributeAction {
        let resource = &self.config.resource_attributes;
        if !resource.ignore_defaults && self.defaults.iter().any(|default| default == name) {
            return AttributeAction::IndexLabel;
        }
        AttributeRule::action(&resource.attributes_config, name)
    }

    pub(super) fn scope(&self, name: &str) -> AttributeAction {
        AttributeRule::action(&self.config.scope_attributes, name)
    }

    pub(super) fn log(&self, name: &str) -> AttributeAction {
        AttributeRule::action(&self.config.log_attributes, name)
    }

    pub(super) fn severity_text(&self) -> AttributeAction {
        match self.config.severity_text_as_label {
            true => AttributeAction::IndexLabel,
            false => AttributeAction::StructuredMetadata,
        }
    }

    /// The same as one configuration: the defaults stand before the rules for resources.
    pub(crate) fn effective(&self) -> OtlpConfig {
        let mut config = self.config.clone();
        if !config.resource_attributes.ignore_defaults && !self.defaults.is_empty() {
            let defaults = AttributeRule::of_names(AttributeAction::IndexLabel, self.defaults);
            config.resource_attributes.attributes_config.insert(0, defaults);
        }
        config
    }
}
