//! What is attacked: a venue whose server runs as a process, and an honest gate of it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use usher_core::gate::Asked;
use usher_server::clock::Clock as _;
use usher_tests::{Gate, Sold, Venue};

/// The longest that anything may take here; a busy machine is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A venue whose server runs as a process.
pub(crate) struct Target {
    /// Its folders go with it.
    _venue: Venue,
    pub(crate) gate: Rc<Gate>,
    pub(crate) address: SocketAddr,
    tickets: Vec<Sold>,
    server: Child,
}

/// How the server is started.
#[derive(Default)]
pub(crate) struct Start<'a> {
    /// Files that the system lets it open, at the beginning and at most.
    pub(crate) files: Option<(u32, u32)>,
    /// Lines of its `[limits]`.
    pub(crate) limits: &'a str,
}

impl Target {
    pub(crate) async fn start() -> Self {
        Self::start_as(Start::default()).await
    }

    /// Prepares a venue of one gate, and starts its server as a process.
    pub(crate) async fn start_as(start: Start<'_>) -> Self {
        let venue = Venue::new().await;
        let gate = venue.gate("north").await;
        let tickets = venue.sell_many(200).await;
        venue.sync_all().await;
        Self::of(venue, gate, tickets, start).await
    }

    /// Starts the server of a venue that was prepared.
    pub(crate) async fn of(
        venue: Venue,
        gate: Rc<Gate>,
        tickets: Vec<Sold>,
        start: Start<'_>,
    ) -> Self {
        let machine = i64::try_from(usher_server::clock::SystemClock.now().get()).unwrap();
        let shift = i64::try_from(venue.clock.now().get()).unwrap() - machine;
        venue.stop_server().await;
        let file = venue.server_folder().join(usher_server::config::FILE);
        let mut written = std::fs::read_to_string(&file).unwrap();
        write!(written, "\n[limits]\n{}\n", start.limits).unwrap();
        std::fs::write(&file, written).unwrap();
        let own = env!("CARGO_BIN_EXE_usher-process").to_owned();
        let program = std::env::var("USHER_PROCESS").unwrap_or(own);
        let limit = start
            .files
            .map(|(soft, hard)| format!("ulimit -Sn {soft}; ulimit -Hn {hard}; "));
        let mut server = Command::new("sh")
            .arg("-c")
            .arg(limit.unwrap_or_default() + "exec \"$@\"")
            .args(["sh", program.as_str(), "server"])
            .arg(venue.server_folder())
            .arg(shift.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
        let ready = tokio::time::timeout(PATIENCE, said.next_line()).await;
        let ready = ready.expect("the server does not start").unwrap().unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        let address: SocketAddr = ready["ready"][0].as_str().unwrap().parse().unwrap();
        gate.network.lead_to(address);
        // It lets go of its connections to the server before.
        gate.restart();
        Self {
            _venue: venue,
            gate,
            address,
            tickets,
            server,
        }
    }

    /// An honest gate that is in step and lets the next ticket in with the server's word; how long that took.
    pub(crate) async fn claim(&mut self) -> Duration {
        let ticket = self.tickets.pop().unwrap();
        let begun = Instant::now();
        let claimed = tokio::time::timeout(PATIENCE, self.gate.claim(&ticket.code));
        let answer = claimed.await.expect("the gate waits for ever");
        assert_eq!(answer.asked, Asked::Answered, "{:?}", answer.verdict);
        begun.elapsed()
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub(crate) fn memory_kib(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.server.id().unwrap());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.unwrap().trim_matches([':', ' ', '\t']);
        number.split(' ').next().unwrap().parse().unwrap()
    }

    /// Ends the server in order.
    pub(crate) async fn finish(mut self) {
        drop(self.server.stdin.take());
        let ended = tokio::time::timeout(PATIENCE, self.server.wait()).await;
        assert!(ended.expect("the server does not end").unwrap().success());
    }
}

/// A sorted list's value of a share, such as 0.99.
pub(crate) fn share(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len() - 1;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let place = (last as f64 * share).round() as usize;
    sorted[place]
}
