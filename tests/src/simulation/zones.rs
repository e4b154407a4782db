//! The hall: a zone that most gates lead to and that may hold only a few people.

use super::held::Held;
use super::house::{HALL, House};
use super::story::Story;
use super::world::World;
use crate::venue::EVENT;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use usher_core::gate::Answer;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, GateId, SessionId, TicketId};
use usher_domain::log::Line;
use usher_domain::protocol::PushAnswer;
use usher_domain::protocol::claim::{ClaimRequest, Decided};
use usher_domain::record::{Body, Certainty, Direction, Outcome, Subject};
use usher_domain::verdict::{Admit, AdmitWhy, Caution, Reason, Verdict};
use usher_server::service::{Error, Names, Service};

/// Who went into the hall by what was shown at the gates, in the order in which it was shown.
#[derive(Debug, Default)]
pub(super) struct Hall {
    inside: RefCell<BTreeMap<TicketId, Entry>>,
    /// The scans of a stolen device that the server took in.
    believed: RefCell<BTreeSet<Hash>>,
    /// When the server last took in such a scan of a ticket, in milliseconds of the true time.
    believed_at: RefCell<BTreeMap<TicketId, u64>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    record: Hash,
    /// Whether the authority confirmed it: only then did it know how much room was left.
    is_confirmed: bool,
}

impl Hall {
    fn enters(&self, ticket: TicketId, entry: Entry) {
        // Whoever is inside stays the one who is.
        self.inside.borrow_mut().entry(ticket).or_insert(entry);
    }

    /// The ticket's person is not in the hall any more, or nobody can know that they are.
    pub(super) fn leaves(&self, ticket: TicketId) {
        self.inside.borrow_mut().remove(&ticket);
    }

    /// A scan was taken back: of an exit nobody says where its person is now.
    pub(super) fn undone(&self, record: Hash) {
        self.inside
            .borrow_mut()
            .retain(|_, entry| entry.record != record);
    }

    /// A stolen device is a gate until it is revoked: by a scan that it hands in, the ticket's person went out,
    /// or in elsewhere.
    fn believes(&self, records: &[Vec<u8>], at: u64) {
        for bytes in records {
            let Ok(line) = Line::read(bytes) else {
                continue;
            };
            let Body::Scan(scan) = &line.record.body else {
                continue;
            };
            let Subject::Ticket(ticket) = scan.subject else {
                continue;
            };
            if scan.outcome == Outcome::Admit && self.believed.borrow_mut().insert(line.hash) {
                self.believed_at.borrow_mut().insert(ticket, at);
                self.leaves(ticket);
            }
        }
    }

    /// Whether a stolen device said where a ticket's person is, at a time or since.
    fn is_believed_since(&self, ticket: TicketId, at: u64) -> bool {
        let believed_at = self.believed_at.borrow();
        believed_at.get(&ticket).is_some_and(|last| *last >= at)
    }

    fn confirmed(&self) -> usize {
        let inside = self.inside.borrow();
        inside.values().filter(|entry| entry.is_confirmed).count()
    }
}

impl World {
    /// Counts what the server took in of a stolen device.
    pub(super) fn watch_thief(&self, records: &[Vec<u8>], answer: &Result<PushAnswer, Error>) {
        match answer {
            Ok(PushAnswer::Known(_) | PushAnswer::Gap(_)) | Err(Error::WriterOverQuota { .. }) => {}
            Ok(PushAnswer::Stored(_) | PushAnswer::Forked(_)) | Err(_) => {
                self.hall.believes(records, self.time.passed_ms());
            }
        }
    }

    /// Counts who goes in and out, and that the authority confirmed no more than there is room for; `asked_at` is
    /// when the ticket was shown, in milliseconds of the true time.
    pub(super) fn watch_hall(
        &self,
        (number, asked_at): (usize, u64),
        ticket: TicketId,
        answer: &Answer,
        way: Direction,
    ) {
        let Some(room) = self.room else { return };
        let reason = answer.verdict.reason();
        if reason == Reason::DeviceTrouble && way == Direction::Exit {
            // Nobody knows what a write that failed left on the disk: it may say that they went out.
            self.hall.leaves(ticket);
        }
        let Some(record) = answer.record else { return };
        if answer.verdict.outcome() != Outcome::Admit || reason == Reason::FreeFlow {
            return;
        }
        if way == Direction::Exit {
            self.hall.leaves(ticket);
            return;
        }
        if !House::leads_to_hall(self.devices[number].gate) {
            // Whoever goes in elsewhere is there now.
            self.hall.leaves(ticket);
            return;
        }
        let is_confirmed = answer.certainty == Certainty::Confirmed;
        // What a stolen device says meanwhile may come before or after this scan.
        let is_certain = !self.hall.is_believed_since(ticket, asked_at);
        let entry = Entry {
            record,
            is_confirmed: is_confirmed && is_certain,
        };
        self.hall.enters(ticket, entry);
        let memory = self.memory.borrow();
        // What these take away or put aside, nobody counts any more.
        let is_disturbed = memory.was_restored
            || memory.sent_out
            || memory.overrode
            || memory.ruled
            || !memory.revoked.is_empty()
            || !memory.forked.is_empty();
        let confirmed = self.hall.confirmed();
        self.story.check(
            "the authority confirms no more people than there is room for",
            !is_confirmed || is_disturbed || confirmed <= room as usize,
            format_args!("{confirmed} where {room} may be"),
        );
    }

    /// The count of the people in the hall is what the reference says.
    pub(super) async fn check_hall(&self, held: &Held) {
        let Some(service) = self.server.service() else {
            return;
        };
        let records = held.records(self.house.organizer.server);
        for session in self.house.sessions() {
            let expected = records.people_in(session.id, self.house.hall);
            let event = EVENT.to_owned();
            let organizer = self.house.organizer.id;
            let name = session.slug.clone();
            let said = service.statistics(organizer, event, name, Names::Hidden);
            let zones = said.await.unwrap().zones;
            let mut zones = zones
                .iter()
                .filter(|count| count.zone.as_deref() == Some(HALL));
            let inside = zones.next().map_or(0, |count| count.inside);
            self.story.check(
                "the people in a zone are counted right",
                inside == u64::from(expected),
                format_args!(
                    "{inside} at {}, the reference says {expected}",
                    session.slug
                ),
            );
        }
    }
}

/// What is known of the hall at a moment, and of a gate.
#[derive(Debug)]
pub(super) struct Surroundings {
    held: Held,
    /// Open attempts to go in, and whether the one that is asked about was open.
    reserved: u32,
    is_held: bool,
    now: usher_domain::time::UnixMillis,
}

impl Surroundings {
    /// What the server knows now: who is in the hall only if the claim is about that.
    pub(super) async fn of(
        service: &Service,
        house: &House,
        (device, request): (DeviceId, &ClaimRequest),
        room: Option<u32>,
    ) -> Option<Self> {
        let (scope, session, hall) = (house.session.scope, house.session.id, house.hall);
        let attempt = request.attempt;
        let is_about_hall = is_about_hall(house, request, room);
        let read = service.store().read(move |txn| {
            let mut records = Vec::new();
            if is_about_hall {
                txn.visit_records(scope, None, &mut |record| {
                    records.push(record.bytes);
                    Ok(())
                })?;
            } else {
                let said = txn.records_about(scope, None)?;
                records.extend(said.into_iter().map(|record| record.bytes));
            }
            let reserved = txn.reserved_entries(session, hall)?;
            let is_held = txn.reservation(device, attempt)?.is_some();
            let held = Held::of(records.iter().map(Vec::as_slice));
            Ok::<_, Error>((held, reserved, is_held))
        });
        let (held, reserved, is_held) = read.await.ok()?;
        Some(Self {
            held,
            reserved,
            is_held,
            now: service.now(),
        })
    }

    fn people(&self, house: &House) -> u32 {
        let records = self.held.records(house.organizer.server);
        records.people_in(house.session.id, house.hall) + self.reserved
    }

    fn is_open(&self, (session, gate): (SessionId, GateId), house: &House) -> bool {
        let words = self
            .held
            .lines
            .iter()
            .filter_map(|line| match &line.record.body {
                Body::FreeFlow(flow)
                    if line.record.log.device == house.organizer.server
                        && flow.session == session
                        && flow.gate == gate =>
                {
                    Some((
                        line.record.stamp,
                        line.record.log,
                        line.record.sequence,
                        flow,
                    ))
                }
                _ => None,
            });
        // The last word on a gate counts, whole.
        let last = words.max_by_key(|(stamp, log, sequence, _)| (*stamp, *log, *sequence));
        last.is_some_and(|(.., flow)| flow.from <= self.now && self.now < flow.until)
    }
}

/// Whether the gate of a claim leads to a hall that holds only so many.
fn is_about_hall(house: &House, request: &ClaimRequest, room: Option<u32>) -> bool {
    let leads_there = |gate| house.hall_gates.contains(&gate);
    room.is_some() && request.gate.is_some_and(leads_there)
}

/// Where somebody is silent the count is a hint, and the verdict says so.
const fn is_over_capacity(caution: &Caution) -> bool {
    matches!(caution, Caution::OverCapacity { .. })
}

/// What the authority says of a gate that is open, or of the room in the hall, follows from what it knows
/// before or after.
pub(super) fn check_claim(
    story: &Story,
    house: &House,
    (request, decided): (&ClaimRequest, &Decided),
    room: Option<u32>,
    (before, after): (&Surroundings, &Surroundings),
) {
    let Some(gate) = request.gate.filter(|_| !before.is_held) else {
        return;
    };
    let (verdict, is_confirmed) = (&decided.verdict, decided.certainty == Certainty::Confirmed);
    let is_free = verdict.reason() == Reason::FreeFlow;
    let gate = (request.session, gate);
    let is_open = [before.is_open(gate, house), after.is_open(gate, house)];
    story.check(
        "an open gate decides nothing and no other gate is open",
        if is_free {
            is_open.contains(&true)
        } else {
            is_open.contains(&false)
        },
        format_args!("{verdict:?}"),
    );
    let Some(room) = room.filter(|_| is_about_hall(house, request, room)) else {
        return;
    };
    let counted = |admit: &Admit| !matches!(admit.why, AdmitWhy::FreeFlow | AdmitWhy::Exit);
    match verdict {
        Verdict::Admit(admit) if counted(admit) => story.check(
            "the authority grants by the room that is left",
            before.people(house) < room
                || after.people(house) <= room
                || !is_confirmed && admit.cautions.iter().any(is_over_capacity),
            format_args!(
                "{} and {} of {room}",
                before.people(house),
                after.people(house)
            ),
        ),
        Verdict::Refuse(refusal) if refusal.reason() == Reason::Full => story.check(
            "a zone that is full is full",
            is_confirmed && (before.people(house) >= room || after.people(house) >= room),
            format_args!(
                "{} and {} of {room}",
                before.people(house),
                after.people(house)
            ),
        ),
        Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_) => {}
    }
}
