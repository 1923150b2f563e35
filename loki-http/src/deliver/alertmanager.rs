//! Alerts to an Alertmanager, by version 2 of its API.

use super::alert_queue::AlertQueue;
use super::backoff::Backoff;
use super::client::{Client, Error};
use super::metrics::AlertMetrics;
use crate::settings::{AlertmanagerSettings, RulerSettings};
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use loki_core::logql::Labels;
use loki_core::{AlertNotice, TenantId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Alerts of one body, as in Prometheus.
const BATCH: usize = 64;
/// Tries of one body. Alerts that go on are told again anyway.
const TRIES: u32 = 6;
/// The wait behind the first failure, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));

/// An Alertmanager.
#[derive(Debug)]
pub(super) struct Alertmanager {
    client: Client,
    /// Its URL, as a label.
    label: String,
    queue: AlertQueue,
    metrics: AlertMetrics,
    external_url: String,
    datasource_uid: String,
}

impl Alertmanager {
    /// The one that `manager` names.
    ///
    /// # Errors
    ///
    /// Its URL or a certificate cannot be used; the message names it.
    pub(super) fn new(
        manager: &AlertmanagerSettings,
        settings: &RulerSettings,
        metrics: &AlertMetrics,
    ) -> io::Result<Alertmanager> {
        let api = format!("{}/api/v2/alerts", manager.url.trim_end_matches('/'));
        let client = Client::new(&api, &manager.target, settings.timeout)?;
        Ok(Alertmanager {
            label: client.url().to_string(),
            client,
            queue: AlertQueue::new(settings.queue_capacity),
            metrics: metrics.clone(),
            external_url: settings.external_url.trim_end_matches('/').to_owned(),
            datasource_uid: settings.datasource_uid.clone(),
        })
    }

    /// Puts alerts into the queue.
    pub(super) fn queue(&self, tenant: &TenantId, alerts: &[AlertNotice]) {
        let length = |tenant: &TenantId| {
            self.metrics
                .queue_length
                .with_label_values(&[tenant.as_str(), &self.label])
        };
        length(tenant).add(i64::try_from(alerts.len()).unwrap_or(i64::MAX));
        for dropped in self.queue.push(tenant, alerts) {
            length(&dropped).dec();
            self.metrics
                .dropped
                .with_label_values(&[dropped.as_str(), &self.label])
                .inc();
        }
    }

    /// Delivers what is queued; does not return.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let (tenant, alerts) = self.queue.take(BATCH).await;
            let labels = &[tenant.as_str(), self.label.as_str()];
            let count = alerts.len() as u64;
            self.metrics
                .queue_length
                .with_label_values(labels)
                .sub(alerts.len() as i64);
            if let Err(error) = self.deliver(&tenant, &alerts).await {
                self.metrics.dropped.with_label_values(labels).inc_by(count);
                tracing::warn!(%error, url = self.label, %tenant, alerts = count, "alerts were not delivered");
            } else {
                self.metrics.sent.with_label_values(labels).inc_by(count);
            }
        }
    }

    async fn deliver(&self, tenant: &TenantId, alerts: &[AlertNotice]) -> Result<(), Error> {
        let body: Vec<Value> = alerts.iter().map(|notice| self.body(notice)).collect();
        let body = Bytes::from(Value::from(body).to_string());
        let labels = &[tenant.as_str(), self.label.as_str()];
        let mut backoff = Backoff::new(BACKOFF.0, BACKOFF.1);
        for last in (0..TRIES).map(|n| n + 1 == TRIES) {
            let started = Instant::now();
            let done = self.client.post(headers(tenant), body.clone()).await;
            self.metrics
                .seconds
                .with_label_values(labels)
                .observe(started.elapsed().as_secs_f64());
            let Err(error) = done else { break };
            self.metrics
                .errors
                .with_label_values(labels)
                .inc_by(alerts.len() as u64);
            if last || error.is_about_the_body() {
                return Err(error);
            }
            tracing::debug!(%error, url = self.label, "alerts were not taken; trying again");
            tokio::time::sleep(backoff.step()).await;
        }
        Ok(())
    }

    fn body(&self, notice: &AlertNotice) -> Value {
        json!({
            "annotations": object(&notice.alert.annotations),
            "endsAt": time(notice.ends_at),
            "startsAt": time(notice.alert.active_at),
            "generatorURL": self.generator_url(&notice.query),
            "labels": object(&notice.alert.labels),
        })
    }

    /// Where Grafana shows the query.
    fn generator_url(&self, query: &str) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let left = format!(
            r#"{{"queries":[{{"expr":{},"queryType":"range","datasource":{{"type":"loki","uid":{}}}}}]}}"#,
            text(query),
            text(&self.datasource_uid)
        );
        let left = utf8_percent_encode(&left, NON_ALPHANUMERIC);
        format!("{}/explore?left={left}", self.external_url)
    }
}

fn headers(tenant: &TenantId) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = concat!("Prometheus/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Ok(tenant) = HeaderValue::from_str(tenant.as_str()) {
        headers.insert("x-scope-orgid", tenant);
    }
    headers
}

fn object(labels: &Labels) -> Value {
    Value::Object(
        labels
            .iter()
            .map(|(n, v)| (n.to_owned(), v.into()))
            .collect::<Map<_, _>>(),
    )
}

/// UTC with three decimals.
fn time(nanos: i64) -> String {
    jiff::Timestamp::from_millisecond(nanos.div_euclid(1_000_000))
        .map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::{Alert, AlertState};

    #[test]
    fn an_alert_is_told_as_prometheus_tells_it() {
        let settings = RulerSettings {
            external_url: "http://x/".to_owned(),
            datasource_uid: "u".to_owned(),
            ..RulerSettings::default()
        };
        let target = AlertmanagerSettings {
            url: "http://a:9093/".to_owned(),
            ..AlertmanagerSettings::default()
        };
        let metrics = AlertMetrics::new(&prometheus::Registry::new(), 1, 1);
        let manager = Alertmanager::new(&target, &settings, &metrics).expect("a URL");
        let notice = AlertNotice {
            alert: Alert {
                labels: Labels::from_pairs([("alertname", "X")]),
                annotations: Labels::from_pairs([("summary", "12 errors")]),
                state: AlertState::Firing,
                active_at: 1_795_255_380_000_000_000,
                value: 12.0,
            },
            query: "q".to_owned(),
            ends_at: 1_795_255_680_123_456_789,
        };
        let body = manager.body(&notice);
        assert_eq!(body["startsAt"], "2026-11-21T10:03:00.000Z");
        assert_eq!(body["endsAt"], "2026-11-21T10:08:00.123Z");
        assert_eq!(body["labels"]["alertname"], "X");
        let url = body["generatorURL"].as_str().expect("a text");
        assert!(url.starts_with("http://x/explore?left=%7B%22queries%22"), "{url}");
    }
}
