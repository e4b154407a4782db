//! Staff at the gate: signing in with a badge, searching, and overriding with badge and PIN. All of it
//! works without a network, from the roster that the device holds.

use super::answer::Answer;
use super::judge::ticket_of;
use super::{Gate, GateError, Means, Moment, moment};
use crate::clock::random;
use crate::store::tables::Person;
use crate::store::{NoticeBody, Operator, PinFailures, SignOutReason};
use std::collections::BTreeSet;
use usher_domain::cose::SigningKey;
use usher_domain::document;
use usher_domain::document::approval::{
    APPROVAL_LIFETIME_MS, Approval, ApprovalUse, verify_approval,
};
use usher_domain::document::badge::{Badge, OverrideKeyError, Pin};
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, SessionId, StaffId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::{next_stamp, proved_overrides};
use usher_domain::record::{Body, Outcome, Scan};
use usher_domain::secret::Private;
use usher_domain::table::rows::{StaffEntry, StaffRole, TicketState};
use usher_domain::time::{ClockTrust, UnixMillis};
use usher_domain::verdict::{Admit, AdmitWhy, Reason, Verdict};

/// Wrong PINs in a row before there is a pause.
const FREE_TRIES: u32 = 3;
/// The first pause; each further wrong PIN doubles it.
const FIRST_PAUSE_MS: u64 = 30_000;
/// The longest pause.
const LONGEST_PAUSE_MS: u64 = 60 * 60 * 1000;

/// Characters that a search needs at least: a single letter finds everybody.
pub(super) const NEEDLE_CHARS_MIN: usize = 2;

/// Whether a search finds some and not everybody: two letters at least, or one of a script in which a letter is
/// a name.
fn is_long_enough(needle: &str) -> bool {
    let letters = needle.chars().filter(|c| c.is_alphanumeric()).count();
    letters >= NEEDLE_CHARS_MIN || needle.chars().any(is_whole_word)
}

/// Letters of Chinese, Japanese and Korean scripts (Unicode blocks).
const fn is_whole_word(c: char) -> bool {
    matches!(
        c,
        '\u{3040}'..='\u{30ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7af}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{323af}'
    )
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub staff: StaffId,
    /// Name as the badge shows it.
    pub name: Private,
    /// What they may do.
    pub role: StaffRole,
}

/// Who was signed out by the gate itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedOut {
    /// Who.
    pub staff: StaffId,
    /// Their name, if the list of staff still has it.
    pub name: Option<Private>,
    /// Why.
    pub why: SignOutReason,
}

/// Somebody whom a search found, and their ticket as far as the device knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The ticket.
    pub ticket: TicketId,
    /// The holder's name, if the seller told it.
    pub holder: Option<Private>,
    /// The seller's order number.
    pub order: Option<Private>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// Whether it may enter.
    pub state: Option<TicketState>,
    /// The seat.
    pub seat: Option<String>,
}

/// A supervisor lets somebody in against a verdict.
#[derive(Debug, Clone)]
pub struct OverrideRequest {
    /// Hash of the record of the refusal or referral.
    pub record: Hash,
    /// Text of the supervisor's badge.
    pub badge: Private,
    /// The supervisor's PIN.
    pub pin: Private,
    /// Why.
    pub reason: SanctionReason,
}

impl Gate {
    /// Signs a member of staff in by the text of their badge. Whoever was signed in before is signed out.
    ///
    /// # Errors
    /// [`GateError`] if the badge is none, not known, not valid now or not for this gate.
    pub fn sign_in(&mut self, means: &mut Means<'_>, badge: &str) -> Result<SignedIn, GateError> {
        let badge = Badge::parse(badge)?;
        let moment = moment(means)?;
        let staff = self.staff_of(means, &badge, moment)?;
        means.store.set_operator(Some(Operator {
            staff: staff.staff,
            since: moment.now,
        }))?;
        tracing::info!(staff = %staff.staff, "signed in");
        Ok(SignedIn {
            staff: staff.staff,
            name: staff.name,
            role: staff.role,
        })
    }

    /// Signs out whoever is signed in.
    ///
    /// # Errors
    /// What writing the store says.
    pub fn sign_out(&mut self, means: &mut Means<'_>) -> Result<(), GateError> {
        Ok(means.store.set_operator(None)?)
    }

    /// Signs out whoever may not work at this gate any more, and says whom and why; a notice of it stays until
    /// somebody read it.
    ///
    /// # Errors
    /// What the store says.
    pub fn sign_out_if_barred(
        &mut self,
        means: &mut Means<'_>,
    ) -> Result<Option<SignedOut>, GateError> {
        let moment = moment(means)?;
        let Some(operator) = means.store.operator()? else {
            return Ok(None);
        };
        let book = self.book(means.store)?;
        if book.sessions.is_empty() && book.revoked.is_some() {
            return Ok(None);
        }
        let (organizer, gate) = (book.organizer, book.gate);
        let entry = means.store.roster_staff(organizer, operator.staff)?;
        let why = match &entry {
            None => SignOutReason::Revoked,
            Some(entry) if entry.revoked_at.is_some() => SignOutReason::Revoked,
            Some(entry) if !is_valid(entry, moment) => SignOutReason::NotValidNow,
            Some(entry) if !entry.works_at(gate) => SignOutReason::OtherGate,
            Some(_) => return Ok(None),
        };
        means.store.set_operator(None)?;
        means
            .store
            .notice(moment.now, &NoticeBody::SignedOut { why })?;
        tracing::warn!(staff = %operator.staff, ?why, "signed out");
        Ok(Some(SignedOut {
            staff: operator.staff,
            name: entry.map(|entry| entry.name),
            why,
        }))
    }

    /// Who is signed in and still may be: a badge that was revoked since is not.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn operator(&mut self, means: &mut Means<'_>) -> Result<Option<SignedIn>, GateError> {
        let moment = moment(means)?;
        let Some(operator) = means.store.operator()? else {
            return Ok(None);
        };
        let organizer = self.organizer(means.store)?;
        let entry = means.store.roster_staff(organizer, operator.staff)?;
        let gate = self.book(means.store)?.gate;
        Ok(entry
            .filter(|entry| is_valid(entry, moment) && entry.works_at(gate))
            .map(|entry| SignedIn {
                staff: entry.staff,
                name: entry.name,
                role: entry.role,
            }))
    }

    /// People of a session in whose name or order number all words of `needle` are found.
    ///
    /// # Errors
    /// [`GateError::SearchTooShort`], [`GateError::NoNames`] on a device that holds no names,
    /// [`GateError::MayNotSearch`] unless somebody is signed in whose role may search.
    pub fn search(
        &mut self,
        means: &mut Means<'_>,
        session: SessionId,
        needle: &str,
        limit: usize,
    ) -> Result<Vec<Found>, GateError> {
        if !is_long_enough(needle) {
            return Err(GateError::SearchTooShort);
        }
        // Nobody needs to look for a badge where there is nothing to search.
        if !means.store.holds_names(session)? {
            return Err(GateError::NoNames);
        }
        match self.operator(means)?.map(|operator| operator.role) {
            Some(StaffRole::Supervisor | StaffRole::BoxOffice) => {}
            signed_in @ (Some(StaffRole::Steward) | None) => {
                return Err(GateError::MayNotSearch { signed_in });
            }
        }
        let people = means.store.search(session, needle, limit)?;
        let people = people.ok_or(GateError::NoNames)?;
        let held = self.book(means.store)?.session(session);
        let tell = |person: Person| {
            let row = match held {
                Some(held) => means.store.ticket(held.copy, person.ticket)?,
                None => None,
            };
            let type_name = held.zip(row.as_ref()).and_then(|(held, row)| {
                let mut types = held.terms.types.iter();
                types.find(|named| named.number == row.type_number)
            });
            Ok(Found {
                ticket: person.ticket,
                holder: person.holder,
                order: person.order,
                type_name: type_name.map(|named| named.name.clone()),
                state: row.as_ref().map(|row| row.state),
                seat: row.and_then(|row| row.seat),
            })
        };
        people.into_iter().map(tell).collect()
    }

    /// Lets somebody in against a verdict, as a new attempt under a supervisor's signature. Badge and PIN
    /// are forgotten at once.
    ///
    /// # Errors
    /// [`GateError`] if the scan is none that was refused or referred, was overridden before, or the
    /// supervisor may not do it; [`GateError::PinLocked`] after wrong PINs.
    pub fn override_verdict(
        &mut self,
        means: &mut Means<'_>,
        request: &OverrideRequest,
    ) -> Result<Answer, GateError> {
        let credentials = Credentials::read(&request.badge, &request.pin)?;
        let moment = moment(means)?;
        let refused = means
            .store
            .record(request.record)?
            .ok_or(GateError::NoSuchScan)?;
        let Body::Scan(scan) = &refused.record.body else {
            return Err(GateError::WrongKind("a scan that was refused or referred"));
        };
        if scan.outcome == Outcome::Admit {
            return Err(GateError::WrongKind("a scan that was refused or referred"));
        }
        let (supervisor, key) = self.unlock(means, &credentials, moment)?;
        let attempt =
            AttemptId::from_bytes(random(means.entropy).map_err(crate::store::StoreError::from)?);
        let lines = means
            .store
            .records_about(refused.record.scope, &scan.subject)?;
        let book = self.book(means.store)?;
        let device = book.device;
        // What others claim without proof bars no supervisor.
        let proved = book
            .ground(refused.record.scope)
            .map_or_else(BTreeSet::new, |ground| proved_overrides(ground, &lines));
        let is_done = lines.iter().any(|line| {
            let counts = line.record.log.device == device || proved.contains(&line.hash);
            counts && overrides(line, refused.hash)
        });
        if is_done {
            return Err(GateError::DoneBefore);
        }
        let stamp = next_stamp(
            moment.reading.wall,
            moment.offset_ms,
            book.server_time,
            book.known_stamps(refused.record.scope, &lines),
        );
        let sanction = Sanction {
            session: scan.session,
            subject: scan.subject,
            refused: scan.attempt,
            attempt,
            device,
            supervisor: supervisor.staff,
            reason: request.reason,
            // It is used at once: its record bears this very stamp.
            expires_at: good_until(stamp),
            record: refused.hash,
        };
        let sanction = signed(&sanction, &key, &supervisor, stamp)?;
        let admission = Scan {
            operator: book.operator(moment),
            gate: book.gate,
            outcome: Outcome::Admit,
            reason: Reason::Override,
            certainty: book.certainty(moment.now),
            attempt,
            sanction: Some(sanction.into()),
            takes_over: Some(scan.attempt),
            confirmed: None,
            ..scan.clone()
        };
        let session = book.session(scan.session).map(|held| held.served());
        let certainty = admission.certainty;
        let ticket = ticket_of(scan.subject);
        let refused_attempt = scan.attempt;
        let scope = refused.record.scope;
        let mut end = means.store.log_end(scope, device, means.entropy)?;
        let entry = end.append(stamp, Body::Scan(admission));
        let hash = entry.hash;
        means.store.append(scope, &[entry])?;
        tracing::info!(%attempt, refused = %refused_attempt, supervisor = %supervisor.staff, "overridden");
        let recorded = self.recorded(means, hash)?;
        Ok(Answer {
            verdict: Verdict::Admit(Admit {
                why: AdmitWhy::Override,
                cautions: Vec::new(),
            }),
            session,
            type_name: recorded.as_ref().and_then(|of| of.type_name.clone()),
            seat: recorded.and_then(|of| of.seat),
            ticket,
            certainty,
            record: Some(hash),
            ..Answer::trouble("", attempt, moment.now)
        })
    }

    /// The member of staff whose badge this is, if it is valid now and for this gate.
    fn staff_of(
        &mut self,
        means: &Means<'_>,
        badge: &Badge,
        moment: Moment,
    ) -> Result<StaffEntry, GateError> {
        let book = self.book(means.store)?;
        let staff = means
            .store
            .staff_of_badge(book.organizer, &badge.key().public())?
            .ok_or(GateError::UnknownBadge)?;
        if !is_valid(&staff, moment) {
            return Err(GateError::BadgeNotValid);
        }
        if !staff.works_at(book.gate) {
            return Err(GateError::OtherGate);
        }
        Ok(staff)
    }

    /// The supervisor whose badge this is, and the key that badge and PIN make.
    pub(super) fn unlock(
        &mut self,
        means: &mut Means<'_>,
        credentials: &Credentials,
        moment: Moment,
    ) -> Result<(StaffEntry, SigningKey), GateError> {
        let supervisor = self.supervisor_of(means, &credentials.badge, moment)?;
        let key = unlock(means, credentials, &supervisor, moment)?;
        Ok((supervisor, key))
    }

    /// Says before anybody is asked for a PIN whether a badge is one by which something is decided.
    ///
    /// # Errors
    /// [`GateError`] if the badge is none, not known, not valid now or not for this gate, or no supervisor's;
    /// [`GateError::PinLocked`] after wrong PINs.
    pub fn check_supervisor(
        &mut self,
        means: &mut Means<'_>,
        badge: &str,
    ) -> Result<(), GateError> {
        let badge = Badge::parse(badge)?;
        let moment = moment(means)?;
        self.supervisor_of(means, &badge, moment).map(drop)
    }

    fn supervisor_of(
        &mut self,
        means: &Means<'_>,
        badge: &Badge,
        moment: Moment,
    ) -> Result<StaffEntry, GateError> {
        let staff = self.staff_of(means, badge, moment)?;
        if !staff.role.may_override() {
            return Err(GateError::NoSupervisor(staff.role));
        }
        if staff.override_key.is_none() {
            return Err(GateError::WithoutPin);
        }
        let before = means.store.pin_failures(staff.staff)?;
        if moment.now < before.wait_to {
            return Err(GateError::PinLocked {
                until: before.wait_to,
                wait_ms: before.wait_to.since(moment.now),
            });
        }
        Ok(staff)
    }
}

/// A badge and a PIN.
pub(super) struct Credentials {
    badge: Badge,
    pin: Pin,
}

impl Credentials {
    pub(super) fn read(badge: &Private, pin: &Private) -> Result<Self, GateError> {
        Ok(Self {
            badge: Badge::parse(badge.reveal())?,
            pin: Pin::new(pin.reveal())?,
        })
    }
}

/// Until when an approval is good that is signed for a record of this stamp: it is used at once.
pub(super) fn good_until(stamp: UnixMillis) -> UnixMillis {
    stamp.shifted(i64::try_from(APPROVAL_LIFETIME_MS).unwrap_or(0))
}

/// Signs an approval, and checks it as everybody else will before anything is recorded by it.
pub(super) fn signed<T: Approval>(
    approval: &T,
    key: &SigningKey,
    supervisor: &StaffEntry,
    stamp: UnixMillis,
) -> Result<Vec<u8>, GateError> {
    let bytes = document::sign(approval, key);
    let approved = approval.approved();
    let used = ApprovalUse {
        session: approved.session,
        subject: approved.subject,
        device: approved.device,
        at: stamp,
        act: approval.act(),
    };
    let listed = supervisor.override_key.ok_or(GateError::WithoutPin)?;
    verify_approval::<T>(&bytes, (&listed, supervisor.staff), &used)
        .map_err(GateError::Unproved)?;
    Ok(bytes)
}

/// Whether a badge counts now. Under an unproved clock only revocation speaks against it: staff must not
/// be locked out by a flat battery.
pub(super) fn is_valid(staff: &StaffEntry, moment: Moment) -> bool {
    match moment.trust {
        ClockTrust::Proved => staff.is_valid_at(moment.now),
        ClockTrust::Unproved => staff.revoked_at.is_none(),
    }
}

fn overrides(line: &Line, refused: Hash) -> bool {
    let Body::Scan(scan) = &line.record.body else {
        return false;
    };
    scan.sanction.as_ref().is_some_and(|bytes| {
        usher_domain::cose::parse(bytes)
            .ok()
            .and_then(|envelope| {
                usher_domain::cbor::decode::<Sanction>(envelope.unverified_payload()).ok()
            })
            .is_some_and(|sanction| sanction.record == refused)
    })
}

/// Makes the override key of badge and PIN. A try is counted before it is made, so that pulling the plug
/// gains none.
fn unlock(
    means: &mut Means<'_>,
    credentials: &Credentials,
    staff: &StaffEntry,
    moment: Moment,
) -> Result<SigningKey, GateError> {
    let before = means.store.pin_failures(staff.staff)?;
    let failures = before.failures.saturating_add(1);
    means.store.set_pin_failures(
        staff.staff,
        PinFailures {
            failures,
            wait_to: moment.now.shifted(pause_ms(failures)),
        },
    )?;
    match credentials.badge.unlock(&credentials.pin, staff) {
        Ok(key) => {
            means
                .store
                .set_pin_failures(staff.staff, PinFailures::default())?;
            Ok(key)
        }
        Err(OverrideKeyError::WrongPin) => {
            tracing::warn!(staff = %staff.staff, failures, "wrong PIN");
            Err(GateError::WrongPin)
        }
        Err(OverrideKeyError::MayNotOverride) => Err(GateError::WithoutPin),
        Err(OverrideKeyError::Failed(_)) => {
            means.store.set_pin_failures(staff.staff, before)?;
            Err(GateError::OutOfMemory)
        }
    }
}

/// How long no PIN is tried after so many wrong ones.
fn pause_ms(failures: u32) -> i64 {
    let Some(doublings) = failures.checked_sub(FREE_TRIES) else {
        return 0;
    };
    let pause = FIRST_PAUSE_MS
        .checked_shl(doublings.min(16))
        .map_or(LONGEST_PAUSE_MS, |pause| pause.min(LONGEST_PAUSE_MS));
    i64::try_from(pause).unwrap_or(i64::MAX)
}
