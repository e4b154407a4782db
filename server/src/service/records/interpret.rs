//! Interpreting stored records: counts, incidents and links follow the feed, some batches at a time.
//!
//! A position says how far a scope is interpreted. A step reads the batches after it, finds the subjects
//! they reach, and adds to the counts the difference between what each subject's records said before and
//! what they say now. Counts, incidents and the position change in one transaction.

use super::account::TooMany;
use super::approvals;
use super::badges;
use super::cuts;
use super::difference::Found;
use super::false_claims;
use super::lines::{Placed, ground_lines, readable};
use super::progress::{Extent, Progress, has_records};
use super::tally::{self, Count};
use super::unknown_codes;
use super::watch;
use crate::service::error::Result;
use crate::service::incidents::{self, About};
use crate::service::organizers::StoredOrganizer;
use crate::service::{scopes, server_log, sessions, things};
use crate::storage::{StoredRecord, Transaction};
use std::collections::BTreeMap;
use usher_domain::api::reports::ScanLine;
use usher_domain::ids::{OrganizerId, ScopeId, SessionId, ZoneId};
use usher_domain::log::{Entry, Line};
use usher_domain::merge::Ground;
use usher_domain::record::{Body, Link, Outcome, Subject};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::PriorScan;

/// Batches of one step at most. A step reads every subject it reaches once with all that is known of it, so
/// when many devices come back at the same time, few large steps do less than many small ones.
const BATCHES_PER_STEP: u64 = 32;
/// Records of one step at which no further batch is taken in: a step holds up other writers, and somebody
/// who claims stands at a door.
const RECORDS_PER_STEP: usize = 2_000;

/// How much one step takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Portion {
    /// As many batches as are worth one transaction.
    Many,
    /// One batch.
    One,
}

impl Portion {
    const fn batches(self) -> u64 {
        match self {
            Self::Many => BATCHES_PER_STEP,
            Self::One => 1,
        }
    }
}

/// Whether new records of the authority change what older records of many subjects mean. What another
/// device writes of such a kind changes nothing.
fn reaches_everything(
    txn: &dyn Transaction,
    found: &Found,
    before: &Extent,
    arrived: &[Placed],
) -> Result<bool> {
    let mut of_authority = arrived
        .iter()
        .filter(|(_, line)| line.record.log.device == found.authority);
    let reaches = of_authority.any(|(_, line)| match &line.record.body {
        Body::Rule(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::OutTakenBack(_)
        | Body::FreeFlow(_)
        | Body::Honour(_) => true,
        Body::Scan(_)
        | Body::Undo(_)
        | Body::Link(_)
        | Body::Cut(_)
        | Body::Abort(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::Correction(_) => false,
    });
    Ok(reaches
        || approvals::reach_everything(txn, found.authority, arrived)?
        || cuts::reach_back(txn, found, before, arrived)?)
}

/// The records of one step after a position, and up to which position they are.
fn next_records(
    txn: &dyn Transaction,
    scope: ScopeId,
    (after, end): (u64, u64),
    portion: Portion,
) -> Result<(u64, Vec<StoredRecord>)> {
    let most = end.min(after.saturating_add(portion.batches()));
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
    let mut identities = BTreeMap::new();
    for (_, line) in arrived {
        if let Body::Scan(scan) = &line.record.body
            && scan.outcome == Outcome::Admit
            && let Subject::Medium(identity) = scan.subject
            && ground.resolve(scan.subject) == scan.subject
        {
            identities.insert(identity, scan.session);
        }
    }
    let mut links = Vec::new();
    for (identity, session) in identities {
        if let Some(event) = sessions::event_of(txn, organizer, session)?
            && let Some(ticket) = txn.medium_owner(event, &identity.medium_key())?
        {
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
    let ground = cuts::ground_of_all(txn, scope, server, &lines)?;
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

/// Does the next of what waits in a scope, and tells the outcomes of the scans in it: batches first, then
/// a part of the logs of revoked devices that must be looked through.
pub(super) fn step(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    portion: Portion,
    now: UnixMillis,
) -> Result<Vec<Outcome>> {
    scopes::complete(txn, organizer, scope, now)?;
    let mut progress = Progress::of(txn, organizer, scope)?;
    progress.begin_anew(txn, scope, now)?;
    let (after, end) = (progress.position, txn.feed_end(scope)?);
    if after >= end {
        look(txn, scope, &mut progress, now)?;
        progress.store(txn, scope, now)?;
        return Ok(Vec::new());
    }
    let (upto, stored) = next_records(txn, scope, (after, end), portion)?;
    let before = progress.extent();
    progress.position = upto;
    interpret(txn, scope, (before, progress), stored, now)
}

/// Tries a batch once more that was set aside.
pub(super) fn try_again(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    position: u64,
    now: UnixMillis,
) -> Result<Vec<Outcome>> {
    let mut progress = Progress::of(txn, organizer, scope)?;
    let before = progress.extent();
    if before.holds(position) {
        return Ok(Vec::new());
    }
    let stored = txn.records_between(scope, position.saturating_sub(1), position)?;
    progress.take_back(position);
    interpret(txn, scope, (before, progress), stored, now)
}

/// Interprets batches by which one extent differs from another, and writes down how far the scope is.
fn interpret(
    txn: &mut dyn Transaction,
    scope: ScopeId,
    (before, mut progress): (Extent, Progress),
    stored: Vec<StoredRecord>,
    now: UnixMillis,
) -> Result<Vec<Outcome>> {
    let organizer = progress.organizer;
    let lines = ground_lines(txn, scope)?;
    let extents = (before.clone(), progress.extent());
    let mut found = Found::read(txn, organizer, scope, extents, &lines)?;
    let unreadable = watch::unreadable_logs(&stored);
    let arrived: Vec<Placed> = readable(stored).collect();
    approvals::remember(txn, scope, &arrived, now)?;
    // What was interpreted may have counted for nothing so far: a revoked device's records, until a person
    // accepts them.
    let authority = found.authority;
    if !before.is_empty() && reaches_everything(txn, &found, &before, &arrived)? {
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
        unproved,
        forbidden,
        ..
    } = found;
    for (session, subject, too_many) in excess {
        raise_excess(txn, organizer, scope, session, subject, &too_many, now)?;
    }
    unproved.tell(txn, organizer, now)?;
    approvals::watch_staff(txn, organizer, (&new, &lines), &arrived, now)?;
    watch::unreadable(txn, organizer, &unreadable, now)?;
    watch::clocks(txn, organizer, &new, &arrived, now)?;
    badges::watch(txn, organizer, &new, &arrived, now)?;
    unknown_codes::watch(txn, organizer, &arrived, now)?;
    false_claims::watch(txn, organizer, scope, (&new, authority), &arrived, now)?;
    progress.look_at(watch::to_look_at(
        txn,
        scope,
        (&new, authority),
        &unreadable,
        &arrived,
    )?);
    progress.add_sessions(changes.store(txn, scope, now)?);
    // The counts of these incidents are the ones just stored.
    forbidden.tell(txn, (organizer, scope), now)?;
    cuts::keep_extents(txn, scope, authority, &lines, &progress.extent(), now)?;
    progress.store(txn, scope, now)?;
    server_log::append(txn, organizer, scope, links, now)?;
    Ok(outcomes)
}

/// Looks through a part of one log with quarantined records.
fn look(
    txn: &mut dyn Transaction,
    scope: ScopeId,
    progress: &mut Progress,
    now: UnixMillis,
) -> Result<()> {
    let Some(look) = progress.take_look() else {
        return Ok(());
    };
    let organizer = progress.organizer;
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let extent = progress.extent();
    let mut lines = ground_lines(txn, scope)?;
    lines.retain(|(position, _)| extent.holds(*position));
    let known = lines.iter().map(|(_, line)| line);
    let ground = cuts::ground_of(txn, scope, server, known, |position| {
        extent.reaches(position)
    })?;
    let first = cuts::first_cut_off(txn, look.log, &ground, (server, &lines))?;
    if let Some(first) = first
        && let Some(rest) = watch::look(txn, organizer, &ground, (look, first), now)?
    {
        progress.go_on_looking(rest);
    }
    Ok(())
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
        if has_records(txn, scope)? {
            merged.extend(step(txn, organizer, scope, Portion::Many, now)?);
        }
    }
    let tally = tally::load(txn, scope, session)?;
    let people = tally.get(&Count::Inside(Some(zone))).copied().unwrap_or(0);
    Ok(Inside {
        people: u32::try_from(people).unwrap_or(u32::MAX),
        is_complete: !has_records(txn, scope)?,
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
            scans.extend(incidents::scan_line(&line, admission.at, subject, standing));
        }
    }
    Ok(scans)
}

/// Admissions of each kind that an incident lists; it counts all.
const SCANS_TOLD_MAX: usize = 200;

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
    let some = |scans: &'_ [PriorScan]| scans.len().min(SCANS_TOLD_MAX);
    let told = told.get(..some(told)).unwrap_or_default();
    let allowed = &too_many.allowed;
    let allowed = allowed.get(..some(allowed)).unwrap_or_default();
    let scans = incidents::Scans {
        concerned: scan_lines(txn, scope, subject, told)?,
        allowed: scan_lines(txn, scope, subject, allowed)?,
    };
    incidents::raise(txn, organizer, &about, &detail, scans, now)
}
