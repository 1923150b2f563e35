//! Samples by Prometheus' remote write.

use super::{Parcel, client, retry::retry};
use crate::settings::{RemoteWriteSettings, RulerSettings};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use bytes::Bytes;
use loki_core::{RuleSample, TenantId};
use prost::Message;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Samples of one body.
const BATCH: usize = 2000;
/// Tries of one body: about a quarter of an hour.
const TRIES: u32 = 32;
/// The value that ends a series.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A place that samples are written to.
#[derive(Debug)]
pub(super) struct RemoteWrite {
    url: Option<Uri>,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message)]
struct Series {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

impl RemoteWrite {
    pub(super) fn new(target: &RemoteWriteSettings, settings: &RulerSettings) -> RemoteWrite {
        RemoteWrite {
            url: client::parse_url(&target.url)
                .inspect_err(|problem| tracing::error!(problem, "no samples are written"))
                .ok(),
            headers: target.headers.clone(),
            timeout: settings.timeout,
        }
    }

    /// Writes what is queued until nobody queues any more.
    pub(super) async fn run(self, mut queue: Receiver<Parcel<RuleSample>>) {
        while let Some((tenant, samples)) = queue.recv().await {
            let Some(url) = &self.url else { continue };
            for batch in samples.chunks(BATCH) {
                let Some(body) = body(batch) else { continue };
                let post = || client::post(url, self.headers(&tenant), body.clone(), self.timeout);
                if let Err(error) = retry(TRIES, post).await {
                    tracing::warn!(%error, %url, %tenant, samples = batch.len(), "samples were not written");
                }
            }
        }
    }

    fn headers(&self, tenant: &TenantId) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert("x-prometheus-remote-write-version", HeaderValue::from_static("0.1.0"));
        let agent = concat!("LokiRulerWAL/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let given = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in [("x-scope-orgid", tenant.as_str())].into_iter().chain(given) {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// A body of samples, compressed.
fn body(samples: &[RuleSample]) -> Option<Bytes> {
    let series = samples.iter().map(|sample| {
        let label = |name: &str, value: &str| Label {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        // Receivers want labels sorted, the name of the series among them.
        let mut labels: Vec<Label> = sample.labels.iter().map(|(name, value)| label(name, value)).collect();
        labels.push(label("__name__", &sample.name));
        labels.sort_by(|a, b| a.name.cmp(&b.name));
        let value = sample.value.unwrap_or(f64::from_bits(STALE));
        let timestamp = sample.timestamp_ms;
        Series {
            labels,
            samples: vec![Sample { value, timestamp }],
        }
    });
    let request = WriteRequest {
        series: series.collect(),
    };
    let compressed = snap::raw::Encoder::new().compress_vec(&request.encode_to_vec());
    compressed
        .inspect_err(|error| tracing::error!(%error, "samples cannot be compressed"))
        .ok()
        .map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::logql::Labels;

    #[test]
    fn labels_are_sorted_and_the_end_of_a_series_is_marked() {
        let sample = |value| RuleSample {
            name: "x:y".to_owned(),
            labels: Labels::from_pairs([("app", "shop"), ("Zone", "a")]),
            timestamp_ms: 7,
            value,
        };
        let body = body(&[sample(Some(1.5)), sample(None)]).expect("compressed");
        let raw = snap::raw::Decoder::new().decompress_vec(&body).expect("snappy");
        let request = WriteRequest::decode(&*raw).expect("protobuf");
        let names: Vec<&str> = request.series[0]
            .labels
            .iter()
            .map(|label| label.name.as_str())
            .collect();
        assert_eq!(names, ["Zone", "__name__", "app"]);
        assert_eq!(
            request.series[0].samples,
            [Sample {
                value: 1.5,
                timestamp: 7
            }]
        );
        assert_eq!(request.series[1].samples[0].value.to_bits(), STALE);
    }
}
