//! Many devices that come back at once with what they scanned while they were alone, and a gate beside that
//! was connected all the time.

use super::claims::steadily;
use super::device::{Device, Known, connect};
use super::hall::{Enrolled, Hall};
use super::process::Running;
use super::runtime;
use crate::figure::{Figure, Limit, Sample, now};
use crate::queued::{log_of, queue};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::{try_join, try_join_all};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;
use usher_domain::document::batch::Batch;
use usher_domain::log::{Line, LogEnd};
use usher_domain::protocol::PushAnswer;
use usher_domain::record::Body;
use usher_server::clock::{Clock as _, SystemClock};

const DEVICES: usize = 200;
const RECORDS: usize = 1_000;
/// Connections of the gate that claims meanwhile: enough that one late answer does not hold up the next.
const CLAIMING: usize = 8;
/// It claims so often.
const EVERY: Duration = Duration::from_millis(25);

pub(crate) fn measure() -> Result<Vec<Figure>> {
    runtime()?.block_on(async {
        let hall = Hall::of(10_000, DEVICES + CLAIMING).await?;
        let server = Running::start(&hall)?;
        let (returning, claiming) = hall.devices.split_at(DEVICES);
        let (known, mut gates) = connect(&hall, &server, claiming).await?;
        let mut loads = Vec::new();
        for (number, enrolled) in returning.iter().enumerate() {
            let device = Device::sign_in(&server, enrolled).await?;
            loads.push((device, scanned(&known, enrolled, number)?));
        }

        let over = Cell::new(false);
        let begun = now();
        let pushing = async {
            try_join_all(loads.into_iter().map(|(device, load)| push(device, load))).await?;
            over.set(true);
            Ok(begun.elapsed())
        };
        let claims = steadily(&known, &mut gates, &hall.tickets, EVERY, &over);
        let (took, claims) = try_join(pushing, claims).await?;

        let reader = claiming.first().context("no device")?;
        let mut reader = Device::sign_in(&server, reader).await?;
        let begun = now();
        let kept = drain(&mut reader, &known).await?;
        let drained = begun.elapsed();
        Ok(figures(took, kept, &claims, drained, server.peak()?))
    })
}

fn figures(
    took: Duration,
    kept: usize,
    claims: &Sample,
    drained: Duration,
    peak: f64,
) -> Vec<Figure> {
    let figure = |work: String, measured, unit, limit| Figure {
        work,
        measured,
        baseline: None,
        unit,
        limit,
    };
    vec![
        figure(
            format!("{DEVICES} devices × {RECORDS} records at once, on the server"),
            took.as_secs_f64(),
            "s",
            Limit::AtMost(20.0),
        ),
        figure(
            "records in the feed then".to_owned(),
            kept as f64,
            "records",
            Limit::AtLeast((DEVICES * RECORDS) as f64),
        ),
        figure(
            format!(
                "a connected gate's claim meanwhile, p99 of {}",
                claims.count()
            ),
            claims.quantile(0.99),
            "ms",
            Limit::AtMost(300.0),
        ),
        figure(
            "memory of the server then".to_owned(),
            peak,
            "MB",
            Limit::AtMost(300.0),
        ),
        figure(
            "one device reads all of it from the feed".to_owned(),
            drained.as_secs_f64(),
            "s",
            Limit::Told,
        ),
    ]
}

/// What a device scanned.
fn scanned(known: &Known, enrolled: &Enrolled, number: usize) -> Result<Vec<Batch>> {
    let mut end = LogEnd::empty(log_of(enrolled.id), known.scope);
    let mut random = fastrand::Rng::with_seed(number as u64);
    let hour_ago = SystemClock.now().shifted(-3_600_000);
    let session = known.session;
    queue(
        &mut end,
        session,
        &mut random,
        hour_ago,
        RECORDS,
        &enrolled.key,
    )
}

async fn push(mut device: Device, load: Vec<Batch>) -> Result<()> {
    for batch in &load {
        let answer = device.push(batch).await?;
        ensure!(matches!(answer, PushAnswer::Stored(_)), "{answer:?}");
    }
    Ok(())
}

/// Reads the whole feed and counts the attempts in it.
async fn drain(device: &mut Device, known: &Known) -> Result<usize> {
    let mut attempts = BTreeSet::new();
    let mut after = 0;
    loop {
        let page = device.feed(known, after).await?;
        for batch in &page.batches {
            after = batch.position;
            for record in &batch.batch.records {
                if let Body::Scan(scan) = Line::read(record)?.record.body {
                    attempts.insert(scan.attempt);
                }
            }
        }
        if after >= page.end {
            return Ok(attempts.len());
        }
        ensure!(!page.batches.is_empty(), "an empty page before the end");
    }
}
