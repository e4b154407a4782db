//! Fifty devices that come back at once with what they scanned while they were alone.

use crate::figure::{Figure, Limit, Sample, now};
use crate::program::Served;
use anyhow::{Context as _, Result, ensure};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use usher_core::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use usher_core::http::{Caller, Endpoint, HttpSync, PlainHttp};
use usher_domain::challenge::prove_enrollment;
use usher_domain::cose::{SigningKey, parse};
use usher_domain::document::batch::Batch;
use usher_domain::document::enrollment::{Enrollment, EnrollmentCode};
use usher_domain::ids::{AttemptId, DeviceId, LogId, SessionId, TicketId};
use usher_domain::log::{LogEnd, sign_batch};
use usher_domain::protocol::{
    BATCH_RECORDS_MAX, EnrollAnswer, EnrollRequest, PushAnswer, SyncApi as _,
};
use usher_domain::record::{Body, Certainty, Direction, LogRef, Outcome, Scan, Subject};
use usher_domain::secret::Seed;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

const DEVICES: usize = 50;
const RECORDS: usize = 2_000;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let served = Served::start()?;
    let idle = served.resident()?;
    let code = served.folder().join("north.code");
    let path = code.to_str().context("a path that is no text")?;
    let uses = DEVICES.to_string();
    served.usher(&[
        "enrollment",
        "create",
        "--gate",
        "north",
        "--uses",
        &uses,
        "--text-out",
        path,
    ])?;
    let code = std::fs::read_to_string(&code)?;
    let code = EnrollmentCode::parse(code.trim())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let took = runtime.block_on(push_all(&code, &served))?;
    let baseline = insert_plainly()?;
    Ok(vec![
        Figure {
            work: "memory of an idle server".to_owned(),
            measured: idle,
            baseline: None,
            unit: "MB",
            limit: Limit::AtMost(40.0),
        },
        Figure {
            work: format!("{DEVICES} devices × {RECORDS} records at once, merged"),
            measured: took.as_secs_f64(),
            baseline: Some(baseline),
            unit: "s",
            limit: Limit::AtMost(5.0),
        },
        Figure {
            work: "memory of the server then".to_owned(),
            measured: served.peak()?,
            baseline: None,
            unit: "MB",
            limit: Limit::AtMost(150.0),
        },
    ])
}

async fn push_all(code: &EnrollmentCode, served: &Served) -> Result<Duration> {
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        devices.push(device(code, number).await?);
    }
    let begun = now();
    let pushes: Vec<_> = devices
        .into_iter()
        .map(|(api, batches)| tokio::spawn(push(api, batches)))
        .collect();
    for push in pushes {
        push.await??;
    }
    let all = (DEVICES * RECORDS) as u64;
    while entries(served)? < all {
        ensure!(begun.elapsed() < Duration::from_secs(120), "never merged");
    }
    Ok(begun.elapsed())
}

/// Entries that the session's statistics count.
fn entries(served: &Served) -> Result<u64> {
    let report = served.usher(&["--json", "report", "show/evening"])?;
    let report: serde_json::Value = serde_json::from_str(&report)?;
    report
        .get("entries")
        .and_then(serde_json::Value::as_u64)
        .with_context(|| format!("no entries in {report}"))
}

async fn push(api: HttpSync, batches: Vec<Batch>) -> Result<()> {
    for batch in batches {
        let answer = api.push(batch).await?;
        ensure!(matches!(answer, PushAnswer::Stored(_)), "{answer:?}");
    }
    Ok(())
}

/// A device with its queue: each record admits another ticket.
async fn device(code: &EnrollmentCode, number: usize) -> Result<(HttpSync, Vec<Batch>)> {
    let clock: Arc<dyn Clock + Send + Sync> = Arc::new(SystemClock::new());
    let entropy: Arc<dyn Entropy + Send + Sync> = Arc::new(SystemEntropy);
    let connect = |caller| -> Result<HttpSync> {
        let endpoint = Endpoint::new(&code.server, code.spki, PlainHttp::OnLoopback)?;
        Ok(HttpSync::new(
            endpoint,
            caller,
            Arc::clone(&clock),
            Arc::clone(&entropy),
        )?)
    };
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let key = SigningKey::from_seed(&Seed::new(seed));
    let answer = connect(None)?
        .enroll(EnrollRequest {
            token: code.token.clone(),
            key: key.public(),
            name: format!("device-{number}"),
            proof: prove_enrollment(&code.token, &key),
        })
        .await?;
    let EnrollAnswer::Enrolled { document, .. } = answer else {
        anyhow::bail!("not enrolled")
    };
    let enrollment: Enrollment = usher_domain::cbor::decode(
        parse(&document)
            .ok()
            .context("no envelope")?
            .unverified_payload(),
    )?;
    let device = enrollment.device;
    let key = Arc::new(key);
    let api = connect(Some(Caller {
        device,
        key: Arc::clone(&key),
    }))?;
    let assignment = api.assignment().await?;
    let scope = *assignment.scopes.first().context("no scope")?;
    let session = assignment
        .tables
        .iter()
        .find_map(|held| match held.table {
            TableId::Set(session) => Some(session),
            TableId::Roster(_) | TableId::Directory(_) => None,
        })
        .context("no session")?;
    let mut end = LogEnd::empty(log_of(device), scope);
    let mut random = fastrand::Rng::with_seed(number as u64);
    let begun = clock.read().wall;
    let batches = queue(&mut end, session, &mut random, begun, RECORDS, &key)?;
    Ok((api, batches))
}

/// The one log of a device.
pub(crate) const fn log_of(device: DeviceId) -> LogRef {
    LogRef {
        device,
        log: LogId::from_bytes(*device.as_bytes()),
    }
}

/// `records` admissions made alone, each of another ticket, in batches as large as they may be.
pub(crate) fn queue(
    end: &mut LogEnd,
    session: SessionId,
    random: &mut fastrand::Rng,
    begun: UnixMillis,
    records: usize,
    key: &SigningKey,
) -> Result<Vec<Batch>> {
    let records: Vec<Vec<u8>> = (0..records)
        .map(|at| {
            let attempt = AttemptId::from_bytes(random.u128(..).to_be_bytes());
            let ticket = TicketId::from_bytes(random.u128(..).to_be_bytes());
            let scan = admission(session, ticket, attempt, begun);
            let stamp = begun.shifted(at as i64 * 1_000);
            end.append(stamp, Body::Scan(scan)).encoded
        })
        .collect();
    records
        .chunks(BATCH_RECORDS_MAX)
        .map(|records| Ok(sign_batch(key, records.to_vec())?))
        .collect()
}

/// An admission that a gate decided alone.
pub(crate) const fn admission(
    session: SessionId,
    ticket: TicketId,
    attempt: AttemptId,
    since: UnixMillis,
) -> Scan {
    Scan {
        session,
        gate: None,
        operator: None,
        subject: Subject::Ticket(ticket),
        direction: Direction::Entry,
        outcome: Outcome::Admit,
        reason: Reason::Listed,
        certainty: Certainty::Isolated { since },
        attempt,
        issue: None,
        type_number: None,
        access: None,
        zone: None,
        entries: None,
        sanction: None,
        confirmed: None,
        takes_over: None,
        honours: None,
        key: None,
    }
}

/// The same bytes into one table with the indexes that finding a record needs, a commit a batch.
fn insert_plainly() -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let plain = Connection::open(folder.path().join("plain.sqlite"))?;
    plain.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE record (place INTEGER PRIMARY KEY, hash BLOB NOT NULL, subject BLOB NOT NULL,
                              log BLOB NOT NULL, bytes BLOB NOT NULL) STRICT;
         CREATE UNIQUE INDEX record_by_hash ON record (hash);
         CREATE INDEX record_by_subject ON record (subject);
         CREATE INDEX record_by_log ON record (log, place);",
    )?;
    let mut random = fastrand::Rng::with_seed(1);
    let body = vec![7_u8; 250];
    let mut took = Sample::default();
    took.time(|| -> Result<()> {
        for _ in 0..DEVICES * RECORDS / BATCH_RECORDS_MAX {
            let batch = plain.unchecked_transaction()?;
            {
                let mut insert = batch.prepare_cached(
                    "INSERT INTO record (hash, subject, log, bytes) VALUES (?1, ?2, ?3, ?4)",
                )?;
                for _ in 0..BATCH_RECORDS_MAX {
                    let words = [random.u128(..), random.u128(..)];
                    let hash: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
                    let subject = random.u128(..).to_be_bytes();
                    insert.execute(rusqlite::params![hash, subject, subject, body])?;
                }
            }
            batch.commit()?;
        }
        Ok(())
    })?;
    Ok(took.median() / 1e3)
}
