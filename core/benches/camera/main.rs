//! How well and how fast codes are read, beside zxing-cpp in the same run.
//!
//! `cargo xtask bench camera` builds in release and calls this. Words: `--photos DIR` measures a folder
//! of photographs with an `index.tsv` (path, expected text or `?`, set, number of codes); the odd lines
//! are reported, `--even` reports the others, on which thresholds may be tuned. `--fuzz N` reads N
//! frames of rubbish instead. `--python PATH` names a Python that has the package `zxing-cpp`;
//! `--json FILE` writes the figures, too.
//!
//! Time is that of the thread on the processor: other programs do not count.

#![expect(
    clippy::print_stdout,
    reason = "a benchmark speaks to whoever started it"
)]

mod camera;
mod cpu;
mod empty;
mod fuzz;
mod jitter;
mod photos;
mod reference;
mod rendered;
mod report;
mod styled;

use anyhow::{Context as _, Result};
use reference::Reference;
use report::Report;
use std::path::PathBuf;
use std::process::ExitCode;

/// What was asked for.
#[derive(Debug, Default)]
struct Words {
    photos: Option<PathBuf>,
    even: bool,
    fuzz: Option<u32>,
    python: Option<PathBuf>,
    json: Option<PathBuf>,
}

impl Words {
    fn parse() -> Result<Self> {
        let mut words = Self::default();
        let mut given = std::env::args().skip(1);
        while let Some(word) = given.next() {
            let mut value = || {
                given
                    .next()
                    .with_context(|| format!("{word} wants a value"))
            };
            match word.as_str() {
                // What `cargo bench` adds by itself.
                "--bench" => {}
                "--photos" => words.photos = Some(value()?.into()),
                "--even" => words.even = true,
                "--fuzz" => words.fuzz = Some(value()?.parse()?),
                "--python" => words.python = Some(value()?.into()),
                "--json" => words.json = Some(value()?.into()),
                _ => anyhow::bail!("what is {word}?"),
            }
        }
        Ok(words)
    }
}

fn main() -> Result<ExitCode> {
    let words = Words::parse()?;
    if let Some(frames) = words.fuzz {
        return fuzz::run(frames);
    }
    let mut reference = Reference::start(words.python.as_deref());
    if reference.is_none() {
        println!(
            "No Python with zxing-cpp (pip install zxing-cpp, --python PATH): not compared.\n"
        );
    }
    let mut report = Report::default();
    let drawn = rendered::pictures();
    report.add(
        "drawn codes, 7-M",
        &camera::measure(&drawn, &mut reference)?,
    );
    report.add(
        "codes in styles",
        &camera::measure(&styled::pictures(), &mut reference)?,
    );
    report.empty = empty::measure(&mut reference)?;
    match &words.photos {
        Some(folder) => {
            let photos = photos::open(folder, words.even)?;
            report.add("photographs", &camera::measure(&photos, &mut reference)?);
        }
        None => println!("No photographs: name a folder of them by --photos DIR.\n"),
    }
    println!("{report}");
    if let Some(file) = words.json {
        std::fs::write(&file, serde_json::to_vec_pretty(&report)?)
            .with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
