//! The calls of the engine that are about rules.

use super::group::RuleGroup;
use super::notify::Notify;
use super::status::RuleGroupStatus;
use super::tenant_rules::not_found;
use crate::{Engine, Error, ErrorKind, RuleStorage, TenantId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Engine {
    /// The rule groups of a tenant by namespace.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is none, or none in the namespace that is asked for.
    pub fn rule_groups(
        &self,
        tenant: &TenantId,
        namespace: Option<&str>,
    ) -> Result<BTreeMap<String, Vec<RuleGroup>>, Error> {
        self.0.check_open()?;
        let mut all = self.namespaces(tenant).map_or_else(BTreeMap::new, |all| (*all).clone());
        all.retain(|name, _| namespace.is_none_or(|wanted| wanted == name));
        if all.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "no rule groups found"));
        }
        Ok(all)
    }

    /// The rule groups of all tenants that have any, by tenant and namespace.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`].
    pub fn all_rule_groups(&self) -> Result<BTreeMap<TenantId, BTreeMap<String, Vec<RuleGroup>>>, Error> {
        self.0.check_open()?;
        let storage = self.0.settings().rule_storage;
        let tenants = self.0.tenants.all().into_iter();
        let all = tenants.map(|(tenant, state)| (tenant, (*state.rules.namespaces(storage)).clone()));
        Ok(all.filter(|(_, namespaces)| !namespaces.is_empty()).collect())
    }

    fn namespaces(&self, tenant: &TenantId) -> Option<Arc<BTreeMap<String, Vec<RuleGroup>>>> {
        let storage = self.0.settings().rule_storage;
        Some(self.0.tenants.get(tenant)?.rules.namespaces(storage))
    }

    /// Refuses to change groups of a namespace (none: of any) that come from elsewhere.
    fn check_kept(&self, tenant: &TenantId, namespace: Option<&str>) -> Result<(), Error> {
        self.0.check_open()?;
        let is_given = match self.0.settings().rule_storage {
            RuleStorage::Kept => false,
            RuleStorage::Given => true,
            RuleStorage::Both => namespace.is_some_and(|name| {
                let state = self.0.tenants.get(tenant);
                state.is_some_and(|state| state.rules.is_given(name))
            }),
        };
        match is_given {
            false => Ok(()),
            true => Err(Error::new(
                ErrorKind::Forbidden,
                "rule groups come from elsewhere and cannot be changed here",
            )),
        }
    }

    /// One rule group of a tenant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`].
    pub fn rule_group(&self, tenant: &TenantId, namespace: &str, group: &str) -> Result<RuleGroup, Error> {
        self.0.check_open()?;
        let all = self.namespaces(tenant);
        let groups = all.as_ref().and_then(|all| all.get(namespace));
        let found = groups.and_then(|groups| groups.iter().find(|known| known.name == group));
        found.cloned().ok_or_else(|| not_found("group"))
    }

    /// Puts a rule group into a namespace, in the place of the one with its name. It is durable when this returns, and
    /// is evaluated by [`maintain`](Engine::maintain) from then on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] with everything that is wrong with it, [`ErrorKind::Io`];
    /// [`ErrorKind::Forbidden`] where groups come from elsewhere ([`RuleStorage::Given`]).
    ///
    /// ```
    /// use loki_core::{Engine, Rule, RuleGroup, Settings, TenantId};
    /// # let folder = tempfile::tempdir()?;
    /// let engine = Engine::open(folder.path(), Settings::default())?;
    /// let expr = r#"count_over_time({app="shop"} |= "error" [5m]) > 10"#.to_owned();
    /// let rule = Rule { alert: "ManyErrors".to_owned(), expr, ..Rule::default() };
    /// let group = RuleGroup { name: "shop".to_owned(), rules: vec![rule], ..RuleGroup::default() };
    /// engine.set_rule_group(&TenantId::single(), "alerts", &group)?;
    /// engine.maintain(engine.now())?;
    /// assert!(engine.rules(&TenantId::single())?[0].rules[0].alerts.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_rule_group(&self, tenant: &TenantId, namespace: &str, group: &RuleGroup) -> Result<(), Error> {
        self.check_kept(tenant, Some(namespace))?;
        let settings = self.0.settings();
        let limits = settings.limits(tenant);
        let problems = group.check(limits);
        if !problems.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, problems.join(", ")));
        }
        self.0.tenants.get_or_open(tenant)?.rules.set(namespace, group, limits)
    }

    /// Removes a rule group.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Io`], [`ErrorKind::Forbidden`] where groups come from elsewhere.
    pub fn remove_rule_group(&self, tenant: &TenantId, namespace: &str, group: &str) -> Result<(), Error> {
        self.check_kept(tenant, Some(namespace))?;
        let state = self.0.tenants.get(tenant).ok_or_else(|| not_found("group"))?;
        state.rules.remove(namespace, Some(group))
    }

    /// Removes all rule groups of a namespace.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Io`], [`ErrorKind::Forbidden`] where groups come from elsewhere.
    pub fn remove_rule_namespace(&self, tenant: &TenantId, namespace: &str) -> Result<(), Error> {
        self.check_kept(tenant, Some(namespace))?;
        let state = self.0.tenants.get(tenant).ok_or_else(|| not_found("group namespace"))?;
        state.rules.remove(namespace, None)
    }

    /// Removes all rule groups of a tenant, where it has any.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Io`], [`ErrorKind::Forbidden`] where groups come from elsewhere.
    pub fn remove_rules(&self, tenant: &TenantId) -> Result<(), Error> {
        self.check_kept(tenant, None)?;
        match self.0.tenants.get(tenant) {
            Some(state) => state.rules.remove_all(),
            None => Ok(()),
        }
    }

    /// Puts groups that are kept elsewhere, such as in files, in the place of those of a tenant that were given before.
    /// They live in memory, and count where [`Settings::rule_storage`](crate::Settings::rule_storage) says so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] with everything that is wrong with them, namespace, group and rule named,
    /// [`ErrorKind::Io`]; then the groups that were given before stay.
    pub fn give_rule_groups(
        &self,
        tenant: &TenantId,
        namespaces: BTreeMap<String, Vec<RuleGroup>>,
    ) -> Result<(), Error> {
        self.0.check_open()?;
        let settings = self.0.settings();
        let mut problems = Vec::new();
        for (namespace, groups) in &namespaces {
            let mut names = BTreeSet::new();
            for group in groups {
                let found = group.named_problems(settings.limits(tenant));
                problems.extend(found.into_iter().map(|problem| format!("{namespace}: {problem}")));
                if !names.insert(&group.name) {
                    problems.push(format!(
                        "{namespace}: groupname: {:?} is repeated in the same file",
                        group.name
                    ));
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, problems.join(", ")));
        }
        self.0.tenants.get_or_open(tenant)?.rules.give(namespaces);
        Ok(())
    }

    /// What the rules of a tenant have come to, by namespace and name of their groups.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`].
    pub fn rules(&self, tenant: &TenantId) -> Result<Vec<RuleGroupStatus>, Error> {
        self.0.check_open()?;
        let Some(state) = self.0.tenants.get(tenant) else {
            return Ok(Vec::new());
        };
        let settings = self.0.settings();
        let namespaces = state.rules.namespaces(settings.rule_storage);
        Ok(state.schedule.status(&namespaces, settings.rule_interval))
    }

    /// Names who delivers alerts and samples of rules from now on.
    pub fn set_notify(&self, notify: Arc<dyn Notify>) {
        self.0.notifier.set(notify);
    }
}
