//! A stolen device: it has a valid key and writes whatever the formats allow. Nobody notices it by its
//! signature; what it writes must change nothing beyond the rules, and name it.
//!
//! It exists in a share of the evenings, and has a chance of its own, so that the others go on as before.

use super::world::World;
use crate::clock::Dice;
use std::cell::RefCell;
use std::collections::BTreeSet;
use usher_core::clock::Entropy as _;
use usher_domain::api::access::DeviceChange;
use usher_domain::api::reports::IncidentKind;
use usher_domain::cose::SigningKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, GateId, LogId, SessionId, TicketId};
use usher_domain::log::{Line, LogEnd, sign_batch};
use usher_domain::merge::Ground;
use usher_domain::numbers::{AccessNumber, TypeNumber};
use usher_domain::protocol::PushAnswer;
use usher_domain::record::{
    Abort, Body, Certainty, Direction, LogRef, Outcome, Scan, Subject, Yield,
};
use usher_domain::secret::Seed;
use usher_domain::verdict::Reason;
use usher_server::service::Error;

/// What makes the chance of the stolen device another one.
const STOLEN: u64 = 0x57_01E4;

/// The device of the house that is stolen, if nobody works with it: its number, and the seed of its key.
const NUMBER: usize = 3;
const SEED: [u8; 32] = [103; 32];

/// One evening in so many has a stolen device, of those in which that device is free.
const ONE_IN: u8 = 3;

/// Records that it writes at most.
const RECORDS_MAX: usize = 300;

/// A stolen device.
#[derive(Debug)]
pub(super) struct Thief {
    id: DeviceId,
    key: SigningKey,
    dice: fastrand::Rng,
    /// One log, or two branches of it once it forked.
    branches: Vec<(LogEnd, Vec<Vec<u8>>)>,
    /// Records that claim of a ticket or a gate what nobody ordered.
    lies: BTreeSet<Hash>,
}

impl Thief {
    /// The thief of an evening, if it has one.
    pub(super) fn drawn(world: &World, seed: u64) -> Option<RefCell<Self>> {
        let mut dice = fastrand::Rng::with_seed(seed ^ STOLEN);
        let (id, _) = world.house.devices[NUMBER];
        if world.devices.iter().any(|device| device.id == id) || dice.u8(..ONE_IN) != 0 {
            return None;
        }
        let mut log = [0; 16];
        Dice::of_seed(dice.u64(..)).fill(&mut log).unwrap();
        let log = LogRef {
            device: id,
            log: LogId::from_bytes(log),
        };
        let end = LogEnd::empty(log, world.house.session.scope);
        world
            .story
            .tell("thief", format_args!("has the device west"));
        Some(RefCell::new(Self {
            id,
            key: SigningKey::from_seed(&Seed::new(SEED)),
            dice,
            branches: vec![(end, Vec::new())],
            lies: BTreeSet::new(),
        }))
    }

    pub(super) const fn id(&self) -> DeviceId {
        self.id
    }

    fn scan(&mut self, session: SessionId, ticket: TicketId) -> Scan {
        let mut attempt = [0; 16];
        self.dice.fill(&mut attempt);
        Scan {
            session,
            gate: None,
            operator: None,
            subject: Subject::Ticket(ticket),
            direction: if self.dice.u8(..4) == 0 {
                Direction::Exit
            } else {
                Direction::Entry
            },
            outcome: Outcome::Admit,
            reason: Reason::Listed,
            certainty: Certainty::Local {
                peers_as_of: usher_domain::time::UnixMillis::new(0),
            },
            attempt: AttemptId::from_bytes(attempt),
            issue: None,
            type_number: None,
            access: None,
            zone: None,
            entries: None,
            sanction: None,
            confirmed: None,
            takes_over: None,
            honours: None,
        }
    }

    /// What it writes of a ticket, and whether that is a lie about the ticket or the gate. `others` are
    /// attempts that it heard of.
    fn writes(
        &mut self,
        session: SessionId,
        ticket: TicketId,
        gates: &[GateId],
        others: &[(DeviceId, AttemptId)],
    ) -> (Body, bool) {
        let scan = self.scan(session, ticket);
        let entry = Scan {
            direction: Direction::Entry,
            ..scan.clone()
        };
        let other = self.dice.usize(..others.len().max(1));
        let other = others.get(other).copied();
        let gate = gates.get(self.dice.usize(..gates.len().max(1))).copied();
        match self.dice.u8(..10) {
            0 => {
                let entries = Some(60_000);
                (Body::Scan(Scan { entries, ..entry }), true)
            }
            1 => {
                let type_number = Some(TypeNumber::new(9_999));
                (
                    Body::Scan(Scan {
                        type_number,
                        ..entry
                    }),
                    true,
                )
            }
            2 => {
                let access = Some(AccessNumber::new(self.dice.u32(1_000_000..)));
                (Body::Scan(Scan { access, ..entry }), true)
            }
            3 => {
                let lie = Scan {
                    honours: Some(SessionId::from_bytes([9; 16])),
                    reason: Reason::Honoured,
                    ..entry
                };
                (Body::Scan(lie), true)
            }
            4 => {
                // Gates are open in some evenings, and then it may be true.
                let free = Scan {
                    gate,
                    reason: Reason::FreeFlow,
                    ..scan
                };
                (Body::Scan(free), false)
            }
            5 => {
                let attempt = other.map_or(scan.attempt, |(_, attempt)| attempt);
                let outcome = if self.dice.bool() {
                    Outcome::Refuse
                } else {
                    Outcome::Refer
                };
                let ends = Scan {
                    attempt,
                    outcome,
                    reason: Reason::HomeSilent,
                    takes_over: Some(attempt),
                    ..scan
                };
                (Body::Scan(ends), false)
            }
            6 => {
                let abort = Abort {
                    attempt: other.map_or(scan.attempt, |(_, attempt)| attempt),
                    session,
                    subject: scan.subject,
                };
                (Body::Abort(abort), false)
            }
            7 => {
                let (to, attempt) = other.unwrap_or((self.id, scan.attempt));
                let held = Yield {
                    attempt,
                    to,
                    gate,
                    session,
                    subject: scan.subject,
                };
                (Body::Yield(held), false)
            }
            8 => {
                let reason = Reason::Cancelled;
                (Body::Scan(Scan { reason, ..entry }), false)
            }
            _ => (Body::Scan(scan), false),
        }
    }
}

impl World {
    /// The thief writes something now and then, hands in what it wrote, and is found out at some time.
    pub(super) async fn thief_acts(&self) {
        let (Some(thief), Some(service)) = (&self.thief, self.server.service()) else {
            return;
        };
        let what = thief.borrow_mut().dice.u8(..60);
        match what {
            0..20 => self.thief_writes(&service).await,
            20..40 => self.thief_hands_in(&service).await,
            40 => {
                let mut thief = thief.borrow_mut();
                if thief.branches.len() == 1 {
                    self.memory.borrow_mut().forked.insert(thief.id);
                    let branch = thief.branches[0].clone();
                    thief.branches.push(branch);
                }
            }
            41 if thief.borrow_mut().dice.u8(..3) == 0 => {
                let id = thief.borrow().id;
                let organizer = self.house.organizer.id;
                let revoked =
                    service.change_device(organizer, id.to_string(), DeviceChange::Revoke);
                if revoked.await.is_ok() {
                    self.memory.borrow_mut().revoked.insert(id);
                    self.story
                        .tell("office", format_args!("revokes the stolen device"));
                }
            }
            _ => {}
        }
    }

    async fn thief_writes(&self, service: &usher_server::service::Service) {
        let Some(thief) = &self.thief else { return };
        let ticket = {
            let memory = self.memory.borrow();
            let number = thief.borrow_mut().dice.usize(..memory.tickets.len());
            memory.tickets[number].id
        };
        let others = attempts_with(service, self.house.session.scope, ticket).await;
        let mut thief = thief.borrow_mut();
        if thief
            .branches
            .iter()
            .any(|(_, records)| records.len() >= RECORDS_MAX)
        {
            return;
        }
        let session = self.house.session.id;
        let (body, is_lie) = thief.writes(session, ticket, &self.house.hall_gates, &others);
        let count = thief.branches.len();
        let branch = thief.dice.usize(..count);
        let (end, records) = &mut thief.branches[branch];
        let entry = end.append(service.now(), body);
        records.push(entry.encoded.clone());
        let told = entry.record.as_ref().map(|record| record.body.clone());
        self.story.tell("thief", format_args!("writes {told:?}"));
        if is_lie {
            thief.lies.insert(entry.hash);
        }
    }

    /// It hands in a whole branch, or a part that leaves a gap.
    async fn thief_hands_in(&self, service: &usher_server::service::Service) {
        let Some(thief) = &self.thief else { return };
        let (id, batch) = {
            let mut thief = thief.borrow_mut();
            let count = thief.branches.len();
            let branch = thief.dice.usize(..count);
            let records = thief.branches[branch].1.clone();
            if records.is_empty() {
                return;
            }
            let from = if thief.dice.u8(..5) == 0 {
                thief.dice.usize(..records.len())
            } else {
                0
            };
            let batch = sign_batch(&thief.key, records[from..].to_vec()).unwrap();
            (thief.id, batch)
        };
        let answer = match service.push(id, batch).await {
            Ok(PushAnswer::Stored(_) | PushAnswer::Forked(_)) => "is stored",
            Ok(PushAnswer::Known(_) | PushAnswer::Gap(_)) => "is not new",
            Err(_) => "is refused",
        };
        self.story
            .tell("thief", format_args!("hands in, which {answer}"));
    }

    /// Whether the thief let somebody in with a ticket.
    pub(super) fn thief_admitted(&self, lines: &[Line], ticket: TicketId) -> bool {
        let Some(thief) = &self.thief else {
            return false;
        };
        let id = thief.borrow().id();
        let mut own = lines.iter().filter(|line| line.record.log.device == id);
        own.any(|line| {
            let scan = line.record.body.as_scan();
            scan.is_some_and(|scan| {
                scan.outcome == Outcome::Admit && scan.subject == Subject::Ticket(ticket)
            })
        })
    }

    /// Whoever lied is told of, and nobody else.
    pub(super) async fn check_thief(&self, lines: &[Line]) {
        let service = self.server.service().unwrap();
        let page = service.incidents(self.house.organizer.id, None, 1_000);
        let open = page.await.unwrap().items;
        let named: Vec<Option<DeviceId>> = open
            .iter()
            .filter(|incident| incident.kind == IncidentKind::FalseClaims)
            .map(|incident| incident.device)
            .collect();
        let thief = self.thief.as_ref().map(RefCell::borrow);
        let id = thief.as_ref().map(|thief| thief.id());
        self.story.check(
            "no honest device is told to claim what is not so",
            named.iter().all(|device| device.is_some() && *device == id) || self.habits.clocks,
            format_args!("{named:?}, the stolen one is {id:?}"),
        );
        let Some(thief) = thief else { return };
        let ground = Ground::of(self.house.session.scope, self.house.organizer.server, lines);
        let counted = lines
            .iter()
            .filter(|line| thief.lies.contains(&line.hash) && ground.counts(line));
        let lies = counted.count();
        self.story.check(
            "who claims what is not so is told",
            lies == 0 || named.contains(&Some(thief.id)),
            format_args!("{lies} lies, told of {named:?}"),
        );
    }
}

/// The attempts that a thief hears of who reads everything that is known of a ticket.
async fn attempts_with(
    service: &usher_server::service::Service,
    scope: usher_domain::ids::ScopeId,
    ticket: TicketId,
) -> Vec<(DeviceId, AttemptId)> {
    let read = service.store().read(move |txn| {
        let subject = Subject::Ticket(ticket);
        let held = txn.reservations_about(scope, &subject)?;
        let mut attempts: Vec<_> = held
            .iter()
            .map(|held| (held.device, held.attempt))
            .collect();
        for record in txn.records_about(scope, Some(&subject))? {
            if let Ok(line) = Line::read(&record.bytes)
                && let Body::Scan(scan) = &line.record.body
            {
                attempts.push((line.record.log.device, scan.attempt));
            }
        }
        Ok::<_, Error>(attempts)
    });
    read.await.unwrap_or_default()
}
