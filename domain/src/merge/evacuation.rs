//! Everyone out, and taking it back: who was sent out, by which orders, and who has been seen since.

use super::ground::Evacuation;
use super::state::{SubjectState, Unit};
use crate::hash::Hash;
use crate::ids::SessionId;
use crate::record::EveryoneOut;
use crate::verdict::PriorScan;
use std::collections::{BTreeMap, BTreeSet};

/// A person who was sent out.
#[derive(Debug)]
struct Person {
    unit: Unit,
    /// The entry by which they were inside.
    entry: PriorScan,
    /// The orders by which they are outside.
    orders: BTreeSet<Hash>,
    seen: Seen,
}

/// Whether somebody was seen after being sent out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// They were not: if every order is taken back, they are inside again.
    No,
    /// They came back or left.
    Yes,
}

/// The people of one subject who were sent out.
#[derive(Debug, Default)]
pub(super) struct SentOut {
    people: Vec<Person>,
}

/// Whether an order concerns somebody who came in by this scan.
fn concerns(out: &EveryoneOut, entry: &PriorScan) -> bool {
    let is_of_session = entry.session == out.session || crate::mutated!(SendOutEverySession);
    is_of_session && (out.zone.is_none() || entry.zone == out.zone)
}

impl SentOut {
    /// Takes in what was said of sending everyone out.
    pub(super) fn hear(&mut self, states: &mut BTreeMap<Unit, SubjectState>, said: &Evacuation) {
        match said {
            Evacuation::Out(_, _) if crate::mutated!(IgnoreEveryoneOut) => {}
            Evacuation::Out(order, out) => self.send_out(states, *order, out),
            Evacuation::TakenBack(_) if crate::mutated!(IgnoreOutTakenBack) => {}
            Evacuation::TakenBack(order) => self.take_back(states, order),
        }
    }

    fn send_out(
        &mut self,
        states: &mut BTreeMap<Unit, SubjectState>,
        order: Hash,
        out: &EveryoneOut,
    ) {
        for person in &mut self.people {
            if person.seen == Seen::No && concerns(out, &person.entry) {
                person.orders.insert(order);
            }
        }
        for (unit, state) in states {
            let inside = state.inside.filter(|entry| concerns(out, entry));
            let (gone, stay) = std::mem::take(&mut state.others_inside)
                .into_iter()
                .partition(|entry| concerns(out, entry));
            state.others_inside = stay;
            let gone: Vec<PriorScan> = gone;
            self.people
                .extend(inside.into_iter().chain(gone).map(|entry| Person {
                    unit: *unit,
                    entry,
                    orders: BTreeSet::from([order]),
                    seen: Seen::No,
                }));
            if inside.is_some() {
                state.may_return = inside;
                state.inside = None;
            }
        }
    }

    /// Notes that the person came back who had made this entry.
    pub(super) fn returns(&mut self, entry: &PriorScan) {
        let mut unseen = self.unseen(entry.session);
        if let Some(person) = unseen.find(|person| person.entry.record == entry.record) {
            person.seen = Seen::Yes;
        }
    }

    /// Notes that somebody came in or left who may be one of those who were sent out: the first who was not seen
    /// since.
    pub(super) fn is_seen(&mut self, session: SessionId) {
        let first = self.unseen(session).next();
        if let Some(person) = first {
            person.seen = Seen::Yes;
        }
    }

    fn unseen(&mut self, session: SessionId) -> impl Iterator<Item = &mut Person> {
        let people = self.people.iter_mut();
        people.filter(move |person| person.seen == Seen::No && person.entry.session == session)
    }

    fn take_back(&mut self, states: &mut BTreeMap<Unit, SubjectState>, order: &Hash) {
        for person in &mut self.people {
            if !person.orders.remove(order) || !person.orders.is_empty() {
                continue;
            }
            let Some(state) = states.get_mut(&person.unit) else {
                continue;
            };
            let may_return = state
                .may_return
                .is_some_and(|entry| entry.record == person.entry.record);
            if may_return {
                state.may_return = None;
            }
            if person.seen == Seen::Yes {
                continue;
            }
            person.seen = Seen::Yes;
            if may_return && state.inside.is_none() {
                state.inside = Some(person.entry);
            } else {
                state.others_inside.push(person.entry);
            }
        }
    }
}
