//! One evaluation of one rule group.

use super::alert::{Alert, AlertState, Life};
use super::group::Rule;
use super::notify::{AlertNotice, RuleSample};
use super::schedule::{Due, RuleState};
use super::status::RuleHealth;
use crate::{
    Engine, Error, ErrorKind, PushEntry, PushLabels, PushRequest, PushStream, QueryRequest, Settings, TenantId,
};
use loki_logql::ast::Expr;
use loki_logql::{Labels, QueryResult, RuleTemplate, VectorSample};
use std::collections::{BTreeMap, BTreeSet};

/// The label of an alert that holds the name of its rule.
const ALERT_NAME: &str = "alertname";
/// The label that Prometheus keeps the name of a series in.
const SERIES_NAME: &str = "__name__";
/// The label of the stream that holds the results of a recording rule, where nobody else takes them.
const RECORD_LABEL: &str = "recording_rule";
/// An alert is to be believed for so many intervals behind the evaluation that found it.
const BELIEVED_INTERVALS: i64 = 4;
/// After a restart alerts go on that wait no longer than this.
const RESTORED_WAIT: i64 = 3600 * 1_000_000_000;

impl Engine {
    /// Evaluates a rule group that is due at `now`; answers whether there was one, and when the next will be due.
    pub(crate) fn evaluate_rules(&self, settings: &Settings, now: i64) -> (bool, Option<i64>) {
        let mut next: Option<i64> = None;
        for (tenant, state) in self.0.tenants.all() {
            let (due, tenant_next) = state
                .schedule
                .due(&state.rules.namespaces(), settings.rule_interval, now);
            if let Some(mut due) = due {
                self.evaluate_group(settings, &tenant, &mut due, now);
                state.schedule.finish(due);
                return (true, Some(now));
            }
            next = [next, tenant_next].into_iter().flatten().min();
        }
        (false, next)
    }

    fn evaluate_group(&self, settings: &Settings, tenant: &TenantId, due: &mut Due, now: i64) {
        let started = self.now();
        // Whatever waited before a restart has waited since then.
        let is_first = due.state.last_evaluation.is_none();
        let restores = is_first && now.saturating_sub(due.interval) <= self.0.opened_at;
        due.state.rules = due.state.of_rules(&due.group.rules);
        let mut rules = std::mem::take(&mut due.state.rules);
        for state in &mut rules {
            let started = self.now();
            let done = match state.rule.is_alert() {
                true => self.evaluate_alerts(settings, tenant, due, state, restores, now),
                false => self.evaluate_record(tenant, due.group.limit, &state.rule, now),
            };
            state.health = match done {
                Ok(()) => RuleHealth::Ok,
                Err(error) => RuleHealth::Failed(error.message().to_owned()),
            };
            state.last_evaluation = Some(now);
            state.evaluation_nanos = self.now().saturating_sub(started);
        }
        due.state.rules = rules;
        due.state.last_evaluation = Some(now);
        due.state.evaluation_nanos = self.now().saturating_sub(started);
    }

    /// The series that a rule's query finds at `time`.
    fn rule_result(&self, tenant: &TenantId, rule: &Rule, time: i64) -> Result<Vec<VectorSample>, Error> {
        let no_series = || Error::new(ErrorKind::InvalidQuery, "rule result is not a vector or scalar");
        if matches!(loki_logql::parse(&rule.expr)?, Expr::Log(_)) {
            return Err(no_series());
        }
        match self.query(tenant, &QueryRequest::instant(&*rule.expr, time))?.result {
            QueryResult::Vector(samples) => Ok(samples),
            QueryResult::Scalar(sample) => Ok(vec![VectorSample {
                labels: Labels::default(),
                sample,
            }]),
            _ => Err(no_series()),
        }
    }

    fn evaluate_record(&self, tenant: &TenantId, limit: u64, rule: &Rule, now: i64) -> Result<(), Error> {
        let found = self.rule_result(tenant, rule, now)?;
        check_limit(limit, found.len(), "series")?;
        let samples: Vec<RuleSample> = found
            .into_iter()
            .map(|found| RuleSample {
                name: rule.record.clone(),
                labels: with_labels(&found.labels, rule.labels.iter().map(|(n, v)| (n.clone(), v.clone()))),
                timestamp_ms: found.sample.timestamp_ms,
                value: Some(found.sample.value),
            })
            .collect();
        let distinct: BTreeSet<&Labels> = samples.iter().map(|sample| &sample.labels).collect();
        if distinct.len() < samples.len() {
            let text = "vector contains metrics with the same labelset after applying rule labels";
            return Err(Error::new(ErrorKind::InvalidQuery, text));
        }
        if self.0.notifier.samples(tenant, &samples) || samples.is_empty() {
            return Ok(());
        }
        self.push(tenant, &as_lines(&samples, now))
    }

    fn evaluate_alerts(
        &self,
        settings: &Settings,
        tenant: &TenantId,
        due: &Due,
        state: &mut RuleState,
        restores: bool,
        now: i64,
    ) -> Result<(), Error> {
        let rule = state.rule.clone();
        let pending_for = rule.pending_for.as_nanos();
        let mut found = alerts(settings, &rule, self.rule_result(tenant, &rule, now)?, now)?;
        if restores && (1..=RESTORED_WAIT).contains(&pending_for) {
            let before = now.saturating_sub(pending_for);
            let earlier = alerts(settings, &rule, self.rule_result(tenant, &rule, before)?, before)?;
            for (labels, alert) in &mut found {
                if earlier.contains_key(labels) {
                    alert.active_at = before;
                }
            }
        }
        let mut ended = Vec::new();
        state.alerts.retain(|labels, life| {
            let before = life.alert.clone();
            let stays = found.contains_key(labels) || life.missed(rule.keep_firing_for.as_nanos(), now);
            if !stays || (before.state != AlertState::Resolved && life.alert.state == AlertState::Resolved) {
                ended.push(before);
            }
            stays
        });
        for (labels, alert) in found {
            let life = state.alerts.entry(labels).or_insert_with(|| Life::new(alert.clone()));
            let before = life.alert.clone();
            life.seen(alert, pending_for, now);
            if before.state == AlertState::Pending && life.alert.state == AlertState::Firing {
                ended.push(before);
            }
        }
        let active = state
            .alerts
            .values()
            .filter(|life| life.alert.state != AlertState::Resolved)
            .count();
        if let Err(error) = check_limit(due.group.limit, active, "alerts") {
            state.alerts.clear();
            return Err(error);
        }
        let active = state
            .alerts
            .values()
            .map(|life| &life.alert)
            .filter(|a| a.state != AlertState::Resolved);
        let samples = alert_samples(&rule, active, &ended, now);
        self.0.notifier.samples(tenant, &samples);
        let resend = settings.alert_resend_delay.as_nanos();
        let believed = due.interval.max(resend).saturating_mul(BELIEVED_INTERVALS);
        let query = rule.query();
        let notices: Vec<AlertNotice> = state
            .alerts
            .values_mut()
            .filter_map(|life| {
                life.take_delivery(resend, now).then(|| AlertNotice {
                    alert: life.alert.clone(),
                    query: query.clone(),
                    ends_at: life.resolved_at().unwrap_or_else(|| now.saturating_add(believed)),
                })
            })
            .collect();
        self.0.notifier.alerts(tenant, &notices);
        Ok(())
    }
}

fn check_limit(limit: u64, found: usize, what: &str) -> Result<(), Error> {
    if limit > 0 && found as u64 > limit {
        let text = format!("exceeded limit of {limit} with {found} {what}");
        return Err(Error::new(ErrorKind::LimitExceeded, text));
    }
    Ok(())
}

/// Labels of a series without its name, with others put over them; one without a value is none.
fn with_labels(labels: &Labels, over: impl Iterator<Item = (String, String)>) -> Labels {
    let mut all: BTreeMap<String, String> = labels
        .iter()
        .filter(|(name, _)| *name != SERIES_NAME)
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    all.extend(over);
    Labels::from_pairs(all.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// The alerts that a result raises, pending, by their labels.
fn alerts(
    settings: &Settings,
    rule: &Rule,
    found: Vec<VectorSample>,
    now: i64,
) -> Result<BTreeMap<Labels, Alert>, Error> {
    let mut alerts = BTreeMap::new();
    for VectorSample { labels, sample } in found {
        let expand = |text: &String| {
            let expanded = RuleTemplate::parse(&rule.template_name(), text)
                .and_then(|template| template.expand(&labels, sample.value, &settings.external_url, now));
            expanded.unwrap_or_else(|problem| format!("<error expanding template: {problem}>"))
        };
        let given = rule.labels.iter().map(|(name, text)| (name.clone(), expand(text)));
        let name = (ALERT_NAME.to_owned(), rule.alert.clone());
        let annotations = rule.annotations.iter().map(|(name, text)| (name.clone(), expand(text)));
        let alert = Alert {
            annotations: Labels::from_pairs(annotations),
            labels: with_labels(&labels, given.chain([name])),
            state: AlertState::Pending,
            active_at: now,
            value: sample.value,
        };
        if alerts.insert(alert.labels.clone(), alert).is_some() {
            let text = "vector contains metrics with the same labelset after applying alert labels";
            return Err(Error::new(ErrorKind::InvalidQuery, text));
        }
    }
    Ok(alerts)
}

/// The series that tell of alerts: `ALERTS` and `ALERTS_FOR_STATE`.
fn alert_samples<'a>(
    rule: &Rule,
    active: impl Iterator<Item = &'a Alert>,
    ended: &[Alert],
    now: i64,
) -> Vec<RuleSample> {
    let timestamp_ms = now.div_euclid(1_000_000);
    let state_of = |alert: &Alert| {
        let state = [("alertstate".to_owned(), alert.state.as_str().to_owned())];
        with_labels(&alert.labels, state.into_iter())
    };
    let mut samples = Vec::new();
    let mut sample = |name: &str, labels: Labels, value: Option<f64>| {
        samples.push(RuleSample {
            name: name.to_owned(),
            labels,
            timestamp_ms,
            value,
        });
    };
    let mut alive = BTreeSet::new();
    for alert in active.filter(|_| rule.is_alert()) {
        let since = alert.active_at.div_euclid(1_000_000_000) as f64;
        sample("ALERTS", state_of(alert), Some(1.0));
        sample("ALERTS_FOR_STATE", alert.labels.clone(), Some(since));
        alive.insert(&alert.labels);
    }
    for alert in ended {
        sample("ALERTS", state_of(alert), None);
        if !alive.contains(&alert.labels) {
            sample("ALERTS_FOR_STATE", alert.labels.clone(), None);
        }
    }
    samples
}

/// Samples as lines `value=<number>` of streams that the name of the rule tells apart: `unwrap value` reads them.
fn as_lines(samples: &[RuleSample], now: i64) -> PushRequest<'static> {
    let streams = samples.iter().map(|sample| {
        let name = [(RECORD_LABEL.into(), sample.name.clone().into())];
        let labels = sample
            .labels
            .iter()
            .map(|(n, v)| (n.to_owned().into(), v.to_owned().into()));
        let line = format!(
            "value={}",
            loki_logql::units::format_float(sample.value.unwrap_or(f64::NAN))
        );
        let entry = PushEntry {
            timestamp: now,
            line: line.into_bytes().into(),
            metadata: Vec::new(),
        };
        PushStream {
            labels: PushLabels::Pairs(labels.chain(name).collect()),
            entries: vec![entry],
        }
    });
    streams.collect::<Vec<_>>().into()
}
