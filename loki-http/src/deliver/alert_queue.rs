//! Alerts that wait for one Alertmanager.

use loki_core::{AlertNotice, TenantId};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A bounded queue in memory. Where it is full the oldest go: those that go on are told again anyway.
#[derive(Debug)]
pub(super) struct AlertQueue {
    waiting: Mutex<VecDeque<(TenantId, AlertNotice)>>,
    capacity: usize,
    came: Notify,
}

impl AlertQueue {
    pub(super) fn new(capacity: usize) -> AlertQueue {
        AlertQueue {
            waiting: Mutex::default(),
            capacity: capacity.max(1),
            came: Notify::new(),
        }
    }

    /// Puts alerts behind the others; whose alerts had to go for them.
    pub(super) fn push(&self, tenant: &TenantId, alerts: &[AlertNotice]) -> Vec<TenantId> {
        let mut waiting = self.lock();
        waiting.extend(alerts.iter().map(|alert| (tenant.clone(), alert.clone())));
        let surplus = waiting.len().saturating_sub(self.capacity);
        let dropped = waiting.drain(..surplus).map(|(tenant, _)| tenant).collect();
        drop(waiting);
        self.came.notify_one();
        dropped
    }

    /// Takes the oldest alerts of one tenant, at most so many; waits where there are none.
    pub(super) async fn take(&self, most: usize) -> (TenantId, Vec<AlertNotice>) {
        loop {
            if let Some(taken) = self.try_take(most) {
                return taken;
            }
            self.came.notified().await;
        }
    }

    fn try_take(&self, most: usize) -> Option<(TenantId, Vec<AlertNotice>)> {
        let mut waiting = self.lock();
        let tenant = waiting.front()?.0.clone();
        let run = waiting
            .iter()
            .take(most.max(1))
            .take_while(|(other, _)| *other == tenant)
            .count();
        let alerts = waiting.drain(..run).map(|(_, alert)| alert).collect();
        Some((tenant, alerts))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(TenantId, AlertNotice)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use loki_core::logql::Labels;
    use loki_core::{Alert, AlertState};

    fn notice(n: i64) -> AlertNotice {
        AlertNotice {
            alert: Alert {
                labels: Labels::default(),
                annotations: Labels::default(),
                state: AlertState::Firing,
                active_at: n,
                value: 0.0,
            },
            query: String::new(),
            ends_at: 0,
        }
    }

    #[test]
    fn the_oldest_go_where_it_is_full_and_a_batch_is_one_tenants() {
        let queue = AlertQueue::new(4);
        let (a, b): (TenantId, TenantId) = ("a".parse().expect("a name"), "b".parse().expect("a name"));
        assert_eq!(queue.push(&a, &[notice(0), notice(1), notice(2)]), []);
        assert_eq!(queue.push(&b, &[notice(3), notice(4)]), std::slice::from_ref(&a));
        let take = |most| {
            let (tenant, alerts) = queue.try_take(most).expect("alerts");
            (
                tenant,
                alerts.iter().map(|notice| notice.alert.active_at).collect::<Vec<_>>(),
            )
        };
        assert_eq!(take(1), (a.clone(), vec![1]));
        assert_eq!(take(9), (a, vec![2]));
        assert_eq!(take(9), (b, vec![3, 4]));
        assert_eq!(queue.try_take(9), None);
    }
}
