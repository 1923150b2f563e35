//! Rules and alerts as Prometheus' API shows them.

use super::number::{write_float, write_integer};
use super::response::{Encoded, write_labels, write_list};
use super::text::{Escape, write_string};
use loki_core::{Alert, RuleGroupStatus, RuleHealth, RuleStatus};

/// A time before which nothing was evaluated.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The groups and what they have come to.
pub(crate) fn rule_groups(groups: &[RuleGroupStatus]) -> Encoded {
    envelope("groups", groups, write_group)
}

/// The alerts that are pending or fire.
pub(crate) fn alerts<'a>(groups: impl IntoIterator<Item = &'a RuleGroupStatus>) -> Encoded {
    let rules = groups.into_iter().flat_map(|group| &group.rules);
    envelope("alerts", rules.flat_map(|rule| &rule.alerts), write_alert)
}

/// What an answer to a change of rules looks like.
pub(crate) fn rules_changed() -> &'static str {
    r#"{"status":"success","data":null,"errorType":"","error":""}"#
}

/// What is wrong with a request of this API.
pub(crate) fn rules_problem(problem: &str) -> Encoded {
    let mut out = br#"{"status":"error","data":null,"errorType":"bad_data","error":"#.to_vec();
    write_string(&mut out, problem.as_bytes(), Escape::Html);
    out.push(b'}');
    out
}

fn envelope<T>(key: &str, items: impl IntoIterator<Item = T>, each: fn(&mut Vec<u8>, T)) -> Encoded {
    let mut out = format!(r#"{{"status":"success","data":{{"{key}":"#).into_bytes();
    write_list(&mut out, items, each);
    out.extend_from_slice(br#"},"errorType":"","error":""}"#);
    out
}

fn write_group(out: &mut Vec<u8>, group: &RuleGroupStatus) {
    out.extend_from_slice(b"{\"name\":");
    write_string(out, group.name.as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"file\":");
    write_string(out, group.namespace.as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"rules\":");
    write_list(out, &group.rules, write_rule);
    out.extend_from_slice(b",\"interval\":");
    write_float(out, seconds(group.interval.as_nanos()));
    out.extend_from_slice(b",\"limit\":");
    write_integer(out, group.limit);
    write_evaluation(out, group.last_evaluation, group.evaluation_nanos);
    out.push(b'}');
}

fn write_rule(out: &mut Vec<u8>, status: &RuleStatus) {
    let rule = &status.rule;
    out.push(b'{');
    if rule.is_alert() {
        let state = status.state().map_or("inactive", |state| state.as_str());
        out.extend_from_slice(format!(r#""state":"{state}","#).as_bytes());
    }
    out.extend_from_slice(b"\"name\":");
    write_string(out, rule.name().as_bytes(), Escape::Html);
    out.extend_from_slice(b",\"query\":");
    write_string(out, rule.query().as_bytes(), Escape::Html);
    if rule.is_alert() {
        out.extend_from_slice(b",\"duration\":");
        write_float(out, seconds(rule.pending_for.as_nanos()));
    }
    out.extend_from_slice(b",\"labels\":");
    write_texts(out, &rule.labels);
    if rule.is_alert() {
        out.extend_from_slice(b",\"annotations\":");
        write_texts(out, &rule.annotations);
        out.extend_from_slice(b",\"alerts\":");
        write_list(out, &status.alerts, write_alert);
    }
    let (health, problem) = match &status.health {
        RuleHealth::Unknown => ("unknown", ""),
        RuleHealth::Ok => ("ok", ""),
        RuleHealth::Failed(problem) => ("err", problem.as_str()),
    };
    out.extend_from_slice(format!(r#","health":"{health}","lastError":"#).as_bytes());
    write_string(out, problem.as_bytes(), Escape::Html);
    let kind = if rule.is_alert() { "alerting" } else { "recording" };
    out.extend_from_slice(format!(r#","type":"{kind}""#).as_bytes());
    write_evaluation(out, status.last_evaluation, status.evaluation_nanos);
    out.push(b'}');
}

fn write_alert(out: &mut Vec<u8>, alert: &Alert) {
    out.extend_from_slice(b"{\"labels\":");
    write_labels(out, &alert.labels, Escape::Html);
    out.extend_from_slice(b",\"annotations\":");
    write_labels(out, &alert.annotations, Escape::Html);
    let (state, since) = (alert.state.as_str(), time(alert.active_at));
    out.extend_from_slice(format!(r#","state":"{state}","activeAt":"{since}","value":"#).as_bytes());
    write_string(out, scientific(alert.value).as_bytes(), Escape::Html);
    out.push(b'}');
}

fn write_texts(out: &mut Vec<u8>, texts: &std::collections::BTreeMap<String, String>) {
    let pairs = loki_core::logql::Labels::from_pairs(texts.iter());
    write_labels(out, &pairs, Escape::Html);
}

fn write_evaluation(out: &mut Vec<u8>, last: Option<i64>, nanos: i64) {
    let last = last.map_or_else(|| NEVER.to_owned(), time);
    out.extend_from_slice(format!(r#","lastEvaluation":"{last}","evaluationTime":"#).as_bytes());
    write_float(out, seconds(nanos));
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

/// RFC 3339 with as many decimals as are needed.
fn time(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(nanos)).map_or_else(|_| NEVER.to_owned(), |time| time.to_string())
}

/// As Go prints a number with an exponent: `1.2345e+04`.
fn scientific(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::{AlertState, Period, Rule};

    #[test]
    fn groups_and_alerts_are_written_as_loki_writes_them() {
        let alert = Alert {
            labels: loki_core::logql::Labels::from_pairs([("alertname", "X")]),
            annotations: loki_core::logql::Labels::default(),
            state: AlertState::Firing,
            active_at: 1_795_257_600_123_000_000,
            value: 12345.0,
        };
        let rule = Rule {
            alert: "X".to_owned(),
            expr: r#"sum by (app)(count_over_time({app=~".+"}[1h])) > 0"#.to_owned(),
            pending_for: Period::seconds(300),
            ..Rule::default()
        };
        let status = RuleStatus {
            rule,
            health: RuleHealth::Ok,
            last_evaluation: None,
            evaluation_nanos: 1_200_000,
            alerts: vec![alert],
        };
        let group = RuleGroupStatus {
            namespace: "ns1".to_owned(),
            name: "g1".to_owned(),
            interval: Period::minutes(1),
            limit: 0,
            last_evaluation: Some(1_795_257_600_000_123_000),
            evaluation_nanos: 1_200_000,
            rules: vec![status],
        };
        let alert = concat!(
            r#"{"labels":{"alertname":"X"},"annotations":{},"state":"firing","#,
            r#""activeAt":"2026-11-21T10:40:00.123Z","value":"1.2345e+04"}"#
        );
        let expected = format!(
            concat!(
                r#"{{"status":"success","data":{{"groups":[{{"name":"g1","file":"ns1","rules":["#,
                r#"{{"state":"firing","name":"X","query":"(sum by (app)(count_over_time({{app=~\".+\"}}[1h])) \u003e 0)","#,
                r#""duration":300,"labels":{{}},"annotations":{{}},"alerts":[{}],"health":"ok","lastError":"","#,
                r#""type":"alerting","lastEvaluation":"0001-01-01T00:00:00Z","evaluationTime":0.0012}}],"#,
                r#""interval":60,"limit":0,"lastEvaluation":"2026-11-21T10:40:00.000123Z","evaluationTime":0.0012}}]}},"#,
                r#""errorType":"","error":""}}"#
            ),
            alert
        );
        assert_eq!(
            String::from_utf8_lossy(&rule_groups(std::slice::from_ref(&group))),
            expected
        );
        let answer = String::from_utf8(alerts([&group])).expect("UTF-8");
        assert_eq!(
            answer,
            format!(r#"{{"status":"success","data":{{"alerts":[{alert}]}},"errorType":"","error":""}}"#)
        );
    }
}
