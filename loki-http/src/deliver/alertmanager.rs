//! Alerts to an Alertmanager, by version 2 of its API.

use super::{Parcel, client, retry::retry};
use crate::settings::RulerSettings;
use axum::http::header::{CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue, Uri};
use bytes::Bytes;
use loki_core::logql::Labels;
use loki_core::{AlertNotice, TenantId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Alerts of one body, as in Prometheus.
const BATCH: usize = 64;
/// Tries of one body. Alerts that go on are told again anyway.
const TRIES: u32 = 4;

/// An Alertmanager.
#[derive(Debug)]
pub(super) struct Alertmanager {
    url: Option<Uri>,
    timeout: Duration,
    external_url: String,
    datasource_uid: String,
}

impl Alertmanager {
    /// The one below `url`.
    pub(super) fn new(url: &str, settings: &RulerSettings) -> Alertmanager {
        let api = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        Alertmanager {
            url: client::parse_url(&api)
                .inspect_err(|problem| tracing::error!(problem, "no alerts are delivered"))
                .ok(),
            timeout: settings.timeout,
            external_url: settings.external_url.trim_end_matches('/').to_owned(),
            datasource_uid: settings.datasource_uid.clone(),
        }
    }

    /// Delivers what is queued until nobody queues any more.
    pub(super) async fn run(self, mut queue: Receiver<Parcel<AlertNotice>>) {
        while let Some((tenant, alerts)) = queue.recv().await {
            let Some(url) = &self.url else { continue };
            for batch in alerts.chunks(BATCH) {
                let body: Vec<Value> = batch.iter().map(|notice| self.body(notice)).collect();
                let body = Bytes::from(Value::from(body).to_string());
                let post = || client::post(url, headers(&tenant), body.clone(), self.timeout);
                if let Err(error) = retry(TRIES, post).await {
                    tracing::warn!(%error, %url, %tenant, alerts = batch.len(), "alerts were not delivered");
                }
            }
        }
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
        let manager = Alertmanager::new("http://a:9093/", &settings);
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
