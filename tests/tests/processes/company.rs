//! A server and gates as processes, with a rough network between them.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use usher_tests::network::Network;

/// The longest that anybody may think about one line; a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that talks JSON, a line each. Dropping it kills it.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(role: &str, folder: &Path, shift_ms: i64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_usher-process"))
            .args([role.as_ref(), folder.as_os_str()])
            .arg(shift_ms.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    /// The next line with this field; none if the process ended.
    async fn hear(&mut self, field: &str) -> Option<Value> {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await;
            let line = line.expect("a process is silent").unwrap()?;
            let mut line: Value = serde_json::from_str(&line).unwrap();
            if let Some(value) = line.get_mut(field) {
                return Some(value.take());
            }
        }
    }

    async fn say(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        // One that was killed hears nothing.
        let _gone = input.write_all(format!("{line}\n").as_bytes()).await;
    }

    async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.child.wait().await.unwrap();
    }

    async fn finish(mut self) {
        drop(self.input.take());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.expect("a process does not end").unwrap().success());
    }
}

/// The server as a process.
pub(crate) struct Server {
    folder: PathBuf,
    shift_ms: i64,
    process: Option<Process>,
}

impl Server {
    pub(crate) const fn of(folder: PathBuf, shift_ms: i64) -> Self {
        Self {
            folder,
            shift_ms,
            process: None,
        }
    }

    /// Starts it, and leads these gates to it.
    pub(crate) async fn start(&mut self, gates: &[Gate]) {
        let mut process = Process::start("server", &self.folder, self.shift_ms);
        let addresses = process.hear("ready").await.unwrap();
        let address = addresses[0].as_str().unwrap().parse().unwrap();
        for gate in gates {
            gate.network().lead_to(address);
        }
        self.process = Some(process);
    }

    pub(crate) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await;
    }

    pub(crate) async fn finish(&mut self) {
        self.process.take().unwrap().finish().await;
    }
}

/// A gate of a venue as a process.
pub(crate) struct Gate {
    prepared: Rc<usher_tests::Gate>,
    shift_ms: i64,
    process: Option<Process>,
}

impl Gate {
    /// A gate that stands still until it is started.
    pub(crate) fn of(prepared: Rc<usher_tests::Gate>, shift_ms: i64) -> Self {
        prepared.stop();
        Self {
            prepared,
            shift_ms,
            process: None,
        }
    }

    pub(crate) fn network(&self) -> &Network {
        &self.prepared.network
    }

    pub(crate) async fn start(&mut self) {
        let mut process = Process::start("gate", &self.prepared.folder(), self.shift_ms);
        process.hear("ready").await.unwrap();
        self.process = Some(process);
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().unwrap()
    }

    /// Somebody shows a code; the verdict.
    pub(crate) async fn scan(&mut self, code: &str) -> Value {
        self.process().say(code).await;
        self.process().hear("scan").await.unwrap()
    }

    /// Somebody shows a code, and the gate is killed at some moment of its work; the verdict, if it showed.
    pub(crate) async fn scan_killed(&mut self, code: &str, after: Duration) -> Option<Value> {
        let mut process = self.process.take().unwrap();
        process.say(code).await;
        tokio::time::sleep(after).await;
        process.child.start_kill().unwrap();
        let shown = process.hear("scan").await;
        process.child.wait().await.unwrap();
        self.start().await;
        shown
    }

    /// Waits until exchanges that began from now on went well: the second that ends may be the first that
    /// began.
    pub(crate) async fn in_step(&mut self) {
        let mut clean = 0;
        while clean < 3 {
            let error = self.process().hear("exchange").await.unwrap();
            clean = if error.is_null() { clean + 1 } else { 0 };
        }
    }

    /// Ends the process in order; the gate of the venue goes on.
    pub(crate) async fn finish(mut self) {
        self.process.take().unwrap().finish().await;
        self.prepared.start();
    }
}
