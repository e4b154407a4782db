//! The server as a process of its own.

use super::hall::Hall;
use crate::program::memory;
use anyhow::{Context as _, Result, ensure};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use usher_server::clock::SystemClock;
use usher_server::config::{Config, LimitSettings, Settings};
use usher_server::logging;
use usher_server::serve::Server;

/// The word that makes this program the server of a folder.
pub(crate) const SERVE: &str = "--serve";

/// Ticks of the processor's time in a second, as `/proc` counts for programs on every machine.
const TICKS: f64 = 100.0;

/// Serves a folder as `usher serve` does, but for limits that no load meets, until its input ends.
pub(crate) fn serve(folder: &Path) -> Result<()> {
    let many = NonZeroU32::new(60_000_000);
    let flags = Settings {
        limits: LimitSettings {
            device_per_minute: many,
            token_per_minute: many,
            ..LimitSettings::default()
        },
        stop_within_s: Some(1),
        ..Settings::default()
    };
    let config = Config::load(folder, flags, [])?;
    let subscriber = logging::subscriber(&config.log, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(&config, Arc::new(SystemClock)).await?;
        println!("{}", server.addresses().first().context("no address")?);
        let mut rest = Vec::new();
        tokio::io::stdin().read_to_end(&mut rest).await?;
        server.stop().await;
        Ok(())
    })
}

/// A server that runs.
pub(crate) struct Running {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Running {
    /// Starts the server of a hall and waits until it listens. Its log lines are made and thrown away.
    pub(crate) fn start(hall: &Hall) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .arg(hall.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        let out = child.stdout.take().context("no output of the server")?;
        BufReader::new(out).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the server did not start");
        Ok(Self {
            child,
            address: line.trim().parse()?,
        })
    }

    /// The processor's time that it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in brackets may hold anything; the figures stand behind it. See proc(5).
        let (_, rest) = stat.rsplit_once(')').context("no figures of a process")?;
        let ticks = |field: usize| -> Result<f64> {
            let text = rest.split_whitespace().nth(field);
            Ok(text.context("a figure is missing")?.parse()?)
        };
        let (user, system) = (ticks(11)?, ticks(12)?);
        Ok(Duration::from_secs_f64((user + system) / TICKS))
    }

    /// The most memory that it ever had, in MB.
    pub(crate) fn peak(&self) -> Result<f64> {
        memory(&self.child, "VmHWM").context("no figures of the server's memory")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its folder goes with it, so nothing is to be kept.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
