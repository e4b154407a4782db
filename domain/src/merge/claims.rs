//! What a record of a scan claims of its ticket and its gate, as far as the server's log covers it.
//!
//! A device writes into a record what decides how the scan counts: the ticket's type, its access number,
//! its own number of entries, the session whose ticket it is, and that the gate was open. A stolen device
//! writes what it likes. So an honour counts only if the server's log had one for these sessions at the
//! stamp, free flow only if the log had opened the gate then, and what the server's rows contradict it
//! corrects in its log.

use super::ground::{Ground, Place};
use super::stamp::LIFT_MAX_MS;
use crate::hash::Hash;
use crate::ids::{GateId, SessionId};
use crate::log::Line;
use crate::numbers::{AccessNumber, TypeNumber};
use crate::record::{Body, Correction, Direction, Outcome, Scan};
use crate::time::UnixMillis;
use crate::verdict::Reason;
use std::collections::{BTreeMap, BTreeSet};

/// How far a stamp may lie outside of the time of an order and still be covered by it: a gate goes by its
/// own clock, and a stamp comes after all that is known of its ticket.
const MARGIN_MS: i64 = LIFT_MAX_MS as i64;

/// What counts of a scan's claims about its ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// The ticket's type, which chooses the entry rule.
    pub type_number: Option<TypeNumber>,
    /// The ticket's access number, which names the pass over which entries may be counted.
    pub access: Option<AccessNumber>,
    /// Entries of this one ticket.
    pub entries: Option<u16>,
    /// The session whose ticket it is, where another one than the served.
    pub honours: Option<SessionId>,
}

impl Claims {
    /// The claims as the record makes them.
    #[must_use]
    pub const fn made_by(scan: &Scan) -> Self {
        Self {
            type_number: scan.type_number,
            access: scan.access,
            entries: scan.entries,
            honours: scan.honours,
        }
    }

    /// The claims as the server corrected them.
    #[must_use]
    pub const fn of_correction(correction: &Correction) -> Self {
        Self {
            type_number: correction.type_number,
            access: correction.access,
            entries: correction.entries,
            honours: correction.honours,
        }
    }

    /// The session at which the entry is counted.
    pub(super) fn counted_at(&self, scan: &Scan) -> SessionId {
        let own = self
            .honours
            .filter(|_| !crate::mutated!(CountHonouredWhereLetIn));
        own.unwrap_or(scan.session)
    }
}

/// The corrections among the records of a ticket: the last one of each record counts.
#[derive(Debug, Default)]
pub(super) struct Corrections<'a>(BTreeMap<Hash, (Place, &'a Correction)>);

impl<'a> Corrections<'a> {
    pub(super) fn add(&mut self, place: Place, correction: &'a Correction) {
        let held = self.0.get(&correction.of);
        if held.is_none_or(|(held, _)| *held < place) {
            self.0.insert(correction.of, (place, correction));
        }
    }

    /// What counts of the claims of a scan.
    pub(super) fn apply(&self, ground: &Ground, place: &Place, scan: &Scan) -> Claims {
        let corrected = self.0.get(&place.hash());
        let mut claims = match corrected {
            Some((_, correction)) if !crate::mutated!(BelieveClaimedEntries) => {
                Claims::of_correction(correction)
            }
            Some(_) | None => Claims::made_by(scan),
        };
        claims.honours = claims.honours.filter(|tickets_of| {
            crate::mutated!(BelieveClaimedHonour)
                || ground.had_honour(scan.session, *tickets_of, scan.direction, place.stamp)
        });
        claims
    }
}

/// The times of orders that the server's log ever gave, whether or not they were taken back: a gate that
/// was out of reach went by the order that it knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Orders {
    honours: BTreeSet<(SessionId, SessionId, UnixMillis, UnixMillis)>,
    open_gates: BTreeSet<(SessionId, GateId, UnixMillis, UnixMillis)>,
}

impl Orders {
    pub(super) const fn new() -> Self {
        Self {
            honours: BTreeSet::new(),
            open_gates: BTreeSet::new(),
        }
    }

    pub(super) fn add_honour(&mut self, honour: &crate::record::Honour) {
        let (from, until) = (honour.from, honour.until);
        if from < until {
            self.honours
                .insert((honour.session, honour.tickets_of, from, until));
        }
    }

    pub(super) fn add_open_gate(&mut self, flow: &crate::record::FreeFlow) {
        if flow.from < flow.until {
            self.open_gates
                .insert((flow.session, flow.gate, flow.from, flow.until));
        }
    }
}

fn has_begun(from: UnixMillis, stamp: UnixMillis) -> bool {
    from.shifted(-MARGIN_MS) <= stamp
}

fn is_within(from: UnixMillis, until: UnixMillis, stamp: UnixMillis) -> bool {
    has_begun(from, stamp) && stamp < until.shifted(MARGIN_MS)
}

/// A claim that the server's log does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncovered {
    /// That the session let tickets of another one in.
    Honour,
    /// That the gate was open.
    FreeFlow,
}

impl Ground {
    /// Whether the log ever said that a session lets tickets of another one through at a time: in within
    /// the time that was said, out from its beginning on.
    fn had_honour(
        &self,
        session: SessionId,
        tickets_of: SessionId,
        direction: Direction,
        stamp: UnixMillis,
    ) -> bool {
        let zero = UnixMillis::default();
        let first = (session, tickets_of, zero, zero);
        let end = UnixMillis::new(u64::MAX);
        let last = (session, tickets_of, end, end);
        let mut all = self.orders.honours.range(first..=last);
        all.any(|(_, _, from, until)| match direction {
            Direction::Entry => is_within(*from, *until, stamp),
            Direction::Exit => has_begun(*from, stamp),
        })
    }

    /// Whether the log ever opened a gate for a time.
    pub(super) fn had_opened(
        &self,
        session: SessionId,
        gate: Option<GateId>,
        stamp: UnixMillis,
    ) -> bool {
        let Some(gate) = gate else { return false };
        let zero = UnixMillis::default();
        let end = UnixMillis::new(u64::MAX);
        let all = (session, gate, zero, zero)..=(session, gate, end, end);
        let mut all = self.orders.open_gates.range(all);
        all.any(|(_, _, from, until)| is_within(*from, *until, stamp))
    }

    /// Which claim of an admission that counts the log does not cover, if there is one.
    #[must_use]
    pub fn uncovered(&self, line: &Line) -> Option<Uncovered> {
        let Body::Scan(scan) = &line.record.body else {
            return None;
        };
        if scan.outcome != Outcome::Admit || !self.counts(line) {
            return None;
        }
        let stamp = self.place_of(line).stamp;
        if scan.reason == Reason::FreeFlow && !self.had_opened(scan.session, scan.gate, stamp) {
            return Some(Uncovered::FreeFlow);
        }
        let honours = scan.honours?;
        let is_covered = self.had_honour(scan.session, honours, scan.direction, stamp);
        (!is_covered).then_some(Uncovered::Honour)
    }
}
