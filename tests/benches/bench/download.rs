//! Ticket sets over loopback: the first download, and what changes afterwards.

use crate::figure::{Figure, Limit, Sample, now};
use crate::program;
use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;
use std::fmt::Write as _;
use std::path::Path;
use usher_domain::api::access::{Confirmation, TokenRole};
use usher_domain::api::tickets::{TicketChange, TicketQuery};
use usher_tests::gate::Gate;
use usher_tests::venue::{EVENT, Venue};

const LARGE: usize = 500_000;
const SMALL: usize = 10_000;
const CHANGED: usize = 100;
const ROUNDS: usize = 3;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut figures = Vec::new();
        figures.extend(of_size(SMALL).await?);
        figures.extend(of_size(LARGE).await?);
        Ok(figures)
    })
}

async fn of_size(tickets: usize) -> Result<Vec<Figure>> {
    let venue = Venue::new().await;
    let mut imported = Sample::default();
    let begun = now();
    venue.import(&list(tickets)).await;
    imported.note(begun.elapsed());
    venue.seal().await;

    let (mut ours, mut plain) = (Sample::default(), Sample::default());
    let mut bytes = 0;
    let mut last = None;
    for round in 0..ROUNDS {
        let gate = device(&venue, round).await?;
        let begun = now();
        let report = gate.sync().await;
        ours.note(begun.elapsed());
        bytes = report.table_bytes;
        gate.stop();
        insert_plainly(&gate.folder(), &mut plain)?;
        gate.start();
        last = Some(gate);
    }
    let gate = last.context("no round")?;
    let mut figures = vec![Figure {
        work: format!("import of {tickets} lines of CSV"),
        measured: imported.median() / 1e3,
        baseline: None,
        unit: "s",
        limit: Limit::Told,
    }];
    let download = format!("download of {tickets} tickets, to swapped in");
    if tickets == SMALL {
        figures.push(Figure {
            work: download,
            measured: ours.median() / 1e3,
            baseline: Some(plain.median() / 1e3),
            unit: "s",
            limit: Limit::AtMost(0.2),
        });
        figures.push(Figure {
            work: format!("{tickets} tickets on the wire"),
            measured: bytes as f64 / 1e6,
            baseline: None,
            unit: "MB",
            limit: Limit::AtMost(0.6),
        });
        return Ok(figures);
    }
    figures.push(Figure {
        work: download,
        measured: ours.median() / 1e3,
        baseline: Some(plain.median() / 1e3),
        unit: "s",
        limit: Limit::TimesBaseline(2.5),
    });
    figures.push(Figure {
        work: "bytes a ticket on the wire".to_owned(),
        measured: bytes as f64 / tickets as f64,
        baseline: None,
        unit: "B",
        limit: Limit::AtMost(64.0),
    });
    figures.extend(changes(&venue, &gate).await?);
    figures.push(memory(&venue).await?);
    Ok(figures)
}

/// A device that is enrolled and holds nothing yet.
async fn device(venue: &Venue, number: usize) -> Result<Gate> {
    let name = format!("gate-{number}");
    venue.place(&name, None).await;
    venue.seal().await;
    let gate = venue.fresh_device(&name).await;
    let code = venue
        .enrollment(&name, 1, Confirmation::None, gate.network.address())
        .await;
    gate.enroll(&code.code).await?;
    Ok(gate)
}

/// A shop's list of tickets without names.
fn list(tickets: usize) -> String {
    let mut random = fastrand::Rng::with_seed(7);
    let mut list = String::from("barcode,type,external\n");
    for number in 0..tickets {
        let code = random.u128(..);
        let _infallible = writeln!(list, "{code:032X},Regular,T{number}");
    }
    list
}

/// The same rows and indexes into an empty file of the same form, in the order of their keys.
fn insert_plainly(folder: &Path, took: &mut Sample) -> Result<()> {
    let source = Connection::open(folder.join("usher.db"))?;
    let target = tempfile::tempdir()?;
    let plain = Connection::open(target.path().join("plain.sqlite"))?;
    plain.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    let mut forms = source.prepare(
        "SELECT sql FROM sqlite_schema WHERE name IN ('rows', 'media', 'orders') AND sql IS NOT NULL",
    )?;
    for form in forms.query_map([], |row| row.get::<_, String>(0))? {
        plain.execute_batch(&form?)?;
    }
    type Row = (i64, i64, Vec<u8>, Vec<u8>);
    let mut rows = source.prepare(
        "SELECT generation, bucket, key, row FROM rows ORDER BY generation, bucket, key",
    )?;
    let rows: Vec<Row> = rows
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    type Medium = (i64, Vec<u8>, Vec<u8>);
    let mut media = source
        .prepare("SELECT generation, medium, key FROM media ORDER BY generation, medium, key")?;
    let media: Vec<Medium> = media
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    took.time(|| -> Result<()> {
        let inserting = plain.unchecked_transaction()?;
        {
            let mut insert = inserting.prepare(
                "INSERT INTO rows (generation, bucket, key, row) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for row in &rows {
                insert.execute(rusqlite::params![row.0, row.1, row.2, row.3])?;
            }
            let mut insert = inserting
                .prepare("INSERT INTO media (generation, medium, key) VALUES (?1, ?2, ?3)")?;
            for medium in &media {
                insert.execute(rusqlite::params![medium.0, medium.1, medium.2])?;
            }
        }
        Ok(inserting.commit()?)
    })
}

async fn changes(venue: &Venue, gate: &Gate) -> Result<Vec<Figure>> {
    let (mut ours, mut idle) = (Sample::default(), Sample::default());
    let mut bytes = 0;
    for round in 0..7 {
        let begun = now();
        gate.sync().await;
        idle.note(begun.elapsed());
        let page = venue
            .service()
            .tickets(
                venue.organizer.id,
                EVENT.to_owned(),
                TicketQuery {
                    limit: Some(CHANGED as u32),
                    ..TicketQuery::default()
                },
                TokenRole::Sales,
            )
            .await?;
        ensure!(page.items.len() == CHANGED, "too few tickets on a page");
        let change = if round % 2 == 0 {
            TicketChange::Block
        } else {
            TicketChange::Unblock
        };
        for ticket in page.items.iter() {
            venue.change(ticket.id, change.clone()).await;
        }
        venue.seal().await;
        let begun = now();
        let report = gate.sync().await;
        ours.note(begun.elapsed());
        bytes = bytes.max(report.table_bytes);
    }
    Ok(vec![
        Figure {
            work: format!("{CHANGED} changes on it, to swapped in"),
            measured: ours.median(),
            // An exchange that finds nothing new.
            baseline: Some(idle.median()),
            unit: "ms",
            limit: Limit::AtMost(50.0),
        },
        Figure {
            work: format!("{CHANGED} changes on the wire"),
            measured: bytes as f64 / 1e3,
            baseline: None,
            unit: "kB",
            limit: Limit::AtMost(20.0),
        },
    ])
}

/// The memory of a device that is a process of its own.
async fn memory(venue: &Venue) -> Result<Figure> {
    let peak = program::peak_of_sync(venue).await?;
    Ok(Figure {
        work: format!("memory of a device that takes in {LARGE} tickets"),
        measured: peak,
        baseline: None,
        unit: "MB",
        limit: Limit::AtMost(100.0),
    })
}
