//! Interpreting stored records: counts, incidents and links follow the feed, some batches at a time.
//!
//! A position says how far a scope is interpreted. A step reads the batches after it, finds the subjects
//! they reach, and adds to the counts the difference between what each subject's records said before and
//! what they say now. Counts, incidents and the position change in one transaction.

use super::account::TooMany;
use super::badges;
use super::difference::Found;
use super::lines::{Placed, ground_lines, readable};
use super::tally::{self, Count};
use super::watch;
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About};
use crate::service::organizers::{NOBODY, StoredOrganizer};
use crate::service::{Service, server_log, sessions, things};
use crate::storage::{Space, StoredRecord, Transaction};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use usher_domain::api::reports::ScanLine;
use usher_domain::cbor;
use usher_domain::ids::{OrganizerId, ScopeId, SessionId, ZoneId};
use usher_domain::log::{Entry, Line};
use usher_domain::merge::Ground;
use usher_domain::record::{Body, Cut, Link, Outcome, Subject};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::PriorScan;

/// Batches of one step at most. A step reads every subject it reaches once with all that is known of it, so
/// when many devices come back at the same time, few large steps do less than many small ones.
const BATCHES_PER_STEP: u64 = 32;
/// Records of one step at which no further batch is taken in: a step holds up other writers, and somebody
/// who claims stands at a door.
const RECORDS_PER_STEP: usize = 2_000;

/// How far a scope is interpreted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Interpreted {
    #[n(0)]
    organizer: OrganizerId,
    /// Position in the feed.
    #[n(1)]
    position: u64,
    /// Sessions with counts.
    #[n(2)]
    sessions: Vec<SessionId>,
}

fn load(txn: &dyn Transaction, scope: ScopeId) -> Result<Option<Interpreted>> {
    txn.value(Space::Interpreted, scope.as_bytes())?
        .map(|bytes| cbor::decode(&bytes))
        .transpose()
        .map_err(|_| Error::Internal("how far a scope is interpreted is not readable"))
}

/// Whose scope it is, if records of it were interpreted.
pub(super) fn owner(txn: &dyn Transaction, scope: ScopeId) -> Result<Option<OrganizerId>> {
    Ok(load(txn, scope)?.map(|interpreted| interpreted.organizer))
}

fn is_pending(txn: &dyn Transaction, scope: ScopeId) -> Result<bool> {
    let position = load(txn, scope)?.map_or(0, |interpreted| interpreted.position);
    Ok(position < txn.feed_end(scope)?)
}

/// Whether new records of the authority change what older records of many subjects mean.
fn reaches_everything(
    txn: &dyn Transaction,
    ground_lines: &[Placed],
    after: u64,
    arrived: &[Placed],
) -> Result<bool> {
    for (_, line) in arrived {
        let reaches = match &line.record.body {
            Body::Rule(_) | Body::Ruling(_) | Body::EveryoneOut(_) => true,
            Body::Cut(cut) => reaches_back(txn, ground_lines, after, cut)?,
            Body::Scan(_)
            | Body::Undo(_)
            | Body::Link(_)
            | Body::FreeFlow(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::Correction(_) => false,
        };
        if reaches {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a cut changes the standing of records that were interpreted.
fn reaches_back(
    txn: &dyn Transaction,
    ground_lines: &[Placed],
    after: u64,
    cut: &Cut,
) -> Result<bool> {
    let was_cut = ground_lines.iter().any(|(position, line)| {
        *position <= after && matches!(&line.record.body, Body::Cut(old) if old.log == cut.log)
    });
    let later = txn.records_of_log(cut.log, cut.last.saturating_add(1), 1)?;
    Ok(was_cut || later.iter().any(|record| record.position <= after))
}

/// The records of one step after a position, and up to which position they are.
fn portion(
    txn: &dyn Transaction,
    scope: ScopeId,
    after: u64,
    end: u64,
) -> Result<(u64, Vec<StoredRecord>)> {
    let most = end.min(after.saturating_add(BATCHES_PER_STEP));
    let (mut upto, mut records) = (after, Vec::new());
    while upto < most && records.len() < RECORDS_PER_STEP {
        records.extend(txn.records_between(scope, upto, upto + 1)?);
        upto += 1;
    }
    Ok((upto, records))
}

/// Links for identities that were let in and by now belong to a ticket.
fn links(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    ground: &Ground,
    arrived: &[Placed],
) -> Result<Vec<Body>> {
    let mut identities = BTreeSet::new();
    for (_, line) in arrived {
        if let Body::Scan(scan) = &line.record.body
            && scan.outcome == Outcome::Admit
            && let Subject::Medium(identity) = scan.subject
            && ground.resolve(scan.subject) == scan.subject
        {
            identities.insert(identity);
        }
    }
    let mut links = Vec::new();
    for identity in identities {
        if let Some(ticket) = txn.medium_owner(organizer, &identity.medium_key())? {
            links.push(Body::Link(Link { identity, ticket }));
        }
    }
    Ok(links)
}

/// The records that let somebody in with a medium of which the gate did not know whose it is.
pub(super) fn admitted_media(entries: &[Entry]) -> Vec<Placed> {
    let lines = entries.iter().filter_map(Entry::line);
    let admitted = lines.filter(|line| {
        let scan = line.record.body.as_scan();
        scan.is_some_and(|scan| {
            scan.outcome == Outcome::Admit && matches!(scan.subject, Subject::Medium(_))
        })
    });
    admitted.map(|line| (0, line)).collect()
}

/// Writes down whose the media in these records are, where that is known and was not said yet.
pub(super) fn link(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    if arrived.is_empty() {
        return Ok(());
    }
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let lines = ground_lines(txn, scope)?;
    let ground = Ground::of(scope, server, lines.iter().map(|(_, line)| line));
    let links = links(txn, organizer, &ground, arrived)?;
    server_log::append(txn, organizer, scope, links, now)?;
    Ok(())
}

/// Outcomes of the scans among records.
fn outcomes(arrived: &[Placed]) -> Vec<Outcome> {
    arrived
        .iter()
        .filter_map(|(_, line)| {
            if let Body::Scan(scan) = &line.record.body {
                Some(scan.outcome)
            } else {
                None
            }
        })
        .collect()
}

/// Interprets the next batches of a scope, and tells the outcomes of the scans in them.
pub(super) fn step(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    now: UnixMillis,
) -> Result<Vec<Outcome>> {
    let mut interpreted = load(txn, scope)?.unwrap_or(Interpreted {
        organizer,
        position: 0,
        sessions: Vec::new(),
    });
    let (after, end) = (interpreted.position, txn.feed_end(scope)?);
    if after >= end {
        return Ok(Vec::new());
    }
    let (upto, stored) = portion(txn, scope, after, end)?;
    let lines = ground_lines(txn, scope)?;
    let mut found = Found::read(txn, organizer, scope, after, upto, &lines)?;
    let unreadable = watch::unreadable_logs(&stored);
    let arrived: Vec<Placed> = readable(stored).collect();
    // What was interpreted may have counted for nothing so far: a revoked device's records, until a person
    // accepts them.
    if after > 0 && reaches_everything(txn, &lines, after, &arrived)? {
        found.account_all(txn)?;
    } else {
        found.account_reached(txn, &arrived)?;
    }
    let outcomes = outcomes(&arrived);
    let links = links(txn, organizer, &found.new, &arrived)?;
    let Found {
        new,
        changes,
        excess,
        ..
    } = found;
    for (session, subject, too_many) in excess {
        raise_excess(txn, organizer, scope, session, subject, &too_many, now)?;
    }
    watch::unreadable(txn, organizer, &unreadable, now)?;
    watch::clocks(txn, organizer, &new, &arrived, now)?;
    badges::watch(txn, organizer, &new, &arrived, now)?;
    watch::quarantine(txn, organizer, scope, &new, &lines, &arrived, now)?;
    interpreted.position = upto;
    interpreted.sessions.extend(changes.store(txn, scope, now)?);
    interpreted.sessions.sort_unstable();
    interpreted.sessions.dedup();
    let bytes = cbor::encode(&interpreted);
    txn.put_value(Space::Interpreted, scope.as_bytes(), &bytes, now)?;
    server_log::append(txn, organizer, scope, links, now)?;
    Ok(outcomes)
}

/// People inside a zone.
pub(in crate::service) struct Inside {
    pub(in crate::service) people: u32,
    /// Whether all that is stored is counted.
    pub(in crate::service) is_complete: bool,
    /// Outcomes of the scans that were interpreted on the way.
    pub(in crate::service) merged: Vec<Outcome>,
}

/// Steps that one count takes at most, so that it holds nobody up for long. The second one takes in the
/// links that the first one wrote.
const STEPS_PER_COUNT: u32 = 2;

/// Counts the people inside a zone of a session, with what was stored and not interpreted before.
pub(in crate::service) fn inside(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    (session, zone): (SessionId, ZoneId),
    now: UnixMillis,
) -> Result<Inside> {
    let mut merged = Vec::new();
    for _ in 0..STEPS_PER_COUNT {
        if is_pending(txn, scope)? {
            merged.extend(step(txn, organizer, scope, now)?);
        }
    }
    let tally = tally::load(txn, scope, session)?;
    let people = tally.get(&Count::Inside(Some(zone))).copied().unwrap_or(0);
    Ok(Inside {
        people: u32::try_from(people).unwrap_or(u32::MAX),
        is_complete: !is_pending(txn, scope)?,
        merged,
    })
}

/// The scans that these admissions are.
fn scan_lines(
    txn: &dyn Transaction,
    scope: ScopeId,
    subject: Subject,
    admissions: &[PriorScan],
) -> Result<Vec<ScanLine>> {
    let mut scans = Vec::new();
    for admission in admissions {
        if let Some(record) = txn.record(scope, &admission.record)?
            && let Ok(line) = Line::read(&record.bytes)
        {
            let standing = incidents::Standing::Counts;
            scans.extend(incidents::scan_line(&line, subject, standing));
        }
    }
    Ok(scans)
}

fn raise_excess(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    session: SessionId,
    subject: Subject,
    too_many: &TooMany,
    now: UnixMillis,
) -> Result<()> {
    let about = About::excess(session, subject);
    if too_many.excess.is_empty() {
        return incidents::settle(txn, organizer, &about);
    }
    let detail = match too_many.excess.len() {
        1 => "one admission more than the rule allows".to_owned(),
        more => format!("{more} admissions more than the rule allows"),
    };
    let told = if usher_domain::mutated!(TellFirstExcessOnly) {
        too_many.excess.get(..1).unwrap_or_default()
    } else {
        &too_many.excess
    };
    let scans = incidents::Scans {
        concerned: scan_lines(txn, scope, subject, told)?,
        allowed: scan_lines(txn, scope, subject, &too_many.allowed)?,
    };
    incidents::raise(txn, organizer, &about, &detail, scans, now)
}

impl Service {
    /// Interprets what is stored of a scope and not interpreted yet.
    pub(in crate::service) async fn interpret(
        &self,
        organizer: OrganizerId,
        scope: ScopeId,
    ) -> Result<()> {
        loop {
            let _turn = self.turn_to_write_long().await;
            // A look from beside the writer: most of the time somebody else was faster.
            if !self.read(move |txn| is_pending(txn, scope)).await? {
                return Ok(());
            }
            let merged = self
                .write_quietly(move |txn, now| step(txn, organizer, scope, now))
                .await?;
            self.figures().merged(&merged);
        }
    }

    /// Interprets what is stored of all of an organizer's scopes and not interpreted yet.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub(in crate::service) async fn interpret_organizer(
        &self,
        organizer: OrganizerId,
    ) -> Result<()> {
        let pending = self
            .read(move |txn| {
                let sessions = sessions::of_organizer(txn, organizer)?;
                let scopes: BTreeSet<ScopeId> =
                    sessions.iter().map(|session| session.value.scope).collect();
                let mut pending = Vec::new();
                for scope in scopes {
                    if is_pending(txn, scope)? {
                        pending.push(scope);
                    }
                }
                Ok(pending)
            })
            .await?;
        for scope in pending {
            self.interpret(organizer, scope).await?;
        }
        Ok(())
    }

    /// Interprets what a server that stopped between storing and interpreting left behind. Called once at
    /// the start.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn interpret_pending(&self) -> Result<()> {
        let organizers = self
            .read(|txn| {
                let all = things::all::<StoredOrganizer>(txn, &NOBODY)?;
                Ok(all.into_iter().map(|one| OrganizerId::from_bytes(one.id)))
            })
            .await?;
        for organizer in organizers {
            self.interpret_organizer(organizer).await?;
        }
        Ok(())
    }
}
