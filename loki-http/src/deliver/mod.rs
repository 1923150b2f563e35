//! Delivering what rules come to: alerts to Alertmanagers, samples by Prometheus' remote write.
//!
//! Each destination has a queue of its own and a task that empties it, so that one that is slow or gone holds up
//! neither the rules nor the others. A queue that is full takes nothing more.

mod alertmanager;
mod client;
mod remote_write;
mod retry;

pub(crate) use client::parse_url;

use crate::settings::RulerSettings;
use loki_core::{AlertNotice, Notify, RuleSample, TenantId};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::JoinHandle;

/// What waits to be delivered: whose it is, and it.
type Parcel<T> = (TenantId, Vec<T>);

/// Delivers until it is dropped.
#[derive(Debug)]
pub(crate) struct Delivery {
    alerts: Vec<Sender<Parcel<AlertNotice>>>,
    samples: Vec<Sender<Parcel<RuleSample>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Delivery {
    /// Starts the tasks of all destinations, on the runtime that it is called on; none where there is no destination.
    pub(crate) fn start(settings: &RulerSettings) -> Option<Delivery> {
        if settings.alertmanager_urls.is_empty() && settings.remote_write.is_empty() {
            return None;
        }
        let mut delivery = Delivery {
            alerts: Vec::new(),
            samples: Vec::new(),
            tasks: Vec::new(),
        };
        for url in &settings.alertmanager_urls {
            let (sender, receiver) = mpsc::channel(settings.queue_capacity.max(1));
            let destination = alertmanager::Alertmanager::new(url, settings);
            delivery.alerts.push(sender);
            delivery.tasks.push(tokio::spawn(destination.run(receiver)));
        }
        for target in &settings.remote_write {
            let (sender, receiver) = mpsc::channel(settings.queue_capacity.max(1));
            let destination = remote_write::RemoteWrite::new(target, settings);
            delivery.samples.push(sender);
            delivery.tasks.push(tokio::spawn(destination.run(receiver)));
        }
        Some(delivery)
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Notify for Delivery {
    fn alerts(&self, tenant: &TenantId, alerts: &[AlertNotice]) {
        for queue in &self.alerts {
            if queue.try_send((tenant.clone(), alerts.to_vec())).is_err() {
                tracing::warn!(%tenant, alerts = alerts.len(), "queue of alerts is full; they are told again later");
            }
        }
    }

    fn samples(&self, tenant: &TenantId, samples: &[RuleSample]) -> bool {
        for queue in &self.samples {
            if !samples.is_empty() && queue.try_send((tenant.clone(), samples.to_vec())).is_err() {
                tracing::warn!(%tenant, samples = samples.len(), "queue of samples is full; they are dropped");
            }
        }
        !self.samples.is_empty()
    }
}
