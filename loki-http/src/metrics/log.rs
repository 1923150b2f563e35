//! Lines of the program's own log.

use crate::log::LevelHandle;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts, Registry};

/// The families of one reading.
pub(super) fn gather(level: &LevelHandle) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let registry = Registry::new();
    let options = Opts::new("loki_log_messages_total", "Lines of the program's own log.");
    let family = IntCounterVec::new(options, &["level"])?;
    for (level, lines) in level.lines() {
        family.get_metric_with_label_values(&[level.as_str()])?.inc_by(lines);
    }
    registry.register(Box::new(family))?;
    Ok(registry.gather())
}
