//! A real server of this process, and the built binary as organizer's tool and as a device.

#![allow(
    dead_code,
    reason = "compiled into several test programs; each uses a part"
)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;
use usher_server::clock::SystemClock;
use usher_server::config::{Config, Settings};
use usher_server::serve::Server;

/// The built binary.
pub(crate) const USHER: &str = env!("CARGO_BIN_EXE_usher");

/// A folder with a server, and the server.
pub(crate) struct House {
    folder: TempDir,
    address: String,
    server: Option<Server>,
    runtime: tokio::runtime::Runtime,
}

impl House {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let line = ["init", "--transport", "plain", "--listen", "127.0.0.1:0"];
        let output = run(folder.path(), &line);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let data = folder.path().join("usher-data");
        let config = Config::load(&data, Settings::default(), []).unwrap();
        let server = runtime
            .block_on(Server::start(&config, Arc::new(SystemClock)))
            .unwrap();
        let address = server.public_url().to_owned();
        let house = Self {
            folder,
            address,
            server: Some(server),
            runtime,
        };
        std::fs::write(house.folder.path().join("pass"), "correct horse battery\n").unwrap();
        house
    }

    /// A house with an organizer.
    pub(crate) fn with_organizer() -> Self {
        let house = Self::open();
        house.json("organizer create house --name House --passphrase-file pass");
        house
    }

    /// A device at gate `north` of event `fair`, whose tickets the files `imports` list.
    ///
    /// Its one session, `evening`, is served now.
    pub(crate) fn with_device(imports: &[(&str, String)]) -> Self {
        let house = Self::with_organizer();
        house.ok("event create fair --time-zone Europe/Berlin");
        house.ok("session create fair/evening --doors now --ends +6h");
        house.ok("gate create north");
        for (name, content) in imports {
            std::fs::write(house.path().join(name), content).unwrap();
        }
        let names: Vec<&str> = imports.iter().map(|(name, _)| *name).collect();
        let report = house.json(&format!("import fair {}", names.join(" ")));
        house.ok("enrollment create --gate north --text-out north.code");
        house.ok("--home till enroll --name till --file north.code");
        house.sync_to(&report["created"]);
        house
    }

    /// Syncs the device until its ticket set has this many rows: the server seals what is new a moment
    /// after it took it in.
    pub(crate) fn sync_to(&self, rows: &Value) {
        for _ in 0..1_000 {
            self.ok("--home till sync");
            if self.json("--home till status")["tables"]
                .as_array()
                .unwrap()
                .iter()
                .any(|table| !table["session"].is_null() && table["rows"] == *rows)
            {
                break;
            }
        }
    }

    /// The server's address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Its folder. The device of [`Self::with_device`] is in `till`.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The device's folder.
    pub(crate) fn till(&self) -> PathBuf {
        self.path().join("till")
    }

    /// The binary on the device, with nothing of this process's environment.
    pub(crate) fn device(&self, line: &[&str]) -> Command {
        let mut command = Command::new(USHER);
        command
            .args(["--json", "--home", "till"])
            .args(line)
            .current_dir(self.path())
            .env_clear();
        command
    }

    /// Scans and returns the exit code and the lines printed.
    pub(crate) fn scan(&self, line: &[&str]) -> (i32, Vec<Value>) {
        let output = self.device(&["scan", "--offline"]).args(line).output();
        let output = output.unwrap();
        (output.status.code().unwrap(), json_lines(&output.stdout))
    }

    /// The named pipe `operator`, into which a test types what an operator types at a running gate.
    pub(crate) fn operator(&self) -> std::fs::File {
        let pipe = self.path().join("operator");
        if !pipe.exists() {
            let made = Command::new("mkfifo").arg(&pipe).status();
            assert!(made.unwrap().success());
        }
        // Open for both, or opening would wait for the gate.
        let mut options = std::fs::File::options();
        options.read(true).write(true).open(pipe).unwrap()
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        let line: Vec<&str> = line.split(' ').collect();
        let mut all = vec!["--server", &self.address];
        all.extend(line);
        run(self.folder.path(), &all)
    }

    pub(crate) fn ok(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("--json {line}"))).unwrap()
    }

    pub(crate) fn error(&self, line: &str) -> Value {
        let output = self.run(&format!("--json {line}"));
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        error_of(&output)
    }
}

impl House {
    /// Stops its server; devices go on alone.
    pub(crate) fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The one error that a command wrote to standard error with `--json`.
pub(crate) fn error_of(output: &Output) -> Value {
    let line: Value = serde_json::from_slice(&output.stderr).unwrap();
    line["error"].clone()
}

/// Runs the binary in a folder.
pub(crate) fn run(folder: &Path, line: &[&str]) -> Output {
    Command::new(USHER)
        .args(line)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap()
}

/// The lines of JSON that were printed to their end.
pub(crate) fn json_lines(bytes: &[u8]) -> Vec<Value> {
    let whole = bytes.iter().rposition(|byte| *byte == b'\n');
    bytes[..whole.map_or(0, |end| end)]
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The `field` of each line that has one: of verdicts, `outcome`, `reason` or `record`.
pub(crate) fn texts<'a>(lines: &'a [Value], field: &str) -> Vec<&'a str> {
    lines
        .iter()
        .filter_map(|line| line[field].as_str())
        .collect()
}
