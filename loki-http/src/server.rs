//! The server: accept, answer, stop gracefully.

use crate::context::Context;
use crate::deliver::Delivery;
use crate::leftover::Leftover;
use crate::log::LevelHandle;
use crate::metrics::InFlight;
use crate::request_line::RequestLine;
use crate::routes;
use crate::rules::RuleFolder;
use crate::settings::ServerSettings;
use crate::tls;
use crate::write_timeout::WriteTimeout;
use axum::Router;
use axum::body::Body;
use axum::http::header;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Uri};
use hyper_util::rt::{TokioIo, TokioTimer};
use loki_core::{Background, Engine};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// How long the server rests when it cannot accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound server; [`run`](Server::run) answers.
///
/// ```
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # runtime.block_on(async {
/// # use loki_core::{Engine, Settings};
/// # let directory = std::env::temp_dir().join(format!("loki-http-doc-{}", std::process::id()));
/// use loki_http::{Server, ServerSettings};
/// let engine = Engine::open(&directory, Settings::default())?;
/// let server = Server::bind(engine, ServerSettings { port: 0, ..ServerSettings::default() }).await?;
/// assert_ne!(server.local_addr().port(), 0);
/// server.run(std::future::ready(())).await?;
/// # std::fs::remove_dir_all(directory)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsConnector>,
    context: Context,
    delivery: Option<Arc<Delivery>>,
    stop: watch::Sender<bool>,
}

/// Debug is all that the acceptor lacks.
#[derive(Clone)]
struct TlsConnector(TlsAcceptor);

impl std::fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsConnector")
    }
}

impl Server {
    /// Binds the address; connections wait until [`run`](Server::run).
    ///
    /// # Errors
    ///
    /// The address is not free, or a certificate cannot be read; the message names it.
    pub async fn bind(engine: Engine, settings: ServerSettings) -> io::Result<Server> {
        Server::bind_with_level(engine, settings, LevelHandle::default()).await
    }

    /// As [`bind`](Server::bind); `/log_level` changes the level of `level`.
    pub async fn bind_with_level(engine: Engine, settings: ServerSettings, level: LevelHandle) -> io::Result<Server> {
        let tls = settings.tls.as_ref().map(tls::acceptor).transpose()?.map(TlsConnector);
        let host = if settings.address.is_empty() {
            "::"
        } else {
            &settings.address
        };
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("listen on {host}:{}: {error}", settings.port));
        let listener = match TcpListener::bind((host, settings.port)).await {
            // Without IPv6 all addresses are those of IPv4.
            Err(_) if settings.address.is_empty() => TcpListener::bind(("0.0.0.0", settings.port)).await,
            other => other,
        }
        .map_err(named)?;
        let address = listener.local_addr()?;
        let stop = watch::Sender::new(false);
        let context = Context::new(engine, settings, level, stop.clone(), address);
        let delivery = Delivery::open(
            &context.settings().ruler,
            context.engine(),
            context.metrics().registry(),
        )?;
        Ok(Server {
            listener,
            address,
            tls,
            context,
            delivery: delivery.map(Arc::new),
            stop,
        })
    }

    /// Where the server listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` completes or an administrator asks for a stop; then takes no more connections, finishes
    /// the requests that came (for [`ServerSettings::graceful_timeout`] at most) and closes the engine.
    ///
    /// # Errors
    ///
    /// The engine could not be flushed or closed.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Server {
            listener,
            tls,
            context,
            delivery,
            stop: stopper,
            ..
        } = self;
        let report = |error| tracing::error!(%error, "maintenance failed; it will be tried again");
        // Whoever embeds the server may have named somebody else.
        let mut deliveries = delivery.as_ref().map(|delivery| delivery.start()).unwrap_or_default();
        if let Some(delivery) = delivery {
            context.engine().set_notify(delivery);
        }
        let maintenance = loki_core::background(context.engine(), report).map_err(io::Error::other)?;
        let ruler = &context.settings().ruler;
        let rule_files = ruler.rule_folder.clone().map(|folder| {
            let folder = RuleFolder::new(folder, context.engine().clone(), context.metrics().registry());
            tokio::spawn(folder.follow(ruler.poll_interval))
        });
        let router = routes::router(&context);
        let mut connections = JoinSet::new();
        let places = match context.settings().max_connections {
            0 => Semaphore::MAX_PERMITS,
            most => most.min(Semaphore::MAX_PERMITS),
        };
        let places = Arc::new(Semaphore::new(places));
        let mut stopped = stopper.subscribe();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = asked(&mut stopped) => break,
                (place, accepted) = accept(&listener, &places) => match accepted {
                    Ok((stream, _)) => {
                        let connection = Connection {
                            router: router.clone(),
                            context: context.clone(),
                            stopped: stopper.subscribe(),
                        };
                        let open = Open { _counted: context.metrics().connect(), _place: place };
                        connections.spawn(connection.serve(stream, tls.clone(), open));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                // Collects those that ended.
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        rule_files.iter().for_each(JoinHandle::abort);
        stopper.send_replace(true);
        let finish = async {
            while connections.join_next().await.is_some() {}
            context.sockets_ended().await;
        };
        if tokio::time::timeout(context.settings().graceful_timeout, finish)
            .await
            .is_err()
        {
            tracing::warn!(
                open = connections.len(),
                "requests still open at the end of the graceful stop are dropped"
            );
            connections.shutdown().await;
        }
        let closing = tokio::task::spawn_blocking(move || close(&context, maintenance));
        let closed = closing.await.map_err(io::Error::other)?;
        // What is queued on disk is delivered by the next start.
        deliveries.shutdown().await;
        closed
    }
}

/// Completes once a stop is asked for.
async fn asked(stopped: &mut watch::Receiver<bool>) {
    // Fails when nobody is left to ask; then the server is gone anyway.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// What is left to do once nothing asks any more.
fn close(context: &Context, maintenance: Background) -> io::Result<()> {
    // Waits for the step at hand.
    drop(maintenance);
    let engine = context.engine();
    if context.flushes_on_stop() {
        engine.flush().map_err(io::Error::other)?;
    }
    engine.close().map_err(io::Error::other)
}

/// One connection of a client.
struct Connection {
    router: Router,
    context: Context,
    stopped: watch::Receiver<bool>,
}

/// What a connection holds until it ends, as a WebSocket, too.
#[derive(Debug)]
struct Open {
    _counted: InFlight,
    _place: OwnedSemaphorePermit,
}

/// A place among the connections that there may be at once, and the connection that takes it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (OwnedSemaphorePermit, io::Result<(TcpStream, SocketAddr)>) {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.expect("the semaphore is never closed");
    (place, listener.accept().await)
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<TlsConnector>, open: Open) {
        let timeout = self.context.settings().read_timeout;
        // Answers are written whole; waiting for more to send would only delay them.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot set TCP_NODELAY");
        }
        match tls {
            None => self.answer(stream, open).await,
            Some(tls) => match tokio::time::timeout(timeout, tls.0.accept(stream)).await {
                Ok(Ok(stream)) => self.answer(stream, open).await,
                Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => tracing::debug!("TLS handshake took too long"),
            },
        }
    }

    async fn answer(mut self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, open: Open) {
        let settings = self.context.settings();
        let stream = RequestLine::new(WriteTimeout::new(stream, settings.write_timeout, open));
        // hyper starts this clock at the end of the request before, so it bounds idling and slow headers alike.
        let header_timeout = settings.idle_timeout.max(settings.read_timeout);
        let router = self.router.clone();
        let service = service_fn(move |request| answer_request(router.clone(), request));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = asked(&mut self.stopped) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "connection ended early");
        }
    }
}

/// Cleans the path, then lets the router answer.
async fn answer_request(router: Router, request: Request<Incoming>) -> Result<Response, Infallible> {
    let is_expected = request.headers().contains_key(header::EXPECT);
    let mut request = request.map(|body| match Leftover::new(body, is_expected) {
        Ok(body) => Body::new(body),
        Err(body) => Body::new(body),
    });
    let uri = request.uri();
    if let Some(clean) = routes::clean_path(uri.path()) {
        return Ok(routes::moved(&clean, uri.query()));
    }
    // An escaped slash separates segments, as in Loki, which decodes before it matches.
    if let Some(uri) = with_slashes(uri) {
        *request.uri_mut() = uri;
    }
    router.oneshot(request).await
}

fn with_slashes(uri: &Uri) -> Option<Uri> {
    let text = uri.path_and_query()?.as_str();
    let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
    if !path.contains("%2F") && !path.contains("%2f") || routes::takes_slashes(path) {
        return None;
    }
    format!("{}{query}", path.replace("%2F", "/").replace("%2f", "/"))
        .parse()
        .ok()
}
