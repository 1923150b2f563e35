//! What one query sees: the parts of one tenant, or of several whose streams then say whose they are.

use super::finder::Finder;
use super::metadata;
use super::required::Required;
use super::select::{Parts, lower};
use crate::{Error, IndexStats, TenantId};
use loki_chunk::Direction;
use loki_logql::Labels;
use loki_logql::ast::{Matcher, Selector};
use std::collections::BTreeSet;
use std::ops::Range;

/// The label that names the tenant of a stream, where a query sees several.
pub(crate) const TENANT: &str = "__tenant_id__";
/// Where a stream's own label of that name goes then.
const ORIGINAL: &str = "original___tenant_id__";

/// The parts of the tenants that a query reads.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    tenants: Vec<(TenantId, Parts)>,
    /// Whether streams carry the label of their tenant, and matchers on it choose tenants.
    is_labelled: bool,
}

/// What matchers choose: tenants, and the matchers that are left for their streams.
#[derive(Debug)]
struct Chosen<'s> {
    tenants: Vec<&'s (TenantId, Parts)>,
    matchers: Vec<Matcher>,
}

impl Scope {
    pub(crate) fn new(tenants: Vec<(TenantId, Parts)>, is_labelled: bool) -> Scope {
        Scope { tenants, is_labelled }
    }

    /// Whether `matchers` select a stream with entries in `start..end`.
    ///
    /// # Errors
    ///
    /// A matcher that does not compile, a damaged segment.
    pub(super) fn selects_any(&self, matchers: &[Matcher], start: i64, end: i64) -> Result<bool, loki_logql::Error> {
        let mut finder = self.finder(matchers, start..end, Required::default(), Direction::Forward)?;
        finder.open_all(None)?;
        Ok(!finder.into_streams().is_empty())
    }

    /// Finds the blocks with entries in `times` of the streams that `matchers` select, without those that cannot hold
    /// what is `required`.
    ///
    /// # Errors
    ///
    /// A matcher that does not compile.
    pub(super) fn finder(
        &self,
        matchers: &[Matcher],
        times: Range<i64>,
        required: Required,
        direction: Direction,
    ) -> Result<Finder<'_>, loki_logql::Error> {
        let mut finder = Finder::new(times, required, direction);
        if self.is_labelled {
            let Chosen { tenants, matchers } = self.choose(matchers)?;
            for (tenant, parts) in tenants {
                finder.add(parts, lower(&matchers)?, Some(tenant));
            }
        } else {
            for (_, parts) in &self.tenants {
                finder.add(parts, lower(matchers)?, None);
            }
        }
        Ok(finder)
    }

    /// As [`metadata::series`].
    ///
    /// # Errors
    ///
    /// As [`metadata::series`].
    pub(crate) fn series(&self, selectors: &[Selector], start: i64, end: i64) -> Result<BTreeSet<Labels>, Error> {
        let mut found = BTreeSet::new();
        self.each(selectors, |tenant, parts, selectors| {
            let series = metadata::series(parts, selectors, start, end)?;
            found.extend(series.into_iter().map(|labels| match self.is_labelled {
                true => labelled(&labels, tenant),
                false => labels,
            }));
            Ok(())
        })?;
        Ok(found)
    }

    /// As [`metadata::label_names`].
    ///
    /// # Errors
    ///
    /// As [`metadata::series`].
    pub(crate) fn label_names(&self, selectors: &[Selector], start: i64, end: i64) -> Result<BTreeSet<String>, Error> {
        let mut names = BTreeSet::new();
        self.each(selectors, |_, parts, selectors| {
            names.append(&mut metadata::label_names(parts, selectors, start, end)?);
            Ok(())
        })?;
        if self.is_labelled && !names.is_empty() {
            names.insert(TENANT.to_owned());
        }
        Ok(names)
    }

    /// As [`metadata::label_values`].
    ///
    /// # Errors
    ///
    /// As [`metadata::series`].
    pub(crate) fn label_values(
        &self,
        name: &str,
        selectors: &[Selector],
        start: i64,
        end: i64,
    ) -> Result<BTreeSet<String>, Error> {
        let is_tenant = self.is_labelled && name == TENANT;
        let name = if self.is_labelled && name == ORIGINAL {
            TENANT
        } else {
            name
        };
        let mut values = BTreeSet::new();
        self.each(selectors, |tenant, parts, selectors| {
            if is_tenant {
                values.insert(tenant.to_string());
            } else {
                values.append(&mut metadata::label_values(parts, name, selectors, start, end)?);
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// As [`metadata::index_stats`], of all tenants together.
    ///
    /// # Errors
    ///
    /// As [`metadata::series`].
    pub(crate) fn index_stats(&self, selectors: &[Selector], start: i64, end: i64) -> Result<IndexStats, Error> {
        let mut sum = IndexStats::default();
        self.each(selectors, |_, parts, selectors| {
            let stats = metadata::index_stats(parts, selectors, start, end)?;
            sum.streams += stats.streams;
            sum.chunks += stats.chunks;
            sum.bytes += stats.bytes;
            sum.entries += stats.entries;
            Ok(())
        })?;
        Ok(sum)
    }

    /// Hands each tenant that a selector chooses to `each`, with what of the selector is about its streams.
    ///
    /// # Errors
    ///
    /// A matcher that does not compile, what `each` answers.
    pub(super) fn each(
        &self,
        selectors: &[Selector],
        mut each: impl FnMut(&TenantId, &Parts, &[Selector]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if !self.is_labelled || selectors.is_empty() {
            return self
                .tenants
                .iter()
                .try_for_each(|(tenant, parts)| each(tenant, parts, selectors));
        }
        for selector in selectors {
            let Chosen { tenants, matchers } = self.choose(&selector.matchers)?;
            let rest = [Selector {
                matchers,
                span: selector.span,
            }];
            tenants
                .into_iter()
                .try_for_each(|(tenant, parts)| each(tenant, parts, &rest))?;
        }
        Ok(())
    }

    /// The tenants that the matchers on their label choose, and the other matchers.
    fn choose(&self, matchers: &[Matcher]) -> Result<Chosen<'_>, loki_logql::Error> {
        let (on_tenant, rest): (Vec<Matcher>, Vec<Matcher>) =
            matchers.iter().cloned().partition(|matcher| matcher.name == TENANT);
        let predicates = lower(&on_tenant)?;
        let is_chosen = |tenant: &TenantId| predicates.iter().all(|predicate| predicate.matches(tenant.as_str()));
        Ok(Chosen {
            tenants: self.tenants.iter().filter(|(tenant, _)| is_chosen(tenant)).collect(),
            matchers: rest,
        })
    }
}

/// The labels of a stream with that of its tenant.
pub(super) fn labelled(labels: &Labels, tenant: &TenantId) -> Labels {
    let own = labels
        .iter()
        .map(|(name, value)| (if name == TENANT { ORIGINAL } else { name }, value));
    Labels::from_pairs(own.chain([(TENANT, tenant.as_str())]))
}
