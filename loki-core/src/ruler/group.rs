//! What a rule group says, and what is wrong with one.

use crate::{Limits, Period};
use loki_logql::RuleTemplate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rules that are evaluated together, one after the other.
///
/// ```
/// use loki_core::{Rule, RuleGroup};
/// let rule = Rule { record: "shop:lines".into(), expr: "rate({app=\"shop\"}[1m])".into(), ..Rule::default() };
/// let group = RuleGroup { name: "shop".into(), rules: vec![rule], ..RuleGroup::default() };
/// assert!(group.check(&loki_core::Limits::default()).is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RuleGroup {
    /// Names it in its namespace.
    pub name: String,
    /// How often it is evaluated; 0: as often as [`Settings::rule_interval`](crate::Settings::rule_interval) says.
    pub interval: Period,
    /// A rule that gives more series or alerts fails; 0: no limit.
    pub limit: u64,
    /// In the order in which they are evaluated.
    pub rules: Vec<Rule>,
}

/// A recording rule, which has a `record`, or an alerting rule, which has an `alert`.
///
/// ```
/// let rule = loki_core::Rule { alert: "Silence".into(), ..Default::default() };
/// assert_eq!(rule.name(), "Silence");
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// The name of the series that it records.
    pub record: String,
    /// The name of the alerts that it raises.
    pub alert: String,
    /// The query.
    pub expr: String,
    /// An alert fires once it has been active for so long.
    pub pending_for: Period,
    /// An alert fires on for so long after its query found nothing more.
    pub keep_firing_for: Period,
    /// Added to the labels of the result; of alerts these are templates.
    pub labels: BTreeMap<String, String>,
    /// Templates of texts that go with an alert.
    pub annotations: BTreeMap<String, String>,
}

impl Rule {
    /// Its name: that of the record or that of the alert.
    pub fn name(&self) -> &str {
        if self.is_alert() { &self.alert } else { &self.record }
    }

    /// Whether it raises alerts.
    pub fn is_alert(&self) -> bool {
        !self.alert.is_empty()
    }

    /// The query as LogQL prints it; as written where it does not parse.
    pub fn query(&self) -> String {
        loki_logql::parse(&self.expr).map_or_else(|_| self.expr.clone(), |expr| expr.to_string())
    }

    fn check(&self, group: &str, problems: &mut Vec<String>) {
        match (self.record.is_empty(), self.alert.is_empty()) {
            (false, false) => problems.push("only one of 'record' and 'alert' must be set".to_owned()),
            (true, true) => problems.push("one of 'record' or 'alert' must be set".to_owned()),
            _ => {}
        }
        if self.expr.is_empty() {
            problems.push("field 'expr' must be set in rule".to_owned());
        } else if let Err(error) = loki_logql::parse(&self.expr) {
            let kind = if self.is_alert() { "alert" } else { "record" };
            let name = self.name();
            problems.push(format!(
                "could not parse expression for {kind} '{name}' in group '{group}': {error}"
            ));
        }
        if !self.record.is_empty() {
            if !self.annotations.is_empty() {
                problems.push("invalid field 'annotations' in recording rule".to_owned());
            }
            if self.pending_for != Period::ZERO {
                problems.push("invalid field 'for' in recording rule".to_owned());
            }
            if self.keep_firing_for != Period::ZERO {
                problems.push("invalid field 'keep_firing_for' in recording rule".to_owned());
            }
            if !is_name(&self.record, ":") {
                problems.push(format!("invalid recording rule name: {}", self.record));
            }
        }
        for (name, _) in self
            .labels
            .iter()
            .filter(|(name, _)| !is_name(name, "") || *name == "__name__")
        {
            problems.push(format!("invalid label name: {name}"));
        }
        for (name, _) in self.annotations.iter().filter(|(name, _)| !is_name(name, "")) {
            problems.push(format!("invalid annotation name: {name}"));
        }
        if self.is_alert() {
            let labels = self.labels.iter().map(|pair| ("label", pair));
            let annotations = self.annotations.iter().map(|pair| ("annotation", pair));
            for (kind, (name, text)) in labels.chain(annotations) {
                if let Err(problem) = RuleTemplate::parse(&self.template_name(), text) {
                    problems.push(format!("{kind} \"{name}\": {problem}"));
                }
            }
        }
    }

    /// What errors of its templates call them.
    pub(super) fn template_name(&self) -> String {
        format!("__alert_{}", self.alert)
    }
}

impl RuleGroup {
    /// What is wrong with it, in Loki's words; nothing where it can be kept.
    pub fn check(&self, limits: &Limits) -> Vec<String> {
        let mut problems = Vec::new();
        if self.name.is_empty() {
            problems.push("group 0: Groupname must not be empty".to_owned());
        }
        self.rules.iter().for_each(|rule| rule.check(&self.name, &mut problems));
        problems.extend(self.too_many(limits).filter(|_| problems.is_empty()));
        problems
    }

    /// As [`check`](RuleGroup::check), with the name of the group and of the rule in front of each problem.
    pub(super) fn named_problems(&self, limits: &Limits) -> Vec<String> {
        let mut named = Vec::new();
        if self.name.is_empty() {
            named.push("Groupname must not be empty".to_owned());
        }
        for (n, rule) in self.rules.iter().enumerate() {
            let mut problems = Vec::new();
            rule.check(&self.name, &mut problems);
            let place = format!("group {:?}, rule {}, {:?}", self.name, n + 1, rule.name());
            named.extend(problems.into_iter().map(|problem| format!("{place}: {problem}")));
        }
        let too_many = self
            .too_many(limits)
            .map(|problem| format!("group {:?}: {problem}", self.name));
        named.extend(too_many);
        named
    }

    fn too_many(&self, limits: &Limits) -> Option<String> {
        let (limit, actual) = (limits.ruler_max_rules_per_rule_group, self.rules.len());
        (limit > 0 && actual > limit)
            .then(|| format!("per-user rules per rule group limit (limit: {limit} actual: {actual}) exceeded"))
    }
}

/// Whether `text` is a name of Prometheus, in which the characters of `also` may stand too.
fn is_name(text: &str, also: &str) -> bool {
    let may_start = |c: char| c.is_ascii_alphabetic() || c == '_' || also.contains(c);
    text.starts_with(may_start) && text.chars().all(|c| may_start(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(rule: Rule) -> Vec<String> {
        RuleGroup {
            name: "g".to_owned(),
            rules: vec![rule],
            ..RuleGroup::default()
        }
        .check(&Limits::default())
    }

    fn alert(annotation: &str) -> Rule {
        Rule {
            alert: "X".to_owned(),
            expr: r#"count_over_time({app="x"}[1m]) > 0"#.to_owned(),
            annotations: [("s".to_owned(), annotation.to_owned())].into(),
            ..Rule::default()
        }
    }

    #[test]
    fn problems_are_named_with_lokis_words() {
        assert_eq!(problems(alert("{{ $value }} of {{ $labels.app | toUpper }}")), [""; 0]);
        assert_eq!(
            problems(alert("{{ nope }}")),
            [r#"annotation "s": template: __alert_X:1: function "nope" not defined"#]
        );
        let record = Rule {
            alert: String::new(),
            record: "a-b c".to_owned(),
            ..alert("x")
        };
        assert_eq!(
            problems(record),
            [
                "invalid field 'annotations' in recording rule",
                "invalid recording rule name: a-b c"
            ]
        );
        assert_eq!(
            problems(Rule::default()),
            [
                "one of 'record' or 'alert' must be set",
                "field 'expr' must be set in rule"
            ]
        );
        let bad = problems(Rule {
            expr: "{".to_owned(),
            ..alert("x")
        });
        assert!(
            bad[0].starts_with("could not parse expression for alert 'X' in group 'g': parse error"),
            "{bad:?}"
        );
        let label = Rule {
            labels: [("a-b".to_owned(), "v".to_owned())].into(),
            ..alert("x")
        };
        assert_eq!(problems(label), ["invalid label name: a-b"]);
        assert_eq!(
            RuleGroup::default().check(&Limits::default()),
            ["group 0: Groupname must not be empty"]
        );
    }
}
