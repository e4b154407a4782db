//! The server's own log in a scope: links, changes of rules, cuts, rulings, everyone-out and free flow.
//!
//! It is a log like those of devices: records chained by hash, in batches signed by the set key, in the
//! same feed. In a new epoch the server begins a new log, as every restored device does.

use super::error::{Error, Result};
use super::organizers::StoredOrganizer;
use super::{epoch, things};
use crate::keys::{self, KeyUse};
use crate::storage::{BatchLine, NewBatch, Novelty, Reach, Space, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::cbor;
use usher_domain::cose::{self, ContentType};
use usher_domain::document::batch::BatchHead;
use usher_domain::hash::Hash;
use usher_domain::ids::{LogId, OrganizerId, ScopeId, SessionId};
use usher_domain::protocol::Head;
use usher_domain::record::{Body, LogRef, Record};
use usher_domain::time::UnixMillis;

/// How far the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Progress {
    #[n(0)]
    pub(crate) log: LogId,
    /// Of the last record.
    #[n(1)]
    pub(crate) sequence: u64,
    /// Of the last record.
    #[n(2)]
    pub(crate) hash: Hash,
    #[n(3)]
    stamp: UnixMillis,
}

fn place(txn: &dyn Transaction, scope: ScopeId) -> Result<Vec<u8>> {
    Ok([scope.as_bytes().as_slice(), &epoch(txn)?.to_be_bytes()].concat())
}

/// How far the server's log of a scope is in this epoch; none before its first record.
pub(crate) fn progress(txn: &dyn Transaction, scope: ScopeId) -> Result<Option<Progress>> {
    txn.value(Space::ServerLog, &place(txn, scope)?)?
        .map(|bytes| cbor::decode(&bytes))
        .transpose()
        .map_err(|_| Error::Internal("the progress of the server's log is not readable"))
}

/// The session that a record names.
#[must_use]
pub const fn session_of(body: &Body) -> Option<SessionId> {
    match body {
        Body::Scan(scan) => Some(scan.session),
        Body::Undo(undo) => Some(undo.session),
        Body::Rule(rule) => Some(rule.session),
        Body::EveryoneOut(out) => Some(out.session),
        Body::FreeFlow(flow) => Some(flow.session),
        Body::Abort(abort) => Some(abort.session),
        Body::Yield(held) => Some(held.session),
        Body::Honour(honour) => Some(honour.session),
        Body::Notice(notice) => notice.session,
        Body::Delay(delay) => Some(delay.session),
        Body::Correction(correction) => Some(correction.session),
        Body::Link(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::StandDown(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::OutTakenBack(_) => None,
    }
}

/// Appends records to the server's log of a scope as one signed batch and answers with its position in
/// the feed; `None` if there was nothing to say.
///
/// # Errors
/// [`Error::Storage`], [`Error::Internal`] if the set key is missing.
pub fn append(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    bodies: Vec<Body>,
    now: UnixMillis,
) -> Result<Option<u64>> {
    if bodies.is_empty() {
        return Ok(None);
    }
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let place = place(txn, scope)?;
    let before = match progress(txn, scope)? {
        Some(progress) => progress,
        None => Progress {
            log: LogId::from_bytes(keys::random()?),
            sequence: 0,
            hash: Hash::ZERO,
            stamp: UnixMillis::default(),
        },
    };
    let log = LogRef {
        device: server,
        log: before.log,
    };
    let mut after = before;
    let lines: Vec<BatchLine> = bodies
        .into_iter()
        .map(|body| line(&mut after, log, scope, body, now))
        .collect();
    let head = BatchHead {
        log,
        scope,
        first: before.sequence + 1,
        count: after.sequence - before.sequence,
        before: before.hash,
        last: after.hash,
    };
    let key = keys::load(txn, organizer, KeyUse::Set)?;
    let position = txn.append_batch(&NewBatch {
        scope,
        log,
        head: cose::sign(&key, ContentType::BATCH, &cbor::encode(&head)),
        lines,
        at: now,
    })?;
    let end = Head {
        log,
        sequence: after.sequence,
        hash: after.hash,
    };
    // A server that was put back untold wrote this log in two ways: whoever read the other one handed it back.
    let mut heads: Vec<Head> = txn
        .heads_of_device(server)?
        .into_iter()
        .map(|(_, head)| head)
        .filter(|head| head.log == log && head.hash != before.hash)
        .collect();
    heads.push(end);
    heads.sort_unstable();
    txn.put_heads(scope, log, &heads)?;
    txn.put_value(Space::ServerLog, &place, &cbor::encode(&after), now)?;
    Ok(Some(position))
}

fn line(
    progress: &mut Progress,
    log: LogRef,
    scope: ScopeId,
    body: Body,
    now: UnixMillis,
) -> BatchLine {
    let stamp = now.max(progress.stamp.shifted(1));
    let record = Record {
        log,
        sequence: progress.sequence + 1,
        previous: progress.hash,
        scope,
        stamp,
        body,
    };
    let bytes = record.encode();
    let hash = Hash::of(&[&bytes]);
    *progress = Progress {
        log: progress.log,
        sequence: record.sequence,
        hash,
        stamp,
    };
    BatchLine {
        hash,
        sequence: record.sequence,
        stamp,
        subject: record.subject(),
        reach: Reach::Scope,
        session: session_of(&record.body),
        bytes,
        novelty: Novelty::New,
    }
}
