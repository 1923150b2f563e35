//! The seam to whoever delivers what rules come to.

use super::alert::Alert;
use crate::TenantId;
use loki_logql::Labels;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock};

/// Delivers alerts and samples. It is called while rules are evaluated, and must not wait: what it cannot take at once
/// it queues or drops.
pub trait Notify: Debug + Send + Sync {
    /// Takes alerts that fire or are resolved.
    fn alerts(&self, tenant: &TenantId, alerts: &[AlertNotice]);

    /// Takes samples of recording rules and of the series that tell of alerts. Says whether there is a place where
    /// samples go; where there is none the engine keeps those of recording rules as lines.
    fn samples(&self, tenant: &TenantId, samples: &[RuleSample]) -> bool;
}

/// An alert to deliver.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertNotice {
    /// The alert.
    pub alert: Alert,
    /// The query that raised it, as LogQL prints it.
    pub query: String,
    /// Until when it is to be believed, in nanoseconds: when it was resolved, or some time after the next evaluations.
    pub ends_at: i64,
}

/// A sample of a series of Prometheus.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSample {
    /// The name of the series.
    pub name: String,
    /// Its other labels.
    pub labels: Labels,
    /// Milliseconds.
    pub timestamp_ms: i64,
    /// Its value; none: the series ends here.
    pub value: Option<f64>,
}

/// Who delivers, where anybody does.
#[derive(Debug, Default)]
pub(crate) struct Notifier(RwLock<Option<Arc<dyn Notify>>>);

impl Notifier {
    pub(super) fn set(&self, notify: Arc<dyn Notify>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(notify);
    }

    fn current(&self) -> Option<Arc<dyn Notify>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn alerts(&self, tenant: &TenantId, alerts: &[AlertNotice]) {
        if let Some(notify) = self.current().filter(|_| !alerts.is_empty()) {
            notify.alerts(tenant, alerts);
        }
    }

    /// Whether somebody took the samples.
    pub(super) fn samples(&self, tenant: &TenantId, samples: &[RuleSample]) -> bool {
        self.current().is_some_and(|notify| notify.samples(tenant, samples))
    }
}
