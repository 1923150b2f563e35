//! The engine: open, push, query, maintain, close. Each call is a call into a room.

use crate::alarm::Alarm;
use crate::files::{DiskFiles, Files, Lock};
use crate::generation::Generations;
use crate::ingest::{Accepted, accept};
use crate::pattern::Patterns;
use crate::pause::Pause;
use crate::pool::Pool;
use crate::query::{self, EngineSource, Parts, ReadLimit, StatsCounter};
use crate::recovery::{self, Recovery};
use crate::ruler::Notifier;
use crate::spool::Spools;
use crate::tail::Tails;
use crate::tenants::Tenants;
use crate::wal::{Frame, RecordBuilder, Wal};
use crate::{
    Clock, Error, ErrorKind, IndexStats, Limits, Metrics, Period, PushRequest, QueryRequest, QueryResponse, QueryStats,
    Reader, SeriesRequest, Settings, SystemClock, TenantId,
};
use loki_logql::{Labels, Plan};
use std::io;
use std::path::{Path, PathBuf};
use std::slice::from_ref;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// An open log database. Cheap to clone; all clones are one engine.
///
/// ```
/// use loki_core::{Engine, PushRequest, QueryRequest, Settings, TenantId};
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::open(folder.path(), Settings::default())?;
/// let tenant = TenantId::single();
/// engine.push(&tenant, &PushRequest::new().with_stream([("app", "shop")], [(1_000_000_000, "hello")]))?;
/// let answer = engine.query(&tenant, &QueryRequest::range(r#"{app="shop"}"#, 0, 2_000_000_000))?;
/// assert_eq!(answer.stats.entries_returned, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Engine(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) settings: RwLock<Arc<Settings>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) generations: Generations,
    /// Rung where the head is full.
    pub(crate) alarm: Alarm,
    pub(crate) wal: Wal,
    pub(crate) tenants: Tenants,
    pub(crate) pool: Pool,
    pub(crate) counters: Counters,
    pub(crate) notifier: Notifier,
    /// When the engine was opened: alerts of groups that were there already go on.
    pub(crate) opened_at: i64,
    pub(crate) tails: Tails,
    pub(crate) patterns: Patterns,
    pub(crate) spools: Spools,
    /// Held while the head is flushed, one flush at a time.
    pub(crate) flush_turn: Mutex<()>,
    /// Between a flush that failed and pushes that would try again.
    pub(crate) flush_pause: Pause,
    /// Held while segments are merged or dropped, one step at a time.
    pub(crate) compact_turn: Mutex<()>,
    recovery: Recovery,
    /// Whether pushes are taken.
    takes_pushes: AtomicBool,
    closed: AtomicBool,
    /// Held, not read.
    _lock: Box<dyn Lock>,
}

/// What the engine has done since it was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flushes: AtomicU64,
    pub(crate) compactions: AtomicU64,
}

/// So long behind a flush that failed pushes that need one are refused without a try.
const FLUSH_REST: Period = Period::seconds(1);

impl Engine {
    /// Opens the database in the folder `path`, which is made where it is not there, and replays what was pushed and
    /// not flushed.
    ///
    /// Starts no thread: call [`maintain`](Engine::maintain) now and then, or start [`background`](crate::background).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Locked`] where another engine has it open, [`ErrorKind::Corrupt`], [`ErrorKind::Io`].
    pub fn open(path: impl AsRef<Path>, settings: Settings) -> Result<Engine, Error> {
        Engine::open_with(path, settings, Arc::new(DiskFiles), Arc::new(SystemClock))
    }

    /// Opens the database in `path` of another file system, by another clock. For tests.
    ///
    /// # Errors
    ///
    /// As [`open`](Engine::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        settings: Settings,
        files: Arc<dyn Files>,
        clock: Arc<dyn Clock>,
    ) -> Result<Engine, Error> {
        let folders = Folders::make(&*files, path.as_ref())?;
        let lock = files
            .lock(&path.as_ref().join("LOCK"))
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => Error::new(
                    ErrorKind::Locked,
                    format!("{} is open in another engine", path.as_ref().display()),
                ),
                _ => Error::io(path.as_ref().display(), error),
            })?;
        let now = clock.now();
        let tenants = Tenants::open(Arc::clone(&files), &folders.tenants)?;
        let replay = recovery::replay(&*files, &folders.wal, &tenants, &settings, now)?;
        let old_wal = replay.next_wal - 1;
        let wal = Wal::create(
            Arc::clone(&files),
            &folders.wal,
            replay.next_wal,
            replay.bytes,
            settings.wal_sync,
        )?;
        let pool = Pool::new(settings.query_threads);
        let engine = Engine(Arc::new(Inner {
            settings: RwLock::new(Arc::new(settings)),
            clock,
            generations: Generations::new(replay.head),
            alarm: Alarm::default(),
            wal,
            tenants,
            pool,
            counters: Counters::default(),
            notifier: Notifier::default(),
            opened_at: now,
            tails: Tails::default(),
            patterns: Patterns::default(),
            spools: Spools::new(Arc::clone(&files), path.as_ref().join("spool")),
            flush_turn: Mutex::default(),
            flush_pause: Pause::new(FLUSH_REST.as_nanos(), FLUSH_REST.as_nanos()),
            compact_turn: Mutex::default(),
            recovery: replay.report,
            takes_pushes: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            _lock: lock,
        }));
        // The flush lets all old log files go: damaged ones are kept for whoever wants to look at them.
        if engine.0.recovery.damaged.is_empty() && engine.0.generations.read().active.is_empty() {
            // Everything in the old files is in segments: without this every open would leave a file behind.
            engine.0.wal.remove_through(old_wal)?;
        }
        if !engine.0.recovery.damaged.is_empty() {
            recovery::set_aside(&*files, &folders.wal, &engine.0.recovery)?;
            engine.flush()?;
        }
        Ok(engine)
    }

    /// What the open found.
    pub fn recovery(&self) -> &Recovery {
        &self.0.recovery
    }

    /// Stores entries; returns once they are as durable as [`Settings::wal_sync`] says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidPush`] and [`ErrorKind::RateLimited`]: what broke a rule was left out, the rest is stored
    /// (labels that are none refuse the whole push, as does a tenant's rate). [`ErrorKind::EmptyPush`],
    /// [`ErrorKind::InvalidMetadata`], [`ErrorKind::LimitExceeded`] beyond 1 GiB at once, [`ErrorKind::Blocked`], [`ErrorKind::Io`], [`ErrorKind::Closed`]: nothing is
    /// stored.
    pub fn push(&self, tenant: &TenantId, request: &PushRequest<'_>) -> Result<(), Error> {
        let inner = &*self.0;
        inner.check_open()?;
        self.check_takes_pushes()?;
        let settings = inner.settings();
        let limits = settings.limits(tenant);
        let now = inner.clock.now();
        let state = inner.tenants.get_or_open(tenant)?;
        let (mut accepted, mut refusals) = accept(
            request,
            tenant,
            limits,
            &state.labels,
            &state.counters.of(request.format).discarded,
            now,
        )?;
        state.admit(tenant, limits, &accepted, now)?;
        inner.make_room(&settings)?;
        if !accepted.streams.is_empty() {
            let generation = inner.generations.read();
            // A stop waits for this lock: whoever has it and was not stopped is let through.
            self.check_takes_pushes()?;
            let head = generation.active.tenant_or_new(tenant);
            state.admit_streams(tenant, limits, &head, &mut accepted, &mut refusals, now);
            if !accepted.streams.is_empty() {
                inner.wal.append(record(tenant, &accepted)?)?;
                let created = generation.active.store(&head, &accepted, now);
                inner.tails.publish(tenant, &accepted, now);
                let is_full = inner.wants_flush(&generation, &settings);
                drop(generation);
                if is_full {
                    inner.alarm.ring();
                }
                if settings.pattern_ingester {
                    inner.patterns.observe(tenant, &accepted, now);
                }
                state.counters.received(&accepted, created);
            }
        }
        refusals.into_result()
    }

    fn check_takes_pushes(&self) -> Result<(), Error> {
        match self.takes_pushes() {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Closed, "the engine takes no more pushes")),
        }
    }

    /// Evaluates a LogQL query.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidQuery`], [`ErrorKind::LimitExceeded`], [`ErrorKind::Unsupported`], [`ErrorKind::TimedOut`],
    /// [`ErrorKind::Cancelled`], [`ErrorKind::Corrupt`].
    pub fn query(&self, tenant: &TenantId, request: &QueryRequest) -> Result<QueryResponse, Error> {
        self.reader(from_ref(tenant)).query(request)
    }

    /// Evaluates a query over what `reader` sees.
    pub(crate) fn evaluate(&self, reader: &Reader, request: &QueryRequest) -> Result<QueryResponse, Error> {
        let inner = &*self.0;
        inner.check_open()?;
        let started = inner.clock.now();
        let settings = inner.settings();
        let limits = &reader.limits();
        let expr = loki_logql::parse(&request.query)?;
        query::check_blocked(&request.query, &expr, limits)?;
        query::check(&expr, request, limits)?;
        if query::is_forgotten(request.time, limits, started) {
            let result = query::nothing(&expr, request.time);
            return Ok(QueryResponse {
                result,
                stats: QueryStats::default(),
            });
        }
        let scope = reader.scope();
        let plan = match Plan::compile(&expr) {
            Ok(plan) => plan,
            Err(error) if query::is_unseen(&error, &expr, &scope, request.time, started)? => {
                return Ok(QueryResponse {
                    result: query::nothing(&expr, request.time),
                    stats: QueryStats::default(),
                });
            }
            Err(error) => return Err(error.into()),
        };
        let stats = StatsCounter::default();
        let timeout = limits.query_timeout.as_nanos();
        let source = EngineSource {
            scope,
            pool: &inner.pool,
            stats: &stats,
            clock: &*inner.clock,
            max_memory_bytes: usize::try_from(settings.max_query_memory.0).unwrap_or(usize::MAX),
            deadline: if timeout > 0 {
                started.saturating_add(timeout)
            } else {
                i64::MAX
            },
            read_limit: ReadLimit::new(limits),
        };
        let asked = loki_logql::Request {
            time: query::clamp(request.time, plan.is_log(), limits, started),
            oldest: query::oldest(limits, started),
            limit: request.limit,
            direction: request.direction,
            interval: request.interval,
            categorize: request.categorize,
            now: started,
            limits: loki_logql::Limits {
                max_series: limits.max_query_series,
                max_memory_bytes: usize::try_from(settings.max_query_memory.0).unwrap_or(usize::MAX),
            },
            cancel: request.cancel.clone(),
        };
        let evaluation = plan.evaluate(&source, &asked).map_err(|error| {
            let cancelled = matches!(error.kind(), loki_logql::ErrorKind::Cancelled);
            if cancelled && inner.clock.now() > source.deadline {
                query::timed_out()
            } else {
                Error::from(error)
            }
        })?;
        let mut stats = stats.stats();
        stats.exec_nanos = u64::try_from(inner.clock.now().saturating_sub(started)).unwrap_or(0);
        stats.post_filter_lines = evaluation.post_filter_lines;
        stats.entries_returned = query::entries_returned(&evaluation.result);
        Ok(QueryResponse {
            result: evaluation.result,
            stats,
        })
    }

    /// The label names of the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidQuery`] where a selector is none, [`ErrorKind::Corrupt`].
    pub fn labels(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        self.reader(from_ref(tenant)).labels(request)
    }

    /// The values that the label `name` has in the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// As [`labels`](Engine::labels).
    pub fn label_values(&self, tenant: &TenantId, name: &str, request: &SeriesRequest) -> Result<Vec<String>, Error> {
        self.reader(from_ref(tenant)).label_values(name, request)
    }

    /// The label sets of the selected streams, sorted.
    ///
    /// # Errors
    ///
    /// As [`labels`](Engine::labels).
    pub fn series(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<Vec<Labels>, Error> {
        self.reader(from_ref(tenant)).series(request)
    }

    /// Streams, blocks, bytes and entries of the selected streams in a time range.
    ///
    /// # Errors
    ///
    /// As [`labels`](Engine::labels).
    pub fn index_stats(&self, tenant: &TenantId, request: &SeriesRequest) -> Result<IndexStats, Error> {
        self.reader(from_ref(tenant)).index_stats(request)
    }

    /// Takes no more pushes, and goes on with everything else. When it returns, every push was answered or will be
    /// refused: a [`flush`](Engine::flush) that follows leaves nothing behind in the write-ahead log.
    pub fn stop_pushes(&self) {
        self.0.takes_pushes.store(false, Ordering::SeqCst);
        // Whoever is pushing is let through first.
        drop(self.0.generations.write());
    }

    /// Whether [`stop_pushes`](Engine::stop_pushes) was not called.
    pub fn takes_pushes(&self) -> bool {
        self.0.takes_pushes.load(Ordering::SeqCst)
    }

    /// Syncs the write-ahead log and takes no more calls. What is in memory is replayed by the next open.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] where the sync fails.
    pub fn close(&self) -> Result<(), Error> {
        if self.0.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        // Whoever is pushing is let through first.
        drop(self.0.generations.write());
        self.0.tails.wake_all();
        self.0.wal.sync_now()
    }

    /// What the engine holds and has done.
    pub fn metrics(&self) -> Metrics {
        crate::metrics::collect(&self.0)
    }

    /// The limits that hold for `tenant`.
    pub fn limits(&self, tenant: &TenantId) -> Limits {
        self.0.settings().limits(tenant).clone()
    }

    /// Puts other limits into force, for all tenants.
    pub fn set_limits(&self, limits: Limits, overrides: std::collections::BTreeMap<TenantId, Limits>) {
        let mut settings = self.0.settings.write().unwrap_or_else(PoisonError::into_inner);
        *settings = Arc::new(Settings {
            limits,
            overrides,
            ..(**settings).clone()
        });
        // What was found out about labels depends on limits.
        self.0
            .tenants
            .all()
            .iter()
            .for_each(|(_, tenant)| tenant.labels.clear());
    }

    /// The time by the engine's clock, in nanoseconds.
    pub fn now(&self) -> i64 {
        self.0.clock.now()
    }
}

impl Inner {
    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
        }
        Ok(())
    }

    /// What a query of `tenant` reads.
    pub(crate) fn parts(&self, tenant: &TenantId) -> Parts {
        let hidden = self.hidden(tenant);
        // Heads before segments: what is flushed in between is seen twice and told apart, never missed.
        let state = self.tenants.get(tenant);
        let (flushing, active) = {
            let generation = self.generations.read();
            (generation.flushing.clone(), Arc::clone(&generation.active))
        };
        // What a flush has written for this tenant counts as segment alone, while it goes on with others.
        let is_written = |wal_through| state.as_ref().is_some_and(|s| s.store.wal_through() >= wal_through);
        let flushing = flushing.filter(|flushing| !is_written(flushing.wal_through));
        let heads = flushing.map(|flushing| flushing.head).into_iter().chain([active]);
        let heads = heads.filter_map(|head| head.tenant(tenant)).collect();
        let segments = state.map_or_else(Vec::new, |state| state.store.live().to_vec());
        Parts {
            heads,
            segments,
            hidden,
        }
    }
}

fn record(tenant: &TenantId, accepted: &Accepted<'_>) -> Result<Frame, Error> {
    let mut record = RecordBuilder::new(tenant, accepted.bytes as usize);
    for stream in &accepted.streams {
        record.stream(stream.labels.labels.iter(), stream.len());
        accepted.each(stream, |timestamp, line, metadata| {
            record.entry(timestamp, line, metadata)
        });
    }
    record.finish()
}

/// Where things are in the folder of an engine.
struct Folders {
    wal: PathBuf,
    tenants: PathBuf,
}

impl Folders {
    fn make(files: &dyn Files, root: &Path) -> Result<Folders, Error> {
        let folders = Folders {
            wal: root.join("wal"),
            tenants: root.join("tenants"),
        };
        for folder in [root, &folders.wal, &folders.tenants] {
            files
                .create_folder(folder)
                .map_err(|e| Error::io(folder.display(), e))?;
        }
        files.sync_folder(root).map_err(|e| Error::io(root.display(), e))?;
        Ok(folders)
    }
}
