//! zxing-cpp, the reader to beat, in a Python process beside this one (package `zxing-cpp`), with its
//! best options. It measures its own time on the processor, without the way there and back.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use usher_core::camera::LumaFrame;

/// Reads `width height` and as many bytes, writes a line of JSON, until nothing comes. Several codes,
/// any turn, inverted, downscaled; the package always tries harder.
const PROGRAM: &str = r#"
import json, sys, time
import zxingcpp
source, sink = sys.stdin.buffer, sys.stdout
print("ready", flush=True)
for line in source:
    width, height = map(int, line.split())
    luma = memoryview(source.read(width * height)).cast("B", (height, width))
    start = time.thread_time_ns()
    found = zxingcpp.read_barcodes(luma, formats=zxingcpp.BarcodeFormat.QRCode, try_rotate=True,
        try_downscale=True, try_invert=True, text_mode=zxingcpp.TextMode.Plain)
    ms = (time.thread_time_ns() - start) / 1e6
    print(json.dumps({"ms": ms, "texts": [code.text for code in found]}), file=sink, flush=True)
"#;

/// The process.
pub(crate) struct Reference {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// What it read in a picture.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    /// Milliseconds on the processor.
    pub ms: f64,
    /// All texts.
    pub texts: Vec<String>,
}

impl Reference {
    /// Starts it; none if there is no Python that has the package.
    pub(crate) fn start(python: Option<&Path>) -> Option<Self> {
        let python = python.unwrap_or(Path::new("python3"));
        let mut child = Command::new(python)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (to, from) = (child.stdin.take()?, child.stdout.take()?);
        let mut from = BufReader::new(from);
        let mut line = String::new();
        from.read_line(&mut line).ok()?;
        (line.trim() == "ready").then_some(Self { child, to, from })
    }

    /// What it reads in a picture.
    pub(crate) fn read(&mut self, picture: &LumaFrame) -> Result<Answer> {
        writeln!(self.to, "{} {}", picture.width(), picture.height())?;
        self.to.write_all(picture.luma())?;
        self.to.flush()?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        serde_json::from_str(&line).context("zxing-cpp gave no answer")
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // It ends by itself with its input, which closes now; nothing is lost if it was gone before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
