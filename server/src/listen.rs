//! Connections: binding, TLS, who may have how many, and a stop that lets running requests finish.

mod census;
mod figures;
mod files;
mod stream;

pub use census::ConnectionBounds;
pub(crate) use census::{Caller, Census, Seat};
pub use figures::ConnectionFigures;
pub use files::make_room;

use crate::config::Proxies;
use crate::http::network_of;
use crate::tls::Identity;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use stream::Unstuck;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

/// How long a caller may take to send the head of a request, and a connection be idle.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a caller may take to agree on the keys of TLS.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a caller may read nothing of what it is sent.
pub(crate) const READ_WITHIN: Duration = Duration::from_secs(20);
/// Bytes of a request's head at most.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Headers of a request at most.
pub(crate) const HEADERS_MAX: usize = 64;
/// Connections that may wait to be taken; the system may allow fewer.
#[cfg(unix)]
const QUEUE: i32 = 4_096;
/// Pause before the system is asked again for a connection that it had no room for.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(20);

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// Which address.
    address: SocketAddr,
    /// What the system says.
    source: io::Error,
}

/// Addresses that are bound, before anything is served: whoever knows them may already connect.
#[derive(Debug)]
pub struct Bound(Vec<(SocketAddr, TcpListener)>);

impl Bound {
    /// Binds addresses; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`] with the first address that is taken or not ours.
    pub fn to(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        let bind = |address: &SocketAddr| {
            let listener = TcpListener::bind(address)?;
            lengthen_queue(&listener)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        };
        addresses
            .iter()
            .map(|address| {
                bind(address).map_err(|source| BindError {
                    address: *address,
                    source,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The addresses, with the ports that were taken.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|(address, _)| *address).collect()
    }
}

/// Lets more connections wait to be taken than is usual: where the queue is full, a device waits for seconds
/// until it tries again (listen, POSIX.1-2017).
#[cfg(unix)]
fn lengthen_queue(listener: &TcpListener) -> io::Result<()> {
    Ok(rustix::net::listen(listener, QUEUE)?)
}

#[cfg(not(unix))]
fn lengthen_queue(_listener: &TcpListener) -> io::Result<()> {
    Ok(())
}

/// What every connection is served with.
#[derive(Clone)]
pub(crate) struct Serving {
    /// What answers.
    pub(crate) router: Router,
    /// TLS, if this server speaks it itself.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Who is connected.
    pub(crate) census: Census,
    /// Whose connections are many callers'.
    pub(crate) proxies: Arc<Proxies>,
}

impl Serving {
    /// Serves `router`, by TLS if there is an identity.
    pub(crate) fn new(
        router: Router,
        identity: Option<&Identity>,
        census: Census,
        proxies: Proxies,
    ) -> Self {
        Self {
            router,
            tls: identity.map(|identity| TlsAcceptor::from(Arc::clone(&identity.config))),
            census,
            proxies: Arc::new(proxies),
        }
    }

    fn seat(&self, address: SocketAddr) -> Option<Seat> {
        if self.proxies.has(address.ip()) {
            self.census.arrive_proxy()
        } else {
            self.census.arrive(network_of(address.ip()))
        }
    }

    /// Serves one connection to its end, or until it must make room.
    async fn connection(self, stream: TcpStream, address: SocketAddr, seat: Seat, stop: Stop) {
        let ended = seat.clone();
        tokio::select! {
            biased;
            () = ended.ended() => {}
            () = self.speak(stream, address, seat, stop) => {}
        }
    }

    async fn speak(self, stream: TcpStream, address: SocketAddr, seat: Seat, stop: Stop) {
        // What is small is sent at once: somebody waits for it at a gate.
        let _as_it_is = stream.set_nodelay(true);
        let stream = Unstuck::new(stream, READ_WITHIN);
        match &self.tls {
            None => answer(stream, self.router, address, seat, stop).await,
            Some(tls) => {
                let agreeing = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream));
                if let Ok(Ok(stream)) = agreeing.await {
                    Box::pin(answer(stream, self.router, address, seat, stop)).await;
                }
            }
        }
    }
}

/// Answers the requests of one connection.
async fn answer<S>(stream: S, router: Router, address: SocketAddr, seat: Seat, mut stop: Stop)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let (router, seat) = (router.clone(), seat.clone());
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(address));
            request.extensions_mut().insert(seat);
            Ok::<_, Infallible>(
                router
                    .oneshot(request)
                    .await
                    .unwrap_or_else(|no| match no {}),
            )
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        biased;
        // How a caller breaks off is its own affair.
        _ended = connection.as_mut() => return,
        () = stop.heard() => connection.as_mut().graceful_shutdown(),
    }
    let _ended = connection.await;
}

/// Hears when the server stops.
#[derive(Clone)]
struct Stop(watch::Receiver<bool>);

impl Stop {
    async fn heard(&mut self) {
        // Whoever could say so is gone: that is a stop as well.
        let _stopped = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Connections being served.
pub(crate) struct Connections {
    stop: watch::Sender<bool>,
    listening: JoinSet<JoinSet<()>>,
}

impl Connections {
    /// Serves on bound addresses.
    pub(crate) fn serve(bound: Bound, serving: &Serving) -> io::Result<Self> {
        let stop = watch::Sender::new(false);
        let mut listening = JoinSet::new();
        for (_, listener) in bound.0 {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            listening.spawn(listen(listener, serving.clone(), Stop(stop.subscribe())));
        }
        Ok(Self { stop, listening })
    }

    /// Takes no more connections, lets running requests finish within a bound, and closes.
    pub(crate) async fn stop(mut self, within: Duration) {
        let deadline = tokio::time::Instant::now() + within;
        let _nobody_listens = self.stop.send(true);
        while let Some(connections) = self.listening.join_next().await {
            let Ok(mut connections) = connections else {
                tracing::error!("a listener ended by a fault of ours");
                continue;
            };
            let finished = async { while connections.join_next().await.is_some() {} };
            let _in_time = tokio::time::timeout_at(deadline, finished).await;
            connections.shutdown().await;
        }
    }
}

/// Takes connections until the server stops; answers those that are left.
async fn listen(
    listener: tokio::net::TcpListener,
    serving: Serving,
    mut stop: Stop,
) -> JoinSet<()> {
    let mut connections = JoinSet::new();
    let stops = stop.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.heard() => return connections,
            Some(_ended) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(seat) = serving.seat(address) else {
                    continue;
                };
                connections.spawn(
                    serving
                        .clone()
                        .connection(stream, address, seat, stops.clone()),
                );
            }
            Err(error) if is_of_the_caller(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                serving.census.make_room();
                tokio::time::sleep(NO_ROOM_PAUSE).await;
            }
        }
    }
}

/// Whether a connection was broken off before it was taken; anything else is want of room.
fn is_of_the_caller(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

/// Waits until the process is asked to stop: ctrl-c, or SIGTERM where there is such a thing.
///
/// # Errors
/// If the system does not let signals be heard.
pub async fn stop_signal() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            heard = tokio::signal::ctrl_c() => heard,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

#[cfg(test)]
mod tests;
