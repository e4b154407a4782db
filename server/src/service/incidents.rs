//! Incidents: what a person must look at. An incident has an id made of its kind and what it is about, so
//! that raising it again brings it up to date; it goes when nothing is left of it, or when a person closes
//! it. A closed one comes back once it says something else than it did then. The records that led to it
//! stay.

mod naming;
mod numbers;

use super::error::{Error, Result};
use super::{PAGE_MAX, Service, times};
use crate::storage::{Space, StoredIncident, Transaction};
use jiff::Timestamp;
use naming::Naming;
use usher_domain::api::Page;
use usher_domain::api::reports::{ForbiddenBy, Incident, IncidentKind, NewIncidentNote, ScanLine};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, SessionId, StaffId};
use usher_domain::log::Line;
use usher_domain::record::{Body, LogRef, Subject};
use usher_domain::time::UnixMillis;

/// Characters of an identity in an id: enough to tell two apart, too few to guess a code from.
const IDENTITY_CHARS: usize = 16;

/// What an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    kind: IncidentKind,
    session: Option<SessionId>,
    subject: Option<Subject>,
    device: Option<DeviceId>,
    log: Option<LogRef>,
    staff: Option<StaffId>,
    forbidden_by: Option<ForbiddenBy>,
}

impl About {
    /// Too many admissions of a ticket to a session.
    pub(crate) const fn excess(session: SessionId, subject: Subject) -> Self {
        Self {
            kind: IncidentKind::ExcessAdmission,
            session: Some(session),
            subject: Some(subject),
            device: None,
            log: None,
            staff: None,
            forbidden_by: None,
        }
    }

    /// Rows of a session's tables, or of the roster, that were handed back and wait.
    pub(crate) const fn handed_back(session: Option<SessionId>) -> Self {
        Self {
            kind: IncidentKind::HandedBack,
            session,
            subject: None,
            device: None,
            log: None,
            staff: None,
            forbidden_by: None,
        }
    }

    /// Trust documents that were handed back.
    pub(crate) const fn trust() -> Self {
        Self {
            kind: IncidentKind::TrustHandedBack,
            ..Self::handed_back(None)
        }
    }

    /// A badge in use on two devices at once.
    pub(crate) const fn badge(staff: StaffId) -> Self {
        Self {
            kind: IncidentKind::BadgeTwice,
            session: None,
            subject: None,
            device: None,
            log: None,
            staff: Some(staff),
            forbidden_by: None,
        }
    }

    /// What a member of staff did on a device.
    pub(crate) const fn staff_on_device(staff: StaffId, device: DeviceId) -> Self {
        Self {
            kind: IncidentKind::OverrideNotAllowed,
            session: None,
            subject: None,
            device: Some(device),
            log: None,
            staff: Some(staff),
            forbidden_by: None,
        }
    }

    /// Something about a log.
    pub(crate) const fn log(kind: IncidentKind, log: LogRef) -> Self {
        Self {
            kind,
            session: None,
            subject: None,
            device: Some(log.device),
            log: Some(log),
            staff: None,
            forbidden_by: None,
        }
    }

    /// Something about a device at a session.
    pub(crate) const fn device_at(
        kind: IncidentKind,
        device: DeviceId,
        session: SessionId,
    ) -> Self {
        Self {
            kind,
            session: Some(session),
            subject: None,
            device: Some(device),
            log: None,
            staff: None,
            forbidden_by: None,
        }
    }

    /// Admissions by a device to a session that the state of their tickets forbade.
    pub(crate) const fn forbidden(
        session: SessionId,
        device: DeviceId,
        forbidden_by: ForbiddenBy,
    ) -> Self {
        Self {
            kind: IncidentKind::ForbiddenAdmission,
            session: Some(session),
            subject: None,
            device: Some(device),
            log: None,
            staff: None,
            forbidden_by: Some(forbidden_by),
        }
    }

    /// Something about a device.
    pub(crate) const fn device(kind: IncidentKind, device: DeviceId) -> Self {
        Self {
            kind,
            session: None,
            subject: None,
            device: Some(device),
            log: None,
            staff: None,
            forbidden_by: None,
        }
    }

    /// The stable id.
    pub(crate) fn id(&self) -> String {
        let subject = self.subject.map(|subject| match subject {
            Subject::Ticket(ticket) => ticket.to_string(),
            Subject::Medium(identity) => {
                let hex = identity.as_bytes().iter().map(|byte| format!("{byte:02x}"));
                let hex: String = hex.collect();
                format!("medium-{}", hex.get(..IDENTITY_CHARS).unwrap_or_default())
            }
            Subject::Nothing => "nothing".to_owned(),
        });
        let parts = [
            Some(word(self.kind).to_owned()),
            self.session.map(|session| session.to_string()),
            subject,
            self.device.map(|device| device.to_string()),
            self.log.map(|log| log.log.to_string()),
            self.staff.map(|staff| staff.to_string()),
            self.forbidden_by.map(|by| cause(by).to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(".")
    }
}

const fn word(kind: IncidentKind) -> &'static str {
    match kind {
        IncidentKind::ExcessAdmission => "excess_admission",
        IncidentKind::ForkedLog => "forked_log",
        IncidentKind::ClockJump => "clock_jump",
        IncidentKind::SetDiffers => "set_differs",
        IncidentKind::Unreadable => "unreadable",
        IncidentKind::Quarantined => "quarantined",
        IncidentKind::DocumentMismatch => "document_mismatch",
        IncidentKind::BadgeTwice => "badge_twice",
        IncidentKind::ServerBehind => "server_behind",
        IncidentKind::TooManyRecords => "too_many_records",
        IncidentKind::HandedBack => "handed_back",
        IncidentKind::FalseClaims => "false_claims",
        IncidentKind::UnprovedOverride => "unproved_override",
        IncidentKind::UnprovedUndo => "unproved_undo",
        IncidentKind::OverrideNotAllowed => "override_not_allowed",
        IncidentKind::UnknownCodes => "unknown_codes",
        IncidentKind::CopiedDevice => "copied_device",
        IncidentKind::TrustHandedBack => "trust_handed_back",
        IncidentKind::ForbiddenAdmission => "forbidden_admission",
    }
}

const fn cause(by: ForbiddenBy) -> &'static str {
    match by {
        ForbiddenBy::Cancelled => "cancelled",
        ForbiddenBy::OtherSession => "other_session",
        ForbiddenBy::Blocked => "blocked",
        ForbiddenBy::Superseded => "superseded",
        ForbiddenBy::RevokedKey => "revoked_key",
    }
}

/// A time for a person. A clock that is wrong by ages shows the end of time instead of nothing.
pub(crate) fn shown(at: UnixMillis) -> Timestamp {
    times::timestamp(at).unwrap_or(Timestamp::MAX)
}

/// Whether a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does.
    Counts,
    /// It was taken back, voided, or waits.
    Waits,
}

/// A scan as reports show it; `at` is the stamp that it counts with, `subject` whose state it counts in.
pub(crate) fn scan_line(
    line: &Line,
    at: UnixMillis,
    subject: Subject,
    standing: Standing,
) -> Option<ScanLine> {
    let Body::Scan(scan) = &line.record.body else {
        return None;
    };
    Some(ScanLine {
        record: line.hash.to_string(),
        at: shown(at),
        device: line.record.log.device,
        gate: scan.gate,
        session: scan.session,
        ticket: match subject {
            Subject::Ticket(ticket) => Some(ticket),
            Subject::Medium(_) | Subject::Nothing => None,
        },
        ticket_number: None,
        direction: scan.direction,
        outcome: scan.outcome,
        reason: scan.reason,
        counts: standing == Standing::Counts,
    })
}

/// Where it is kept what an incident said when it was closed.
fn closed_place(organizer: OrganizerId, id: &str) -> Vec<u8> {
    [organizer.as_bytes().as_slice(), id.as_bytes()].concat()
}

/// The scans of an incident.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    /// Those that a person must look at.
    pub(crate) concerned: Vec<ScanLine>,
    /// Of excess admissions: the allowed ones that they came on top of.
    pub(crate) allowed: Vec<ScanLine>,
}

impl From<Vec<ScanLine>> for Scans {
    fn from(concerned: Vec<ScanLine>) -> Self {
        Self {
            concerned,
            allowed: Vec::new(),
        }
    }
}

/// What an incident says, for comparing; the time it was last brought up to date is no part of it.
fn said(detail: &str, scans: &[ScanLine], allowed: &[ScanLine]) -> Hash {
    let records = scans
        .iter()
        .chain(allowed)
        .flat_map(|scan| [scan.record.as_bytes(), b"\n"]);
    let parts: Vec<&[u8]> = [detail.as_bytes(), b"\n"]
        .into_iter()
        .chain(records)
        .collect();
    Hash::of(&parts)
}

/// Raises an incident, or brings it up to date. One that was closed stays so while it says the same.
pub(crate) fn raise(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    about: &About,
    detail: &str,
    scans: impl Into<Scans>,
    now: UnixMillis,
) -> Result<()> {
    let Scans { concerned, allowed } = scans.into();
    let id = about.id();
    let closed = txn.value(Space::ClosedIncident, &closed_place(organizer, &id))?;
    if let Some(closed) = closed {
        if closed == said(detail, &concerned, &allowed).as_bytes() {
            return Ok(());
        }
        numbers::came_back(txn, organizer, &id, now)?;
    }
    let incident = Incident {
        number: numbers::of(txn, organizer, &id, now)?,
        id,
        kind: about.kind,
        session: about.session,
        ticket: match about.subject {
            Some(Subject::Ticket(ticket)) => Some(ticket),
            Some(Subject::Medium(_) | Subject::Nothing) | None => None,
        },
        device: about.device,
        session_name: None,
        ticket_number: None,
        device_name: None,
        closed_at: None,
        notes: Vec::new(),
        at: shown(now),
        detail: detail.to_owned(),
        scans: concerned,
        allowed,
    };
    let body = serde_json::to_vec(&incident)
        .map_err(|_| Error::Internal("an incident cannot be written"))?;
    txn.put_incident(
        organizer,
        &StoredIncident {
            id: incident.id,
            session: about.session,
            at: now,
            body,
        },
    )?;
    Ok(())
}

/// The scans that an open incident lists; none if it is not open.
pub(crate) fn scans_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    about: &About,
) -> Result<Vec<ScanLine>> {
    let stored = txn.incident(organizer, &about.id())?;
    let incident = stored.as_ref().map(read).transpose()?;
    Ok(incident.map_or(Vec::new(), |incident| incident.scans))
}

/// The open incidents of an organizer, the first `limit` of them.
pub(crate) fn open(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    limit: u32,
) -> Result<Vec<Incident>> {
    let stored = txn.incidents(organizer, None, limit)?;
    stored.iter().map(read).collect()
}

/// Takes an incident away of which nothing is left.
pub(crate) fn settle(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    about: &About,
) -> Result<()> {
    let id = about.id();
    txn.drop_incident(organizer, &id)?;
    // Should it come again, it is news.
    let place = closed_place(organizer, &id);
    if txn.value(Space::ClosedIncident, &place)?.is_some() {
        txn.put_value(Space::ClosedIncident, &place, &[], UnixMillis::default())?;
    }
    Ok(())
}

fn close(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    name: &str,
    now: UnixMillis,
) -> Result<()> {
    let id = numbers::id_of(txn, organizer, name)?;
    let place = closed_place(organizer, &id);
    let Some(stored) = txn.incident(organizer, &id)? else {
        // The answer to an earlier call may have been lost.
        return match txn.value(Space::ClosedIncident, &place)? {
            Some(_) => Ok(()),
            None => Err(Error::NotFound("incident")),
        };
    };
    let incident = read(&stored)?;
    let said = said(&incident.detail, &incident.scans, &incident.allowed);
    txn.put_value(Space::ClosedIncident, &place, said.as_bytes(), now)?;
    numbers::keep_closed(txn, organizer, incident, now)?;
    txn.drop_incident(organizer, &id)?;
    Ok(())
}

fn read(stored: &StoredIncident) -> Result<Incident> {
    let mut incident: Incident = serde_json::from_slice(&stored.body)
        .map_err(|_| Error::Internal("an incident is not readable"))?;
    // The body says when it was last brought up to date.
    incident.at = shown(stored.at);
    Ok(incident)
}

impl Service {
    /// Closes an incident that a person has looked at, named by its number or id. It comes back when there is something new to it;
    /// closing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn close_incident(&self, organizer: OrganizerId, name: String) -> Result<()> {
        self.write_quietly(move |txn, now| close(txn, organizer, &name, now))
            .await
    }

    /// Writes something down about an incident, open or closed, named by its number or id. `by` is who does.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`], [`Error::Full`].
    pub async fn note_incident(
        &self,
        organizer: OrganizerId,
        by: String,
        name: String,
        new: NewIncidentNote,
    ) -> Result<()> {
        self.write_quietly(move |txn, now| numbers::note(txn, organizer, (&name, by), new, now))
            .await
    }

    /// Incidents that a person closed and that did not come back, the last one first, those before the one of
    /// number `after`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a page that begins nowhere.
    pub async fn closed_incidents(
        &self,
        organizer: OrganizerId,
        after: Option<String>,
        limit: u32,
    ) -> Result<Page<Incident>> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.read(move |txn| numbers::closed(txn, organizer, after.as_deref(), limit))
            .await
    }

    /// Open incidents by the time they were first seen, those after the one of id `after`.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn incidents(
        &self,
        organizer: OrganizerId,
        after: Option<String>,
        limit: u32,
    ) -> Result<Page<Incident>> {
        self.interpret_organizer(organizer).await?;
        let limit = limit.clamp(1, PAGE_MAX);
        let mut page = self
            .read(move |txn| {
                let stored = txn.incidents(organizer, after.as_deref(), limit)?;
                let full = stored.len() >= limit as usize;
                let next = stored.last().filter(|_| full).map(|last| last.id.clone());
                let mut naming = Naming::default();
                let items = stored.iter().map(|stored| {
                    let mut incident = read(stored)?;
                    naming.complete(txn, organizer, &mut incident)?;
                    Ok(incident)
                });
                let items = items.collect::<Result<Vec<_>>>()?;
                Ok(Page { items, next })
            })
            .await?;
        // An older program raised them without numbers.
        for incident in page.items.iter_mut().filter(|one| one.number == 0) {
            let id = incident.id.clone();
            incident.number = self
                .write_quietly(move |txn, now| numbers::of(txn, organizer, &id, now))
                .await?;
        }
        Ok(page)
    }
}
