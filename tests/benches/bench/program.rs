//! The program `usher` as a process of its own, and how much memory it takes.

use anyhow::{Context as _, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use usher_domain::api::access::Confirmation;

/// The program built in release; `cargo xtask bench` says where.
pub(crate) fn path() -> Result<PathBuf> {
    std::env::var_os("USHER_BIN")
        .map(PathBuf::from)
        .filter(|path| path.is_file())
        .context("USHER_BIN does not name the program: run `cargo xtask bench`")
}

/// Runs the program in `folder` to its end.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Result<Output> {
    let output = command(folder, words)?.output()?;
    ensure!(
        output.status.success(),
        "usher {words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output)
}

/// Runs the program in `folder` to its end and answers with its peak of memory in MB.
pub(crate) fn peak_of(folder: &Path, words: &[&str]) -> Result<f64> {
    let mut child = command(folder, words)?
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()?;
    let mut peak = 0.0_f64;
    loop {
        // The mark only rises, so the last reading before the end is all but the peak.
        peak = peak.max(memory(&child, "VmHWM").unwrap_or(0.0));
        if let Some(status) = child.try_wait()? {
            ensure!(status.success(), "usher {words:?} ended with {status}");
            return Ok(peak);
        }
        pause();
    }
}

pub(crate) fn command(folder: &Path, words: &[&str]) -> Result<Command> {
    let mut command = Command::new(path()?);
    command
        .args(words)
        .current_dir(folder)
        .env("USHER_ROOT_PASSPHRASE", "only for measuring");
    Ok(command)
}

/// A figure of `/proc/PID/status` in MB.
pub(crate) fn memory(child: &Child, name: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1e3)
}

#[expect(
    clippy::disallowed_methods,
    reason = "nothing tells when another process has taken memory"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(2));
}

/// A server with an organizer, an event and a session that is on, in a folder of its own.
pub(crate) struct Served {
    folder: tempfile::TempDir,
    child: Child,
}

impl Served {
    /// Sets a server up and starts it.
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let listen = format!("127.0.0.1:{port}");
        run(folder.path(), &["init", "--listen", &listen])?;
        let child = command(folder.path(), &["serve"])?
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let served = Self { folder, child };
        served.await_ready()?;
        for words in [
            &["organizer", "create", "house"][..],
            &["event", "create", "show", "--time-zone", "Europe/Berlin"],
            &[
                "session",
                "create",
                "show/evening",
                "--doors",
                "now",
                "--ends",
                "+6h",
            ],
            &["gate", "create", "north"],
        ] {
            served.usher(words)?;
        }
        Ok(served)
    }

    fn await_ready(&self) -> Result<()> {
        for _ in 0..2_000 {
            if run(self.folder.path(), &["organizer", "list"]).is_ok() {
                return Ok(());
            }
            pause();
        }
        bail!("the server does not answer")
    }

    /// The folder that commands run in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a command beside the server and answers with what it printed.
    pub(crate) fn usher(&self, words: &[&str]) -> Result<String> {
        Ok(String::from_utf8(run(self.folder.path(), words)?.stdout)?)
    }

    /// Memory of the server now, in MB.
    pub(crate) fn resident(&self) -> Result<f64> {
        memory(&self.child, "VmRSS").context("no figures of the server's memory")
    }

    /// The most memory that the server ever had, in MB.
    pub(crate) fn peak(&self) -> Result<f64> {
        memory(&self.child, "VmHWM").context("no figures of the server's memory")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be gone already; nothing is to be kept of it.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// The peak of memory of a device that takes in the ticket set of a venue, in MB.
pub(crate) async fn peak_of_sync(venue: &usher_tests::Venue) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let code = venue
        .enrollment("gate-0", 1, Confirmation::None, venue.address())
        .await;
    std::fs::write(folder.path().join("code"), code.code.reveal())?;
    let at = folder.path().to_path_buf();
    // The server of the venue runs on this thread.
    tokio::task::spawn_blocking(move || {
        run(
            &at,
            &[
                "--home", "till", "enroll", "--name", "till", "--file", "code",
            ],
        )?;
        peak_of(&at, &["--home", "till", "sync"])
    })
    .await?
}
