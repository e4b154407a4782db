//! A stolen device: it has a valid key and writes whatever the formats allow. Nobody notices it by its
//! signature; what it writes must change nothing beyond the rules, and name it.
//!
//! It exists in a share of the evenings, and has a chance of its own, so that the others go on as before. In
//! a part of these it does more than to claim what is not so (`conduct`).

mod approvals;
mod attempts;
mod checks;
mod claims;
mod conduct;
mod cuts;
mod flood;
mod rows;
mod stamps;

pub(super) use approvals::{Flaw, Signatory, overriding, undoing};
pub(super) use checks::named;
pub(super) use conduct::Conduct;

use super::world::World;
use crate::clock::Dice;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use usher_core::clock::Entropy as _;
use usher_domain::api::access::DeviceChange;
use usher_domain::cose::SigningKey;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, LogId, SessionId, TicketId};
use usher_domain::log::{Line, LogEnd, sign_batch};
use usher_domain::protocol::PushAnswer;
use usher_domain::record::{Body, Certainty, Direction, LogRef, Outcome, Scan, Subject};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;
use usher_server::service::{Error, Service};

/// What makes the chance of the stolen device another one.
const STOLEN: u64 = 0x57_01E4;

/// The device of the house that is stolen, if nobody works with it: its number, and the seed of its key.
const NUMBER: usize = 3;
const SEED: [u8; 32] = [103; 32];

/// One evening in so many has a stolen device, of those in which that device is free.
const ONE_IN: u8 = 3;

/// Records that it writes at most.
const RECORDS_MAX: usize = 300;

/// A log that it writes, or a branch of one.
#[derive(Debug, Clone)]
struct Branch {
    end: LogEnd,
    records: Vec<Vec<u8>>,
}

impl Branch {
    const fn empty(log: LogRef, scope: usher_domain::ids::ScopeId) -> Self {
        Self {
            end: LogEnd::empty(log, scope),
            records: Vec::new(),
        }
    }

    fn write(&mut self, stamp: UnixMillis, body: Body) -> Hash {
        let entry = self.end.append(stamp, body);
        self.records.push(entry.encoded);
        entry.hash
    }
}

/// A stolen device.
#[derive(Debug)]
pub(super) struct Thief {
    id: DeviceId,
    key: SigningKey,
    dice: fastrand::Rng,
    /// One log, or branches of it once it forked, and other logs.
    branches: Vec<Branch>,
    /// Records that claim of a ticket or a gate what nobody ordered.
    lies: BTreeSet<Hash>,
    /// What it does beside, if it does more.
    conduct: Option<Conduct>,
}

impl Thief {
    /// The thief of an evening, if it has one.
    pub(super) fn drawn(
        world: &World,
        seed: u64,
        conduct: Option<Conduct>,
    ) -> Option<RefCell<Self>> {
        let mut dice = fastrand::Rng::with_seed(seed ^ STOLEN);
        let (id, _) = world.house.devices[NUMBER];
        if world.devices.iter().any(|device| device.id == id) {
            return None;
        }
        if dice.u8(..ONE_IN) != 0 && conduct.is_none() {
            return None;
        }
        let mut log = [0; 16];
        Dice::of_seed(dice.u64(..)).fill(&mut log).unwrap();
        let log = LogRef {
            device: id,
            log: LogId::from_bytes(log),
        };
        world
            .story
            .tell("thief", format_args!("has the device west"));
        if let Some(conduct) = &conduct {
            world.story.tell("thief", format_args!("does {conduct}"));
        }
        Some(RefCell::new(Self {
            id,
            key: SigningKey::from_seed(&Seed::new(SEED)),
            dice,
            branches: vec![Branch::empty(log, world.house.session.scope)],
            lies: BTreeSet::new(),
            conduct,
        }))
    }

    pub(super) const fn id(&self) -> DeviceId {
        self.id
    }

    fn has_written_enough(&self) -> bool {
        let mut branches = self.branches.iter();
        branches.any(|branch| branch.records.len() >= RECORDS_MAX)
    }

    fn scan(&mut self, session: SessionId, ticket: TicketId) -> Scan {
        let mut attempt = [0; 16];
        self.dice.fill(&mut attempt);
        let direction = if self.dice.u8(..4) == 0 {
            Direction::Exit
        } else {
            Direction::Entry
        };
        Scan {
            direction,
            attempt: AttemptId::from_bytes(attempt),
            ..plain_entry(session, ticket)
        }
    }
}

/// An entry as a device writes it that decided alone, of no attempt yet.
pub(super) fn plain_entry(session: SessionId, ticket: TicketId) -> Scan {
    Scan {
        session,
        gate: None,
        operator: None,
        subject: Subject::Ticket(ticket),
        direction: Direction::Entry,
        outcome: Outcome::Admit,
        reason: Reason::Listed,
        certainty: Certainty::Local {
            peers_as_of: UnixMillis::new(0),
        },
        attempt: AttemptId::from_bytes([0; 16]),
        issue: None,
        type_number: None,
        access: None,
        zone: None,
        entries: None,
        sanction: None,
        confirmed: None,
        takes_over: None,
        honours: None,
        key: None,
    }
}

impl World {
    /// The thief writes something now and then, hands in what it wrote, and is found out at some time.
    pub(super) async fn thief_acts(self: &Rc<Self>) {
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
            41 if thief.borrow_mut().dice.u8(..3) == 0 => self.revoke_thief(&service).await,
            _ => {}
        }
        self.thief_goes_further(&service).await;
    }

    /// The office finds out which device was stolen.
    async fn revoke_thief(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let id = thief.borrow().id;
        if !self.note_thief_logs(service).await {
            return;
        }
        let organizer = self.house.organizer.id;
        let revoked = service.change_device(organizer, id.to_string(), DeviceChange::Revoke);
        let is_revoked = revoked.await.is_ok();
        self.note_thief_logs(service).await;
        if is_revoked {
            self.memory.borrow_mut().revoked.insert(id);
            self.story
                .tell("office", format_args!("revokes the stolen device"));
        }
    }

    async fn thief_writes(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let ticket = self.ticket_for_thief(&mut thief.borrow_mut().dice);
        let others = attempts_with(service, self.house.session.scope, ticket).await;
        let mut thief = thief.borrow_mut();
        if thief.has_written_enough() {
            return;
        }
        let session = self.any_session();
        let (body, is_lie) = thief.writes(session.id, ticket, &self.house.hall_gates, &others);
        let (body, is_lie) = self.as_of_two_sessions(session, body, is_lie);
        let count = thief.branches.len();
        let branch = thief.dice.usize(..count);
        self.story.tell("thief", format_args!("writes {body:?}"));
        let hash = thief.branches[branch].write(service.now(), body);
        if is_lie {
            thief.lies.insert(hash);
        }
    }

    fn ticket_for_thief(&self, dice: &mut fastrand::Rng) -> TicketId {
        let memory = self.memory.borrow();
        memory.tickets[dice.usize(..memory.tickets.len())].id
    }

    /// It hands in a whole branch, or a part that leaves a gap.
    async fn thief_hands_in(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let records = {
            let mut thief = thief.borrow_mut();
            let count = thief.branches.len();
            let branch = thief.dice.usize(..count);
            let records = thief.branches[branch].records.clone();
            if records.is_empty() {
                return;
            }
            let from = if thief.dice.u8(..5) == 0 {
                thief.dice.usize(..records.len())
            } else {
                0
            };
            records[from..].to_vec()
        };
        self.thief_pushes(service, records).await;
    }

    /// It hands in these records of one branch.
    async fn thief_pushes(
        &self,
        service: &Service,
        records: Vec<Vec<u8>>,
    ) -> Option<Result<PushAnswer, Error>> {
        let thief = self.thief.as_ref()?;
        let (id, batch) = {
            let thief = thief.borrow();
            (thief.id, sign_batch(&thief.key, records.clone()).unwrap())
        };
        // A batch of a revoked device may be the first after which its log is cut.
        if self.memory.borrow().revoked.contains(&id) && !self.note_thief_logs(service).await {
            return None;
        }
        let size = batch.head.len() + batch.records.iter().map(|one| one.len()).sum::<usize>();
        let answer = service.push(id, batch).await;
        let told = match &answer {
            Ok(PushAnswer::Stored(_) | PushAnswer::Forked(_)) => "is stored",
            Ok(PushAnswer::Known(_) | PushAnswer::Gap(_)) => "is not new",
            Err(_) => "is refused",
        };
        self.story
            .tell("thief", format_args!("hands in, which {told}"));
        self.count_what_thief_hands_in(size, &answer);
        self.watch_thief(&records, &answer);
        Some(answer)
    }
}

/// The attempts that a thief hears of who reads everything that is known of a ticket.
async fn attempts_with(
    service: &Service,
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
