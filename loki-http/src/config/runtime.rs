//! Limits of single tenants, read again while the program runs.

use super::{Error, limits, load};
use loki_core::{Engine, Limits, TenantId};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The files of overrides and how often they are read.
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// The files; a later one's tenants replace those of an earlier one.
    pub(super) files: Vec<PathBuf>,
    /// The time between two readings.
    pub(super) period: Duration,
    /// What the limits of a tenant stand on.
    pub(super) base: Limits,
    /// Whether anything expires.
    pub(super) is_retained: bool,
}

impl Default for RuntimeConfig {
    fn default() -> RuntimeConfig {
        RuntimeConfig {
            files: Vec::new(),
            period: Duration::from_secs(10),
            base: Limits::default(),
            is_retained: false,
        }
    }
}

impl RuntimeConfig {
    /// Reads the files; keys without effect are added to `unused`.
    pub(super) fn read(&self, unused: &mut Vec<String>) -> Result<BTreeMap<TenantId, Limits>, Error> {
        let mut all = BTreeMap::new();
        for file in &self.files {
            let text = load::read(file)?;
            all.extend(limits::overrides(&text, &self.base, unused).map_err(|error| error.in_file(file))?);
        }
        if !self.is_retained {
            all.values_mut()
                .for_each(|limits| _ = limits::disable_retention(limits));
        }
        Ok(all)
    }

    /// Reads the files again and again and puts what changed into force; does not return unless there are no files. A
    /// file that cannot be used leaves the limits as they are.
    pub async fn follow(self, engine: Engine) {
        if self.files.is_empty() || self.period.is_zero() {
            return;
        }
        let mut current = self.read(&mut Vec::new()).ok();
        loop {
            tokio::time::sleep(self.period).await;
            let config = self.clone();
            let reading = tokio::task::spawn_blocking(move || config.read(&mut Vec::new())).await;
            match reading {
                Ok(Ok(overrides)) if current.as_ref() != Some(&overrides) => {
                    tracing::info!(tenants = overrides.len(), "limits of tenants changed");
                    engine.set_limits(self.base.clone(), overrides.clone());
                    current = Some(overrides);
                }
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::warn!(%error, "limits of tenants stay as they were"),
                Err(panic) => tracing::error!(%panic, "limits of tenants were not read"),
            }
        }
    }
}
