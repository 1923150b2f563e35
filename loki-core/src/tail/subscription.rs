//! One tail as the pushing side sees it.

use super::buffer::Buffer;
use super::request::TailRequest;
use super::session::TailEntry;
use crate::{Error, ErrorKind, TenantId, query};
use loki_index::Predicate;
use loki_logql::ast::Expr;
use loki_logql::source::EntryBatch;
use loki_logql::{Labels, Plan, ResultEntry};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a tail selects, and where its entries wait for the reader.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) tenant: TenantId,
    pub(super) predicates: Vec<Predicate>,
    pub(super) plan: Plan,
    /// Whether the query is more than a selector.
    has_stages: bool,
    categorize: bool,
    state: Mutex<State>,
    /// Signalled when entries have come.
    arrival: Condvar,
}

/// Called when entries have come.
type Waker = Arc<dyn Fn() + Send + Sync>;

struct State {
    buffer: Buffer,
    waker: Option<Waker>,
}

impl Subscription {
    /// What `request` selects, whose query is `expr`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidQuery`] of a metric query, and where a matcher or a stage does not compile.
    pub(super) fn new(tenant: &TenantId, expr: &Expr, request: &TailRequest) -> Result<Subscription, Error> {
        let Expr::Log(log) = expr else {
            return Err(Error::new(ErrorKind::InvalidQuery, "only log selector is supported"));
        };
        let state = State {
            buffer: Buffer::new(request.delay),
            waker: None,
        };
        Ok(Subscription {
            tenant: tenant.clone(),
            predicates: query::lower(&log.selector.matchers)?,
            has_stages: !log.stages.is_empty(),
            plan: Plan::compile(expr)?,
            categorize: request.categorize,
            state: Mutex::new(state),
            arrival: Condvar::new(),
        })
    }

    /// Whether the stream with these labels is tailed.
    pub(super) fn selects(&self, labels: &Labels) -> bool {
        self.predicates
            .iter()
            .all(|predicate| predicate.matches(labels.value(predicate.name()).unwrap_or_default()))
    }

    /// Takes what passes of entries that came at `now` to the stream with these labels.
    pub(super) fn offer(&self, labels: &Labels, batch: &EntryBatch, now: i64) {
        let mut passed = Vec::new();
        if self.has_stages {
            // A new runner each time: one that stayed would keep all label sets that ever came out.
            let Some(mut runner) = self.plan.log_runner(now) else {
                return;
            };
            runner.run(labels, batch, self.categorize, &mut |labels, entry| {
                passed.push(TailEntry { labels, entry })
            });
        } else {
            // Of a selector alone Loki shows the labels of the stream, without structured metadata.
            let columns = batch.columns();
            passed.extend(columns.timestamps.iter().enumerate().map(|(i, &timestamp)| TailEntry {
                labels: labels.clone(),
                entry: ResultEntry {
                    timestamp,
                    line: columns.line(i).to_vec(),
                    structured_metadata: Labels::default(),
                    parsed: Labels::default(),
                },
            }));
        }
        if !passed.is_empty() {
            let mut state = self.lock();
            passed.into_iter().for_each(|entry| state.buffer.push(entry, now));
            drop(state);
            self.wake();
        }
    }

    /// Wakes the reader.
    pub(super) fn wake(&self) {
        let waker = self.lock().waker.clone();
        self.arrival.notify_all();
        if let Some(waker) = waker {
            waker();
        }
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        self.lock().waker = Some(waker);
    }

    /// Does something with the buffer.
    pub(super) fn with_buffer<T>(&self, act: impl FnOnce(&mut Buffer) -> T) -> T {
        act(&mut self.lock().buffer)
    }

    /// Waits until more than `seen` entries have come, or someone wakes the reader, or the time is over. Whether it
    /// was the time.
    pub(super) fn wait(&self, seen: u64, time: Duration) -> bool {
        let state = self.lock();
        if state.buffer.arrived() > seen {
            return false;
        }
        let (_state, result) = self
            .arrival
            .wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner);
        result.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}
