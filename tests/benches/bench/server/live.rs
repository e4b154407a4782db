//! How soon a scan of one gate is known at all others.

use super::device::{Device, Known, connect};
use super::hall::Hall;
use super::process::Running;
use super::runtime;
use crate::figure::{Figure, Limit, Sample, now};
use crate::queued::{admission, log_of};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::{try_join, try_join_all};
use http_body_util::BodyExt as _;
use std::cell::Cell;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use usher_domain::ids::{AttemptId, TicketId};
use usher_domain::log::{Line, LogEnd, sign_batch};
use usher_domain::protocol::PushAnswer;
use usher_domain::protocol::live::{EventReader, FeedNews, LiveEvent};
use usher_domain::record::Body;
use usher_domain::time::UnixMillis;
use usher_server::clock::{Clock as _, SystemClock};

const LISTENERS: usize = 200;
const SCANS: usize = 1_500;
/// A scan every so often.
const EVERY: Duration = Duration::from_millis(10);

pub(crate) fn measure() -> Result<Vec<Figure>> {
    runtime()?.block_on(async {
        let hall = Hall::of(1_000, LISTENERS + 1).await?;
        let server = Running::start(&hall)?;
        let (known, mut listeners) = connect(&hall, &server, &hall.devices).await?;
        let gate = listeners.pop().context("no gate")?;
        let scans = Scans {
            begun: Cell::new(now()),
            listening: Semaphore::new(0),
        };
        let used = Cell::new(Duration::ZERO);
        let scanning = async {
            // Nobody scans before all listen.
            let _all = scans.listening.acquire_many(LISTENERS as u32).await?;
            used.set(server.cpu()?);
            scans.begun.set(now());
            scan(gate, &known, scans.begun.get()).await
        };
        let listening = listeners
            .into_iter()
            .map(|device| listen(device, &known, &scans));
        let ((), heard) = try_join(scanning, try_join_all(listening)).await?;
        let took = scans.begun.get().elapsed();
        let used = server.cpu()?.saturating_sub(used.get());
        let mut all = Sample::default();
        heard.into_iter().for_each(|heard| all.extend(heard));
        Ok(figures(&all, used.as_secs_f64() / took.as_secs_f64()))
    })
}

fn figures(heard: &Sample, cores: f64) -> Vec<Figure> {
    let figure = |name, share, limit| Figure {
        work: format!("a scan of one gate read at {LISTENERS} others, 100 scans a second, {name}"),
        measured: heard.quantile(share),
        baseline: None,
        unit: "ms",
        limit,
    };
    vec![
        figure("p50", 0.5, Limit::Told),
        figure("p99", 0.99, Limit::AtMost(250.0)),
        Figure {
            work: "processors that the server uses for it".to_owned(),
            measured: cores,
            baseline: None,
            unit: "cores",
            limit: Limit::AtMost(1.0),
        },
    ]
}

/// When which scan is due: number n so often after the first.
struct Scans {
    begun: Cell<Instant>,
    /// A permit for everybody who listens.
    listening: Semaphore,
}

impl Scans {
    /// Notes how long ago the scans in some news were due.
    fn note(&self, news: &FeedNews, heard: &mut Sample) -> Result<()> {
        ensure!(
            news.after == news.end || !news.batches.is_empty(),
            "news without batches"
        );
        for batch in &news.batches {
            for record in &batch.batch.records {
                if let Body::Scan(scan) = Line::read(record)?.record.body {
                    let number = u128::from_be_bytes(*scan.attempt.as_bytes());
                    let due = self.begun.get() + EVERY * u32::try_from(number)?;
                    heard.note(due.elapsed());
                }
            }
        }
        Ok(())
    }
}

/// Scans at the promised rate and hands over what there is; what comes while the server answers waits for
/// the next batch, as at a real gate.
async fn scan(mut gate: Device, known: &Known, begun: Instant) -> Result<()> {
    let mut end = LogEnd::empty(log_of(gate.enrolled.id), known.scope);
    let mut made = 0_u32;
    while (made as usize) < SCANS {
        tokio::time::sleep_until((begun + EVERY * made).into()).await;
        let mut records = Vec::new();
        while (made as usize) < SCANS && begun + EVERY * made <= now() {
            let number = u128::from(made);
            let attempt = AttemptId::from_bytes(number.to_be_bytes());
            let ticket = TicketId::from_bytes((number | 1 << 127).to_be_bytes());
            let scan = admission(known.session, ticket, attempt, UnixMillis::default());
            let entry = end.append(SystemClock.now(), Body::Scan(scan));
            records.push(entry.encoded);
            made += 1;
        }
        let batch = sign_batch(&gate.enrolled.key, records)?;
        let answer = gate.push(&batch).await?;
        ensure!(matches!(answer, PushAnswer::Stored(_)), "{answer:?}");
    }
    Ok(())
}

/// Listens until every scan was heard, and tells how late each was.
async fn listen(mut device: Device, known: &Known, scans: &Scans) -> Result<Sample> {
    let path = Device::live_path(known, 0);
    let answer = device.connection.open_answer(&path, None).await?;
    let mut body = answer.into_body();
    let mut reader = EventReader::default();
    let mut heard = Sample::default();
    while heard.count() < SCANS {
        let frame = body.frame().await.context("the live feed ended")??;
        let Ok(bytes) = frame.into_data() else {
            continue;
        };
        reader.push(&bytes);
        while let Some(event) = reader.next_event()? {
            match event {
                LiveEvent::Hello(_) => scans.listening.add_permits(1),
                LiveEvent::Feed(news) => scans.note(&news, &mut heard)?,
                LiveEvent::Bye(bye) => bail!("the server ended it: {:?}", bye.reason),
                LiveEvent::Table(_)
                | LiveEvent::Trust(_)
                | LiveEvent::Yield(_)
                | LiveEvent::Ping(_) => {}
            }
        }
    }
    Ok(heard)
}
