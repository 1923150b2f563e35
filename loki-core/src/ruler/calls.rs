//! The calls of the engine that are about rules.

use super::group::RuleGroup;
use super::notify::Notify;
use super::status::RuleGroupStatus;
use super::tenant_rules::not_found;
use crate::{Engine, Error, ErrorKind, TenantId};
use std::collections::BTreeMap;
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
        let all = self.0.tenants.get(tenant).map(|state| state.rules.namespaces());
        let mut all = all.map_or_else(BTreeMap::new, |all| (*all).clone());
        all.retain(|name, _| namespace.is_none_or(|wanted| wanted == name));
        if all.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, "no rule groups found"));
        }
        Ok(all)
    }

    /// One rule group of a tenant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`].
    pub fn rule_group(&self, tenant: &TenantId, namespace: &str, group: &str) -> Result<RuleGroup, Error> {
        self.0.check_open()?;
        let all = self.0.tenants.get(tenant).map(|state| state.rules.namespaces());
        let groups = all.as_ref().and_then(|all| all.get(namespace));
        let found = groups.and_then(|groups| groups.iter().find(|known| known.name == group));
        found.cloned().ok_or_else(|| not_found("group"))
    }

    /// Puts a rule group into a namespace, in the place of the one with its name. It is durable when this returns, and
    /// is evaluated by [`maintain`](Engine::maintain) from then on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] with everything that is wrong with it, [`ErrorKind::Io`].
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
        self.0.check_open()?;
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
    /// [`ErrorKind::NotFound`], [`ErrorKind::Io`].
    pub fn remove_rule_group(&self, tenant: &TenantId, namespace: &str, group: &str) -> Result<(), Error> {
        self.0.check_open()?;
        let state = self.0.tenants.get(tenant).ok_or_else(|| not_found("group"))?;
        state.rules.remove(namespace, Some(group))
    }

    /// Removes all rule groups of a namespace.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::Io`].
    pub fn remove_rule_namespace(&self, tenant: &TenantId, namespace: &str) -> Result<(), Error> {
        self.0.check_open()?;
        let state = self.0.tenants.get(tenant).ok_or_else(|| not_found("group namespace"))?;
        state.rules.remove(namespace, None)
    }

    /// Evaluates groups that are kept elsewhere, such as in files, beside those of
    /// [`set_rule_group`](Engine::set_rule_group), in the place of those that were given before. They live in memory
    /// and cannot be changed by the other calls.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`] with everything that is wrong with them, [`ErrorKind::Io`]; then the groups that
    /// were given before stay.
    pub fn give_rule_groups(
        &self,
        tenant: &TenantId,
        namespaces: BTreeMap<String, Vec<RuleGroup>>,
    ) -> Result<(), Error> {
        self.0.check_open()?;
        let settings = self.0.settings();
        let groups = namespaces.values().flatten();
        let problems: Vec<String> = groups.flat_map(|group| group.check(settings.limits(tenant))).collect();
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
        Ok(state
            .schedule
            .status(&state.rules.namespaces(), self.0.settings().rule_interval))
    }

    /// Names who delivers alerts and samples of rules from now on.
    pub fn set_notify(&self, notify: Arc<dyn Notify>) {
        self.0.notifier.set(notify);
    }
}
