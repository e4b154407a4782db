//! What the records say of a ticket, folded a second time: written from the protocol and the glossary
//! for this simulation, slowly and plainly, without the code it is compared with.

mod approvals;
mod attempts;
mod tickets;

pub use tickets::Ticket;

use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, SessionId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::state::Unit;
use usher_domain::numbers::{AccessNumber, TypeNumber};
use usher_domain::record::{
    Body, Cut, CutBy, Direction, LogRef, Outcome, RulingWord, Scan, Subject,
};
use usher_domain::rules::{Counted, EntryMode, EntryRule};
use usher_domain::verdict::Reason;

/// How far a stamp may lie outside of the time of an order.
const TEN_MINUTES: u64 = 600_000;

/// The order of merging.
type Key = (u64, DeviceId, LogId, u64, Hash);

/// When records arrived, as the server said: of what log, from where to where, and when.
type Arrivals = Vec<(LogRef, u64, u64, u64)>;

fn key(line: &Line, arrivals: &Arrivals) -> Key {
    let record = &line.record;
    let arrived = arrivals.iter().filter(|(log, first, last, _)| {
        *log == record.log && (*first..=*last).contains(&record.sequence)
    });
    let arrived = arrived.map(|(_, _, _, at)| *at).min();
    let stamp = record.stamp.get();
    (
        arrived.map_or(stamp, |at| stamp.min(at)),
        record.log.device,
        record.log.log,
        record.sequence,
        line.hash,
    )
}

/// Over what entries are counted by a rule: at the session whose ticket it is, or at all sessions of its pass.
fn unit(rule: EntryRule, own: SessionId, access: Option<AccessNumber>) -> Unit {
    let of_pass = access.filter(|_| rule.counted == Counted::PerPass);
    of_pass.map_or(Unit::Session(own), Unit::Pass)
}

/// All records of a scope, sorted into what rules and what happened.
pub struct Records<'l> {
    authority: DeviceId,
    /// Each once, in the order of merging.
    sorted: BTreeMap<Key, &'l Line>,
    /// For every record that a cut names, the records from which the chain leads to it, and itself.
    below: BTreeMap<Hash, BTreeSet<Hash>>,
}

impl<'l> Records<'l> {
    /// Sorts records, however often each comes.
    pub fn of(authority: DeviceId, lines: impl IntoIterator<Item = &'l Line>) -> Self {
        Self::among(authority, lines, &[])
    }

    /// Sorts records of which some stand in one log with others that nobody can read: of those `places` tell the
    /// place in their log, and the hash.
    pub fn among(
        authority: DeviceId,
        lines: impl IntoIterator<Item = &'l Line>,
        places: &[(Frame, Hash)],
    ) -> Self {
        let lines: Vec<&Line> = lines.into_iter().collect();
        let own = lines
            .iter()
            .filter(|line| line.record.log.device == authority);
        let arrivals = own.filter_map(|line| match &line.record.body {
            Body::Arrival(said) => Some((said.log, said.first, said.last, said.at.get())),
            _ => None,
        });
        let arrivals: Arrivals = arrivals.collect();
        let readable = lines.iter().map(|line| (line.hash, line.record.previous));
        let others = places.iter().map(|(frame, hash)| (*hash, frame.previous));
        let before: BTreeMap<Hash, Hash> = readable.chain(others).collect();
        let mut below = BTreeMap::new();
        for line in &lines {
            let Body::Cut(cut) = &line.record.body else {
                continue;
            };
            for head in cut.heads.iter().flatten() {
                let mut chain = BTreeSet::new();
                let mut at = Some(*head);
                while let Some(hash) = at {
                    chain.insert(hash);
                    at = before.get(&hash).copied();
                }
                below.insert(*head, chain);
            }
        }
        let sorted = lines.into_iter().map(|line| (key(line, &arrivals), line));
        Self {
            authority,
            sorted: sorted.collect(),
            below,
        }
    }

    fn server(&self) -> impl DoubleEndedIterator<Item = (&Key, &'l Line)> + '_ {
        let own = |line: &Line| line.record.log.device == self.authority;
        self.sorted
            .iter()
            .filter(move |(_, line)| own(line))
            .map(|(key, line)| (key, *line))
    }

    /// Whether the cuts of its log let a record count without a word.
    fn is_below_cuts(&self, line: &Line) -> bool {
        let cuts = self
            .server()
            .filter_map(|(_, said)| match &said.record.body {
                Body::Cut(cut) if cut.log == line.record.log => Some(cut),
                _ => None,
            });
        let cuts: Vec<&Cut> = cuts.collect();
        let by_people = cuts.iter().any(|cut| cut.by == Some(CutBy::Person));
        let mut counting = cuts
            .iter()
            .filter(|cut| !by_people || cut.by == Some(CutBy::Person));
        counting.all(|cut| match &cut.heads {
            None => line.record.sequence <= cut.last,
            Some(heads) => heads.iter().any(|head| self.is_below(*head, line.hash)),
        })
    }

    /// Whether the chain of a log leads from a record back to another.
    fn is_below(&self, head: Hash, record: Hash) -> bool {
        let below = self.below.get(&head);
        below.is_some_and(|below| below.contains(&record))
    }

    fn counts(&self, line: &Line) -> bool {
        let word = self
            .server()
            .rev()
            .find_map(|(_, said)| match &said.record.body {
                Body::Ruling(ruling) if ruling.of == line.hash => Some(ruling.word),
                _ => None,
            });
        // A stamp after the year 9999 never counts.
        if line.record.stamp.get() > 253_402_300_799_999 {
            return false;
        }
        match word {
            Some(RulingWord::Accept) => true,
            Some(RulingWord::Void) => false,
            None => self.is_below_cuts(line),
        }
    }

    /// The latest stamp that records of a ticket count with, whether they count or not.
    #[must_use]
    pub fn latest(&self, ticket: Subject) -> Option<u64> {
        self.latest_of(ticket, |_| true)
    }

    /// The latest stamp that some records of a ticket count with.
    #[must_use]
    pub fn latest_of(&self, ticket: Subject, some: impl Fn(&Line) -> bool) -> Option<u64> {
        let own = self
            .sorted
            .iter()
            .filter(|(_, line)| line.record.subject() == Some(ticket) && some(line));
        own.map(|(key, _)| key.0).max()
    }

    /// A scan with what the server corrected of it last, and whether somebody went through by it.
    fn as_covered(&self, (key, line): (&Key, &Line), scan: &Scan) -> Option<Scan> {
        let mut scan = scan.clone();
        let last = self
            .server()
            .rev()
            .find_map(|(_, said)| match &said.record.body {
                Body::Correction(correction) if correction.of == line.hash => Some(correction),
                _ => None,
            });
        if let Some(said) = last {
            scan.type_number = said.type_number;
            scan.access = said.access;
            scan.entries = said.entries;
            scan.honours = said.honours;
        }
        let stamp = key.0;
        scan.honours = scan.honours.filter(|tickets_of| {
            self.server().any(|(_, said)| {
                matches!(&said.record.body, Body::Honour(honour)
                    if honour.session == scan.session
                        && honour.tickets_of == *tickets_of
                        && honour.from < honour.until
                        && honour.from.get().saturating_sub(TEN_MINUTES) <= stamp
                        && (scan.direction == Direction::Exit
                            || stamp < honour.until.get().saturating_add(TEN_MINUTES)))
            })
        });
        let was_open = self.server().any(|(_, said)| {
            matches!(&said.record.body, Body::FreeFlow(flow)
                if flow.session == scan.session
                    && Some(flow.gate) == scan.gate
                    && flow.from < flow.until
                    && flow.from.get().saturating_sub(TEN_MINUTES) <= stamp
                    && stamp < flow.until.get().saturating_add(TEN_MINUTES))
        });
        let is_free = scan.reason == Reason::FreeFlow && was_open;
        (scan.outcome == Outcome::Admit && !is_free).then_some(scan)
    }

    /// How often a ticket enters by a scan of it, and over what its entries are counted then: by the rule of the
    /// session that was served.
    fn rule(&self, scan: &Scan, at: &Key) -> (EntryMode, Unit) {
        let rule = self.entry_rule(scan.session, scan.type_number, Some(at));
        let mode = scan.entries.map_or(rule.mode, EntryMode::Times);
        let own = scan.honours.unwrap_or(scan.session);
        (mode, unit(rule, own, scan.access))
    }

    /// The unit in which a ticket of `own` is counted that is shown at a session after all that is known.
    #[must_use]
    pub fn unit_now(
        &self,
        served: SessionId,
        own: SessionId,
        (kind, access): (TypeNumber, AccessNumber),
    ) -> Unit {
        unit(self.entry_rule(served, Some(kind), None), own, Some(access))
    }

    /// The rule of a session for a type, at a place in the order or after all.
    fn entry_rule(
        &self,
        session: SessionId,
        type_number: Option<TypeNumber>,
        at: Option<&Key>,
    ) -> EntryRule {
        let said = |kind| {
            let is_before = |key: &Key| at.is_none_or(|at| key < at);
            let before = self.server().take_while(|(key, _)| is_before(key));
            let mut last: Option<EntryRule> = None;
            for (_, line) in before {
                if let Body::Rule(change) = &line.record.body
                    && change.session == session
                    && change.type_number == kind
                {
                    last = change.rule;
                }
            }
            last
        };
        let of_type = type_number.and_then(|kind| said(Some(kind)));
        of_type.or_else(|| said(None)).unwrap_or_default()
    }

    /// All tickets that records name.
    #[must_use]
    pub fn tickets(&self) -> Vec<Subject> {
        let named = self
            .sorted
            .values()
            .filter_map(|line| line.record.subject());
        let mut named: Vec<_> = named
            .filter(|of| matches!(of, Subject::Ticket(_)))
            .collect();
        named.sort_unstable();
        named.dedup();
        named
    }
}
