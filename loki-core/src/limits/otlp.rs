//! What becomes of the attributes of OpenTelemetry's log records: `limits_config.otlp_config`.

use loki_index::Predicate;
use loki_logql::matcher_regex;
use serde::{Deserialize, Serialize};

/// What becomes of the attributes of one tenant's log records, written as Loki writes it.
///
/// Of the rules for one kind of attributes the first that names an attribute holds; what no rule names becomes
/// structured metadata.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OtlpConfig {
    /// Of the resource, which is the process or the machine.
    #[serde(skip_serializing_if = "is_default")]
    pub resource_attributes: ResourceAttributes,
    /// Of the scope, which is the library; they become no labels.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "scope_rules")]
    pub scope_attributes: Vec<AttributeRule>,
    /// Of the record itself.
    #[serde(skip_serializing_if = "is_default")]
    pub log_attributes: Vec<AttributeRule>,
    /// Whether the text of the severity becomes the label `severity_text`; otherwise it is structured metadata.
    #[serde(skip_serializing_if = "is_default")]
    pub severity_text_as_label: bool,
}

/// Rules for the attributes of a resource.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResourceAttributes {
    /// Whether the list of attributes that are labels by default is left out; otherwise it stands before the rules.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_defaults: bool,
    /// The rules.
    #[serde(skip_serializing_if = "is_default")]
    pub attributes_config: Vec<AttributeRule>,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttributeAction {
    /// A label of the stream.
    IndexLabel,
    /// Structured metadata of the entry.
    #[default]
    StructuredMetadata,
    /// Nothing.
    Drop,
}

/// A rule: an action, and which attributes it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct AttributeRule {
    action: AttributeAction,
    #[serde(flatten)]
    names: Names,
}

/// The attributes of a rule.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
enum Names {
    Attributes(Vec<String>),
    /// The text, and what it matches: whole names.
    #[serde(serialize_with = "regex_text")]
    Regex(String, Predicate),
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Written {
    action: AttributeAction,
    attributes: Vec<String>,
    regex: String,
}

impl AttributeRule {
    /// A rule for the attributes of these names.
    pub fn of_names(action: AttributeAction, attributes: impl IntoIterator<Item = impl Into<String>>) -> AttributeRule {
        AttributeRule {
            action,
            names: Names::Attributes(attributes.into_iter().map(Into::into).collect()),
        }
    }

    /// A rule for the attributes whose whole name `regex` matches.
    ///
    /// # Errors
    ///
    /// The text is no regular expression, or one too large.
    pub fn of_regex(action: AttributeAction, regex: &str) -> Result<AttributeRule, String> {
        let pattern = matcher_regex(regex).map_err(|error| error.to_string())?;
        let predicate = Predicate::regex("", &pattern).map_err(|error| error.to_string())?;
        Ok(AttributeRule {
            action,
            names: Names::Regex(regex.to_owned(), predicate),
        })
    }

    /// What the first of `rules` that names an attribute says of it.
    ///
    /// ```
    /// use loki_core::{AttributeAction, AttributeRule};
    /// let rules = [
    ///     AttributeRule::of_names(AttributeAction::IndexLabel, ["team"]),
    ///     AttributeRule::of_regex(AttributeAction::Drop, r"internal\..*")?,
    /// ];
    /// assert_eq!(AttributeRule::action(&rules, "team"), AttributeAction::IndexLabel);
    /// assert_eq!(AttributeRule::action(&rules, "internal.id"), AttributeAction::Drop);
    /// assert_eq!(AttributeRule::action(&rules, "user"), AttributeAction::StructuredMetadata);
    /// # Ok::<(), String>(())
    /// ```
    pub fn action(rules: &[AttributeRule], name: &str) -> AttributeAction {
        let rule = rules.iter().find(|rule| rule.names.contain(name));
        rule.map_or(AttributeAction::default(), |rule| rule.action)
    }
}

impl Names {
    fn contain(&self, name: &str) -> bool {
        match self {
            Names::Attributes(names) => names.iter().any(|known| known == name),
            Names::Regex(_, predicate) => predicate.matches(name),
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Names) -> bool {
        match (self, other) {
            (Names::Attributes(mine), Names::Attributes(theirs)) => mine == theirs,
            (Names::Regex(mine, _), Names::Regex(theirs, _)) => mine == theirs,
            _ => false,
        }
    }
}

impl TryFrom<Written> for AttributeRule {
    type Error = String;

    fn try_from(written: Written) -> Result<AttributeRule, String> {
        match (written.attributes.is_empty(), written.regex.is_empty()) {
            (true, true) => Err("either attributes or regex must be set".to_owned()),
            (false, false) => Err("only one of attributes or regex must be set".to_owned()),
            (false, true) => Ok(AttributeRule::of_names(written.action, written.attributes)),
            (true, false) => AttributeRule::of_regex(written.action, &written.regex),
        }
    }
}

/// Rules that make no labels.
fn scope_rules<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<AttributeRule>, D::Error> {
    let rules = Vec::<AttributeRule>::deserialize(deserializer)?;
    if rules.iter().any(|rule| rule.action == AttributeAction::IndexLabel) {
        let text = "index_label action is only supported for resource_attributes";
        return Err(serde::de::Error::custom(text));
    }
    Ok(rules)
}

fn regex_text<S: serde::Serializer>(text: &str, _: &Predicate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// Loki leaves out what is not asked for.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: serde_json::Value) -> Result<OtlpConfig, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read_and_printed_again() {
        let value = json!({
            "resource_attributes": {
                "ignore_defaults": true,
                "attributes_config": [
                    { "action": "index_label", "attributes": ["team", "region"] },
                    { "action": "drop", "regex": "internal\\..*" },
                ],
            },
            "scope_attributes": [{ "action": "drop", "attributes": ["x"] }],
            "log_attributes": [{ "action": "structured_metadata", "regex": "a|ab" }],
            "severity_text_as_label": true,
        });
        let config = read(value.clone()).expect("valid");
        assert_eq!(serde_json::to_value(&config).expect("JSON"), value);
        assert_eq!(serde_json::to_value(OtlpConfig::default()).expect("JSON"), json!({}));
        // A rule that does not say what it does keeps the attribute.
        let config = read(json!({ "log_attributes": [{ "attributes": ["a"] }] })).expect("valid");
        assert_eq!(
            AttributeRule::action(&config.log_attributes, "a"),
            AttributeAction::StructuredMetadata
        );
    }

    #[test]
    fn the_first_rule_that_names_an_attribute_holds() {
        let rules = [
            AttributeRule::of_names(AttributeAction::IndexLabel, ["a", "a.b"]),
            AttributeRule::of_regex(AttributeAction::Drop, "a|a\\..*").expect("valid"),
        ];
        for (name, action) in [
            ("a", AttributeAction::IndexLabel),
            ("a.b", AttributeAction::IndexLabel),
            ("a.c", AttributeAction::Drop),
            ("ax", AttributeAction::StructuredMetadata),
            ("xa", AttributeAction::StructuredMetadata),
            ("", AttributeAction::StructuredMetadata),
        ] {
            assert_eq!(AttributeRule::action(&rules, name), action, "{name}");
        }
    }

    #[test]
    fn rules_that_make_no_sense_are_refused() {
        for (value, problem) in [
            (
                json!({ "log_attributes": [{ "action": "drop" }] }),
                "either attributes or regex must be set",
            ),
            (
                json!({ "log_attributes": [{ "attributes": ["a"], "regex": "b" }] }),
                "only one of attributes or regex must be set",
            ),
            (
                json!({ "scope_attributes": [{ "action": "index_label", "attributes": ["a"] }] }),
                "index_label action is only supported for resource_attributes",
            ),
            (json!({ "log_attributes": [{ "regex": "(" }] }), "missing closing )"),
            (
                json!({ "log_attributes": [{ "action": "keep", "regex": "a" }] }),
                "unknown variant `keep`",
            ),
            (json!({ "logs": [] }), "unknown field `logs`"),
        ] {
            let text = read(value.clone()).expect_err(&value.to_string());
            assert!(text.contains(problem), "{value}: {text}");
        }
    }
}
