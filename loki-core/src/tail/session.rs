//! The reading side of a tail.

use super::buffer::FRAME_ENTRIES;
use super::request::TailRequest;
use super::subscription::Subscription;
use crate::engine::Inner;
use crate::query::{self, EngineSource, Parts, ReadLimit, Scope, StatsCounter};
use crate::{Engine, Error, ErrorKind, Limits, Period, QueryRequest, TenantId};
use loki_logql::{Direction, Labels, Plan, QueryResult, ResultEntry};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// An open tail: entries of the past first, then those that are pushed from now on, none missing and none twice (though
/// a push that is sent again is handed over again).
///
/// Who reads too slowly loses entries, and is told which. A tail keeps its engine open; dropping it ends it.
///
/// ```
/// use loki_core::{Engine, PushRequest, Settings, TailRequest, TenantId};
/// use std::time::Duration;
/// # let folder = tempfile::tempdir()?;
/// let engine = Engine::open(folder.path(), Settings::default())?;
/// let tenant = TenantId::single();
/// let mut tail = engine.tail(&tenant, &TailRequest::new(r#"{app="shop"}"#, engine.now()))?;
/// engine.push(&tenant, &PushRequest::new().with_stream([("app", "shop")], [(engine.now(), "hello")]))?;
/// let frame = tail.next(Duration::from_secs(1))?.expect("an entry was pushed");
/// assert_eq!(frame.entries[0].entry.line, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tail {
    engine: Engine,
    subscription: Arc<Subscription>,
    /// Entries of the past, oldest first.
    history: VecDeque<TailEntry>,
    /// When the tail is ended; `i64::MAX`: never.
    ends: i64,
}

/// Entries that are sent together, at most 100, and what was dropped before them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TailFrame {
    /// In the order of their timestamps, as far as could be waited for.
    pub entries: Vec<TailEntry>,
    /// The first of the entries dropped since the last frame because the reader was slow: 1000 at most, with a mebibyte
    /// of labels.
    pub dropped: Vec<DroppedEntry>,
}

/// One entry and its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct TailEntry {
    /// As those of a [`ResultStream`](loki_logql::ResultStream); of live entries of a query that is only a selector
    /// the labels of the stream alone.
    pub labels: Labels,
    /// The entry behind the pipeline.
    pub entry: ResultEntry,
}

/// An entry that its reader was too slow for.
#[derive(Debug, Clone, PartialEq)]
pub struct DroppedEntry {
    /// Nanoseconds.
    pub timestamp: i64,
    /// Its labels.
    pub labels: Labels,
}

impl Engine {
    /// Follows a log query: the newest entries that are there, then every entry that is pushed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidQuery`], also of metric queries; [`ErrorKind::RateLimited`] where the tenant has as many
    /// tails as it may have; the errors of [`query`](Engine::query).
    pub fn tail(&self, tenant: &TenantId, request: &TailRequest) -> Result<Tail, Error> {
        let inner = &*self.0;
        inner.check_open()?;
        let started = inner.clock.now();
        let settings = inner.settings();
        let limits = settings.limits(tenant);
        let expr = request.parse()?;
        let subscription = Arc::new(Subscription::new(tenant, &expr, request)?);
        query::check_blocked(&request.query, &expr, limits)?;
        let past = QueryRequest::range(&request.query, request.start, started.max(request.start)).limit(0);
        query::check(&expr, &past, limits)?;
        let scope = inner.subscribe(&subscription, limits)?;
        let longest = settings.tail_max_duration;
        // From here on dropping the tail takes the subscription away again.
        let mut tail = Tail {
            engine: self.clone(),
            subscription,
            history: VecDeque::new(),
            ends: if longest > Period::ZERO {
                started.saturating_add(longest.as_nanos())
            } else {
                i64::MAX
            },
        };
        tail.history = inner.history(&tail.subscription.plan, scope, request, limits, started)?;
        Ok(tail)
    }
}

impl Inner {
    /// Takes in a subscription, and answers what there was for it just before.
    fn subscribe(&self, subscription: &Arc<Subscription>, limits: &Limits) -> Result<Scope, Error> {
        let most = limits.max_concurrent_tail_requests;
        // No push is between its entries and its subscribers while this lock is held: what is not in the scope will be
        // handed over, and nothing is in both.
        let hidden = self.hidden(&subscription.tenant);
        let generation = self.generations.write();
        self.tails.register(subscription, most).map_err(|count| {
            let text = format!("max concurrent tail requests limit exceeded, count > limit ({count} > {most})");
            Error::new(ErrorKind::RateLimited, text)
        })?;
        let heads = generation.all().filter_map(|head| head.tenant(&subscription.tenant));
        let heads = heads
            .map(|head| Arc::new(head.frozen(&subscription.predicates)))
            .collect();
        let state = self.tenants.get(&subscription.tenant);
        let segments = state.map_or_else(Vec::new, |state| state.store.live().to_vec());
        let parts = Parts {
            hidden,
            heads,
            segments,
        };
        Ok(Scope::new(vec![(subscription.tenant.clone(), parts)], false))
    }

    /// The newest entries of `scope` since the start that was asked for, oldest first.
    fn history(
        &self,
        plan: &Plan,
        scope: Scope,
        request: &TailRequest,
        limits: &Limits,
        started: i64,
    ) -> Result<VecDeque<TailEntry>, Error> {
        let stats = StatsCounter::default();
        let timeout = limits.query_timeout.as_nanos();
        let deadline = if timeout > 0 {
            started.saturating_add(timeout)
        } else {
            i64::MAX
        };
        let source = EngineSource {
            scope,
            pool: &self.pool,
            stats: &stats,
            clock: &*self.clock,
            max_memory_bytes: usize::try_from(self.settings().max_query_memory.0).unwrap_or(usize::MAX),
            deadline,
            read_limit: ReadLimit::new(limits),
        };
        // Entries from the near future are among those that no push will hand over any more.
        let past = QueryRequest::range(&request.query, request.start, i64::MAX).time;
        let asked = loki_logql::Request {
            limit: request.limit,
            direction: Direction::Backward,
            categorize: request.categorize,
            now: started,
            limits: loki_logql::Limits {
                max_series: limits.max_query_series,
                max_memory_bytes: usize::try_from(self.settings().max_query_memory.0).unwrap_or(usize::MAX),
            },
            ..loki_logql::Request::new(query::clamp(past, true, limits, started))
        };
        let evaluation = plan.evaluate(&source, &asked).map_err(|error| {
            let cancelled = matches!(error.kind(), loki_logql::ErrorKind::Cancelled);
            if cancelled {
                query::timed_out()
            } else {
                Error::from(error)
            }
        })?;
        let QueryResult::Streams(streams) = evaluation.result else {
            unreachable!("a log query answers streams");
        };
        let of_stream = |stream: loki_logql::ResultStream| {
            let labels = stream.labels;
            // Newest first; the stable sort below keeps the order of equal timestamps.
            stream.entries.into_iter().rev().map(move |entry| TailEntry {
                labels: labels.clone(),
                entry,
            })
        };
        let mut entries: Vec<TailEntry> = streams.into_iter().flat_map(of_stream).collect();
        entries.sort_by_key(|entry| entry.entry.timestamp);
        Ok(entries.into())
    }
}

impl Tail {
    /// The next frame, where there is one now.
    ///
    /// # Errors
    ///
    /// The tail has ended: [`ErrorKind::Closed`] with the engine, [`ErrorKind::LimitExceeded`] after
    /// [`Settings::tail_max_duration`](crate::Settings::tail_max_duration).
    pub fn try_next(&mut self) -> Result<Option<TailFrame>, Error> {
        let inner = &*self.engine.0;
        inner.check_open()?;
        let now = inner.clock.now();
        if now >= self.ends {
            return Err(Error::new(ErrorKind::LimitExceeded, "reached tail max duration limit"));
        }
        let frame = if self.history.is_empty() {
            self.subscription.with_buffer(|buffer| TailFrame {
                entries: buffer.take(now),
                dropped: buffer.take_dropped(),
            })
        } else {
            let entries = self.history.drain(..self.history.len().min(FRAME_ENTRIES)).collect();
            TailFrame {
                entries,
                dropped: Vec::new(),
            }
        };
        if frame.entries.is_empty() && frame.dropped.is_empty() {
            return Ok(None);
        }
        inner
            .tails
            .count_read(frame.entries.iter().map(|entry| entry.entry.line.len()).sum());
        Ok(Some(frame))
    }

    /// Waits for the next frame; `None` where the time is over before there is one.
    ///
    /// # Errors
    ///
    /// As [`try_next`](Tail::try_next).
    pub fn next(&mut self, timeout: Duration) -> Result<Option<TailFrame>, Error> {
        let nanos = i64::try_from(timeout.as_nanos()).unwrap_or(i64::MAX);
        let deadline = self.engine.now().saturating_add(nanos);
        loop {
            let seen = self.subscription.with_buffer(|buffer| buffer.arrived());
            if let Some(frame) = self.try_next()? {
                return Ok(Some(frame));
            }
            let until = deadline.min(self.ends).min(self.due().unwrap_or(i64::MAX));
            let time = until.saturating_sub(self.engine.now()).max(0);
            if self.subscription.wait(seen, Duration::from_nanos(time.unsigned_abs())) && until == deadline {
                return self.try_next();
            }
        }
    }

    /// Whether a full frame waits.
    pub fn has_full_frame(&self) -> bool {
        let now = self.engine.now();
        self.history.len() >= FRAME_ENTRIES || self.subscription.with_buffer(|buffer| buffer.has_frame(now))
    }

    /// When the oldest entry that is held back may be sent, in nanoseconds; `None` where none waits.
    pub fn due(&self) -> Option<i64> {
        self.subscription.with_buffer(|buffer| buffer.due())
    }

    /// Calls `waker` from now on, on the thread of whoever pushes, when entries have come or the engine is closed. It
    /// must not block; an async runtime is given what wakes the task that calls [`try_next`](Tail::try_next).
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.subscription.set_waker(Arc::new(waker));
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.engine.0.tails.remove(&self.subscription);
    }
}
