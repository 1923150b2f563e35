//! Samples by Prometheus' remote write, by way of a queue on disk.

use super::backoff::Backoff;
use super::client::{Client, Error};
use super::metrics::{SampleMetrics, TargetMetrics};
use super::write_request::encode;
use crate::settings::RemoteWriteSettings;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use loki_core::spool::{Batch, Record, Spool};
use loki_core::{Engine, RuleSample, TenantId};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Bytes of records that are looked at together.
const WINDOW_BYTES: usize = 1 << 20;
/// How long the first sample waits for others to go with it.
const GATHER: Duration = Duration::from_millis(100);
/// How long to wait where the disk fails.
const DISK_WAIT: Duration = Duration::from_secs(5);

/// A place that samples are written to.
#[derive(Debug)]
pub(super) struct RemoteWrite {
    client: Client,
    spool: Arc<Spool>,
    came: Notify,
    max_samples: usize,
    backoff: Backoff,
    metrics: TargetMetrics,
    /// Dropped samples of the queue that are counted in the metrics.
    dropped_counted: AtomicU64,
}

/// Records of one tenant that go together.
type Run = Vec<Queued>;

/// A record of the queue.
#[derive(Debug, Clone)]
struct Queued {
    samples: u32,
    /// Milliseconds of the newest of them.
    newest_ms: i64,
    /// As it is sent, not compressed.
    body: Vec<u8>,
}

impl RemoteWrite {
    /// Opens the queue of a destination.
    ///
    /// # Errors
    ///
    /// Its URL, a certificate or its queue cannot be used; the message names it.
    pub(super) fn open(
        settings: &RemoteWriteSettings,
        engine: &Engine,
        metrics: &SampleMetrics,
    ) -> io::Result<RemoteWrite> {
        let client = Client::new(&settings.url, &settings.target, settings.timeout)?;
        let spool = engine
            .spool(&spool_name(&settings.name), settings.queue_bytes)
            .map_err(io::Error::other)?;
        let metrics = metrics.of(&settings.name, &client.url().to_string());
        let writer = RemoteWrite {
            client,
            spool,
            came: Notify::new(),
            max_samples: settings.max_samples_per_send.max(1),
            backoff: Backoff::new(settings.min_backoff, settings.max_backoff),
            metrics,
            dropped_counted: AtomicU64::new(0),
        };
        writer.measure();
        Ok(writer)
    }

    /// Puts samples into the queue.
    pub(super) fn queue(&self, tenant: &TenantId, samples: &[RuleSample]) {
        for samples in samples.chunks(self.max_samples) {
            let items = u32::try_from(samples.len()).unwrap_or(u32::MAX);
            let newest_ms = samples.iter().map(|sample| sample.timestamp_ms).max().unwrap_or(0);
            if let Err(error) = self.spool.append(items, &record(tenant, newest_ms, &encode(samples))) {
                tracing::warn!(%error, %tenant, samples = items, "samples cannot be queued and are dropped");
            }
        }
        if let Some(newest) = samples.iter().map(|sample| sample.timestamp_ms).max() {
            self.metrics.newest.set(newest as f64 / 1e3);
            self.measure();
            self.came.notify_one();
        }
    }

    /// Writes what is queued; does not return.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            let batch = match self.on_disk(|spool| spool.peek(WINDOW_BYTES)).await {
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(%error, "the queue of samples cannot be read");
                    tokio::time::sleep(DISK_WAIT).await;
                    continue;
                }
            };
            if batch.records.is_empty() {
                self.came.notified().await;
                tokio::time::sleep(GATHER).await;
                continue;
            }
            for (tenant, run) in by_tenant(&batch, self.max_samples) {
                self.deliver(&tenant, run).await;
            }
            if let Err(error) = self.on_disk(move |spool| spool.release(&batch)).await {
                tracing::error!(%error, "delivered samples may be delivered again after a restart");
            }
            self.measure();
        }
    }

    async fn on_disk<T, F>(&self, work: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Spool) -> Result<T, loki_core::Error> + Send + 'static,
    {
        let spool = Arc::clone(&self.spool);
        let done = tokio::task::spawn_blocking(move || work(&spool)).await;
        done.map_err(io::Error::other)?.map_err(io::Error::other)
    }

    /// Delivers records, however long that takes. What is refused for good is halved until the record at fault stands
    /// alone: others must not go with it, nor those that were delivered before a restart that came too early.
    async fn deliver(&self, tenant: &str, run: Run) {
        let mut work = vec![run];
        while let Some(mut run) = work.pop() {
            let Err(error) = self.post(tenant, &run).await else {
                continue;
            };
            if run.len() > 1 {
                let rest = run.split_off(run.len() / 2);
                work.extend([rest, run]);
                continue;
            }
            let samples: u64 = run.iter().map(|record| u64::from(record.samples)).sum();
            self.metrics.failed.inc_by(samples);
            tracing::warn!(%error, url = %self.client.url(), tenant, samples, "samples were refused");
        }
    }

    /// Posts records until they are taken or refused for good.
    async fn post(&self, tenant: &str, run: &Run) -> Result<(), Error> {
        let samples: u64 = run.iter().map(|record| u64::from(record.samples)).sum();
        let body: Vec<u8> = run.iter().flat_map(|record| record.body.iter().copied()).collect();
        let Ok(body) = snap::raw::Encoder::new().compress_vec(&body) else {
            tracing::error!(tenant, samples, "samples cannot be compressed");
            return Ok(());
        };
        let body = Bytes::from(body);
        let mut backoff = self.backoff;
        loop {
            let started = Instant::now();
            let done = self.client.post(headers(tenant), body.clone()).await;
            match done {
                Ok(()) => {
                    self.metrics.seconds.observe(started.elapsed().as_secs_f64());
                    self.metrics.sent.inc_by(samples);
                    self.metrics.bytes.inc_by(body.len() as u64);
                    if let Some(newest) = run.iter().map(|record| record.newest_ms).max() {
                        self.metrics.newest_sent.set(newest as f64 / 1e3);
                    }
                    return Ok(());
                }
                Err(error) if error.is_about_the_body() => return Err(error),
                Err(error) => {
                    let wait = backoff.step();
                    tracing::debug!(%error, url = %self.client.url(), tenant, samples, ?wait, "samples were not taken");
                    self.metrics.retried.inc_by(samples);
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// Brings the metrics of the queue up to date.
    fn measure(&self) {
        let stats = self.spool.stats();
        self.metrics.pending.set(i64::try_from(stats.items).unwrap_or(i64::MAX));
        self.metrics
            .queue_bytes
            .set(i64::try_from(stats.bytes).unwrap_or(i64::MAX));
        let counted = self.dropped_counted.fetch_max(stats.dropped_items, Ordering::Relaxed);
        self.metrics.dropped.inc_by(stats.dropped_items.saturating_sub(counted));
    }
}

/// The name of the queue of a destination: its own name may hold what a folder's cannot.
fn spool_name(name: &str) -> String {
    let mut out = "remote-write-".to_owned();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => out.push(char::from(byte)),
            _ => out.push_str(&format!("-{byte:02x}")),
        }
    }
    out
}

/// A record of the queue: a tenant, a time and a body.
fn record(tenant: &TenantId, newest_ms: i64, body: &[u8]) -> Vec<u8> {
    let tenant = tenant.as_str().as_bytes();
    // The name of a tenant has at most 150 bytes.
    let length = u8::try_from(tenant.len()).unwrap_or(u8::MAX);
    [
        &[length],
        &tenant[..usize::from(length)],
        &newest_ms.to_le_bytes(),
        body,
    ]
    .concat()
}

/// The tenant, the time and the body of a record.
fn read_record(bytes: &[u8]) -> Option<(&str, i64, &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (tenant, rest) = rest.split_at_checked(usize::from(length))?;
    let (newest_ms, body) = rest.split_first_chunk()?;
    Some((std::str::from_utf8(tenant).ok()?, i64::from_le_bytes(*newest_ms), body))
}

/// The records of a batch by tenant, in order, at most so many samples together.
fn by_tenant(batch: &Batch, max_samples: usize) -> Vec<(String, Run)> {
    let mut out: Vec<(String, Run)> = Vec::new();
    // Per tenant the place of its last run and the samples in it.
    let mut last: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for Record { items, bytes } in &batch.records {
        let Some((tenant, newest_ms, body)) = read_record(bytes) else {
            tracing::error!(samples = items, "a record of the queue of samples is none");
            continue;
        };
        let samples = *items as usize;
        let queued = Queued {
            samples: *items,
            newest_ms,
            body: body.to_vec(),
        };
        match last.get_mut(tenant) {
            Some((place, sum)) if *sum + samples <= max_samples => {
                out[*place].1.push(queued);
                *sum += samples;
            }
            _ => {
                last.insert(tenant, (out.len(), samples));
                out.push((tenant.to_owned(), vec![queued]));
            }
        }
    }
    out
}

fn headers(tenant: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    headers.insert("x-prometheus-remote-write-version", HeaderValue::from_static("0.1.0"));
    let agent = concat!("LokiRulerWAL/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    if let Ok(tenant) = HeaderValue::from_str(tenant) {
        headers.insert("x-scope-orgid", tenant);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::{ByteSize, Settings};

    #[test]
    fn records_of_a_tenant_go_together_in_order_and_in_bounds() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::open(folder.path(), Settings::default()).expect("opens");
        let spool = engine.spool(&spool_name("Mimir/eu"), ByteSize(1 << 20)).expect("opens");
        for (tenant, items, body) in [
            ("a", 2, "1"),
            ("b", 2, "2"),
            ("a", 2, "3"),
            ("a", 1, "4"),
            ("b", 5, "5"),
        ] {
            let tenant: TenantId = tenant.parse().expect("a name");
            spool
                .append(items, &record(&tenant, 0, body.as_bytes()))
                .expect("written");
        }
        let runs: Vec<(String, String)> = by_tenant(&spool.peek(1000).expect("reads"), 4)
            .into_iter()
            .map(|(tenant, run)| {
                let bodies: Vec<u8> = run.into_iter().flat_map(|record| record.body).collect();
                (tenant, String::from_utf8(bodies).expect("text"))
            })
            .collect();
        let expected = [("a", "13"), ("b", "2"), ("a", "4"), ("b", "5")];
        assert_eq!(
            runs,
            expected.map(|(tenant, bodies)| (tenant.to_owned(), bodies.to_owned()))
        );
    }
}
