//! How tickets stand by the records: who was let in, who is inside, and which admissions were too many.

use super::{Key, Records};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::{SessionId, ZoneId};
use usher_domain::log::Line;
use usher_domain::merge::States;
use usher_domain::merge::state::Unit;
use usher_domain::record::{Body, Direction, EveryoneOut, Outcome, RulingWord, Scan, Subject};
use usher_domain::rules::EntryMode;

/// What is known of one ticket where its entries are counted together: at one session, or over a pass.
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

impl<'l> Records<'l> {
    /// The records about a ticket that count, in their order.
    fn own(&self, ticket: Subject) -> Vec<(&Key, &'l Line)> {
        self.sorted
            .iter()
            .filter(|(_, line)| line.record.subject() == Some(ticket) && self.counts(line))
            .map(|(key, line)| (key, *line))
            .collect()
    }

    /// Whether one of a ticket's records takes back what another says of a session, and may.
    fn is_undone(&self, own: &[(&Key, &Line)], target: &Line, session: SessionId) -> bool {
        own.iter().any(|(_, line)| {
            matches!(&line.record.body, Body::Undo(undo)
                if undo.of == target.hash
                    && undo.session == session
                    && self.may_undo(line, undo, target.record.log.device))
        })
    }

    /// Folds what concerns one ticket.
    #[must_use]
    pub fn fold(&self, ticket: Subject) -> BTreeMap<Unit, Ticket> {
        let own = self.own(ticket);
        let taken_back = |target: &Line, session: SessionId| self.is_undone(&own, target, session);
        let mut outs: Vec<_> = self
            .server()
            .filter_map(|(key, line)| match &line.record.body {
                Body::EveryoneOut(out) => Some((out.at.get(), 0, key, line)),
                Body::OutTakenBack(back) => Some((back.at.get(), 1, key, line)),
                _ => None,
            })
            .collect();
        outs.sort_by_key(|(at, step, key, _)| (*at, *step, **key));
        let mut outs = outs.into_iter().peekable();
        let mut gone: Vec<Gone> = Vec::new();
        let mut units: BTreeMap<Unit, Ticket> = BTreeMap::new();
        let scans = own
            .iter()
            .filter_map(|(key, line)| match &line.record.body {
                Body::Scan(scan) if !taken_back(line, scan.session) => {
                    Some((*key, *line, self.as_covered((key, line), scan)?))
                }
                _ => None,
            });
        for (key, line, scan) in scans {
            while let Some((_, _, _, said)) = outs.next_if(|(at, ..)| *at < key.0) {
                self.hears(&mut units, &mut gone, said);
            }
            let (mode, unit) = self.rule(&scan, key);
            self.see(&mut gone, &units, (unit, &scan));
            if scan.direction == Direction::Exit {
                self.leaves(&mut units, unit, (line.hash, &scan));
                continue;
            }
            let ticket = units.entry(unit).or_default();
            if self.is_override(line) {
                enters(ticket, line.hash, mode, How::Override);
            } else {
                enters(ticket, line.hash, mode, How::Ordinary);
            }
        }
        outs.for_each(|(_, _, _, said)| self.hears(&mut units, &mut gone, said));
        units
    }

    /// Everybody inside is outside, and may come back once; of a zone only those who came in there. Or it was
    /// not so: whoever was sent out by nothing else, and was not seen, has been inside all the time.
    fn hears(&self, units: &mut BTreeMap<Unit, Ticket>, gone: &mut Vec<Gone>, said: &Line) {
        match &said.record.body {
            Body::EveryoneOut(out) => self.send_out(units, gone, (said.hash, out)),
            Body::OutTakenBack(back) => {
                for person in gone {
                    if !person.by.remove(&back.of) || !person.by.is_empty() {
                        continue;
                    }
                    let ticket = units.entry(person.unit).or_default();
                    let might_return = ticket.may_return == Some(person.entry);
                    if might_return {
                        ticket.may_return = None;
                    }
                    if !std::mem::replace(&mut person.seen, true) {
                        if might_return && ticket.inside.is_none() {
                            ticket.inside = Some(person.entry);
                        } else {
                            ticket.others.push(person.entry);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn send_out(
        &self,
        units: &mut BTreeMap<Unit, Ticket>,
        gone: &mut Vec<Gone>,
        (order, out): (Hash, &EveryoneOut),
    ) {
        let is_out = |entry: Hash| {
            self.session_of(entry) == Some(out.session)
                && (out.zone.is_none() || self.zone_of(entry) == out.zone)
        };
        for person in gone.iter_mut() {
            if !person.seen && is_out(person.entry) {
                person.by.insert(order);
            }
        }
        for (unit, ticket) in units {
            let inside = ticket.inside.filter(|entry| is_out(*entry));
            let others = ticket.others.iter().copied().filter(|entry| is_out(*entry));
            for entry in inside.into_iter().chain(others) {
                gone.push(Gone {
                    unit: *unit,
                    entry,
                    by: BTreeSet::from([order]),
                    seen: false,
                });
            }
            ticket.others.retain(|entry| !is_out(*entry));
            if inside.is_some() {
                ticket.may_return = ticket.inside.take();
            }
        }
    }

    /// Somebody goes in or out with a ticket: who of those who were sent out may it be?
    fn see(&self, gone: &mut [Gone], units: &BTreeMap<Unit, Ticket>, (unit, scan): (Unit, &Scan)) {
        let is_here = |entry: &Hash| self.session_of(*entry) == Some(scan.session);
        let is_entry = scan.direction == Direction::Entry;
        let mut inside = units
            .values()
            .flat_map(|ticket| ticket.inside.iter().chain(&ticket.others));
        if !is_entry && inside.any(is_here) {
            return;
        }
        let returns = units.get(&unit).and_then(|ticket| ticket.may_return);
        let mut unseen = gone.iter_mut().filter(|person| !person.seen);
        let person = match returns.filter(|_| is_entry) {
            Some(entry) => unseen.find(|person| person.entry == entry),
            None => unseen.find(|person| is_here(&person.entry)),
        };
        if let Some(person) = person {
            person.seen = true;
        }
    }

    /// One person leaves a session: the one who came in where the exit is, else the one of whom the ticket says
    /// that they are inside there or where this exit is counted, else any other there. Whoever stays is one of the
    /// others from now on.
    fn leaves(&self, units: &mut BTreeMap<Unit, Ticket>, unit: Unit, (exit, scan): (Hash, &Scan)) {
        units.entry(unit).or_default().last_exit = Some(exit);
        let is_of_session = |entry: &Hash| self.session_of(*entry) == Some(scan.session);
        let is_here = |entry: &Hash| is_of_session(entry) && self.zone_of(*entry) == scan.zone;
        let mut inside: Vec<(Unit, Hash)> = Vec::new();
        for (of, ticket) in units.iter_mut() {
            let leaves = |entry: &Hash| *of == unit || is_of_session(entry);
            inside.extend(
                ticket
                    .inside
                    .take_if(|entry| leaves(entry))
                    .map(|entry| (*of, entry)),
            );
        }
        let others = units.values().flat_map(|ticket| &ticket.others);
        let is_one_here = inside.iter().any(|(_, entry)| is_here(entry));
        let other = if is_one_here {
            None
        } else {
            let mut all = others.clone();
            let else_any = || others.clone().find(|entry| is_of_session(entry));
            all.find(|entry| is_here(entry))
                .or_else(|| else_any().filter(|_| inside.is_empty()))
                .copied()
        };
        let Some(other) = other else { return };
        for ticket in units.values_mut() {
            ticket.others.retain(|entry| *entry != other);
        }
        for (of, entry) in inside {
            units.entry(of).or_default().others.push(entry);
        }
    }

    /// The session that was served when somebody came in.
    fn session_of(&self, scan: Hash) -> Option<SessionId> {
        self.scan(scan).map(|said| said.session)
    }

    fn scan(&self, hash: Hash) -> Option<&Scan> {
        let mut lines = self.sorted.values();
        lines.find_map(|line| line.record.body.as_scan().filter(|_| line.hash == hash))
    }

    /// The zone that a scan's gate led to.
    fn zone_of(&self, scan: Hash) -> Option<ZoneId> {
        self.scan(scan).and_then(|said| said.zone)
    }

    /// People inside a zone of a session.
    #[must_use]
    pub fn people_in(&self, session: SessionId, zone: ZoneId) -> u32 {
        let inside = self.tickets().into_iter().map(|ticket| {
            let states = self.fold(ticket).into_values();
            let everybody = states.flat_map(|state| state.inside.into_iter().chain(state.others));
            everybody
                .filter(|scan| {
                    self.session_of(*scan) == Some(session) && self.zone_of(*scan) == Some(zone)
                })
                .count()
        });
        u32::try_from(inside.sum::<usize>()).unwrap_or(u32::MAX)
    }

    /// The admissions of a ticket that count and that no supervisor signed, each with the stamp it counts with
    /// and what counts of its record.
    #[must_use]
    pub fn ordinary_entries(&self, ticket: Subject) -> Vec<(u64, Hash, Scan)> {
        let own = self.own(ticket);
        let is_undone = |target: &Line, session: SessionId| self.is_undone(&own, target, session);
        let ordinary = own.iter().filter_map(|(key, line)| {
            let scan = self.as_covered((key, line), line.record.body.as_scan()?)?;
            let counts = scan.direction == Direction::Entry
                && !self.is_override(line)
                && !is_undone(line, scan.session);
            counts.then_some((key.0, line.hash, scan))
        });
        ordinary.collect()
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

    /// The first ticket of which `states` say something else.
    #[must_use]
    pub fn differs(&self, states: &States) -> Option<String> {
        for ticket in self.tickets() {
            let own = self.fold(ticket);
            let own: BTreeMap<_, _> = own
                .into_iter()
                .filter(|(_, of)| *of != Ticket::default())
                .collect();
            let theirs: BTreeMap<Unit, Ticket> = states
                .iter()
                .filter(|((_, subject), _)| *subject == ticket)
                .filter_map(|((unit, _), state)| {
                    let hash = |scan: &Option<usher_domain::verdict::PriorScan>| {
                        scan.map(|scan| scan.record)
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
                    (state != Ticket::default()).then_some((*unit, state))
                })
                .collect();
            if own != theirs {
                return Some(format!("{ticket:?}: reference {own:?}, merged {theirs:?}"));
            }
        }
        None
    }
}

/// Somebody who was sent out.
struct Gone {
    unit: Unit,
    /// The record by which they were inside.
    entry: Hash,
    /// The records that sent them out.
    by: BTreeSet<Hash>,
    /// Whether they came back or left, as far as can be told.
    seen: bool,
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
