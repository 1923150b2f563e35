//! The reading side of an engine, for one tenant or several.

use crate::query::{self, Scope, VolumeBounds};
use crate::{
    DetectedField, DetectedLabel, Engine, Error, FieldRequest, IndexStats, Limits, QueryRequest, QueryResponse,
    QueryStats, SeriesRequest, TenantId, VolumeRequest,
};
use loki_logql::Labels;
use loki_logql::ast::Selector;

/// Asks an engine about the data of one tenant, or of several at once.
///
/// Of several tenants every stream carries the label `__tenant_id__` (its own label of that name becomes
/// `original___tenant_id__`), matchers on `__tenant_id__` choose tenants, and of each limit the smallest holds.
///
/// ```
/// use loki_core::{Engine, PushRequest, SeriesRequest, Settings, TenantId};
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::open(folder.path(), Settings::default())?;
/// let tenants: [TenantId; 2] = ["a".parse()?, "b".parse()?];
/// for tenant in &tenants {
///     engine.push(tenant, &PushRequest::new().with_stream([("app", "shop")], [(1, "hello")]))?;
/// }
/// let everything = SeriesRequest { start: 0, end: 2, selectors: Vec::new() };
/// assert_eq!(engine.reader(&tenants).series(&everything)?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Reader {
    engine: Engine,
    /// Sorted, each once.
    tenants: Vec<TenantId>,
    is_labelled: bool,
}

/// The streams that a request is about.
struct Selected {
    scope: Scope,
    selectors: Vec<Selector>,
    start: i64,
    end: i64,
}

impl Engine {
    /// The reading side for these tenants; each counts once.
    pub fn reader(&self, tenants: &[TenantId]) -> Reader {
        let mut tenants = tenants.to_vec();
        tenants.sort();
        tenants.dedup();
        Reader {
            engine: self.clone(),
            is_labelled: tenants.len() > 1,
            tenants,
        }
    }
}

impl Reader {
    /// The label that names the tenant of a stream.
    pub const TENANT_LABEL: &str = query::TENANT;

    /// The same, whose streams carry the label of their tenant even where there is one tenant.
    #[must_use]
    pub fn labelled(mut self) -> Reader {
        self.is_labelled = true;
        self
    }

    /// As [`Engine::query`].
    ///
    /// # Errors
    ///
    /// As [`Engine::query`].
    pub fn query(&self, request: &QueryRequest) -> Result<QueryResponse, Error> {
        self.engine.evaluate(self, request)
    }

    /// The label names of the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// [`InvalidQuery`](crate::ErrorKind::InvalidQuery) where a selector is none,
    /// [`Corrupt`](crate::ErrorKind::Corrupt).
    pub fn labels(&self, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        let Selected {
            scope,
            selectors,
            start,
            end,
        } = self.select(request)?;
        Ok(scope.label_names(&selectors, start, end)?.into_iter().collect())
    }

    /// The values that the label `name` has in the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// As [`labels`](Reader::labels).
    pub fn label_values(&self, name: &str, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        let Selected {
            scope,
            selectors,
            start,
            end,
        } = self.select(request)?;
        Ok(scope.label_values(name, &selectors, start, end)?.into_iter().collect())
    }

    /// The label sets of the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// As [`labels`](Reader::labels).
    pub fn series(&self, request: &SeriesRequest) -> Result<Vec<Labels>, Error> {
        let Selected {
            scope,
            selectors,
            start,
            end,
        } = self.select(request)?;
        Ok(scope.series(&selectors, start, end)?.into_iter().collect())
    }

    /// Streams, blocks, bytes and entries of the selected streams in a time range.
    ///
    /// # Errors
    ///
    /// As [`labels`](Reader::labels).
    pub fn index_stats(&self, request: &SeriesRequest) -> Result<IndexStats, Error> {
        let Selected {
            scope,
            selectors,
            start,
            end,
        } = self.select(request)?;
        scope.index_stats(&selectors, start, end)
    }

    /// As [`Engine::volume`].
    ///
    /// # Errors
    ///
    /// As [`Engine::volume`].
    pub fn volume(&self, request: &VolumeRequest) -> Result<QueryResponse, Error> {
        self.engine.0.check_open()?;
        let started = self.engine.now();
        let limits = self.limits();
        query::check_volume(&limits)?;
        let selector = query::any_selector(&request.selector)?;
        let (scope, start) = self.reach(request.start, request.end);
        let request = VolumeRequest {
            start,
            ..request.clone()
        };
        let bounds = VolumeBounds {
            series: limits.volume_max_series,
            memory: self.engine.0.settings().max_query_memory,
        };
        let result = query::volume(&scope, &selector, &request, bounds)?;
        let exec_nanos = u64::try_from(self.engine.now().saturating_sub(started)).unwrap_or(0);
        let entries_returned = query::entries_returned(&result);
        Ok(QueryResponse {
            result,
            stats: QueryStats {
                exec_nanos,
                entries_returned,
                ..QueryStats::default()
            },
        })
    }

    /// As [`Engine::detected_labels`].
    ///
    /// # Errors
    ///
    /// As [`labels`](Reader::labels).
    pub fn detected_labels(&self, request: &SeriesRequest) -> Result<Vec<DetectedLabel>, Error> {
        let Selected {
            scope,
            selectors,
            start,
            end,
        } = self.select(request)?;
        query::detected_labels(&scope, &selectors, start, end)
    }

    /// As [`Engine::detected_fields`].
    ///
    /// # Errors
    ///
    /// As [`Engine::query`].
    pub fn detected_fields(&self, request: &FieldRequest) -> Result<Vec<DetectedField>, Error> {
        Ok(query::detected_fields(&self.sample(request)?, request.limit))
    }

    /// As [`Engine::detected_field_values`].
    ///
    /// # Errors
    ///
    /// As [`Engine::query`].
    pub fn detected_field_values(&self, name: &str, request: &FieldRequest) -> Result<Vec<String>, Error> {
        Ok(query::detected_field_values(
            &self.sample(request)?,
            name,
            request.limit,
        ))
    }

    /// The newest lines of a log query, their labels told apart.
    fn sample(&self, request: &FieldRequest) -> Result<Vec<loki_logql::ResultStream>, Error> {
        let query = query::sample(request)?;
        match self.query(&query)?.result {
            loki_logql::QueryResult::Streams(streams) => Ok(streams),
            _ => Ok(Vec::new()),
        }
    }

    /// The limits of its queries.
    pub(crate) fn limits(&self) -> Limits {
        let settings = self.engine.0.settings();
        Limits::strictest(self.tenants.iter().map(|tenant| settings.limits(tenant)))
    }

    /// What its queries see.
    pub(crate) fn scope(&self) -> Scope {
        let parts = |tenant: &TenantId| (tenant.clone(), self.engine.0.parts(tenant));
        Scope::new(self.tenants.iter().map(parts).collect(), self.is_labelled)
    }

    fn select(&self, request: &SeriesRequest) -> Result<Selected, Error> {
        self.engine.0.check_open()?;
        let selectors = query::selectors(&request.selectors)?;
        let (scope, start) = self.reach(request.start, request.end);
        Ok(Selected {
            scope,
            selectors,
            start,
            end: request.end,
        })
    }

    /// What may be seen of `start..=end`, and from when on: not what lies before the lookback.
    fn reach(&self, start: i64, end: i64) -> (Scope, i64) {
        let oldest = query::oldest(&self.limits(), self.engine.now());
        if end < oldest {
            return (Scope::new(Vec::new(), self.is_labelled), start);
        }
        (self.scope(), start.max(oldest))
    }
}
