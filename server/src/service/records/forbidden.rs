//! Admissions that the state of their tickets forbade at that moment: a gate that was out of reach had not
//! heard that the ticket was cancelled, blocked, moved or given a new code, or that the key was revoked under
//! which somebody signs codes of tickets that nobody sold.
//!
//! An admission is judged by the stamp that it counts with against the image of the ticket that counted then.
//! One incident for each session, device and cause lists them. Overrides that are proved and open gates are
//! none: they let people in whatever the ticket says.

use super::cuts;
use super::difference::within;
use super::lines::{Placed, aliases, ground_lines, lines_about, readable};
use super::progress::Progress;
use super::tally::{self, Changes, Count};
use crate::service::error::Result;
use crate::service::incidents::{self, About, Standing};
use crate::service::organizers::StoredOrganizer;
use crate::service::revoked_keys::RevokedKeys;
use crate::service::tickets::dated::Images;
use crate::service::{sessions, things};
use crate::storage::Transaction;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{ForbiddenBy, ScanLine};
use usher_domain::api::venue::Session;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::{Ground, Let, movements};
use usher_domain::record::{Direction, Scan, Subject};
use usher_domain::time::UnixMillis;

/// Scans that one incident lists at most; it counts all.
const LISTED_MAX: usize = 1_000;

/// The forbidden admissions of a subject: by session, device, cause and record.
pub(super) type ForbiddenAdmissions = BTreeMap<(SessionId, DeviceId, ForbiddenBy, Hash), ScanLine>;

/// What the admissions of a subject are judged by.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What its ticket was and when.
    images: Images,
    /// Keys that were revoked, where a record names one.
    revoked: RevokedKeys,
}

impl Facts {
    /// Reads what the records of a subject are judged by.
    pub(super) fn read(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        subject: Subject,
        lines: &[Placed],
    ) -> Result<Self> {
        let Subject::Ticket(ticket) = subject else {
            return Ok(Self::default());
        };
        Ok(Self {
            images: images(txn, organizer, ticket, lines)?,
            revoked: revoked(txn, organizer, lines)?,
        })
    }

    /// Why an admission was forbidden when it was made.
    fn forbid(
        &self,
        scan: &Scan,
        honours: Option<SessionId>,
        at: UnixMillis,
    ) -> Option<ForbiddenBy> {
        let by_ticket = self.images.forbid(scan, honours, at);
        by_ticket.or_else(|| {
            let is_revoked = self.revoked.revoked_before(scan.key?, at);
            (is_revoked && !self.images.list(scan, at)).then_some(ForbiddenBy::RevokedKey)
        })
    }
}

fn revoked(txn: &dyn Transaction, organizer: OrganizerId, lines: &[Placed]) -> Result<RevokedKeys> {
    let scans = lines
        .iter()
        .filter_map(|(_, line)| line.record.body.as_scan());
    if scans.clone().all(|scan| scan.key.is_none()) {
        return Ok(RevokedKeys::default());
    }
    RevokedKeys::read(txn, organizer)
}

/// What the ticket of some records was and when.
fn images(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    ticket: TicketId,
    lines: &[Placed],
) -> Result<Images> {
    // A record may name a session that is not the organizer's; whose a ticket is, the event decides.
    let mut asked = BTreeSet::new();
    for (_, line) in lines {
        if let Some(scan) = line.record.body.as_scan()
            && asked.insert(scan.session)
            && let Some(event) = sessions::event_of(txn, organizer, scan.session)?
        {
            return Images::read(txn, event, ticket);
        }
    }
    Ok(Images::default())
}

/// Those among the records of a subject.
pub(super) fn among<'a>(
    ground: &Ground,
    (subject, facts): (Subject, &Facts),
    lines: impl Iterator<Item = &'a Line> + Clone,
) -> ForbiddenAdmissions {
    let mut forbidden = ForbiddenAdmissions::new();
    for movement in movements(ground, subject, lines.clone()) {
        let (scan, evidence) = (movement.scan, movement.evidence);
        if scan.direction != Direction::Entry || movement.by == Let::Supervisor {
            continue;
        }
        let Some(by) = facts.forbid(scan, movement.claims.honours, evidence.at) else {
            continue;
        };
        let line = lines.clone().find(|line| line.hash == evidence.record);
        let scan = line
            .and_then(|line| incidents::scan_line(line, evidence.at, subject, Standing::Counts));
        forbidden.extend(scan.map(|scan| {
            let of = (scan.session, evidence.device, by, evidence.record);
            (of, scan)
        }));
    }
    forbidden
}

/// How the forbidden admissions of some subjects differ from what they were before.
#[derive(Debug, Default)]
pub(super) struct Difference {
    changed: BTreeMap<(SessionId, DeviceId, ForbiddenBy), Changed>,
}

#[derive(Debug, Default)]
struct Changed {
    new: Vec<ScanLine>,
    gone: BTreeSet<String>,
}

impl Difference {
    pub(super) fn add(&mut self, before: &ForbiddenAdmissions, now: ForbiddenAdmissions) {
        for (session, device, by, record) in before.keys() {
            if !now.contains_key(&(*session, *device, *by, *record)) {
                let changed = self.changed.entry((*session, *device, *by)).or_default();
                changed.gone.insert(record.to_string());
            }
        }
        for ((session, device, by, record), scan) in now {
            if !before.contains_key(&(session, device, by, record)) {
                let changed = self.changed.entry((session, device, by)).or_default();
                changed.new.push(scan);
            }
        }
    }

    /// Brings the incidents up to date, after the counts.
    pub(super) fn tell(
        self,
        txn: &mut dyn Transaction,
        (organizer, scope): (OrganizerId, ScopeId),
        now: UnixMillis,
    ) -> Result<()> {
        for ((session, device, by), changed) in self.changed {
            let about = About::forbidden(session, device, by);
            let counts = tally::load(txn, scope, session)?;
            let count = counts.get(&Count::Forbidden(device, by));
            let Some(count) = count.copied().filter(|count| *count > 0) else {
                incidents::settle(txn, organizer, &about)?;
                continue;
            };
            let mut scans = incidents::scans_of(txn, organizer, &about)?;
            scans.retain(|scan| !changed.gone.contains(&scan.record));
            for scan in changed.new {
                let is_there = scans.iter().any(|listed| listed.record == scan.record);
                if scans.len() < LISTED_MAX && !is_there {
                    scans.push(scan);
                }
            }
            scans.sort_by(|one, other| (one.at, &one.record).cmp(&(other.at, &other.record)));
            let detail = detail(by, count);
            incidents::raise(txn, organizer, &about, &detail, scans, now)?;
        }
        Ok(())
    }
}

fn detail(by: ForbiddenBy, count: u64) -> String {
    let happened = match by {
        ForbiddenBy::Cancelled => "the ticket was cancelled",
        ForbiddenBy::OtherSession => "the ticket was moved to another session",
        ForbiddenBy::Blocked => "the ticket was blocked",
        ForbiddenBy::Superseded => "the ticket was given a new code",
        ForbiddenBy::RevokedKey => "the key was revoked that signed the code, which is in no list",
    };
    let people = match count {
        1 => "one person".to_owned(),
        more => format!("{more} people"),
    };
    format!("the device let in {people} after {happened}: it had not heard of that")
}

/// A ticket that is about to change, and what is told of its admissions so far.
pub(in crate::service) struct Revision {
    organizer: OrganizerId,
    event: EventId,
    scope: ScopeId,
    ticket: TicketId,
    before: Images,
}

impl Revision {
    /// Looks at a ticket of a session before it changes.
    pub(in crate::service) fn of(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        session: SessionId,
        ticket: TicketId,
    ) -> Result<Self> {
        let Session { event, scope, .. } = things::get::<Session>(txn, session.as_bytes())?.value;
        Ok(Self {
            organizer,
            event,
            scope,
            ticket,
            before: Images::read(txn, event, ticket)?,
        })
    }

    /// Judges those admissions anew that are interpreted already, now that the ticket has changed.
    pub(in crate::service) fn tell(self, txn: &mut dyn Transaction, now: UnixMillis) -> Result<()> {
        let after = Images::read(txn, self.event, self.ticket)?;
        if after == self.before {
            return Ok(());
        }
        let mut progress = Progress::of(txn, self.organizer, self.scope)?;
        let extent = progress.extent();
        if extent.is_empty() {
            return Ok(());
        }
        let subject = Subject::Ticket(self.ticket);
        let general = ground_lines(txn, self.scope)?;
        let lines = lines_about(txn, self.scope, subject, &aliases(&general), |position| {
            extent.holds(position)
        })?;
        if lines.is_empty() {
            return Ok(());
        }
        let server = things::get::<StoredOrganizer>(txn, self.organizer.as_bytes())?;
        let known = general.iter().filter(|(at, _)| extent.holds(*at));
        let known = known.map(|(_, line)| line);
        let authority = server.value.server;
        let ground = cuts::ground_of(txn, self.scope, authority, known, |position| {
            extent.reaches(position)
        })?;
        let revoked = revoked(txn, self.organizer, &lines)?;
        let told = |images| {
            let facts = Facts {
                images,
                revoked: revoked.clone(),
            };
            among(&ground, (subject, &facts), within(&lines, &extent))
        };
        let (before, after) = (told(self.before), told(after));
        let mut changes = Changes::default();
        for (told, by) in [(&before, -1), (&after, 1)] {
            for (session, device, cause, _) in told.keys() {
                changes.add(*session, Count::Forbidden(*device, *cause), by);
            }
        }
        progress.add_sessions(changes.store(txn, self.scope, now)?);
        progress.store(txn, self.scope, now)?;
        let mut difference = Difference::default();
        difference.add(&before, after);
        difference.tell(txn, (self.organizer, self.scope), now)
    }
}

/// Whether a record of a ticket is dated after a change that is made now: a clock may be some seconds ahead.
pub(in crate::service) fn is_any_later(
    txn: &dyn Transaction,
    scope: ScopeId,
    ticket: TicketId,
    now: UnixMillis,
) -> Result<bool> {
    let known = txn.records_about(scope, Some(&Subject::Ticket(ticket)))?;
    Ok(readable(known).any(|(_, line)| line.record.stamp > now))
}
