//! Records in: a batch is proved, stored, and only then interpreted.
//!
//! # Where a crash may fall
//! * **Before storing.** Nothing happened; the device was told nothing and sends again.
//! * **After storing, before interpreting.** The batch has its position in the feed. Counts and incidents
//!   stand at an earlier position ([`interpret`]) and catch up at the next start or push. Both advance in
//!   one transaction with the position they stand for, so nothing is counted twice.
//! * **The answer is lost.** The device sends the same batch again. Records are known by their hash: what
//!   was stored is not stored again, and the answer is that all of it is known.
//! * **Resent in other batches**, after a lost answer or a restart of the device. A batch that brings
//!   something new is stored whole, because its signature covers the whole; what it repeats is marked so
//!   and counts once. A batch that brings nothing new is not stored.
//! * **The server was restored from a backup.** It asks for the first record it lacks. Devices keep what was
//!   acknowledged until the session is archived and send it again: their own logs, and those that they read
//!   in the feed, also the server's own, in the batches that their writers signed. So a record is lost only
//!   with the last disk that holds it.
//!
//! A batch with a gap before it is not stored: the device keeps every record until it is acknowledged, so
//! the answer "from sequence n on" loses nothing, and the log on the server has no holes.

mod account;
mod approvals;
pub(super) mod arrivals;
pub(super) mod arrived;
mod badges;
mod catch_up;
pub(super) mod corrections;
pub(super) mod cuts;
mod difference;
mod false_claims;
pub(super) mod forbidden;
mod interpret;
pub(super) mod lines;
mod plan;
mod progress;
mod quarantine;
mod quota;
pub(super) mod tally;
mod unknown_codes;
mod watch;

pub use catch_up::Interpreter;
pub(super) use interpret::inside;
pub use quarantine::QuarantineFilter;

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::incidents::{self, About};
use super::organizers::StoredOrganizer;
use super::server_log::{self, session_of};
use super::{Service, claims, organizers, override_keys, scopes, sessions, things};
use crate::storage::{BatchLine, Kept, NewBatch, Novelty, Reach, Transaction};
use plan::{Plan, plan};
use quota::OverQuota;
use std::collections::BTreeSet;
use usher_domain::api::access::DeviceState;
use usher_domain::api::reports::IncidentKind;
use usher_domain::cbor;
use usher_domain::cose::{self, PublicKey};
use usher_domain::document::batch::Batch;
use usher_domain::ids::{AttemptId, DeviceId, OrganizerId, ScopeId};
use usher_domain::log::{BatchError, Entry, VerifiedBatch, unverified_head, verify_batch};
use usher_domain::protocol;
use usher_domain::protocol::{Head, PushAnswer};
use usher_domain::record::{Body, CutBy, LogRef, OverrideKey, Record};
use usher_domain::time::UnixMillis;

/// Records of a batch that is stored at once; one with more waits for its turn.
const LONG_BATCH: usize = 50;

/// Logs of one device in one scope at most. A device begins one anew when it was restored from a backup.
const LOGS_MAX: usize = 64;

/// What became of a proved batch.
enum Stored {
    /// The answer for the device.
    Answer(PushAnswer),
    /// Its scope is none of the organizer's: the bytes are kept beside an incident.
    OtherScope,
    /// Its log was begun in another scope: the bytes are kept beside an incident.
    LogElsewhere,
    /// Its writer wrote too much: nothing is stored, and a person is told.
    TooMuch(OverQuota),
    /// Its device began too many logs: nothing is stored, and it is an incident.
    TooManyLogs,
}

/// Whose log a batch is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// A device that counts.
    Device,
    /// A device that was revoked.
    RevokedDevice,
    /// This server, before it was restored from a backup.
    Server,
}

/// A proved batch on its way into the feed.
struct Incoming {
    /// Who hands it in; its writer, or another who read it.
    sender: DeviceId,
    writer: Writer,
    organizer: OrganizerId,
    verified: VerifiedBatch,
}

impl Incoming {
    fn log(&self) -> LogRef {
        self.verified.head().log
    }

    fn scope(&self) -> ScopeId {
        self.verified.head().scope
    }

    /// Bytes that storing it takes.
    fn size(&self) -> u64 {
        let entries = self.verified.entries().iter();
        let records: usize = entries.map(|entry| entry.encoded.len()).sum();
        (self.verified.signed().len() + records) as u64
    }

    /// The attempts for which the log's device says that it holds a ticket back, each with the device that
    /// makes it.
    fn yields(&self) -> Vec<(DeviceId, AttemptId)> {
        let records = self.verified.entries().iter();
        records
            .filter_map(|entry| {
                let Body::Yield(held) = &entry.record.as_ref()?.body else {
                    return None;
                };
                Some((held.to, held.attempt))
            })
            .collect()
    }

    /// The keys that a log of this server lists.
    fn override_keys(&self) -> Vec<OverrideKey> {
        let records = self.verified.entries().iter();
        let bodies = records.filter_map(|entry| Some(&entry.record.as_ref()?.body));
        let listed = bodies.filter_map(|body| {
            if let Body::OverrideKey(listed) = body {
                Some(listed.clone())
            } else {
                None
            }
        });
        match self.writer {
            Writer::Server => listed.collect(),
            Writer::Device | Writer::RevokedDevice => Vec::new(),
        }
    }
}

/// What a record can be found by. A record that this program cannot interpret is found by its log.
fn line_of(entry: Entry, writer: Writer, novelty: Novelty) -> BatchLine {
    let record = entry.record.as_ref();
    BatchLine {
        hash: entry.hash,
        sequence: entry.frame.sequence,
        // The column is signed; a clock beyond its range sorts last either way.
        stamp: entry.frame.stamp.min(UnixMillis::new(i64::MAX as u64)),
        subject: record.and_then(Record::subject),
        reach: match writer {
            Writer::Server => Reach::Scope,
            Writer::Device | Writer::RevokedDevice => Reach::Nothing,
        },
        session: record.and_then(|record| session_of(&record.body)),
        bytes: entry.encoded,
        novelty,
    }
}

/// Keeps a proved batch that has no place in any feed, so that a person can find out where it belongs.
fn keep(
    txn: &mut dyn Transaction,
    incoming: Incoming,
    reason: &'static str,
    now: UnixMillis,
) -> Result<()> {
    let (log, organizer) = (incoming.log(), incoming.organizer);
    let head = incoming.verified.signed().to_vec();
    let entries = incoming.verified.into_entries();
    let batch = Batch {
        head: head.into(),
        records: entries.into_iter().map(|e| e.encoded.into()).collect(),
    };
    let kept = Kept {
        device: incoming.sender,
        reason: reason.to_owned(),
        at: now,
        bytes: cbor::encode(&batch),
    };
    txn.keep(organizer, &kept)?;
    let about = About::log(IncidentKind::Unreadable, log);
    let detail = "records of a scope that is none of the organizer's wait for a person";
    incidents::raise(txn, organizer, &about, detail, Vec::new(), now)
}

/// Whether a scope is the organizer's, or was before a pass joined it with another.
pub(super) fn is_scope_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
) -> Result<bool> {
    if let Some(owner) = progress::owner(txn, scope)? {
        return Ok(owner == organizer);
    }
    let current = scopes::now_called(txn, scope)?;
    Ok(sessions::of_organizer(txn, organizer)?
        .iter()
        .any(|session| session.value.scope == current))
}

/// Quarantines what a revoked device adds to a log that was never cut: revoking cut the logs that were known
/// then. Of one that it begins afterwards no record was accepted; of one that a restored server knows and has
/// lost the cut of, those that it has.
fn cut_off(
    txn: &mut dyn Transaction,
    incoming: &Incoming,
    heads: &[Head],
    now: UnixMillis,
) -> Result<()> {
    let (log, scope) = (incoming.log(), incoming.scope());
    let server = things::get::<StoredOrganizer>(txn, incoming.organizer.as_bytes())?
        .value
        .server;
    // What a device says of cuts says nothing.
    let is_cut = lines::ground_lines(txn, scope)?
        .iter()
        .any(|(_, line)| cuts::is_cut_of(line, server, log));
    if !is_cut {
        let cut = cuts::cut(log, heads, CutBy::Server);
        let said = vec![Body::Cut(cut)];
        server_log::append(txn, incoming.organizer, scope, said, now)?;
    }
    Ok(())
}

/// Stores a proved batch at the next position of its scope's feed.
fn store(
    txn: &mut dyn Transaction,
    incoming: Incoming,
    per_hour: u64,
    now: UnixMillis,
) -> Result<Stored> {
    let organizer = incoming.organizer;
    let (log, scope, size) = (incoming.log(), incoming.scope(), incoming.size());
    let is_servers = incoming.writer == Writer::Server;
    let count = |txn: &mut dyn Transaction| {
        if is_servers {
            return Ok(Ok(()));
        }
        quota::count(txn, (organizer, log.device), size, per_hour, now)
    };
    if !is_scope_of(txn, organizer, scope)? {
        if let Err(over) = count(txn)? {
            return Ok(Stored::TooMuch(over));
        }
        keep(txn, incoming, "other_scope", now)?;
        return Ok(Stored::OtherScope);
    }
    let of_device = txn.heads_of_device(log.device)?;
    let own = of_device.iter().filter(|(of, _)| *of == scope);
    let logs: BTreeSet<LogRef> = own.map(|(_, head)| head.log).collect();
    if logs.len() >= LOGS_MAX && !logs.contains(&log) && incoming.writer != Writer::Server {
        let about = About::device(IncidentKind::ForkedLog, log.device);
        let detail = format!(
            "the device began more than {LOGS_MAX} logs: it was restored or copied again and again, and \
             nothing more is taken from logs that it begins"
        );
        incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
        return Ok(Stored::TooManyLogs);
    }
    let of_log = of_device.into_iter().filter(|(_, head)| head.log == log);
    let (scopes, heads): (Vec<ScopeId>, Vec<Head>) = of_log.unzip();
    if scopes.iter().any(|other| *other != scope) {
        if let Err(over) = count(txn)? {
            return Ok(Stored::TooMuch(over));
        }
        keep(txn, incoming, "log_of_other_scope", now)?;
        return Ok(Stored::LogElsewhere);
    }
    let planned = plan(incoming.verified.entries(), &heads, |hash| {
        Ok(txn.record(scope, hash)?.is_some())
    })?;
    match planned {
        Plan::Refuse(answer) => Ok(Stored::Answer(answer)),
        Plan::Append {
            repeated,
            heads: new_heads,
            answer,
        } => {
            if let Err(over) = count(txn)? {
                return Ok(Stored::TooMuch(over));
            }
            let is_revoked = incoming.writer == Writer::RevokedDevice;
            if incoming.writer != Writer::Server {
                // The keys that prove what it claims are listed before it.
                scopes::complete(txn, organizer, scope, now)?;
            }
            let keys = incoming.override_keys();
            if is_revoked {
                cut_off(txn, &incoming, &heads, now)?;
            }
            let head = incoming.verified.signed().to_vec();
            let entries = incoming.verified.into_entries();
            // What a revoked device records waits for a person, and frees nothing before.
            if !is_revoked {
                let new = entries.iter().skip(repeated);
                let new = new.filter_map(|entry| Some((entry.record.as_ref()?, entry.hash)));
                let because = claims::Because::Stored;
                claims::end_by(txn, (organizer, scope), new, because, now)?;
            }
            if incoming.writer != Writer::Server {
                let new = entries.get(repeated..).unwrap_or_default();
                arrivals::of_batch(txn, organizer, scope, new, now)?;
            }
            let new = entries.iter().skip(repeated);
            let corrections = corrections::needed(txn, organizer, new)?;
            let linking = match incoming.writer {
                Writer::Device | Writer::Server => interpret::admitted_media(&entries),
                Writer::RevokedDevice => Vec::new(),
            };
            let lines = entries.into_iter().enumerate().map(|(place, entry)| {
                let novelty = if place < repeated {
                    Novelty::Repeated
                } else {
                    Novelty::New
                };
                line_of(entry, incoming.writer, novelty)
            });
            txn.append_batch(&NewBatch {
                scope,
                log,
                head,
                lines: lines.collect(),
                at: now,
            })?;
            txn.put_heads(scope, log, &new_heads)?;
            if !keys.is_empty() {
                keys.iter()
                    .try_for_each(|key| override_keys::handed_back(txn, organizer, key))?;
                claims::end_proved(txn, (organizer, scope), now)?;
            }
            // Whose medium it is must be known with the record: between the two, the ticket's own code would
            // be let in once more.
            interpret::link(txn, organizer, scope, &linking, now)?;
            server_log::append(txn, organizer, scope, corrections, now)?;
            if new_heads.len() > 1 {
                let about = About::log(IncidentKind::ForkedLog, log);
                let detail = format!(
                    "the log has {} branches: its device was copied or restored from a backup",
                    new_heads.len()
                );
                incidents::raise(txn, organizer, &about, &detail, Vec::new(), now)?;
            }
            Ok(Stored::Answer(answer))
        }
    }
}

impl Service {
    /// Takes in a batch of the device's log, or of another's as its writer signed it: checks signature and
    /// chain, stores it durably, then interprets it. A batch of a revoked device is stored too; its records
    /// wait for a person.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown device or writer and for a scope that is none of the organizer's,
    /// [`Error::Unauthenticated`] while the device waits, [`Error::NotAuthentic`], [`Error::TooLarge`],
    /// [`Error::Conflict`] for a log that was begun in another scope, [`Error::WriterOverQuota`] if its writer
    /// wrote too much within an hour: nothing was stored.
    pub async fn push(&self, device: DeviceId, batch: Batch) -> Result<PushAnswer> {
        let incoming = self.prove(device, batch).await?;
        let (organizer, scope) = (incoming.organizer, incoming.scope());
        let (home, yields) = (incoming.log().device, incoming.yields());
        match self.take_in(incoming).await? {
            Stored::Answer(answer) => {
                self.claims().homes().answer(home, &yields);
                // The batch is safe. What fails now is done at the next push or start.
                if let Err(error) = self.interpret(organizer, scope).await {
                    tracing::error!(%error, %scope, "records wait to be interpreted");
                }
                Ok(answer)
            }
            Stored::OtherScope => Err(Error::NotFound("scope")),
            Stored::TooManyLogs => Err(Error::Full("logs of this device")),
            Stored::LogElsewhere => Err(Error::Conflict("the log was begun in another scope")),
            Stored::TooMuch(OverQuota(seconds)) => Err(Error::WriterOverQuota { seconds }),
        }
    }

    /// Stores a proved batch; a long one when it is its turn.
    async fn take_in(&self, incoming: Incoming) -> Result<Stored> {
        let is_long = incoming.verified.entries().len() > LONG_BATCH;
        let _turn = if is_long {
            Some(self.turn_to_write_long().await)
        } else {
            None
        };
        let per_hour = self.settings().device_bytes_per_hour;
        self.write_quietly(move |txn, now| store(txn, incoming, per_hour, now))
            .await
    }

    /// Checks a batch under its writer's key, away from the database's writer.
    async fn prove(&self, sender: DeviceId, batch: Batch) -> Result<Incoming> {
        self.read(move |txn| {
            let sending = things::get::<StoredDevice>(txn, sender.as_bytes())?.value;
            if sending.state == DeviceState::Waiting {
                return Err(Error::Unauthenticated);
            }
            let organizer = sending.organizer;
            let claimed = unverified_head(&batch).map_err(refused)?;
            let (writer, key) = writer(txn, organizer, claimed.log.device, &batch)?;
            let verified = verify_batch(&batch, &key).map_err(refused)?;
            Ok(Incoming {
                sender,
                writer,
                organizer,
                verified,
            })
        })
        .await
    }
}

/// Who must have written a log of `device`, and the key that proves it: a set key for this server's own log,
/// else the device's.
fn writer(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    batch: &Batch,
) -> Result<(Writer, PublicKey)> {
    if let Some(trust) = organizers::trust(txn, organizer)?
        && trust.keys.server() == device
    {
        let kid = cose::parse(&batch.head)
            .map_err(|error| refused(error.into()))?
            .kid();
        let key = trust.keys.server_log_signer(kid);
        let key = key.map_err(|error| Error::NotAuthentic(error.to_string()))?;
        return Ok((Writer::Server, key));
    }
    let known = things::get::<StoredDevice>(txn, device.as_bytes())?.value;
    if known.organizer != organizer {
        return Err(Error::NotFound("device"));
    }
    match known.state {
        DeviceState::Active => Ok((Writer::Device, known.key)),
        DeviceState::Revoked => Ok((Writer::RevokedDevice, known.key)),
        DeviceState::Waiting => Err(Error::NotFound("device")),
    }
}

fn refused(error: BatchError) -> Error {
    if error == BatchError::Size {
        Error::TooLarge {
            what: "the batch",
            limit: format!(
                "{} records and {} bytes",
                protocol::BATCH_RECORDS_MAX,
                protocol::BODY_BYTES_MAX
            ),
        }
    } else {
        Error::NotAuthentic(error.to_string())
    }
}

/// The first half of [`Service::push`], for tests of what a crash leaves behind.
#[cfg(test)]
pub(super) async fn store_only(service: &Service, device: DeviceId, batch: Batch) -> Result<()> {
    let incoming = service.prove(device, batch).await?;
    service.take_in(incoming).await.map(drop)
}
