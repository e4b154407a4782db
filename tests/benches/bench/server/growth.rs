//! What becomes dearer with the number of tickets and of devices, and what does not.

use super::device::{Device, Known, connect, in_table, prove};
use super::hall::Hall;
use super::process::Running;
use super::runtime;
use crate::figure::{Figure, Limit, Sample, now};
use anyhow::{Context as _, Result, bail};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use usher_domain::protocol::{Changes, paths};
use usher_domain::table::Version;

/// Tickets of the sets that are compared.
const SETS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Devices on duty in the halls that are compared, with sets of a thousand tickets.
const DUTIES: [usize; 4] = [1, 10, 100, 500];
/// Changes of one version each; every one takes in those after it.
const CHANGES: [usize; 3] = [500, 100, 10];
/// Claims in each hall, and askings for each segment.
const CLAIMS: usize = 300;
/// Claims after which a device hands in what it recorded.
const RECORDED: usize = 100;
const ASKED: usize = 15;
/// How much dearer the largest may be than the smallest and still count as the same.
const FLAT: f64 = 1.5;
/// The same for a segment's time: in a set a thousand times as large every changed row lies on a page of
/// its own, one level deeper in the tree.
const NEARLY_FLAT: f64 = 3.0;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    runtime()?.block_on(async {
        let mut figures = of_sets().await?;
        figures.push(of_duties().await?);
        Ok(figures)
    })
}

/// A hall with its server, of which one device claims.
struct Site {
    hall: Hall,
    server: Running,
    known: Arc<Known>,
    devices: Vec<Device>,
    /// How long sealing each of the changes took.
    sealed: Vec<Duration>,
    claims: Sample,
    segments: [Segment; CHANGES.len()],
}

/// What the changes after a version cost.
#[derive(Default)]
struct Segment {
    asked: Sample,
    bytes: usize,
}

impl Site {
    async fn open(tickets: usize, devices: usize, changes: &[usize]) -> Result<Self> {
        let hall = Hall::of(tickets, devices).await?;
        let mut sealed = Vec::new();
        for (&count, revision) in changes.iter().zip(2..) {
            sealed.push(hall.block(count, revision).await?);
        }
        let server = Running::start(&hall)?;
        let (known, devices) = connect(&hall, &server, &hall.devices).await?;
        Ok(Self {
            hall,
            server,
            known,
            devices,
            sealed,
            claims: Sample::default(),
            segments: Default::default(),
        })
    }

    /// Claims the ticket of this number.
    async fn claim(&mut self, number: usize) -> Result<()> {
        let tickets = self.hall.tickets.get(number..=number);
        let first = self.devices.get_mut(..1).context("no device")?;
        let (tickets, never) = (tickets.context("no ticket")?, Cell::new(false));
        let pause = Duration::ZERO;
        let claim = super::claims::steadily(&self.known, first, tickets, pause, &never);
        self.claims.extend(claim.await?);
        if number % RECORDED == RECORDED - 1 {
            prove(&self.known, first).await?;
        }
        Ok(())
    }

    /// Asks for the changes of each version up to the newest.
    async fn ask(&mut self) -> Result<()> {
        let device = self.devices.first_mut().context("no device")?;
        for (segment, back) in self.segments.iter_mut().rev().zip(1..) {
            let since = Version {
                number: self.known.set.number - back,
                ..self.known.set
            };
            let path = in_table(paths::CHANGES, self.hall.set());
            let path = format!("{path}?since={since}");
            let begun = now();
            let changes: Changes = device.connection.get(&path).await?;
            segment.asked.note(begun.elapsed());
            let Changes::Segment { rows, .. } = changes else {
                bail!("no segment: {changes:?}");
            };
            segment.bytes = rows.len();
        }
        Ok(())
    }
}

async fn of_sets() -> Result<Vec<Figure>> {
    let mut sites = Vec::new();
    for tickets in SETS {
        sites.push(Site::open(tickets, 1, &CHANGES).await?);
    }
    for number in 0..CLAIMS {
        for site in &mut sites {
            site.claim(number).await?;
        }
    }
    for _ in 0..ASKED {
        for site in &mut sites {
            site.ask().await?;
        }
    }
    println!("{}", table_of_sets(&sites));
    let (small, large) = ends(&sites)?;
    let last = |site: &Site| -> Result<(f64, f64)> {
        let segment = site.segments.first().context("no segment")?;
        Ok((segment.asked.median(), segment.bytes as f64 / 1e3))
    };
    let ((small_ms, small_kb), (large_ms, large_kb)) = (last(small)?, last(large)?);
    let [least, .., most] = SETS;
    let figure = |work: String, measured, baseline, unit, times| Figure {
        work,
        measured,
        baseline: Some(baseline),
        unit,
        limit: Limit::TimesBaseline(times),
    };
    Ok(vec![
        figure(
            format!("a claim with {most} tickets, beside {least}"),
            large.claims.median(),
            small.claims.median(),
            "ms",
            FLAT,
        ),
        figure(
            format!("{} changes of {most} tickets, beside {least}", CHANGES[0]),
            large_ms,
            small_ms,
            "ms",
            NEARLY_FLAT,
        ),
        figure("their bytes".to_owned(), large_kb, small_kb, "kB", FLAT),
    ])
}

async fn of_duties() -> Result<Figure> {
    let mut sites = Vec::new();
    for devices in DUTIES {
        sites.push(Site::open(SETS[0], devices, &[]).await?);
    }
    for site in &mut sites {
        prove(&site.known, &mut site.devices).await?;
    }
    for number in 0..CLAIMS {
        for site in &mut sites {
            site.claim(number).await?;
        }
    }
    println!("{}", table_of_duties(&sites));
    let (few, many) = ends(&sites)?;
    let [least, .., most] = DUTIES;
    Ok(Figure {
        work: format!("a claim with {most} devices on duty, beside {least}"),
        measured: many.claims.median(),
        baseline: Some(few.claims.median()),
        unit: "ms",
        limit: Limit::TimesBaseline(FLAT),
    })
}

fn ends(sites: &[Site]) -> Result<(&Site, &Site)> {
    sites
        .first()
        .zip(sites.last())
        .context("nothing to compare")
}

fn table_of_sets(sites: &[Site]) -> String {
    let mut lines = vec![
        "| tickets | claim p50 | claim p99 | changes: ms to seal, ms to ask, kB | server's memory |"
            .to_owned(),
        "| ------: | --------: | --------: | --- | --: |".to_owned(),
    ];
    for site in sites {
        let of_change = CHANGES.iter().zip(&site.sealed).zip(&site.segments);
        let of_change = of_change.map(|((changes, sealed), segment)| {
            format!(
                "{changes}: {:.0}, {:.1}, {:.1}",
                sealed.as_secs_f64() * 1e3,
                segment.asked.median(),
                segment.bytes as f64 / 1e3
            )
        });
        lines.push(format!(
            "| {} | {:.2} ms | {:.2} ms | {} | {:.0} MB |",
            site.hall.tickets.len(),
            site.claims.median(),
            site.claims.quantile(0.99),
            of_change.collect::<Vec<_>>().join("; "),
            site.server.peak().unwrap_or(f64::NAN),
        ));
    }
    lines.join("\n") + "\n"
}

fn table_of_duties(sites: &[Site]) -> String {
    let mut lines = vec![
        "| devices on duty | claim p50 | claim p99 | server's memory |".to_owned(),
        "| --------------: | --------: | --------: | --: |".to_owned(),
    ];
    for site in sites {
        lines.push(format!(
            "| {} | {:.2} ms | {:.2} ms | {:.0} MB |",
            site.devices.len(),
            site.claims.median(),
            site.claims.quantile(0.99),
            site.server.peak().unwrap_or(f64::NAN),
        ));
    }
    lines.join("\n") + "\n"
}
