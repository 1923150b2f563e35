//! One evaluation of one rule group.

use super::alert::{Alert, AlertState, Life};
use super::group::Rule;
use super::notify::{AlertNotice, RuleSample};
use super::schedule::{Due, RuleState, Turn};
use super::status::RuleHealth;
use super::texts::Texts;
use crate::{
    Engine, Error, ErrorKind, PushEntry, PushLabels, PushRequest, PushStream, QueryRequest, Settings, TenantId,
};
use loki_logql::ast::Expr;
use loki_logql::{Labels, QueryResult, RuleData, VectorSample};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Whose rules are evaluated, and how that is stopped.
struct Evaluation<'e> {
    engine: &'e Engine,
    settings: &'e Settings,
    tenant: &'e TenantId,
    cancel: Option<&'e Arc<AtomicBool>>,
}

impl Engine {
    /// Evaluates a rule group that is due at `now`; answers whether there was one, and when the next will be due. Where
    /// `cancel` is set meanwhile the group stays as it was.
    pub(crate) fn evaluate_rules(
        &self,
        settings: &Settings,
        now: i64,
        cancel: Option<&Arc<AtomicBool>>,
    ) -> (bool, Option<i64>) {
        let mut next: Option<i64> = None;
        for (tenant, state) in self.0.tenants.all() {
            let (due, tenant_next) = state.schedule.due(
                &state.rules.namespaces(settings.rule_storage),
                settings.rule_interval,
                now,
            );
            if let Some(due) = due {
                let evaluation = Evaluation {
                    engine: self,
                    settings,
                    tenant: &tenant,
                    cancel,
                };
                Turn::new(&state.schedule, due).take(|due| evaluation.group(due));
                return (true, Some(now));
            }
            next = [next, tenant_next].into_iter().flatten().min();
        }
        (false, next)
    }
}

/// An evaluation was stopped on demand; what it came to counts for nothing.
struct Stopped;

impl Evaluation<'_> {
    fn group(&self, due: &mut Due) -> Result<(), Stopped> {
        let started = self.engine.now();
        // Whatever waited before a restart has waited since then.
        let is_first = due.state.last_evaluation.is_none();
        let restores = is_first && due.time.saturating_sub(due.interval) <= self.engine.0.opened_at;
        let mut rules = due.state.of_rules(&due.group.rules);
        let tally = &mut due.state.tally;
        for state in &mut rules {
            let started = self.engine.now();
            let done = match state.rule.is_alert() {
                true => self.alerting(due.group.limit, due.interval, state, restores, due.time),
                false => self.recording(due.group.limit, state, due.time),
            };
            tally.evaluations += 1;
            state.health = match done {
                Ok(()) => RuleHealth::Ok,
                Err(_) if self.is_stopped() => return Err(Stopped),
                Err(error) => {
                    tally.failures += 1;
                    RuleHealth::Failed(error.message().to_owned())
                }
            };
            state.last_evaluation = Some(due.time);
            state.evaluation_nanos = self.engine.now().saturating_sub(started);
        }
        let nanos = self.engine.now().saturating_sub(started);
        tally.iterations += 1;
        tally.nanos = tally.nanos.saturating_add(nanos);
        due.state.rules = rules;
        due.state.last_evaluation = Some(due.time);
        due.state.evaluation_nanos = nanos;
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    /// The series that a rule's query finds at `time`.
    fn result(&self, rule: &Rule, time: i64) -> Result<Vec<VectorSample>, Error> {
        let no_series = || Error::new(ErrorKind::InvalidQuery, "rule result is not a vector or scalar");
        if matches!(loki_logql::parse(&rule.expr)?, Expr::Log(_)) {
            return Err(no_series());
        }
        self.query(&rule.expr, time)?.ok_or_else(no_series)
    }

    /// The series that a query finds at `time`; none where it finds something else.
    fn query(&self, query: &str, time: i64) -> Result<Option<Vec<VectorSample>>, Error> {
        let mut request = QueryRequest::instant(query, time);
        request.cancel = self.cancel.cloned();
        match self.engine.query(self.tenant, &request)?.result {
            QueryResult::Vector(samples) => Ok(Some(samples)),
            QueryResult::Scalar(sample) => Ok(Some(vec![VectorSample {
                labels: Labels::default(),
                sample,
            }])),
            _ => Ok(None),
        }
    }

    fn recording(&self, limit: u64, state: &mut RuleState, now: i64) -> Result<(), Error> {
        let rule = &state.rule;
        let found = self.result(rule, now)?;
        check_limit(limit, found.len(), "series")?;
        let sample = |labels, timestamp_ms, value| RuleSample {
            name: rule.record.clone(),
            labels,
            timestamp_ms,
            value,
        };
        let given = || rule.labels.iter().map(|(n, v)| (n.clone(), v.clone()));
        let mut samples: Vec<RuleSample> = found
            .into_iter()
            .map(|found| {
                let labels = with_labels(&found.labels, given());
                sample(labels, found.sample.timestamp_ms, Some(found.sample.value))
            })
            .collect();
        let recorded: BTreeSet<Labels> = samples.iter().map(|sample| sample.labels.clone()).collect();
        if recorded.len() < samples.len() {
            let text = "vector contains metrics with the same labelset after applying rule labels";
            return Err(Error::new(ErrorKind::InvalidQuery, text));
        }
        // A series that is not there any more ends, or its last value would be believed for minutes.
        let timestamp_ms = now.div_euclid(1_000_000);
        let gone = state.recorded.difference(&recorded);
        samples.extend(gone.map(|labels| sample(labels.clone(), timestamp_ms, None)));
        state.recorded = recorded;
        if self.engine.0.notifier.samples(self.tenant, &samples) {
            return Ok(());
        }
        samples.retain(|sample| sample.value.is_some());
        match samples.is_empty() {
            true => Ok(()),
            false => self.engine.push(self.tenant, &as_lines(&samples, now)),
        }
    }

    fn alerting(
        &self,
        limit: u64,
        interval: i64,
        state: &mut RuleState,
        restores: bool,
        now: i64,
    ) -> Result<(), Error> {
        let rule = state.rule.clone();
        let pending_for = rule.pending_for.as_nanos();
        let mut found = self.alerts(&rule, self.result(&rule, now)?, now)?;
        if restores && (1..=RESTORED_WAIT).contains(&pending_for) {
            let before = now.saturating_sub(pending_for);
            let earlier = self.alerts(&rule, self.result(&rule, before)?, before)?;
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
        if let Err(error) = check_limit(limit, active, "alerts") {
            state.alerts.clear();
            return Err(error);
        }
        let active = state
            .alerts
            .values()
            .map(|life| &life.alert)
            .filter(|a| a.state != AlertState::Resolved);
        let samples = alert_samples(&rule, active, &ended, now);
        self.engine.0.notifier.samples(self.tenant, &samples);
        let resend = self.settings.alert_resend_delay.as_nanos();
        let believed = interval.max(resend).saturating_mul(BELIEVED_INTERVALS);
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
        self.engine.0.notifier.alerts(self.tenant, &notices);
        Ok(())
    }

    /// The alerts that a result raises, pending, by their labels.
    fn alerts(&self, rule: &Rule, found: Vec<VectorSample>, now: i64) -> Result<BTreeMap<Labels, Alert>, Error> {
        let name = rule.template_name();
        let texts = |texts| Texts::parse(&name, texts);
        let (given, annotations) = (texts(&rule.labels), texts(&rule.annotations));
        let started = self.engine.now();
        let query = |query: &str| self.template_query(query, now, started);
        let mut alerts = BTreeMap::new();
        for VectorSample { labels, sample } in found {
            let data = RuleData {
                labels: &labels,
                value: sample.value,
                external_url: &self.settings.external_url,
                now,
                query: &query,
            };
            let annotations = annotations.expand(&data);
            let name = (ALERT_NAME.to_owned(), rule.alert.clone());
            let given = given.expand(&data);
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
        match self.is_stopped() {
            // Queries of templates failed for it.
            true => Err(Error::new(ErrorKind::Cancelled, "the evaluation was stopped")),
            false => Ok(alerts),
        }
    }

    /// What a query in a template finds. All queries of a rule together, begun at `started`, may take as long as one.
    fn template_query(&self, query: &str, time: i64, started: i64) -> Result<Vec<VectorSample>, String> {
        let timeout = self.settings.limits(self.tenant).query_timeout.as_nanos();
        if timeout > 0 && self.engine.now().saturating_sub(started) > timeout {
            return Err("the queries of the templates of this rule take too long".to_owned());
        }
        let found = self.query(query, time).map_err(|error| error.message().to_owned())?;
        found.ok_or_else(|| "the result of the query is not a vector or scalar".to_owned())
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
