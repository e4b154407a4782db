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
mod tests {
    use super::*;
    use axum::routing::get;
    use std::sync::Arc;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::Semaphore;

    fn serve(bound: Bound, router: &Router) -> Connections {
        let bounds = ConnectionBounds {
            total: 100,
            strangers_per_address: 100,
            per_caller: 10,
        };
        let census = Census::new(bounds, ConnectionFigures::default());
        let serving = Serving::new(router.clone(), None, census, Proxies::none());
        Connections::serve(bound, &serving).unwrap()
    }

    fn loopback() -> Bound {
        Bound::to(&["127.0.0.1:0".parse().unwrap()]).unwrap()
    }

    #[tokio::test]
    async fn a_stop_lets_a_running_request_finish_and_takes_no_new_one() {
        let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (begins, ends) = (begun.clone(), may_end.clone());
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.add_permits(1);
                ends.acquire().await.unwrap().forget();
                "finished"
            }),
        );
        let bound = loopback();
        let address = bound.addresses()[0];
        let connections = serve(bound, &router);
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begun.acquire().await.unwrap().forget();
        let stopping = tokio::spawn(connections.stop(Duration::from_secs(60)));
        // The listener is gone as soon as nobody can connect any more.
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        may_end.add_permits(1);
        let mut answer = String::new();
        caller.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("finished"), "{answer}");
        stopping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_longer_than_its_bound() {
        let begun = Arc::new(Semaphore::new(0));
        let begins = begun.clone();
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.add_permits(1);
                std::future::pending::<()>().await;
            }),
        );
        let bound = loopback();
        let address = bound.addresses()[0];
        let connections = serve(bound, &router);
        let mut caller = TcpStream::connect(address).await.unwrap();
        caller
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begun.acquire().await.unwrap().forget();
        connections.stop(Duration::from_secs(5)).await;
    }

    /// Paused time passes at once whenever nobody has anything else to do.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_says_nothing_is_closed() {
        let bound = loopback();
        let address = bound.addresses()[0];
        let router = Router::new().route("/", get(async || "answer"));
        let _connections = serve(bound, &router);
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut said = Vec::new();
        assert_eq!(silent.read_to_end(&mut said).await.unwrap(), 0);
        // And so is one that asked, was answered and says nothing more.
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        idle.read_to_end(&mut said).await.unwrap();
        assert!(String::from_utf8_lossy(&said).ends_with("answer"));
    }

    #[tokio::test]
    async fn what_makes_room_is_closed_whatever_it_waits_for() {
        let begun = Arc::new(Semaphore::new(0));
        let begins = begun.clone();
        let router = Router::new().route(
            "/",
            get(async move || {
                begins.add_permits(1);
                std::future::pending::<()>().await;
            }),
        );
        let bound = loopback();
        let address = bound.addresses()[0];
        let bounds = ConnectionBounds {
            total: 1,
            strangers_per_address: 1,
            per_caller: 1,
        };
        let census = Census::new(bounds, ConnectionFigures::default());
        let serving = Serving::new(router, None, census, Proxies::none());
        let _connections = Connections::serve(bound, &serving).unwrap();
        let mut first = TcpStream::connect(address).await.unwrap();
        first
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        begun.acquire().await.unwrap().forget();
        let _second = TcpStream::connect(address).await.unwrap();
        assert_eq!(
            first.read_u8().await.unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let bound = loopback();
        let error = Bound::to(&bound.addresses()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&bound.addresses()[0].to_string())
        );
    }
}
