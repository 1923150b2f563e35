//! A rule group from YAML.

use loki_core::{Period, Rule, RuleGroup};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// A text that is no rule group. It shows itself as Loki's API does, which says no more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to decoded rule group")]
pub(crate) struct Unreadable(String);

impl Unreadable {
    /// What is wrong, for whoever wrote the text.
    pub(crate) fn problem(&self) -> &str {
        &self.0
    }
}

/// A file as it is written: texts, so that a version `1.10` and a name `Yes` stay what they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FileText {
    groups: Option<Vec<Option<GroupText>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupText {
    name: Option<String>,
    interval: Option<String>,
    limit: Option<u64>,
    rules: Option<Vec<Option<RuleText>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RuleText {
    record: Option<String>,
    alert: Option<String>,
    expr: Option<String>,
    #[serde(rename = "for")]
    pending_for: Option<String>,
    keep_firing_for: Option<String>,
    labels: Texts,
    annotations: Texts,
}

type Texts = Option<BTreeMap<String, Option<String>>>;

/// The keys of files, groups and rules; two of groups are taken and have no effect, as in Loki.
const FILE_KEYS: [&str; 1] = ["groups"];
const GROUP_KEYS: [&str; 6] = ["name", "interval", "limit", "rules", "query_offset", "labels"];
const RULE_KEYS: [&str; 7] = [
    "record",
    "alert",
    "expr",
    "for",
    "keep_firing_for",
    "labels",
    "annotations",
];

/// The rule group that `text` holds. Keys that are not known are not looked at, as in Loki.
pub(crate) fn read_group(text: &[u8]) -> Result<RuleGroup, Unreadable> {
    parse::<GroupText>(text)?.into_group()
}

/// The rule groups of a file as Prometheus reads them: `groups: [...]`. Keys that are not known are errors.
pub(crate) fn read_file(text: &[u8]) -> Result<Vec<RuleGroup>, Unreadable> {
    check_keys(&parse::<Value>(text)?)?;
    let groups = parse::<FileText>(text)?.groups.unwrap_or_default();
    groups
        .into_iter()
        .map(|group| group.unwrap_or_default().into_group())
        .collect()
}

fn parse<T: DeserializeOwned + Default>(text: &[u8]) -> Result<T, Unreadable> {
    let text = std::str::from_utf8(text).map_err(|error| Unreadable(error.to_string()))?;
    if text.trim().is_empty() {
        return Ok(T::default());
    }
    let value = serde_saphyr::from_str::<Option<T>>(text).map_err(|error| {
        // Behind the first line the text is drawn.
        let text = error.to_string();
        let line = text.lines().next().unwrap_or_default();
        Unreadable(line.strip_prefix("error: ").unwrap_or(line).to_owned())
    });
    value.map(Option::unwrap_or_default)
}

/// Refuses keys that are not known.
fn check_keys(file: &Value) -> Result<(), Unreadable> {
    let items = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    check(file, &FILE_KEYS, "")?;
    for group in items(file, "groups") {
        let name = group.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        check(&group, &GROUP_KEYS, &format!("group {name:?}: "))?;
        for (n, rule) in items(&group, "rules").iter().enumerate() {
            check(rule, &RULE_KEYS, &format!("group {name:?}, rule {}: ", n + 1))?;
        }
    }
    Ok(())
}

fn check(value: &Value, known: &[&str], place: &str) -> Result<(), Unreadable> {
    let keys = value.as_object().into_iter().flat_map(|keys| keys.keys());
    let unknown: Vec<&str> = keys.map(String::as_str).filter(|key| !known.contains(key)).collect();
    match unknown.is_empty() {
        true => Ok(()),
        false => Err(Unreadable(format!("{place}unknown keys: {}", unknown.join(", ")))),
    }
}

impl GroupText {
    fn into_group(self) -> Result<RuleGroup, Unreadable> {
        let name = self.name.unwrap_or_default();
        let within = |error: Unreadable| Unreadable(format!("group {name:?}: {}", error.0));
        let rules = self.rules.unwrap_or_default().into_iter();
        let rules = rules.map(|rule| rule.unwrap_or_default().into_rule());
        Ok(RuleGroup {
            interval: period("interval", self.interval).map_err(within)?,
            limit: self.limit.unwrap_or(0),
            rules: rules.collect::<Result<_, _>>().map_err(within)?,
            name,
        })
    }
}

impl RuleText {
    fn into_rule(self) -> Result<Rule, Unreadable> {
        Ok(Rule {
            record: self.record.unwrap_or_default(),
            alert: self.alert.unwrap_or_default(),
            expr: self.expr.unwrap_or_default(),
            pending_for: period("for", self.pending_for)?,
            keep_firing_for: period("keep_firing_for", self.keep_firing_for)?,
            labels: texts(self.labels),
            annotations: texts(self.annotations),
        })
    }
}

fn period(key: &str, text: Option<String>) -> Result<Period, Unreadable> {
    match text.as_deref() {
        None | Some("") => Ok(Period::ZERO),
        Some(text) => match text.parse() {
            Ok(period) if period >= Period::ZERO => Ok(period),
            _ => Err(Unreadable(format!("{key}: not a valid duration string: {text:?}"))),
        },
    }
}

fn texts(pairs: Texts) -> BTreeMap<String, String> {
    let pairs = pairs.unwrap_or_default().into_iter();
    pairs.map(|(name, text)| (name, text.unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stay_as_they_are_written() {
        let text = "name: 1.10\nrules:\n- alert: Yes\n  expr: 1\n  for: 5m\n  labels: {version: 1.10, on: off, n: 007, none: }\n-\n";
        let group = read_group(text.as_bytes()).expect("a group");
        assert_eq!((group.name.as_str(), group.rules.len()), ("1.10", 2));
        let rule = &group.rules[0];
        assert_eq!((rule.alert.as_str(), rule.expr.as_str()), ("Yes", "1"));
        let labels = [("version", "1.10"), ("on", "off"), ("n", "007"), ("none", "")];
        assert_eq!(rule.labels, labels.map(|(n, v)| (n.to_owned(), v.to_owned())).into());
        assert_eq!(read_group(b"").expect("an empty group"), RuleGroup::default());
        assert_eq!(read_file(b"# nothing\n").expect("an empty file"), []);
    }

    #[test]
    fn what_cannot_be_read_says_what_and_where() {
        for (text, problem) in [
            ("groups: 1", "line 1 column 9: expected sequence start"),
            (
                "groups: [{name: g, interval: soon}]",
                r#"group "g": interval: not a valid duration string: "soon""#,
            ),
            ("groups: [{name: g, rules: [{alert: [x]}]}]", "line 1"),
            (
                "groups: [{name: g, rules: [{alert: x}, {oops: x}]}]",
                r#"group "g", rule 2: unknown keys: oops"#,
            ),
            ("groups: [", "line"),
        ] {
            let error = read_file(text.as_bytes()).expect_err(text);
            assert!(error.problem().contains(problem), "{text}: {}", error.problem());
        }
    }
}
