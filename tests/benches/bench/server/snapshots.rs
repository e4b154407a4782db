//! A large ticket set to many devices within a minute.

use super::device::{Device, in_table};
use super::hall::{Enrolled, Hall};
use super::process::Running;
use super::runtime;
use crate::figure::{Figure, Limit, now};
use crate::program;
use anyhow::{Context as _, Result, ensure};
use futures_util::future::{try_join, try_join_all};
use http_body_util::BodyExt as _;
use std::time::Duration;
use usher_core::http::SNAPSHOT_PART_BYTES;
use usher_domain::document::enrollment::EnrollmentCode;
use usher_domain::protocol::paths;
use usher_domain::table::TableId;
use usher_domain::wire::SnapshotHead;

const TICKETS: usize = 100_000;
/// Clients that take the bytes and throw them away.
const CLIENTS: usize = 500;
/// Devices that take them in.
const REAL: usize = 5;
/// One client after the other, so often.
const EVERY: Duration = Duration::from_millis(60);

pub(crate) fn measure() -> Result<Vec<Figure>> {
    runtime()?.block_on(async {
        let hall = Hall::of(TICKETS, CLIENTS).await?;
        let server = Running::start(&hall)?;
        let code = EnrollmentCode {
            server: format!("http://{}", server.address),
            ..hall.code.clone()
        };
        let used = server.cpu()?;
        let begun = now();
        let clients = hall.devices.iter().zip(0_u32..);
        let clients = clients.map(|(enrolled, number)| {
            let (server, set) = (&server, hall.set());
            async move {
                tokio::time::sleep_until((begun + EVERY * number).into()).await;
                download(server, enrolled, set).await
            }
        });
        let real = (0..REAL).map(|_| take_in(&code));
        let (sizes, _) = try_join(try_join_all(clients), try_join_all(real)).await?;
        let took = begun.elapsed();
        let used = server.cpu()?.saturating_sub(used);
        let size = sizes.first().copied().unwrap_or_default();
        ensure!(sizes.iter().all(|other| *other == size), "other snapshots");
        Ok(figures(used, took, size))
    })
}

fn figures(used: Duration, took: Duration, size: u64) -> Vec<Figure> {
    let all = CLIENTS + REAL;
    let figure = |work: String, measured, unit, limit| Figure {
        work,
        measured,
        baseline: None,
        unit,
        limit,
    };
    vec![
        figure(
            format!("the server's time for one of {all} downloads of {TICKETS} tickets"),
            used.as_secs_f64() * 1e3 / all as f64,
            "ms",
            Limit::AtMost(20.0),
        ),
        figure(
            format!("until all {all} have it, {REAL} of them real devices"),
            took.as_secs_f64(),
            "s",
            Limit::AtMost(60.0),
        ),
        figure(
            "bytes of it on the wire".to_owned(),
            size as f64 / 1e6,
            "MB",
            Limit::Told,
        ),
    ]
}

/// Signs in and takes the newest snapshot in parts, as a device does. Answers with its size.
async fn download(server: &Running, enrolled: &Enrolled, set: TableId) -> Result<u64> {
    let mut device = Device::sign_in(server, enrolled).await?;
    let head: SnapshotHead = device
        .connection
        .get(&in_table(paths::SNAPSHOT, set))
        .await?;
    let path = in_table(paths::SNAPSHOT_BYTES, set);
    let path = path.replace("{version}", &head.version.to_string());
    let mut had = 0;
    while had < head.total {
        let range = format!("bytes={had}-{}", had + SNAPSHOT_PART_BYTES - 1);
        let answer = device.connection.open_answer(&path, Some(range)).await?;
        let mut body = answer.into_body();
        while let Some(frame) = body.frame().await {
            had += frame?.data_ref().map_or(0, |bytes| bytes.len() as u64);
        }
    }
    ensure!(had == head.total, "too many bytes");
    Ok(had)
}

/// A real device that enrolls and gets in step.
async fn take_in(code: &EnrollmentCode) -> Result<()> {
    let text = code.text().ok().context("no code")?;
    let syncing = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("code"), text.reveal())?;
        let enroll = ["enroll", "--name", "till", "--file", "code"];
        program::run(folder.path(), &[&["--home", "till"][..], &enroll].concat())?;
        program::run(folder.path(), &["--home", "till", "sync"])?;
        anyhow::Ok(())
    });
    syncing.await?
}
