//! The labels and annotations of an alerting rule, as templates.

use loki_logql::{RuleData, RuleTemplate};
use std::collections::BTreeMap;

/// Templates by name, parsed once for all series of an evaluation.
pub(super) struct Texts<'r>(Vec<(&'r str, Result<RuleTemplate, String>)>);

impl<'r> Texts<'r> {
    /// Parses templates; `template_name` stands in errors.
    pub(super) fn parse(template_name: &str, texts: &'r BTreeMap<String, String>) -> Texts<'r> {
        let parsed = texts.iter();
        let parsed = parsed.map(|(name, text)| (name.as_str(), RuleTemplate::parse(template_name, text)));
        Texts(parsed.collect())
    }

    /// The texts for one series. What fails says so in its place.
    pub(super) fn expand(&self, data: &RuleData<'_>) -> impl Iterator<Item = (String, String)> {
        self.0.iter().map(|(name, template)| {
            let expanded = match template {
                Ok(template) => template.expand(data),
                Err(problem) => Err(problem.clone()),
            };
            let text = expanded.unwrap_or_else(|problem| format!("<error expanding template: {problem}>"));
            ((*name).to_owned(), text)
        })
    }
}
