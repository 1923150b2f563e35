//! The calls of the engine that are about delete requests.

use super::request::{DeleteRequest, NewDelete};
use crate::{DeletionMode, Engine, Error, ErrorKind, TenantId};
use std::sync::Arc;

impl Engine {
    /// Deletes lines: queries no longer find them when this returns. Their bytes go after
    /// [`Settings::delete_cancel_period`](crate::Settings::delete_cancel_period); until then
    /// [`cancel_delete`](Engine::cancel_delete) brings them back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidRequest`], [`ErrorKind::Forbidden`] where the tenant may not delete,
    /// [`ErrorKind::LimitExceeded`] where 10,000 requests wait, or 16 MiB of queries; [`ErrorKind::Io`].
    ///
    /// ```
    /// use loki_core::{Engine, NewDelete, PushRequest, QueryRequest, Settings, TenantId};
    /// # let folder = tempfile::tempdir()?;
    /// let engine = Engine::open(folder.path(), Settings::default())?;
    /// let tenant = TenantId::single();
    /// let lines = [(1_000_000_000, "hello"), (2_000_000_000, "password")];
    /// engine.push(&tenant, &PushRequest::new().with_stream([("app", "shop")], lines))?;
    /// let query = r#"{app="shop"} |= "password""#.parse()?;
    /// let request = engine.delete(&tenant, &NewDelete { query, start: 0, end: None, max_interval: None })?;
    /// let shop = QueryRequest::range(r#"{app="shop"}"#, 0, 3_000_000_000);
    /// assert_eq!(engine.query(&tenant, &shop)?.stats.entries_returned, 1);
    /// engine.cancel_delete(&tenant, &request.id, false)?;
    /// assert_eq!(engine.query(&tenant, &shop)?.stats.entries_returned, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn delete(&self, tenant: &TenantId, new: &NewDelete) -> Result<DeleteRequest, Error> {
        self.check_deletion(tenant)?;
        let inner = &*self.0;
        let state = inner.tenants.get_or_open(tenant)?;
        state
            .deletes
            .add(tenant, new, inner.clock.now(), inner.settings().delete_max_interval)
    }

    /// The delete requests of a tenant, by time of creation.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] where the tenant may not delete.
    pub fn delete_requests(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, Error> {
        self.check_deletion(tenant)?;
        Ok(self
            .0
            .tenants
            .get(tenant)
            .map_or_else(Vec::new, |state| state.deletes.requests()))
    }

    /// The delete requests of all tenants, newest first.
    pub fn all_delete_requests(&self) -> Vec<(TenantId, DeleteRequest)> {
        let mut all = Vec::new();
        for (tenant, state) in self.0.tenants.all() {
            all.extend(
                state
                    .deletes
                    .requests()
                    .into_iter()
                    .map(|request| (tenant.clone(), request)),
            );
        }
        all.sort_by_key(|(_, request)| std::cmp::Reverse(request.created_at));
        all
    }

    /// Takes a delete request back: what it hid is there again. One that is older than
    /// [`Settings::delete_cancel_period`](crate::Settings::delete_cancel_period) has to be forced.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::InvalidRequest`] where it is done, has begun, or is too old;
    /// [`ErrorKind::Forbidden`], [`ErrorKind::Io`].
    pub fn cancel_delete(&self, tenant: &TenantId, id: &str, force: bool) -> Result<(), Error> {
        self.check_deletion(tenant)?;
        let inner = &*self.0;
        let state = inner.tenants.get(tenant);
        let state =
            state.ok_or_else(|| Error::new(ErrorKind::NotFound, "could not find delete request with given id"))?;
        state
            .deletes
            .cancel(id, force, inner.clock.now(), inner.settings().delete_cancel_period)
    }

    /// A number that changes whenever a delete request of the tenant comes, goes or is done, so that whoever keeps
    /// answers knows when to forget them. None before the first request.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] where the tenant may not delete.
    pub fn delete_generation(&self, tenant: &TenantId) -> Result<Option<i64>, Error> {
        self.check_deletion(tenant)?;
        Ok(self.0.tenants.get(tenant).and_then(|state| state.deletes.generation()))
    }

    /// Says whether a tenant may delete at all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Forbidden`] where not.
    pub fn check_deletion(&self, tenant: &TenantId) -> Result<(), Error> {
        self.0.check_open()?;
        if self.0.settings().limits(tenant).deletion_mode == DeletionMode::Disabled {
            return Err(Error::new(
                ErrorKind::Forbidden,
                "deletion is not available for this tenant",
            ));
        }
        Ok(())
    }
}

impl crate::engine::Inner {
    /// What is hidden from the queries of a tenant. To be asked before its segments: a request that is done by then
    /// has removed what it hid from all of them.
    pub(crate) fn hidden(&self, tenant: &TenantId) -> Vec<Arc<super::DeleteFilter>> {
        match self.settings().limits(tenant).deletion_mode {
            DeletionMode::Disabled => Vec::new(),
            _ => self
                .tenants
                .get(tenant)
                .map_or_else(Vec::new, |state| state.deletes.filters()),
        }
    }
}
