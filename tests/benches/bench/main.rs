//! The speeds that Usher promises, each beside a baseline measured in turn with it in the same run.
//!
//! Machines are noisy, so what counts is the ratio of medians. `cargo xtask bench` builds in release and
//! calls this; words on the command line choose workloads by name, `--json FILE` writes the figures. The
//! word `server` alone chooses the server under load, `--only ROW` one row of it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark speaks to whoever started it"
)]

mod demo;
mod download;
mod figure;
mod program;
mod queued;
mod scan;
mod server;
mod world;

use anyhow::{Context as _, Result};
use figure::{Figure, table};
use std::path::Path;
use std::process::ExitCode;

/// A workload: its name, and what measures it.
type Workload = (&'static str, fn() -> Result<Vec<Figure>>);

const WORKLOADS: &[Workload] = &[
    ("scan", scan::measure),
    ("download", download::measure),
    ("queued", queued::measure),
    ("demo", demo::measure),
];

fn main() -> Result<ExitCode> {
    let mut wanted = Vec::new();
    let (mut json, mut only) = (None, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // What `cargo bench` adds by itself.
            "--bench" => {}
            "--json" => json = Some(words.next().context("--json wants a file")?),
            "--only" => only = Some(words.next().context("--only wants a row")?),
            server::SERVE => {
                let folder = words.next().context("no folder to serve")?;
                server::serve(Path::new(&folder))?;
                return Ok(ExitCode::SUCCESS);
            }
            _ => wanted.push(word),
        }
    }
    let mut figures = Vec::new();
    if wanted.iter().any(|word| word == server::NAME) {
        figures.extend(server::measure(only.as_deref())?);
    } else {
        for (name, measure) in WORKLOADS {
            if wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str())) {
                eprintln!("measuring {name} …");
                figures.extend(measure().with_context(|| format!("measuring {name}"))?);
            }
        }
    }
    println!("{}", table(&figures));
    if let Some(file) = json {
        std::fs::write(&file, serde_json::to_vec_pretty(&figures)?)
            .with_context(|| format!("writing {file}"))?;
    }
    let held = figures.iter().all(Figure::holds);
    Ok(if held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
