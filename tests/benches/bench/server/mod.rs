//! The server under load. It runs in a process of its own and the load comes from this one, so that neither
//! is measured with the other.
//!
//! Every row prepares a server's folder through the services and the storage, then starts the server on
//! it: the very code that `usher serve` runs, and beside it one answer more, the plainest one to a claim,
//! which the program itself is built without.

mod claims;
mod device;
mod growth;
mod hall;
mod live;
mod process;
mod returning;
mod snapshots;
mod wire;

pub(crate) use process::{SERVE, serve};

use crate::figure::{Figure, table};
use anyhow::{Context as _, Result, bail};
use tokio::runtime::Runtime;

/// The word that chooses these measurements.
pub(crate) const NAME: &str = "server";

/// A row: its name, and what measures it.
type Row = (&'static str, fn() -> Result<Vec<Figure>>);

const ROWS: &[Row] = &[
    ("claims", claims::measure),
    ("live", live::measure),
    ("returning", returning::measure),
    ("snapshots", snapshots::measure),
    ("growth", growth::measure),
];

/// Measures all rows, or the one named `only`.
pub(crate) fn measure(only: Option<&str>) -> Result<Vec<Figure>> {
    let rows: Vec<&Row> = ROWS
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .collect();
    if rows.is_empty() {
        let names: Vec<&str> = ROWS.iter().map(|(name, _)| *name).collect();
        bail!("--only wants one of {}", names.join(", "));
    }
    let mut figures = Vec::new();
    for (name, measure) in rows {
        eprintln!("measuring {name} …");
        let row = measure().with_context(|| format!("measuring {name}"))?;
        // Minutes of measuring are not lost to a row that fails after it.
        eprintln!("{}", table(&row));
        figures.extend(row);
    }
    Ok(figures)
}

/// What the load runs on: one thread, so that the server keeps the others.
fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}
