//! One claim, judged inside the transaction that reserves what it grants.

use super::Desk;
use super::case::{Case, Granted, aliases, honoured, opened};
use super::memory::Posting;
use super::shelf::Shelf;
use crate::service::epoch;
use crate::service::error::{Error, Result};
use crate::service::records::{self, lines};
use crate::storage::{Reservation, Transaction};
use usher_domain::cbor;
use usher_domain::decide::{Headcount, Known, look_honoured};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId, ZoneId};
use usher_domain::log::Line;
use usher_domain::merge::{Ending, Ground, endings, is_settled, overridden_at};
use usher_domain::protocol::claim::{
    CLAIM_UNSENT_MAX, ClaimAnswer, ClaimRequest, Decided, YieldRequest,
};
use usher_domain::record::Subject;
use usher_domain::session::Authority;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{AdmitWhy, Verdict};

/// Attempts that one device has open at a time at most. A gate has one or two; somebody who stole one must not
/// reserve the tickets of a whole evening, for nothing but a record of each attempt frees them.
const OPEN_MAX: u64 = 200;

/// Whether a home that has not answered may still be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// It may.
    Left,
    /// It was waited for already.
    Over,
}

/// What becomes of a claim.
#[derive(Debug)]
pub(super) enum Step {
    /// It is answered.
    Answer(ClaimAnswer),
    /// The ticket's home must say first that it holds the ticket back.
    AskHome {
        home: DeviceId,
        request: YieldRequest,
    },
}

impl From<ClaimAnswer> for Step {
    fn from(answer: ClaimAnswer) -> Self {
        Self::Answer(answer)
    }
}

/// Judges a claim, and reserves what it grants.
pub(super) fn claim(
    txn: &mut dyn Transaction,
    desk: &Desk,
    device: DeviceId,
    request: &ClaimRequest,
    patience: Patience,
    now: UnixMillis,
) -> Result<Step> {
    let organizer = desk.memory.active(txn, device)?.organizer;
    let Some(posting) = desk.memory.posting(txn, request.session)? else {
        return Ok(ClaimAnswer::Behind.into());
    };
    if posting.terms.organizer != organizer {
        return Err(Error::NotFound("session"));
    }
    let epoch = epoch(txn)?;
    if request.epoch != epoch && !usher_domain::mutated!(GrantAcrossEpochs) {
        return Ok(ClaimAnswer::Behind.into());
    }
    let authority = Authority {
        server: posting.server,
        term: epoch,
    };
    if request.authority != authority && !usher_domain::mutated!(GrantAcrossEpochs) {
        let authority = Some(authority);
        return Ok(ClaimAnswer::NotAuthority { authority }.into());
    }
    let scope = posting.terms.scope;
    let ground = desk.memory.ground(txn, scope, posting.server)?;
    let shelf = Shelf::new(txn, &posting, &ground);
    let honoured = honoured(&posting, &ground, request.direction, now);
    let (looked, honours) = look_honoured(&shelf, &request.shown, &honoured)?;
    let known = Known::of(&request.shown, &looked.found());
    let subject = ground.resolve(known.subject);

    let unsent = unsent(device, scope, &ground, subject, request)?;
    let mut lines = stored(txn, &ground, subject)?;
    if !usher_domain::mutated!(IgnoreUnsent) {
        lines.extend(unsent);
    }
    // What waits for a person's word ended nothing yet.
    let counting = || lines.iter().filter(|line| ground.counts(line));
    let ended = endings(&ground, counting());
    if let Some(ending) = ended.of(device, request.attempt)
        && !usher_domain::mutated!(GrantEndedAttempt)
    {
        return ended_before(txn, scope, request, ending).map(Step::Answer);
    }
    if let Some(held) = txn.reservation(device, request.attempt)? {
        return again(&held, &ground, subject, request).map(Step::Answer);
    }
    let set = request.set;
    let is_behind = lacks_last_entry(txn, scope, &lines, request)?
        || (set.epoch != posting.version.epoch && !usher_domain::mutated!(GrantAcrossEpochs))
        || set.number > posting.version.number
        || desk.memory.trust(txn, organizer)? != Some(request.trust);
    if is_behind {
        return Ok(ClaimAnswer::Behind.into());
    }
    let mut others = Vec::new();
    for alias in aliases(&ground, subject) {
        others.extend(txn.reservations_about(scope, &alias)?);
    }
    // What a supervisor's word has settled since: somebody could be walking through when it was stored.
    let overridden = overridden_at(&ground, counting());
    let is_over = |held: &Reservation| is_settled(&opened(held), overridden, now);
    for held in others.iter().filter(|held| is_over(held)) {
        txn.end_reservation(held.device, held.attempt)?;
    }
    others.retain(|held| !is_over(held));
    others.retain(|held| {
        !ended.has_ended(held.device, held.attempt) && !usher_domain::mutated!(GrantTwice)
    });
    if txn.count_reservations_of(device)? >= OPEN_MAX {
        return Err(Error::Full("open attempts of this device"));
    }
    let standing = desk.duties.standing(txn, organizer, scope, epoch)?;
    let case = Case {
        device,
        request,
        posting: &posting,
        ground: &ground,
        known,
        looked: &looked,
        honours,
        lines: &lines,
        others,
        duties: &desk.duties,
        standing: &standing,
        epoch,
        now,
    };
    let inside = match case.limited_zone() {
        Some(zone) => case.headcount(headcount(txn, desk, &posting, zone, now)?),
        None => Headcount::Confirmed(0),
    };
    let (verdict, certainty) = match case.verdict(inside) {
        Verdict::Admit(admit) if admit.why != AdmitWhy::FreeFlow => {
            match case.grant(admit, patience) {
                Granted::Answer(verdict, certainty) => (verdict, certainty),
                Granted::AskHome(home) => {
                    let request = case.yield_request(subject);
                    return Ok(Step::AskHome { home, request });
                }
            }
        }
        verdict @ (Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_)) => {
            (verdict, case.certainty())
        }
    };
    let answer = ClaimAnswer::Decided(Decided {
        verdict,
        certainty,
        at: now,
        after: ground.latest_stamp(&lines),
    });
    if let Some(reservation) = case.reservation(&answer)
        && !usher_domain::mutated!(ReserveNothing)
    {
        txn.put_reservation(&reservation)?;
    }
    Ok(answer.into())
}

/// Whether the gate knows of an entry that this server does not: then the server was put back from a backup and
/// does not know yet what it lost, and the gate knows more of the ticket.
fn lacks_last_entry(
    txn: &dyn Transaction,
    scope: ScopeId,
    lines: &[Line],
    request: &ClaimRequest,
) -> Result<bool> {
    let Some(last) = request.last_entry else {
        return Ok(false);
    };
    if usher_domain::mutated!(PassOverLastEntry) || lines.iter().any(|line| line.hash == last) {
        return Ok(false);
    }
    // By what it is linked to here it may be an entry of another ticket.
    Ok(txn.record(scope, &last)?.is_none())
}

/// What is stored about a subject.
pub(super) fn stored(
    txn: &dyn Transaction,
    ground: &Ground,
    subject: Subject,
) -> Result<Vec<Line>> {
    let mut found = Vec::new();
    for alias in aliases(ground, subject) {
        let records = txn.records_about(ground.scope(), Some(&alias))?;
        found.extend(lines::readable(records).map(|(_, line)| line));
    }
    Ok(found)
}

/// The asker's own records of the ticket that have not come.
fn unsent(
    device: DeviceId,
    scope: ScopeId,
    ground: &Ground,
    subject: Subject,
    request: &ClaimRequest,
) -> Result<Vec<Line>> {
    if request.unsent.len() > CLAIM_UNSENT_MAX {
        let limit = CLAIM_UNSENT_MAX as u64;
        return Err(Error::too_long("what a claim tells of records", limit));
    }
    let mut lines = Vec::with_capacity(request.unsent.len());
    for encoded in &request.unsent {
        let line = Line::read(encoded)
            .map_err(|_| Error::invalid("unsent", "a record that is not readable"))?;
        if line.record.log.device != device || line.record.scope != scope {
            let why = "a record of another device or scope";
            return Err(Error::invalid("unsent", why));
        }
        if line.record.subject().map(|of| ground.resolve(of)) == Some(subject) {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// The record that ended this attempt before it was claimed.
fn ended_before(
    txn: &dyn Transaction,
    scope: ScopeId,
    request: &ClaimRequest,
    ending: Ending,
) -> Result<ClaimAnswer> {
    let (Ending::Admitted(hash) | Ending::Released(hash) | Ending::TakenOver(hash)) = ending;
    let record = match txn.record(scope, &hash)? {
        Some(stored) => stored.bytes.into(),
        None => {
            let mut unsent = request.unsent.iter();
            let found = unsent.find(|bytes| Hash::of(&[bytes]) == hash);
            found.cloned().unwrap_or_else(|| Vec::new().into())
        }
    };
    Ok(ClaimAnswer::Ended { record })
}

/// The same answer as before.
fn again(
    held: &Reservation,
    ground: &Ground,
    subject: Subject,
    request: &ClaimRequest,
) -> Result<ClaimAnswer> {
    let is_same = held.scope == ground.scope()
        && held.session == request.session
        && held.direction == request.direction
        && ground.resolve(held.subject) == subject;
    if !is_same {
        let why = "the attempt was made for another ticket";
        return Err(Error::Conflict(why));
    }
    cbor::decode(&held.answer).map_err(|_| Error::Internal("a stored answer is not readable"))
}

/// People inside a zone and on their way into it. Records that were stored and not yet counted are counted
/// first; if they are too many for one transaction, the number is no more than a hint.
fn headcount(
    txn: &mut dyn Transaction,
    desk: &Desk,
    posting: &Posting,
    zone: ZoneId,
    now: UnixMillis,
) -> Result<Headcount> {
    let terms = &posting.terms;
    let session = terms.session.id;
    let counted = records::inside(txn, terms.organizer, terms.scope, (session, zone), now)?;
    desk.figures.merged(&counted.merged);
    let reserved = if usher_domain::mutated!(ForgetWhoIsOnTheWay) {
        0
    } else {
        txn.reserved_entries(session, zone)?
    };
    let people = counted.people.saturating_add(reserved);
    Ok(if counted.is_complete {
        Headcount::Confirmed(people)
    } else {
        Headcount::Local(people)
    })
}
