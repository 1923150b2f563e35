//! `/metrics`: what the server counts of its requests, and what the engine counts, under Loki's names.

mod engine;
mod log;
mod process;
mod request;
mod rules;

pub(crate) use request::{InFlight, RequestMetrics, route_label};

use crate::log::LevelHandle;
use loki_core::Engine;
use prometheus::{Encoder, TextEncoder};

/// The page in Prometheus' text format.
pub(crate) fn page(
    requests: &RequestMetrics,
    engine: &Engine,
    level: &LevelHandle,
) -> Result<Vec<u8>, prometheus::Error> {
    let mut families = requests.gather();
    let metrics = engine.metrics();
    families.extend(engine::gather(&metrics)?);
    families.extend(rules::gather(&metrics)?);
    families.extend(log::gather(level)?);
    families.extend(process::gather()?);
    let mut out = Vec::new();
    TextEncoder::new().encode(&families, &mut out)?;
    Ok(out)
}
