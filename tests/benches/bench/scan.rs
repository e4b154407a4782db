//! One scan: from the text of a code to a verdict whose record is durable.

use crate::figure::{Figure, Limit, Sample};
use crate::world::{World, signed_set};
use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;
use std::path::Path;
use usher_core::clock::{SystemClock, SystemEntropy};
use usher_core::gate::{Gate, Means, ScanRequest};
use usher_domain::code::usher::SignedCode;
use usher_domain::code::{Presented, TicketCodeText, read};
use usher_domain::record::Outcome;

const TICKETS: usize = 500_000;
const SCANS: usize = 4_000;
/// Bytes of a scan's record, so that the plain insert writes as much.
const RECORD_BYTES: usize = 330;

/// A folder in memory, where a commit costs next to nothing.
const IN_MEMORY: &str = "/dev/shm";

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let mut figures = measure_durable(folder.path())?;
    if Path::new(IN_MEMORY).is_dir() {
        let folder = tempfile::tempdir_in(IN_MEMORY)?;
        figures.push(measure_deciding(folder.path())?);
    } else {
        eprintln!("no folder in memory here: a scan without its commit is not measured");
    }
    Ok(figures)
}

/// Scans in turn with the least that any gate must do: verify one signature, commit one row.
fn measure_durable(folder: &Path) -> Result<Vec<Figure>> {
    let mut world = signed_set(folder, TICKETS, SCANS)?;
    let key = world.keys.code.public();
    let raw = Connection::open(folder.join("baseline.sqlite"))?;
    raw.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE record (place INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;",
    )?;
    let body = vec![7_u8; RECORD_BYTES];
    let mut plain = Sample::default();
    let ours = scan_all(&mut world, |text| {
        let code = signed(text)?;
        plain.time(|| -> Result<()> {
            code.verify(&key).ok().context("the code does not verify")?;
            raw.execute("INSERT INTO record (body) VALUES (?1)", [&body])?;
            Ok(())
        })
    })?;
    let figure = |name: &str, share: f64, times: f64| Figure {
        work: format!("one scan of {TICKETS} tickets, {name}"),
        measured: ours.quantile(share),
        baseline: Some(plain.quantile(share)),
        unit: "ms",
        limit: Limit::TimesBaseline(times),
    };
    Ok(vec![figure("p50", 0.5, 1.5), figure("p99", 0.99, 2.0)])
}

/// The same without waiting for a disk, beside the verification alone.
fn measure_deciding(folder: &Path) -> Result<Figure> {
    let mut world = signed_set(folder, TICKETS, SCANS)?;
    let key = world.keys.code.public();
    let mut verified = Sample::default();
    let ours = scan_all(&mut world, |text| {
        let code = signed(text)?;
        verified
            .time(|| code.verify(&key))
            .ok()
            .context("the code does not verify")?;
        Ok(())
    })?;
    Ok(Figure {
        work: format!("one scan of {TICKETS} tickets, commit to memory, p50"),
        measured: ours.median() * 1e3,
        baseline: Some(verified.median() * 1e3),
        unit: "µs",
        limit: Limit::AtMost(150.0),
    })
}

/// Scans every code of the world once, each followed by the work it is compared with.
fn scan_all(world: &mut World, mut compared: impl FnMut(&str) -> Result<()>) -> Result<Sample> {
    let (clock, entropy) = (SystemClock::new(), SystemEntropy);
    let mut gate = Gate::new();
    let mut ours = Sample::default();
    for text in &world.codes {
        let mut means = Means {
            store: &mut world.store,
            clock: &clock,
            entropy: &entropy,
        };
        let answer = ours.time(|| gate.scan(&mut means, &ScanRequest::entry(text.as_str())));
        ensure!(
            answer.verdict.outcome() == Outcome::Admit,
            "{:?}",
            answer.verdict
        );
        compared(text)?;
    }
    Ok(ours)
}

fn signed(text: &str) -> Result<SignedCode> {
    let text = TicketCodeText::new(text).ok().context("no code text")?;
    match read(&text) {
        Presented::Usher(code) => Ok(code),
        Presented::MalformedUsher(_) | Presented::PretixLike(_) | Presented::Opaque => {
            anyhow::bail!("not a signed code")
        }
    }
}
