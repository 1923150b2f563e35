//! The rule groups of one tenant.

use super::group::RuleGroup;
use crate::files::Files;
use crate::store::Document;
use crate::{Error, ErrorKind, Limits, RuleStorage};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Groups by namespace, in the order in which they were first set.
pub(crate) type Namespaces = BTreeMap<String, Vec<RuleGroup>>;

/// The rule groups of one tenant, kept durably.
#[derive(Debug)]
pub(crate) struct TenantRules {
    kept: Mutex<Document<Namespaces>>,
    /// Groups that came from elsewhere and cannot be changed here.
    given: RwLock<Arc<Namespaces>>,
    /// Both together, until one of them changes; written under the lock of `kept`.
    both: Mutex<Option<Arc<Namespaces>>>,
}

impl TenantRules {
    /// Reads the groups in `folder`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`], [`ErrorKind::Io`].
    pub(crate) fn open(files: Arc<dyn Files>, folder: &Path) -> Result<TenantRules, Error> {
        Ok(TenantRules {
            kept: Mutex::new(Document::open(files, folder, "rules")?),
            given: RwLock::default(),
            both: Mutex::default(),
        })
    }

    /// All groups that count.
    pub(crate) fn namespaces(&self, storage: RuleStorage) -> Arc<Namespaces> {
        match storage {
            RuleStorage::Kept => self.lock().shared(),
            RuleStorage::Given => self.given(),
            RuleStorage::Both => {
                let kept = self.lock();
                let mut both = self.both.lock().unwrap_or_else(PoisonError::into_inner);
                let joined = || {
                    let mut all = kept.value().clone();
                    let given = self.given();
                    all.extend(given.iter().map(|(name, groups)| (name.clone(), groups.clone())));
                    Arc::new(all)
                };
                Arc::clone(both.get_or_insert_with(joined))
            }
        }
    }

    /// Puts other groups in the place of those that are kept.
    fn commit(&self, kept: &mut Document<Namespaces>, namespaces: Namespaces) -> Result<(), Error> {
        let done = kept.commit(namespaces);
        *self.both.lock().unwrap_or_else(PoisonError::into_inner) = None;
        done
    }

    /// Whether a namespace came from elsewhere.
    pub(super) fn is_given(&self, namespace: &str) -> bool {
        self.given().contains_key(namespace)
    }

    fn given(&self) -> Arc<Namespaces> {
        Arc::clone(&self.given.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts other groups in the place of those that were given before.
    pub(super) fn give(&self, namespaces: Namespaces) {
        // Most readings of files find what was there before: then nothing changes for whoever looks at it.
        if *self.given() == namespaces {
            return;
        }
        let _kept = self.lock();
        *self.given.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(namespaces);
        *self.both.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Puts a group into a namespace, in the place of the one with its name.
    pub(super) fn set(&self, namespace: &str, group: &RuleGroup, limits: &Limits) -> Result<(), Error> {
        let mut kept = self.lock();
        let mut namespaces = kept.value().clone();
        let groups = namespaces.entry(namespace.to_owned()).or_default();
        match groups.iter_mut().find(|known| known.name == group.name) {
            Some(known) => *known = group.clone(),
            None => groups.push(group.clone()),
        }
        let (limit, actual) = (
            limits.ruler_max_rule_groups_per_tenant,
            namespaces.values().map(Vec::len).sum::<usize>(),
        );
        if limit > 0 && actual > limit {
            let text = format!("per-user rule groups limit (limit: {limit} actual: {actual}) exceeded");
            return Err(Error::new(ErrorKind::InvalidRequest, text));
        }
        self.commit(&mut kept, namespaces)
    }

    /// Removes a group, or all groups of a namespace.
    pub(super) fn remove(&self, namespace: &str, group: Option<&str>) -> Result<(), Error> {
        let mut kept = self.lock();
        let mut namespaces = kept.value().clone();
        let found = match (namespaces.get_mut(namespace), group) {
            (None, _) => false,
            (Some(_), None) => namespaces.remove(namespace).is_some(),
            (Some(groups), Some(name)) => {
                let before = groups.len();
                groups.retain(|known| known.name != name);
                groups.len() < before
            }
        };
        if !found {
            return Err(not_found(if group.is_some() { "group" } else { "group namespace" }));
        }
        namespaces.retain(|_, groups| !groups.is_empty());
        self.commit(&mut kept, namespaces)
    }

    /// Removes everything; nothing happens where there is nothing.
    pub(super) fn remove_all(&self) -> Result<(), Error> {
        let mut kept = self.lock();
        match kept.value().is_empty() {
            true => Ok(()),
            false => self.commit(&mut kept, Namespaces::new()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Document<Namespaces>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn not_found(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{what} does not exist"))
}
