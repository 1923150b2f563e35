//! The life of an alert: pending, firing, resolved.

use loki_logql::Labels;

/// An alert of an alerting rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// The labels of the series that raised it, those of the rule, and `alertname`.
    pub labels: Labels,
    /// Texts of the rule, expanded.
    pub annotations: Labels,
    /// How far it has come.
    pub state: AlertState,
    /// Since when the query finds it, in nanoseconds.
    pub active_at: i64,
    /// The value that the query found last.
    pub value: f64,
}

/// How far an alert has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// The query found nothing more.
    Resolved,
    /// It has not been active for long enough.
    Pending,
    /// It is to be delivered.
    Firing,
}

impl AlertState {
    /// Prometheus' word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Resolved => "inactive",
            AlertState::Pending => "pending",
            AlertState::Firing => "firing",
        }
    }
}

/// An alert and what has to be remembered of it.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) alert: Alert,
    resolved_at: Option<i64>,
    /// Since when the query finds nothing while it fires on.
    keep_firing_since: Option<i64>,
    last_sent: Option<i64>,
}

/// Nanoseconds for which a resolved alert is delivered again and again.
const RESOLVED_RETENTION: i64 = 15 * 60 * 1_000_000_000;

impl Life {
    /// A new alert, pending.
    pub(super) fn new(alert: Alert) -> Life {
        Life {
            alert,
            resolved_at: None,
            keep_firing_since: None,
            last_sent: None,
        }
    }

    /// The query found it, as `seen`, at `now`.
    pub(super) fn seen(&mut self, seen: Alert, pending_for: i64, now: i64) {
        if self.alert.state == AlertState::Resolved {
            // It begins anew.
            *self = Life::new(seen);
        } else {
            self.alert.value = seen.value;
            self.alert.annotations = seen.annotations;
        }
        self.keep_firing_since = None;
        if self.alert.state == AlertState::Pending && now.saturating_sub(self.alert.active_at) >= pending_for {
            self.alert.state = AlertState::Firing;
        }
    }

    /// The query did not find it at `now`; answers whether it is still worth knowing.
    pub(super) fn missed(&mut self, keep_firing_for: i64, now: i64) -> bool {
        match self.alert.state {
            AlertState::Pending => false,
            AlertState::Firing => {
                let since = *self.keep_firing_since.get_or_insert(now);
                if keep_firing_for == 0 || now.saturating_sub(since) >= keep_firing_for {
                    self.alert.state = AlertState::Resolved;
                    self.resolved_at = Some(now);
                }
                true
            }
            AlertState::Resolved => self
                .resolved_at
                .is_some_and(|resolved| now.saturating_sub(resolved) <= RESOLVED_RETENTION),
        }
    }

    /// Whether it is to be delivered at `now`; then it counts as delivered.
    pub(super) fn take_delivery(&mut self, resend_delay: i64, now: i64) -> bool {
        let is_due = match (self.alert.state, self.last_sent) {
            (AlertState::Pending, _) => false,
            (_, None) => true,
            (_, Some(sent)) => self.resolved_at.is_some_and(|at| at > sent) || now.saturating_sub(sent) >= resend_delay,
        };
        if is_due {
            self.last_sent = Some(now);
        }
        is_due
    }

    /// When it was resolved.
    pub(super) fn resolved_at(&self) -> Option<i64> {
        self.resolved_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(now: i64) -> Alert {
        let labels = Labels::default();
        Alert {
            annotations: labels.clone(),
            labels,
            state: AlertState::Pending,
            active_at: now,
            value: 1.0,
        }
    }

    #[test]
    fn an_alert_is_pending_then_fires_then_fires_on_then_is_resolved_and_forgotten() {
        let mut life = Life::new(seen(0));
        life.seen(seen(0), 10, 0);
        assert_eq!(
            (life.alert.state, life.take_delivery(60, 0)),
            (AlertState::Pending, false)
        );
        life.seen(seen(10), 10, 10);
        assert_eq!((life.alert.state, life.alert.active_at), (AlertState::Firing, 0));
        assert!(life.take_delivery(60, 10));
        assert!(!life.take_delivery(60, 69), "it was delivered");
        assert!(life.take_delivery(60, 70));
        assert!(life.missed(20, 80));
        assert_eq!(life.alert.state, AlertState::Firing, "it fires on");
        assert!(life.missed(20, 100));
        assert_eq!(
            (life.alert.state, life.resolved_at()),
            (AlertState::Resolved, Some(100))
        );
        assert!(life.take_delivery(60, 100), "that it is resolved is told at once");
        assert!(life.missed(20, 100 + RESOLVED_RETENTION));
        assert!(!life.missed(20, 101 + RESOLVED_RETENTION));
        life.seen(seen(500), 10, 500);
        assert_eq!((life.alert.state, life.alert.active_at), (AlertState::Pending, 500));
        assert!(!life.missed(20, 501), "a pending alert is forgotten at once");
    }

    #[test]
    fn without_a_wait_an_alert_fires_at_once() {
        let mut life = Life::new(seen(7));
        life.seen(seen(7), 0, 7);
        assert_eq!(life.alert.state, AlertState::Firing);
    }
}
