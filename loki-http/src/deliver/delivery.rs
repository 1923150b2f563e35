//! All destinations of what rules come to.

use super::alertmanager::Alertmanager;
use super::metrics::{AlertMetrics, SampleMetrics};
use super::remote_write::RemoteWrite;
use crate::settings::RulerSettings;
use loki_core::{AlertNotice, Engine, Notify, RuleSample, TenantId};
use prometheus::Registry;
use std::io;
use std::sync::Arc;
use tokio::task::JoinSet;

/// All destinations. They take what they are given from the start, and deliver it once they are started.
#[derive(Debug)]
pub(crate) struct Delivery {
    managers: Vec<Arc<Alertmanager>>,
    writers: Vec<Arc<RemoteWrite>>,
}

impl Delivery {
    /// The destinations that `settings` name, with queues in the folder of `engine`; none where there is none.
    ///
    /// # Errors
    ///
    /// A URL, a certificate or a queue cannot be used; the message names it.
    pub(crate) fn open(settings: &RulerSettings, engine: &Engine, registry: &Registry) -> io::Result<Option<Delivery>> {
        if settings.alertmanagers.is_empty() && settings.remote_write.is_empty() {
            return Ok(None);
        }
        let alerts = AlertMetrics::new(registry, settings.alertmanagers.len(), settings.queue_capacity);
        let samples = SampleMetrics::new(registry);
        let managers = settings.alertmanagers.iter();
        let managers = managers.map(|manager| Alertmanager::new(manager, settings, &alerts).map(Arc::new));
        let writers = settings.remote_write.iter();
        let writers = writers.map(|target| RemoteWrite::open(target, engine, &samples).map(Arc::new));
        Ok(Some(Delivery {
            managers: managers.collect::<Result<_, _>>()?,
            writers: writers.collect::<Result<_, _>>()?,
        }))
    }

    /// Starts the tasks of all destinations on the runtime that it is called on; they end when the answer is dropped.
    pub(crate) fn start(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for manager in &self.managers {
            tasks.spawn(Arc::clone(manager).run());
        }
        for writer in &self.writers {
            tasks.spawn(Arc::clone(writer).run());
        }
        tasks
    }
}

impl Notify for Delivery {
    fn alerts(&self, tenant: &TenantId, alerts: &[AlertNotice]) {
        self.managers.iter().for_each(|manager| manager.queue(tenant, alerts));
    }

    fn samples(&self, tenant: &TenantId, samples: &[RuleSample]) -> bool {
        self.writers.iter().for_each(|writer| writer.queue(tenant, samples));
        !self.writers.is_empty()
    }
}
