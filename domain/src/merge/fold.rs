//! Folding scans into states.

use super::claims::{Claims, Corrections};
use super::evacuation::SentOut;
use super::ground::{Ground, Place};
use super::proof::proved_overrides;
use super::state::{Entering, SubjectState, Unit};
use crate::hash::Hash;
use crate::ids::{SessionId, ZoneId};
use crate::log::Line;
use crate::record::{Body, Direction, Outcome, Scan, Subject, Undo};
use crate::verdict::{PriorScan, Reason};
use std::collections::BTreeMap;

/// What is known of every ticket of a scope.
pub type States = BTreeMap<(Unit, Subject), SubjectState>;

/// All records of a scope, folded. `lines` are all that are known, in any order, repeated or not.
#[must_use]
pub fn fold<'a>(ground: &Ground, lines: impl IntoIterator<Item = &'a Line>) -> States {
    let mut by_subject: BTreeMap<Subject, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        if let Some(subject) = line.record.subject() {
            let own = by_subject.entry(ground.resolve(subject)).or_default();
            own.push(line);
        }
    }
    by_subject
        .into_iter()
        .flat_map(|(subject, own)| {
            let states = fold_subject(ground, subject, own);
            states
                .into_iter()
                .map(move |(unit, state)| ((unit, subject), state))
        })
        .collect()
}

/// The states of one ticket. `lines` are all known scans and undos of the subject and of its
/// [`Ground::aliases`], in any order; others are passed over. A subject that [`Ground::resolve`] gives to
/// another has no states of its own.
#[must_use]
pub fn fold_subject<'a>(
    ground: &Ground,
    subject: Subject,
    lines: impl IntoIterator<Item = &'a Line>,
) -> BTreeMap<Unit, SubjectState> {
    let mut states = BTreeMap::new();
    if subject == Subject::Nothing {
        // What was unreadable is counted in reports; no second scan can be known to be of the same thing.
        return states;
    }
    let mut sent_out = SentOut::default();
    let mut said = ground.evacuations().peekable();
    for counted in sift(ground, subject, lines) {
        // Admissions up to an "everyone out" come before it, those after it come after, whenever it was
        // written down.
        while let Some((_, said)) = said.next_if(|(at, _)| *at < counted.place.stamp) {
            sent_out.hear(&mut states, said);
        }
        apply(ground, &mut states, &mut sent_out, counted);
    }
    said.for_each(|(_, said)| sent_out.hear(&mut states, said));
    states
}

/// A scan by which somebody went in or out, and which counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement<'a> {
    /// The scan as evidence, with its stamp and the hash of its record.
    pub evidence: PriorScan,
    /// What the record says.
    pub scan: &'a Scan,
    /// What counts of its claims about the ticket.
    pub claims: Claims,
    /// How the person was let through.
    pub by: Let,
}

/// By whose decision somebody was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Let {
    /// By the rules, or a device that claims so.
    Rules,
    /// By a supervisor, as is proved.
    Supervisor,
}

/// The scans that [`fold_subject`] folds: those by which somebody went in or out, without those that
/// were taken back or do not count, in merge order.
#[must_use]
pub fn movements<'a>(
    ground: &Ground,
    subject: Subject,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Vec<Movement<'a>> {
    sift(ground, subject, lines)
        .into_iter()
        .map(
            |Counted {
                 place,
                 scan,
                 claims,
                 is_override,
             }| Movement {
                evidence: place.evidence(scan),
                scan,
                claims,
                by: if is_override {
                    Let::Supervisor
                } else {
                    Let::Rules
                },
            },
        )
        .collect()
}

/// A scan that may change the state.
#[derive(Clone, Copy)]
struct Counted<'a> {
    place: Place,
    scan: &'a Scan,
    /// What counts of its claims.
    claims: Claims,
    /// Whether it is a proved override.
    is_override: bool,
}

/// The scans that may change the state, in merge order and each once, without those that were taken back.
fn sift<'a>(
    ground: &Ground,
    subject: Subject,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Vec<Counted<'a>> {
    let mut scans: BTreeMap<Place, (&Line, &Scan)> = BTreeMap::new();
    let mut undos: BTreeMap<Hash, Vec<(&Line, &Undo)>> = BTreeMap::new();
    let mut corrections = Corrections::default();
    for line in lines {
        let own = line
            .record
            .subject()
            .is_some_and(|of| ground.resolve(of) == subject);
        if !own || !ground.counts(line) {
            continue;
        }
        match &line.record.body {
            Body::Scan(scan) if moves(ground, ground.place_of(line), scan) => {
                scans.insert(ground.place_of(line), (line, scan));
            }
            Body::Correction(correction) if line.record.log.device == ground.authority() => {
                corrections.add(ground.place_of(line), correction);
            }
            Body::Undo(_) if crate::mutated!(IgnoreUndo) => {}
            Body::Undo(undo) => undos.entry(undo.of).or_default().push((line, undo)),
            Body::Scan(_)
            | Body::Link(_)
            | Body::Rule(_)
            | Body::Cut(_)
            | Body::Ruling(_)
            | Body::EveryoneOut(_)
            | Body::FreeFlow(_)
            | Body::Abort(_)
            | Body::Yield(_)
            | Body::StandDown(_)
            | Body::Honour(_)
            | Body::Notice(_)
            | Body::Delay(_)
            | Body::OverrideKey(_)
            | Body::Arrival(_)
            | Body::OutTakenBack(_)
            | Body::Correction(_) => {}
        }
    }
    // A sanction is used also by an admission that was taken back afterwards.
    let overrides = proved_overrides(ground, scans.values().map(|(line, _)| *line));
    let is_undone = |line: &Line, scan: &Scan| {
        let mut undos = undos.get(&line.hash).into_iter().flatten();
        undos.any(|(by, undo)| {
            undo.session == scan.session && ground.takes_back(by, undo, line.record.log.device)
        })
    };
    scans
        .into_iter()
        .filter(|(_, (line, scan))| !is_undone(line, scan))
        .map(|(place, (line, scan))| Counted {
            place,
            scan,
            claims: corrections.apply(ground, &place, scan),
            is_override: overrides.contains(&line.hash),
        })
        .collect()
}

/// Whether somebody went in or out by this scan, as far as counting goes: whoever was let through did,
/// whatever reason the record gives, unless an order had opened the gate.
fn moves(ground: &Ground, place: Place, scan: &Scan) -> bool {
    let is_free = || {
        let is_covered = crate::mutated!(BelieveClaimedFreeFlow)
            || ground.had_opened(scan.session, scan.gate, place.stamp);
        let is_counted = scan.direction == Direction::Entry && crate::mutated!(CountFreeFlow);
        is_covered && !is_counted
    };
    scan.outcome == Outcome::Admit && !(scan.reason == Reason::FreeFlow && is_free())
}

fn apply(
    ground: &Ground,
    states: &mut BTreeMap<Unit, SubjectState>,
    sent_out: &mut SentOut,
    counted: Counted<'_>,
) {
    let Counted {
        place,
        scan,
        claims,
        ..
    } = counted;
    let rule = ground.rule_for(scan, claims, place);
    // A ticket that another session honours uses up the entry that it has at its own.
    let unit = Unit::of(rule, claims.counted_at(scan), claims.access);
    let this = place.evidence(scan);
    if scan.direction == Direction::Exit {
        let is_anybody_inside = (states.values().flat_map(SubjectState::everybody_inside))
            .any(|inside| inside.session == this.session);
        if !is_anybody_inside {
            sent_out.is_seen(this.session);
        }
        leave(states, unit, this);
        return;
    }
    let state = states.entry(unit).or_default();
    match state.may_enter(rule.mode) {
        Ok(Entering::Returning) => {
            if let Some(entry) = state.may_return.take() {
                sent_out.returns(&entry);
            }
        }
        Ok(Entering::Counted) => {
            sent_out.is_seen(this.session);
            state.entries = state.entries.saturating_add(1);
        }
        Err(_) => {
            sent_out.is_seen(this.session);
            state.entries = state.entries.saturating_add(1);
            if !counted.is_override {
                state.excess.push(this);
                // Whoever comes next is told of the admission by which the ticket is inside, not of
                // the one that should not have been. The person is inside all the same.
                if state.inside.is_some() {
                    if !crate::mutated!(ForgetOthersInside) {
                        state.others_inside.push(this);
                    }
                    return;
                }
            }
        }
    }
    state.inside = Some(this);
    state.last_entry = Some(this);
}

/// Whoever leaves a session is inside it no more, also where their entry was counted in another unit
/// because a rule changed since: after an exit the ticket may enter again where its rule says so.
///
/// Where several people are inside by the ticket, one of them left: one who came in to the zone that the exit
/// leads out of, if there is one, and first the person who is [`SubjectState::inside`]. The others are counted
/// until they are seen leaving.
fn leave(states: &mut BTreeMap<Unit, SubjectState>, unit: Unit, exit: PriorScan) {
    let of_session = |scan: &PriorScan| scan.session == exit.session;
    let of_zone = |scan: &PriorScan| of_session(scan) && scan.zone == exit.zone;
    let in_unit = states.get(&unit).and_then(|state| state.inside.as_ref());
    let mut inside = states.values().filter_map(|state| state.inside.as_ref());
    let is_inside_here = inside.clone().any(of_zone);
    let is_inside = inside.any(of_session) || in_unit.is_some();
    let others = || states.values().flat_map(|state| &state.others_inside);
    let here = others().find(|scan| of_zone(scan) && !is_inside_here);
    let elsewhere = || others().find(|scan| of_session(scan) && !is_inside);
    let other = here.or_else(elsewhere).map(|scan| scan.record);
    for (of, state) in states.iter_mut() {
        // Over a pass the person may be inside at another session.
        let one = state.inside.take_if(|one| *of == unit || of_session(one));
        if let Some(other) = other {
            state.others_inside.retain(|scan| scan.record != other);
            let stays =
                one.filter(|one| of_session(one) || !crate::mutated!(ExitForgetsOtherSession));
            state.others_inside.extend(stays);
        }
    }
    states.entry(unit).or_default().last_exit = Some(exit);
}

/// One ticket's admissions to one session that its rule did not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// The session.
    pub session: SessionId,
    /// The ticket, or the identity of a medium that no link names a ticket for.
    pub subject: Subject,
    /// The admissions, in merge order; at least one.
    pub admissions: Vec<PriorScan>,
}

/// One incident per session and ticket with excess admissions, sorted by both.
#[must_use]
pub fn incidents(states: &States) -> Vec<Excess> {
    let mut by_session: BTreeMap<(SessionId, Subject), Vec<PriorScan>> = BTreeMap::new();
    for ((_, subject), state) in states {
        for admission in &state.excess {
            let key = (admission.session, *subject);
            by_session.entry(key).or_default().push(*admission);
        }
    }
    by_session
        .into_iter()
        .map(|((session, subject), mut admissions)| {
            // Those of one session may come from two units, if its rule changed from one to the other.
            admissions.sort_by_key(|scan| (scan.at, scan.device, scan.record));
            Excess {
                session,
                subject,
                admissions,
            }
        })
        .collect()
}

/// People inside a session, by the zone of the gate they came through; none stands for gates to the
/// whole venue and for spares. Who came in by a ticket that was used already counts too.
#[must_use]
pub fn occupancy(states: &States, session: SessionId) -> BTreeMap<Option<ZoneId>, u32> {
    let mut inside = BTreeMap::new();
    for scan in states.values().flat_map(SubjectState::everybody_inside) {
        if scan.session == session {
            let count: &mut u32 = inside.entry(scan.zone).or_default();
            *count = count.saturating_add(1);
        }
    }
    inside
}
