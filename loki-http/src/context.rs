//! What handlers share: the engine, the settings, the way into blocking code.

use crate::body::Bounds;
use crate::log::LevelHandle;
use crate::metrics::RequestMetrics;
use crate::push::{self, Receiver};
use crate::respond::Failure;
use crate::room::Room;
use crate::settings::ServerSettings;
use crate::tenant::Tenancy;
use axum::http::{HeaderMap, StatusCode};
use loki_core::logql::{self, Time};
use loki_core::{Engine, QueryRequest, Reader, TenantId};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tokio::sync::{Semaphore, watch};

/// Pushes that are decoded or wait for the disk at once. Many, because those that wait share one sync.
const MAX_CONCURRENT_PUSHES: usize = 64;

/// Shared by all handlers; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Context(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Engine,
    settings: ServerSettings,
    tenancy: Tenancy,
    metrics: RequestMetrics,
    level: LevelHandle,
    receiver: Receiver,
    queries: Arc<Semaphore>,
    pushes: Arc<Semaphore>,
    large_pushes: Arc<Semaphore>,
    upkeep: Arc<Semaphore>,
    room: Room,
    stop: watch::Sender<bool>,
    /// Each connection that has become a WebSocket listens to it: so it is known when the last has ended.
    sockets: watch::Sender<()>,
    /// Where the server listens.
    address: SocketAddr,
    /// When it began to, in nanoseconds.
    started_at: i64,
    is_flush_prepared: AtomicBool,
    flushes_on_stop: AtomicBool,
}

/// Which queue a call of the engine stands in: a slow query must not hold up pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Query,
    Push,
    /// Of pushes that unfold to much: one at a time, so that they cannot take all memory together.
    LargePush,
    /// Of work on what is stored, which takes long: one at a time.
    Upkeep,
}

impl Context {
    pub(crate) fn new(
        engine: Engine,
        settings: ServerSettings,
        level: LevelHandle,
        stop: watch::Sender<bool>,
        address: SocketAddr,
    ) -> Context {
        let tenancy = if settings.auth_enabled {
            Tenancy::Header
        } else {
            Tenancy::Single
        };
        let (started_at, flushes_on_stop) = (engine.now(), settings.flush_on_shutdown);
        Context(Arc::new(Shared {
            engine,
            tenancy,
            metrics: RequestMetrics::new(),
            level,
            receiver: Receiver::new(settings.receiver.clone()),
            queries: Arc::new(Semaphore::new(settings.max_concurrent_queries.max(1))),
            pushes: Arc::new(Semaphore::new(MAX_CONCURRENT_PUSHES)),
            large_pushes: Arc::new(Semaphore::new(1)),
            upkeep: Arc::new(Semaphore::new(1)),
            room: Room::new(),
            settings,
            stop,
            sockets: watch::Sender::new(()),
            address,
            started_at,
            is_flush_prepared: AtomicBool::new(false),
            flushes_on_stop: AtomicBool::new(flushes_on_stop),
        }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.0.settings
    }

    pub(crate) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    pub(crate) fn level(&self) -> &LevelHandle {
        &self.0.level
    }

    pub(crate) fn receiver(&self) -> &Receiver {
        &self.0.receiver
    }

    /// Nanoseconds by the engine's clock.
    pub(crate) fn now(&self) -> i64 {
        self.0.engine.now()
    }

    /// The tenant of a request.
    pub(crate) fn tenant(&self, headers: &HeaderMap) -> Result<TenantId, Failure> {
        self.0.tenancy.tenant(headers)
    }

    /// The reading side for the tenants of a request.
    pub(crate) fn reader(&self, headers: &HeaderMap) -> Result<Reader, Failure> {
        let tenants = self.0.tenancy.tenants(headers, self.0.settings.multi_tenant_queries)?;
        let reader = self.engine().reader(&tenants.names);
        Ok(if tenants.are_several { reader.labelled() } else { reader })
    }

    /// What the body of a push may cost.
    pub(crate) fn push_bounds(&self) -> Bounds<'_> {
        Bounds {
            size: self.0.settings.max_push_bytes,
            time: self.0.settings.read_timeout,
            room: &self.0.room,
        }
    }

    /// What the body of a push to the receiver may cost.
    pub(crate) fn receiver_bounds(&self) -> Bounds<'_> {
        Bounds {
            size: self.receiver().max_message_bytes(),
            time: self.0.settings.read_timeout,
            room: &self.0.room,
        }
    }

    /// What any other body may cost.
    pub(crate) fn form_bounds(&self) -> Bounds<'_> {
        Bounds {
            size: self.0.settings.max_body_bytes,
            time: self.0.settings.read_timeout,
            room: &self.0.room,
        }
    }

    /// Runs `work` on a thread that may block, once its lane has room.
    pub(crate) async fn blocking<T, F>(&self, lane: Lane, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Engine) -> Result<T, Failure> + Send + 'static,
    {
        let metrics = &self.0.metrics;
        let (turns, is_query) = match lane {
            Lane::Query => (&self.0.queries, true),
            Lane::Push => (&self.0.pushes, false),
            Lane::LargePush => (&self.0.large_pushes, false),
            Lane::Upkeep => (&self.0.upkeep, false),
        };
        let waiting = is_query.then(|| metrics.wait());
        let turn = Arc::clone(turns)
            .acquire_owned()
            .await
            .expect("the semaphores are never closed");
        drop(waiting);
        let evaluated = is_query.then(|| metrics.evaluate());
        let engine = self.0.engine.clone();
        // The work may go on for a while after its client has gone: its turn ends with it.
        let work = move |engine: &Engine| {
            let _held = (turn, evaluated);
            work(engine)
        };
        match tokio::task::spawn_blocking(move || work(&engine)).await {
            Ok(result) => result,
            Err(panic) => {
                self.0.metrics.count_panic();
                tracing::error!(%panic, "panic while processing a request");
                Err(Failure::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    format!("error while processing request: {panic}"),
                ))
            }
        }
    }

    /// Writes everything in memory to segments and lays these out for good. That ends where the client goes away or the server
    /// is to stop.
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        let guard = CancelGuard::default();
        let cancel = Arc::clone(&guard.0);
        let mut settled = std::pin::pin!(self.blocking(Lane::Upkeep, move |engine| Ok(engine.settle(&cancel)?)));
        let mut stopped = self.stopped();
        let stopped = async move { stopped.wait_for(|is_stopped| *is_stopped).await.is_ok() };
        tokio::select! {
            settled = &mut settled => settled,
            _ = stopped => {
                drop(guard);
                settled.await.map_err(|_| {
                    let text = "the server stops: everything is flushed, but segments are not all laid out for good";
                    Failure::new(StatusCode::SERVICE_UNAVAILABLE, text)
                })
            }
        }
    }

    /// Decodes and stores a push. `work` is given what the push may unfold to; where that is too little, it is called
    /// again with all that a push may, when no other such push is being worked on.
    pub(crate) async fn push<F>(&self, work: F) -> Result<StatusCode, Failure>
    where
        F: Fn(&Engine, push::Bounds) -> Result<(), Failure> + Send + Sync + 'static,
    {
        let most = push::Bounds::most(self.0.settings.max_push_decompressed_bytes);
        let common = most.min(push::Bounds::COMMON);
        let work = Arc::new(work);
        let again = Arc::clone(&work);
        match self.blocking(Lane::Push, move |engine| work(engine, common)).await {
            Err(failure) if failure.status() == StatusCode::PAYLOAD_TOO_LARGE && common != most => {
                self.blocking(Lane::LargePush, move |engine| again(engine, most))
                    .await?;
            }
            stored => stored?,
        }
        Ok(StatusCode::NO_CONTENT)
    }

    /// Evaluates a query and encodes its answer; a client that goes away cancels it.
    pub(crate) async fn query<T, F>(&self, reader: Reader, mut request: QueryRequest, encode: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(loki_core::QueryResponse) -> Result<T, Failure> + Send + 'static,
    {
        let guard = CancelGuard::default();
        request.cancel = Some(Arc::clone(&guard.0));
        let is_range = matches!(request.time, Time::Range { .. });
        let started = Instant::now();
        let evaluated = self.blocking(Lane::Query, move |_| {
            let evaluate = || {
                let response = reader.query(&request)?;
                let bytes = response.stats.line_bytes + response.stats.metadata_bytes;
                Ok::<_, Failure>((encode(response)?, bytes))
            };
            // A long query takes its time to be read, and must not hold up connections meanwhile.
            let kind = logql::parse(&request.query).ok().map(|query| query.kind());
            Ok((kind, evaluate()))
        });
        let (kind, answer) = evaluated.await?;
        if let Some(kind) = kind {
            let (status, bytes) = match &answer {
                Ok((_, bytes)) => (StatusCode::OK, Some(*bytes)),
                Err(failure) => (failure.status(), None),
            };
            let took = started.elapsed();
            self.metrics()
                .observe_query(kind, is_range, status.as_u16(), took, bytes);
        }
        answer.map(|(encoded, _)| encoded)
    }

    /// Asks the server to stop as a signal would.
    pub(crate) fn stop(&self) {
        self.0.stop.send_replace(true);
    }

    /// Tells when a stop is asked for.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    /// To be held by whoever serves a WebSocket: the server waits for it when it stops.
    pub(crate) fn socket(&self) -> watch::Receiver<()> {
        self.0.sockets.subscribe()
    }

    /// Completes when no WebSocket is served.
    pub(crate) async fn sockets_ended(&self) {
        self.0.sockets.closed().await;
    }

    /// Whether a stop has been asked for.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.0.stop.borrow()
    }

    /// Whether pushes are taken no more, though the server goes on.
    pub(crate) fn is_ingester_stopped(&self) -> bool {
        !self.0.engine.takes_pushes()
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// When the server began to listen, in nanoseconds.
    pub(crate) fn started_at(&self) -> i64 {
        self.0.started_at
    }

    /// Whether an administrator wants the next stop to write everything to segments.
    pub(crate) fn is_flush_prepared(&self) -> bool {
        self.0.is_flush_prepared.load(Ordering::Relaxed)
    }

    /// See [`Context::is_flush_prepared`].
    pub(crate) fn prepare_flush(&self, prepared: bool) {
        self.0.is_flush_prepared.store(prepared, Ordering::Relaxed);
    }

    /// Whether a stop writes everything to segments: as configured or prepared, unless it was said with the stop.
    pub(crate) fn flushes_on_stop(&self) -> bool {
        self.is_flush_prepared() || self.0.flushes_on_stop.load(Ordering::Relaxed)
    }

    /// Says what the stop that comes is to do.
    pub(crate) fn set_flush_on_stop(&self, flush: bool) {
        self.prepare_flush(false);
        self.0.flushes_on_stop.store(flush, Ordering::Relaxed);
    }
}

/// Sets its flag when it is dropped: with the future of the request, when the client goes away.
#[derive(Debug, Default)]
struct CancelGuard(Arc<AtomicBool>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
