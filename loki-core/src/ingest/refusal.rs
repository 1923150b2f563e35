//! Why something pushed was refused, and how refusals add up to one answer.

use crate::{Error, ErrorKind, TenantId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A broken rule: its name in metrics and the text for the client.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    reason: &'static str,
    text: String,
}

/// Distinct texts that an answer tells: the rest is counted.
const TOLD_TEXTS: usize = 100;
/// Stands in a cached text for the tenant, who is not known when labels are checked.
const TENANT: &str = "\0tenant\0";

impl Refusal {
    pub(super) fn new(reason: &'static str, text: String) -> Refusal {
        Refusal { reason, text }
    }

    pub(super) fn missing_labels(names: &str, stream: &str) -> Refusal {
        let text = format!("missing required labels '{names}' for user '{TENANT}' for stream '{stream}' (policy: '')");
        Refusal::new("missing_enforced_labels", text)
    }
}

/// The refusals of one push.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Text to how often, in the order met.
    texts: Vec<(String, u64)>,
    /// Refusals beyond those that are told one by one.
    untold: u64,
    /// What replaces all of them: a rule of the storage side.
    storage: Option<Error>,
    /// What is told where there is nothing else to tell: the tenant's pushes are blocked.
    blocked: Option<Error>,
}

impl Refusals {
    /// Counts a refusal of an entry of `bytes`.
    pub(super) fn add(
        &mut self,
        tenant: &TenantId,
        refusal: &Refusal,
        discarded: &Discarded,
        entries: u64,
        bytes: u64,
    ) {
        let text = refusal.text.replace(TENANT, tenant.as_str());
        discarded.count(refusal.reason, entries, bytes);
        match self.texts.iter().position(|(known, _)| *known == text) {
            Some(place) => self.texts[place].1 += 1,
            None if self.texts.len() < TOLD_TEXTS => self.texts.push((text, 1)),
            None => self.untold += 1,
        }
    }

    /// Notes a refusal by a rule of the storage side; the first one is told.
    pub(crate) fn add_storage(&mut self, error: Error) {
        self.storage.get_or_insert(error);
    }

    /// Notes that everything else was left out because pushes are blocked.
    pub(super) fn set_blocked(&mut self, error: Error) {
        self.blocked = Some(error);
    }

    /// The error that tells of all refusals.
    ///
    /// # Errors
    ///
    /// Where there is a refusal. Pushes that are blocked with the status 200 are dropped without a word.
    pub(crate) fn into_result(self) -> Result<(), Error> {
        if let Some(error) = self.storage {
            return Err(error);
        }
        let total: u64 = self.texts.iter().map(|(_, count)| count).sum();
        match (self.texts.first(), total) {
            (None, _) => match self.blocked {
                Some(error) if error.kind() != ErrorKind::Blocked(200) => Err(error),
                _ => Ok(()),
            },
            (Some((text, _)), 1) => Err(Error::new(ErrorKind::InvalidPush, text)),
            _ => {
                let mut groups: Vec<_> = self
                    .texts
                    .iter()
                    .map(|(text, count)| format!("{count} errors like: {text}"))
                    .collect();
                if self.untold > 0 {
                    groups.push(format!("{} other errors", self.untold));
                }
                Err(Error::new(ErrorKind::InvalidPush, groups.join("; ")))
            }
        }
    }
}

/// Entries and bytes refused since the start, by reason.
#[derive(Debug, Default)]
pub(crate) struct Discarded(Mutex<BTreeMap<&'static str, (u64, u64)>>);

impl Discarded {
    pub(crate) fn count(&self, reason: &'static str, entries: u64, bytes: u64) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        count.0 += entries;
        count.1 += bytes;
    }

    /// Reason, entries, bytes.
    pub(crate) fn counts(&self) -> Vec<(&'static str, u64, u64)> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|(&reason, &(entries, bytes))| (reason, entries, bytes))
            .collect()
    }
}
