//! What the records say of a ticket, folded a second time: written from the protocol and the glossary
//! for this simulation, slowly and plainly, without the code it is compared with.

mod approvals;

use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, LogId, SessionId, ZoneId};
use usher_domain::log::Line;
use usher_domain::merge::States;
use usher_domain::record::{
    Body, Cut, CutBy, Direction, EveryoneOut, LogRef, Outcome, RulingWord, Scan, Subject,
};
use usher_domain::rules::{EntryMode, EntryRule};
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

/// What is known of one ticket in one session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ticket {
    /// Entries that count.
    pub entries: u32,
    /// Records of admissions that should not have been.
    pub excess: Vec<Hash>,
    /// The record by which the person is inside.
    pub inside: Option<Hash>,
    /// The record of the last entry.
    pub last_entry: Option<Hash>,
    /// The record of the last exit.
    pub last_exit: Option<Hash>,
    /// The entry of one who was sent out and may come back.
    pub may_return: Option<Hash>,
    /// The entries of those who are inside beside that person.
    pub others: Vec<Hash>,
}

impl Ticket {
    /// Whether a rule lets it in once more.
    #[must_use]
    pub fn may_enter(&self, mode: EntryMode) -> bool {
        self.may_return.is_some()
            || match mode {
                EntryMode::Single => self.inside.is_none() && self.last_entry.is_none(),
                EntryMode::Reentry => self.inside.is_none(),
                EntryMode::Times(most) => self.entries < u32::from(most),
            }
    }
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
        let lines: Vec<&Line> = lines.into_iter().collect();
        let own = lines
            .iter()
            .filter(|line| line.record.log.device == authority);
        let arrivals = own.filter_map(|line| match &line.record.body {
            Body::Arrival(said) => Some((said.log, said.first, said.last, said.at.get())),
            _ => None,
        });
        let arrivals: Arrivals = arrivals.collect();
        let before: BTreeMap<Hash, Hash> = lines
            .iter()
            .map(|line| (line.hash, line.record.previous))
            .collect();
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
        let own = self
            .sorted
            .iter()
            .filter(|(_, line)| line.record.subject() == Some(ticket));
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
        // Nothing is honoured in these venues.
        scan.honours = None;
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

    fn rule(&self, scan: &Scan, at: &Key) -> EntryMode {
        let said = |kind| {
            let before = self.server().take_while(|(key, _)| *key < at);
            let mut last: Option<EntryRule> = None;
            for (_, line) in before {
                if let Body::Rule(change) = &line.record.body
                    && change.session == scan.session
                    && change.type_number == kind
                {
                    last = change.rule;
                }
            }
            last
        };
        let of_type = scan.type_number.and_then(|kind| said(Some(kind)));
        let rule = of_type.or_else(|| said(None)).unwrap_or_default();
        scan.entries.map_or(rule.mode, EntryMode::Times)
    }

    /// Folds what concerns one ticket, as far as sessions count one by one.
    #[must_use]
    pub fn fold(&self, ticket: Subject) -> BTreeMap<SessionId, Ticket> {
        let own: Vec<(&Key, &Line)> = self
            .sorted
            .iter()
            .filter(|(_, line)| line.record.subject() == Some(ticket) && self.counts(line))
            .map(|(key, line)| (key, *line))
            .collect();
        let taken_back = |target: &Line, session: SessionId| {
            own.iter().any(|(_, line)| {
                matches!(&line.record.body, Body::Undo(undo)
                    if undo.of == target.hash
                        && undo.session == session
                        && self.may_undo(line, undo, target.record.log.device))
            })
        };
        let mut outs: Vec<_> = self
            .server()
            .filter_map(|(key, line)| match &line.record.body {
                Body::EveryoneOut(out) => Some((out.at.get(), key, out)),
                _ => None,
            })
            .collect();
        outs.sort_by_key(|(at, key, _)| (*at, **key));
        let mut outs = outs.into_iter().peekable();
        let mut sessions: BTreeMap<SessionId, Ticket> = BTreeMap::new();
        let scans = own
            .iter()
            .filter_map(|(key, line)| match &line.record.body {
                Body::Scan(scan) if !taken_back(line, scan.session) => {
                    Some((*key, *line, self.as_covered((key, line), scan)?))
                }
                _ => None,
            });
        for (key, line, scan) in scans {
            while let Some((_, _, out)) = outs.next_if(|(at, _, _)| *at < key.0) {
                self.send_out(&mut sessions, out);
            }
            let mode = self.rule(&scan, key);
            let ticket = sessions.entry(scan.session).or_default();
            if scan.direction == Direction::Exit {
                self.leaves(ticket, line.hash, scan.zone);
            } else if self.is_override(line) {
                enters(ticket, line.hash, mode, How::Override);
            } else {
                enters(ticket, line.hash, mode, How::Ordinary);
            }
        }
        outs.for_each(|(_, _, out)| self.send_out(&mut sessions, out));
        sessions
    }

    /// Everybody inside is outside, and may come back once; of a zone only those who came in there.
    fn send_out(&self, sessions: &mut BTreeMap<SessionId, Ticket>, out: &EveryoneOut) {
        let Some(ticket) = sessions.get_mut(&out.session) else {
            return;
        };
        let is_out = |entry: Hash| out.zone.is_none() || self.zone_of(entry) == out.zone;
        ticket.others.retain(|entry| !is_out(*entry));
        if ticket.inside.is_some_and(is_out) {
            ticket.may_return = ticket.inside.take();
        }
    }

    /// One person leaves: the one who came in where the exit is, else the one of whom the ticket says that
    /// they are inside, else any other. Whoever stays is one of the others from now on.
    fn leaves(&self, ticket: &mut Ticket, exit: Hash, zone: Option<ZoneId>) {
        ticket.last_exit = Some(exit);
        let mut people: Vec<Hash> = ticket.inside.take().into_iter().collect();
        let had_inside = !people.is_empty();
        people.append(&mut ticket.others);
        let here = people.iter().position(|entry| self.zone_of(*entry) == zone);
        if !people.is_empty() {
            people.remove(here.unwrap_or(0));
        }
        // In the order in which the merged state has them.
        if had_inside && here.is_some_and(|number| number > 0) {
            people.rotate_left(1);
        }
        ticket.others = people;
    }

    /// The zone that a scan's gate led to.
    fn zone_of(&self, scan: Hash) -> Option<ZoneId> {
        let mut lines = self.sorted.values();
        lines.find_map(|line| match &line.record.body {
            Body::Scan(said) if line.hash == scan => said.zone,
            _ => None,
        })
    }

    /// People inside a zone of a session.
    #[must_use]
    pub fn people_in(&self, session: SessionId, zone: ZoneId) -> u32 {
        let inside = self.tickets().into_iter().map(|ticket| {
            let states = self.fold(ticket);
            let state = states.get(&session).cloned().unwrap_or_default();
            let everybody: Vec<Hash> = state.inside.into_iter().chain(state.others).collect();
            let in_zone = everybody.into_iter();
            in_zone
                .filter(|scan| self.zone_of(*scan) == Some(zone))
                .count()
        });
        u32::try_from(inside.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The entries of a ticket that were not taken back and count, without those that a person voided once: who
    /// accepts one of them afterwards knows that the ticket may have been let in meanwhile.
    #[must_use]
    pub fn entries(&self, ticket: Subject) -> Vec<&'l Scan> {
        let own: Vec<&Line> = self
            .sorted
            .values()
            .filter(|line| line.record.subject() == Some(ticket) && self.counts(line))
            .copied()
            .collect();
        let was_voided = |hash: Hash| {
            let mut said = self.server();
            said.any(|(_, line)| {
                matches!(&line.record.body, Body::Ruling(ruling)
                    if ruling.of == hash && ruling.word == RulingWord::Void)
            })
        };
        let undone = |target: &Line| {
            let mut own = own.iter();
            own.any(|line| {
                matches!(&line.record.body, Body::Undo(undo)
                    if undo.of == target.hash
                        && self.may_undo(line, undo, target.record.log.device))
            })
        };
        let scans = own
            .iter()
            .filter(|line| !undone(line) && !was_voided(line.hash));
        scans
            .filter_map(|line| match &line.record.body {
                Body::Scan(scan) => Some(scan),
                _ => None,
            })
            .filter(|scan| scan.outcome == Outcome::Admit && scan.direction == Direction::Entry)
            .collect()
    }

    /// Whether a supervisor let somebody through with a ticket, in or out: that frees it from whatever another
    /// gate holds open.
    pub fn is_overridden(&self, ticket: Subject) -> bool {
        let own = self.sorted.values();
        let mut own = own.filter(|line| line.record.subject() == Some(ticket));
        own.any(|line| self.is_override(line))
    }

    /// Whether a record ended an attempt of a device: the device says that somebody went through or did not,
    /// or gives the attempt up, or an override takes its place.
    #[must_use]
    pub fn is_ended(&self, device: DeviceId, attempt: AttemptId) -> bool {
        let mut counted = self.sorted.values().filter(|line| self.counts(line));
        counted.any(|line| {
            let is_own = line.record.log.device == device;
            match &line.record.body {
                Body::Scan(scan) => {
                    (is_own && scan.attempt == attempt && scan.outcome != Outcome::Refer)
                        || (scan.takes_over == Some(attempt) && self.is_override(line))
                }
                Body::Abort(abort) => is_own && abort.attempt == attempt,
                _ => false,
            }
        })
    }

    /// Whether `home` promised to hold a ticket back for an attempt of another device of which nothing more
    /// is known.
    #[must_use]
    pub fn holds_back(&self, home: DeviceId, ticket: Subject) -> bool {
        // Under an attempt that its device referred nobody is let in, but after an instruction was checked.
        let referred = |device, attempt| {
            self.sorted.values().any(|line| {
                matches!(&line.record.body, Body::Scan(scan)
                    if line.record.log.device == device
                        && scan.attempt == attempt
                        && scan.outcome == Outcome::Refer
                        && scan.reason != Reason::Instruction)
            })
        };
        let overrides = self
            .sorted
            .values()
            .any(|line| line.record.subject() == Some(ticket) && self.is_override(line));
        self.sorted.values().any(|line| match &line.record.body {
            Body::Yield(held) => {
                line.record.log.device == home
                    && line.record.subject() == Some(ticket)
                    && held.to != home
                    && !self.is_ended(held.to, held.attempt)
                    && !referred(held.to, held.attempt)
                    && !overrides
            }
            _ => false,
        })
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

    /// The first ticket of which `states` say something else.
    #[must_use]
    pub fn differs(&self, states: &States) -> Option<String> {
        for ticket in self.tickets() {
            let own = self.fold(ticket);
            let own: BTreeMap<_, _> = own
                .into_iter()
                .filter(|(_, of)| *of != Ticket::default())
                .collect();
            let theirs: BTreeMap<SessionId, Ticket> = states
                .iter()
                .filter(|((_, subject), _)| *subject == ticket)
                .filter_map(|((unit, _), state)| {
                    let hash = |scan: &Option<usher_domain::verdict::PriorScan>| {
                        scan.map(|scan| scan.record)
                    };
                    let usher_domain::merge::state::Unit::Session(session) = unit else {
                        return None;
                    };
                    let state = Ticket {
                        entries: state.entries,
                        excess: state.excess.iter().map(|scan| scan.record).collect(),
                        inside: hash(&state.inside),
                        last_entry: hash(&state.last_entry),
                        last_exit: hash(&state.last_exit),
                        may_return: hash(&state.may_return),
                        others: state.others_inside.iter().map(|scan| scan.record).collect(),
                    };
                    (state != Ticket::default()).then_some((*session, state))
                })
                .collect();
            if own != theirs {
                return Some(format!("{ticket:?}: reference {own:?}, merged {theirs:?}"));
            }
        }
        None
    }
}

/// How somebody was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Ordinary,
    Override,
}

/// One scan by which somebody came in.
fn enters(ticket: &mut Ticket, hash: Hash, mode: EntryMode, how: How) {
    if ticket.may_return.take().is_none() {
        let allowed = ticket.may_enter(mode);
        ticket.entries += 1;
        if !allowed && how == How::Ordinary {
            ticket.excess.push(hash);
            // The person who is inside already stays the one who is; this one is inside, too.
            if ticket.inside.is_some() {
                ticket.others.push(hash);
                return;
            }
        }
    }
    ticket.inside = Some(hash);
    ticket.last_entry = Some(hash);
}
