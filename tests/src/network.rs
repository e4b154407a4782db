//! The network between one gate and the server: a relay of TCP connections that fails when it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// What the network does to bytes on their way to the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weather {
    /// They pass.
    Clear,
    /// This many more pass; then this happens.
    After(u64, Failure),
    /// Every connection ends at once.
    Cut,
    /// Nothing passes, and nobody is told.
    Stalled,
    /// Everything passes late, and some connections break.
    Rough,
}

/// What becomes of some bytes in rough weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gust {
    /// They pass so much later.
    Late(Duration),
    /// Their connection ends.
    Break,
}

/// How a network fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Connections end.
    Cut,
    /// Nothing arrives any more, and connections stay open.
    Stall,
}

/// The way of one gate to the server.
#[derive(Debug)]
pub struct Network {
    address: SocketAddr,
    state: Arc<State>,
    relay: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    server: Mutex<SocketAddr>,
    weather: Mutex<Weather>,
    /// Chance of rough weather.
    dice: Mutex<fastrand::Rng>,
    /// Counts the moments at which all connections end.
    cuts: watch::Sender<u64>,
    failed: Notify,
    arrived: Mutex<u64>,
    /// What the gate sent over each connection, in the order of the connections.
    sent: Mutex<Vec<Vec<u8>>>,
}

impl Network {
    /// A way to the server at this address.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            server: Mutex::new(server),
            weather: Mutex::new(Weather::Clear),
            dice: Mutex::new(fastrand::Rng::with_seed(0)),
            cuts: watch::Sender::new(0),
            failed: Notify::new(),
            arrived: Mutex::new(0),
            sent: Mutex::default(),
        });
        let relay = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            relay,
        }
    }

    /// The address that the gate believes to be the server's.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and lets none stand.
    pub fn cut(&self) {
        self.state.set(Weather::Cut);
        self.state.end_all();
    }

    /// Lets `bytes` more arrive at the gate, then fails.
    pub fn fail_after(&self, bytes: u64, failure: Failure) {
        self.state.set(Weather::After(bytes, failure));
    }

    /// Makes everything late, some of it by seconds, and breaks some connections, by the chance of a seed.
    pub fn roughen(&self, seed: u64) {
        *self.state.dice.lock().unwrap() = fastrand::Rng::with_seed(seed);
        self.state.set(Weather::Rough);
    }

    /// Lets everything pass again, over new connections.
    pub fn heal(&self) {
        self.state.end_all();
        self.state.set(Weather::Clear);
    }

    /// Leads to another server from now on.
    pub fn lead_to(&self, server: SocketAddr) {
        *self.state.server.lock().unwrap() = server;
        self.state.end_all();
    }

    /// Waits until the failure that was ordered happened.
    pub async fn failed(&self) {
        self.state.failed.notified().await;
    }

    /// Bytes that arrived at the gate so far.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        *self.state.arrived.lock().unwrap()
    }

    /// What the gate sent so far, as it travelled: one entry for each connection.
    #[must_use]
    pub fn sent(&self) -> Vec<Vec<u8>> {
        self.state.sent.lock().unwrap().clone()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.state.end_all();
        self.relay.abort();
    }
}

impl State {
    fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap() = weather;
    }

    fn end_all(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// What the weather does to the next bytes of a connection.
    fn gust(&self) -> Gust {
        if *self.weather.lock().unwrap() != Weather::Rough {
            return Gust::Late(Duration::ZERO);
        }
        let mut dice = self.dice.lock().unwrap();
        match dice.u8(..100) {
            0..4 => Gust::Break,
            4..10 => Gust::Late(Duration::from_millis(dice.u64(400..1_500))),
            10..40 => Gust::Late(Duration::from_millis(dice.u64(..120))),
            _ => Gust::Late(Duration::ZERO),
        }
    }

    /// Waits as long as the weather wants; false if it breaks the connection.
    async fn weathers(&self) -> bool {
        match self.gust() {
            Gust::Late(Duration::ZERO) => true,
            Gust::Late(pause) => {
                tokio::time::sleep(pause).await;
                true
            }
            Gust::Break => false,
        }
    }

    /// How many of `bytes` pass now.
    fn pass(&self, bytes: usize) -> usize {
        let mut weather = self.weather.lock().unwrap();
        let passing = match *weather {
            Weather::Clear | Weather::Rough => bytes,
            Weather::Cut | Weather::Stalled => 0,
            Weather::After(left, failure) => {
                let passing = bytes.min(usize::try_from(left).unwrap_or(usize::MAX));
                let left = left - passing as u64;
                *weather = match (left, failure) {
                    (1.., _) => Weather::After(left, failure),
                    (0, Failure::Cut) => Weather::Cut,
                    (0, Failure::Stall) => Weather::Stalled,
                };
                passing
            }
        };
        *self.arrived.lock().unwrap() += passing as u64;
        passing
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((gate, _)) = listener.accept().await {
        if *state.weather.lock().unwrap() != Weather::Cut {
            tokio::spawn(relay(gate, Arc::clone(&state)));
        }
    }
}

async fn relay(gate: TcpStream, state: Arc<State>) {
    let mut cuts = state.cuts.subscribe();
    let server = *state.server.lock().unwrap();
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (from_gate, to_gate) = gate.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = cuts.changed() => {}
        () = up(from_gate, to_server, &state) => {}
        () = down(from_server, to_gate, &state) => {}
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let connection = {
        let mut sent = state.sent.lock().unwrap();
        sent.push(Vec::new());
        sent.len() - 1
    };
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..read).unwrap_or_default();
        if let Some(sent) = state.sent.lock().unwrap().get_mut(connection) {
            sent.extend_from_slice(bytes);
        }
        if !state.weathers().await || to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

async fn down(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if !state.weathers().await {
            return;
        }
        let passing = state.pass(read);
        let Some(bytes) = buffer.get(..passing) else {
            return;
        };
        if to.write_all(bytes).await.is_err() {
            return;
        }
        let weather = *state.weather.lock().unwrap();
        match weather {
            Weather::Cut => {
                state.failed.notify_one();
                return;
            }
            Weather::Stalled => {
                state.failed.notify_one();
                return std::future::pending().await;
            }
            Weather::Clear | Weather::Rough | Weather::After(..) => {}
        }
    }
}
