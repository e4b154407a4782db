//! This program once more, as a process of its own that can really be killed.

use crate::error::CliError;
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The longest a process may think about one line; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command line of this program that talks JSON, a line each. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program. What it logs goes to the end of the file `log`.
    ///
    /// # Errors
    /// [`CliError`] if it does not start.
    pub fn start<I: AsRef<OsStr>>(
        line: impl IntoIterator<Item = I>,
        log: &Path,
    ) -> Result<Self, CliError> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|error| CliError::writing(log, error))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--json")
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        // What the environment says of the caller's own server and devices is none of the demo's.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("USHER_") {
                command.env_remove(name);
            }
        }
        let mut child = command.spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(silent)?;
        Ok(Self {
            child,
            input,
            output: BufReader::new(output).lines(),
        })
    }

    /// Types a line.
    ///
    /// # Errors
    /// [`CliError`] if the process is gone.
    pub async fn type_line(&mut self, line: &str) -> Result<(), CliError> {
        let input = self.input.as_mut().ok_or_else(silent)?;
        input.write_all(format!("{line}\n").as_bytes()).await?;
        Ok(input.flush().await?)
    }

    /// The next line that it says.
    ///
    /// # Errors
    /// [`CliError`] if it ends, stays silent or says something else.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, CliError> {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line())
            .await
            .map_err(|_| silent())??
            .ok_or_else(silent)?;
        serde_json::from_str(&line).map_err(|error| {
            CliError::Invalid(format!(
                "a process of the demo said something else: {error}"
            ))
        })
    }

    /// Kills it as a power failure does: SIGKILL on Unix, nothing is cleaned up.
    ///
    /// # Errors
    /// [`CliError`] if the system does not.
    pub async fn kill(mut self) -> Result<ExitStatus, CliError> {
        self.child.start_kill()?;
        Ok(self.child.wait().await?)
    }

    /// Ends its input and waits until it is done.
    ///
    /// # Errors
    /// [`CliError`] if it does not end.
    pub async fn finish(mut self) -> Result<ExitStatus, CliError> {
        drop(self.input.take());
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| silent())?
            .map_err(CliError::Output)
    }
}

fn silent() -> CliError {
    CliError::Invalid("a process of the demo does not answer; --keep DIR keeps its log".to_owned())
}

/// How a process ended, in words.
#[must_use]
pub fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    {
        use std::os::unix::process::ExitStatusExt as _;
        if let Some(signal) = status.signal() {
            return format!("signal {signal}");
        }
    }
    status
        .code()
        .map_or_else(|| "killed".to_owned(), |code| format!("exit code {code}"))
}

/// How a killed process ends on this system, in words.
pub const KILLED: &str = if cfg!(unix) {
    "signal 9"
} else {
    "exit code 1"
};
