//! Claims: what is granted, what ends it, and how sure the answers are.

mod bounds;
mod certainty;
mod copies;
mod ending;
mod hold;
mod homes;
mod laws;
mod refused;
mod room;

use super::approvals::{sanctioned, supervisor};
use super::records::{Gate, first};
use super::tickets::new_ticket;
use super::{House, NOON};
use crate::service::{Error, Service};
use usher_domain::api::tickets::{NewTicket, Ticket};
use usher_domain::api::venue::Session;
use usher_domain::code::{Identity, TicketCode};
use usher_domain::decide::{Shown, Signer};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, GateId};
use usher_domain::log::Line;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, Decided};
use usher_domain::protocol::{Heard, Heartbeat, HeartbeatAnswer, PushAnswer, TableVersion};
use usher_domain::record::{Abort, Body, Certainty, Direction, Outcome, Scan, Subject, Undo};
use usher_domain::rules::Rules;
use usher_domain::session::Authority;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{Reason, Refusal, Verdict};

/// The doors of the session `first` open.
pub(super) const DOORS: UnixMillis = UnixMillis::new(NOON.get() + 4 * 3_600_000);

/// A house whose doors are open: one session with sealed tickets, and gates on duty.
pub(super) struct Doors {
    pub(super) house: House,
    pub(super) session: Session,
    pub(super) tickets: Vec<Shown>,
    pub(super) version: Version,
    pub(super) trust: Version,
}

pub(super) const fn attempt(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

impl Doors {
    /// With one ordinary ticket.
    pub(super) async fn open() -> Self {
        Self::with(Rules::default(), vec![new_ticket("A-1", &[])]).await
    }

    pub(super) async fn with(rules: Rules, tickets: Vec<NewTicket>) -> Self {
        let house = House::open().await;
        house.kind("normal", &[]).await;
        let doors = Self {
            session: first(&house).await,
            house,
            tickets: Vec::new(),
            version: Version {
                epoch: 0,
                number: 0,
            },
            trust: Version {
                epoch: 1,
                number: 1,
            },
        };
        doors.with_rules(rules).await.stocked(tickets).await
    }

    pub(super) async fn with_rules(mut self, rules: Rules) -> Self {
        let change = usher_domain::api::venue::SessionChange {
            rules: Some(rules.into()),
            ..Default::default()
        };
        let (event, session) = ("show".to_owned(), "first".to_owned());
        let changed = self
            .service()
            .change_session(self.house.organizer, event, session, change)
            .await;
        self.session = changed.unwrap();
        self
    }

    /// Sells tickets, seals them, and opens the doors.
    pub(super) async fn stocked(mut self, tickets: Vec<NewTicket>) -> Self {
        for new in tickets {
            let sold = self.house.sell(new).await.unwrap();
            let shown = self.shown(&sold).await;
            self.tickets.push(shown);
        }
        self.seal().await;
        self.house.clock.set(DOORS);
        self
    }

    pub(super) async fn seal(&mut self) {
        self.service().seal_now().await.unwrap();
        let table = TableId::Set(self.session.id);
        let version = self
            .service()
            .read(move |txn| Ok(txn.table_version(table)?));
        self.version = version.await.unwrap().unwrap();
    }

    pub(super) async fn shown(&self, sold: &Ticket) -> Shown {
        let row = self.house.row("first", sold.id).await.unwrap();
        Shown::Code {
            code: TicketCode {
                ticket: sold.id,
                access: row.access,
                issue: row.issue,
                type_number: row.type_number,
                not_before: None,
                not_after: None,
            },
            signer: Signer::Entitled,
            identity: Identity::from_bytes([7; 32]),
        }
    }

    pub(super) const fn service(&self) -> &Service {
        &self.house.service
    }

    pub(super) fn subject(&self, ticket: usize) -> Subject {
        Subject::Ticket(self.tickets[ticket].ticket().unwrap())
    }

    /// A gate that holds the session's set.
    pub(super) async fn gate(&self, number: u8) -> Gate {
        let gate = Gate::enroll(&self.house, number, &self.session).await;
        self.beat(&gate, None).await;
        gate
    }

    pub(super) async fn beat(&self, gate: &Gate, heard: Option<UnixMillis>) -> HeartbeatAnswer {
        let heartbeat = self.sign_of_life(gate, heard);
        self.service().heartbeat(gate.id, heartbeat).await.unwrap()
    }

    pub(super) fn sign_of_life(&self, gate: &Gate, heard: Option<UnixMillis>) -> Heartbeat {
        let table = TableId::Set(self.session.id);
        let version = self.version;
        let heads = [gate.end.head].into_iter();
        Heartbeat {
            device_time: self.house.service.now(),
            heads: heads.filter(|head| head.sequence > 0).collect(),
            tables: vec![TableVersion { table, version }],
            program: "usher 0.1.0".to_owned(),
            clock_offset_ms: Some(0),
            storage_left: None,
            digests: None,
            acknowledged: None,
            heard: heard.map(|at| Heard { at, epoch: 1 }),
            trust: None,
            instance: None,
        }
    }

    pub(super) async fn authority(&self) -> Authority {
        let organizer = self.service().organizer("house".to_owned()).await.unwrap();
        Authority {
            server: organizer.server,
            term: 1,
        }
    }

    pub(super) async fn request(&self, number: u8, ticket: usize) -> ClaimRequest {
        ClaimRequest {
            attempt: attempt(number),
            session: self.session.id,
            authority: self.authority().await,
            epoch: 1,
            set: self.version,
            trust: self.trust,
            shown: self.tickets[ticket].clone(),
            direction: Direction::Entry,
            gate: None,
            operator: None,
            confirmed: None,
            unsent: Vec::new(),
            last_entry: None,
        }
    }

    pub(super) async fn try_claim(
        &self,
        gate: DeviceId,
        request: ClaimRequest,
    ) -> Result<ClaimAnswer, Error> {
        self.service().claim(gate, request).await
    }

    pub(super) async fn decided(&self, gate: &Gate, request: ClaimRequest) -> Decided {
        let answer = self.try_claim(gate.id, request).await.unwrap();
        let ClaimAnswer::Decided(decided) = answer else {
            panic!("not decided: {answer:?}");
        };
        decided
    }

    /// Claims entry with a ticket under an attempt.
    pub(super) async fn claim(&self, gate: &Gate, number: u8, ticket: usize) -> Decided {
        self.decided(gate, self.request(number, ticket).await).await
    }

    pub(super) fn scan(&self, number: u8, ticket: usize, outcome: Outcome) -> Scan {
        Scan {
            attempt: attempt(number),
            outcome,
            reason: match outcome {
                Outcome::Admit => Reason::Listed,
                Outcome::Refuse => Reason::Blocked,
                Outcome::Refer => Reason::Instruction,
            },
            ..super::records::scan(&self.session, self.subject(ticket), Direction::Entry)
        }
    }

    /// Writes a record and hands it in.
    pub(super) async fn says(&self, gate: &mut Gate, body: Body) -> Line {
        let line = gate.write(self.service().now(), body);
        let count = gate.records.len();
        let stored = self
            .service()
            .push(gate.id, gate.batch(count, count + 1))
            .await;
        assert!(matches!(stored, Ok(PushAnswer::Stored(_))), "{stored:?}");
        line
    }

    pub(super) async fn records(&self, gate: &mut Gate, scan: Scan) -> Line {
        self.says(gate, Body::Scan(scan)).await
    }

    /// A scan as a supervisor signs it for a gate at this moment, in place of the attempt it names.
    pub(super) async fn overriding(&self, gate: &Gate, scan: Scan) -> Scan {
        let supervisor = supervisor(&self.house).await;
        sanctioned(&supervisor, gate, self.service().now(), scan)
    }

    pub(super) async fn aborts(&self, gate: &mut Gate, number: u8, ticket: usize) -> Line {
        let abort = Abort {
            attempt: attempt(number),
            session: self.session.id,
            subject: self.subject(ticket),
        };
        self.says(gate, Body::Abort(abort)).await
    }

    pub(super) async fn undoes(&self, gate: &mut Gate, of: Hash, ticket: usize) {
        let undo = Undo {
            of,
            session: self.session.id,
            subject: self.subject(ticket),
            operator: None,
            approval: None,
        };
        self.says(gate, Body::Undo(undo)).await;
    }

    pub(super) async fn open_count(&self) -> u64 {
        let count = self.service().read(|txn| Ok(txn.count_reservations()?));
        count.await.unwrap()
    }
}

pub(super) const fn admitted(decided: &Decided) -> bool {
    matches!(decided.verdict, Verdict::Admit(_))
}

pub(super) fn reason(decided: &Decided) -> Reason {
    decided.verdict.reason()
}

#[tokio::test]
async fn a_claim_is_granted_reserved_and_ended_by_its_record() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    let granted = doors.claim(&north, 1, 0).await;
    assert!(admitted(&granted), "{granted:?}");
    assert_eq!(granted.at, DOORS);
    let other = doors.claim(&south, 2, 0).await;
    let Verdict::Refuse(Refusal::BeingAdmitted(open)) = other.verdict else {
        panic!("{other:?}");
    };
    assert_eq!((open.attempt, open.device), (None, north.id));
    assert_eq!(doors.open_count().await, 1);
    let line = doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    assert_eq!(doors.open_count().await, 0);
    let later = doors.claim(&south, 3, 0).await;
    let Verdict::Refuse(Refusal::AlreadyInside(prior)) = later.verdict else {
        panic!("{later:?}");
    };
    assert_eq!(prior.record, line.hash);
    assert_eq!(later.after, Some(line.record.stamp));
}

#[tokio::test]
async fn the_same_attempt_gets_the_same_answer_again() {
    let doors = Doors::open().await;
    let north = doors.gate(1).await;
    let granted = doors.claim(&north, 1, 0).await;
    doors.house.clock.advance(100_000);
    assert_eq!(doors.claim(&north, 1, 0).await, granted);
    assert_eq!(doors.open_count().await, 1);
}

#[tokio::test]
async fn an_attempt_is_of_one_ticket_and_no_other_device_makes_or_ends_it() {
    let tickets = vec![new_ticket("A-1", &[]), new_ticket("A-2", &[])];
    let doors = Doors::with(Rules::default(), tickets).await;
    let (north, mut south) = (doors.gate(1).await, doors.gate(2).await);
    let granted = doors.claim(&north, 1, 0).await;
    let Verdict::Refuse(Refusal::BeingAdmitted(open)) = doors.claim(&south, 2, 0).await.verdict
    else {
        panic!("nobody is being admitted");
    };
    assert_eq!((open.device, open.attempt), (north.id, None));
    // Whoever learns the number all the same makes an attempt of its own by it, and ends none.
    let same = doors.claim(&south, 1, 0).await;
    assert_eq!(reason(&same), Reason::BeingAdmitted);
    doors
        .records(&mut south, doors.scan(1, 0, Outcome::Refuse))
        .await;
    doors.aborts(&mut south, 1, 0).await;
    let pretends = Scan {
        takes_over: Some(attempt(1)),
        ..doors.scan(3, 0, Outcome::Admit)
    };
    doors.records(&mut south, pretends).await;
    assert_eq!(doors.open_count().await, 1);
    assert_eq!(doors.claim(&north, 1, 0).await, granted);
    let changed = doors.try_claim(north.id, doors.request(1, 1).await).await;
    assert!(matches!(changed, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn a_claim_that_comes_after_its_record_is_answered_with_the_record() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let line = doors
        .records(&mut north, doors.scan(1, 0, Outcome::Admit))
        .await;
    let late = doors
        .try_claim(north.id, doors.request(1, 0).await)
        .await
        .unwrap();
    let ClaimAnswer::Ended { record } = late else {
        panic!("{late:?}");
    };
    assert_eq!(Line::read(&record).unwrap(), line);
    assert_eq!(doors.open_count().await, 0);
}

#[tokio::test]
async fn one_ticket_claimed_at_many_gates_at_once_is_granted_once() {
    let doors = Doors::open().await;
    let mut gates = Vec::new();
    for number in 1..=8 {
        gates.push(doors.gate(number).await.id);
    }
    let mut running = tokio::task::JoinSet::new();
    for number in 0..64_u8 {
        let (service, request) = (doors.service().clone(), doors.request(number, 0).await);
        let gate = gates[usize::from(number) % gates.len()];
        running.spawn(async move { service.claim(gate, request).await.unwrap() });
    }
    let answers = running.join_all().await;
    let granted = answers
        .iter()
        .filter(|answer| matches!(answer, ClaimAnswer::Decided(decided) if admitted(decided)));
    assert_eq!(granted.count(), 1);
    assert_eq!(doors.open_count().await, 1);
}

#[tokio::test]
async fn leaving_is_claimed_too() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    let exit = |request: ClaimRequest| ClaimRequest {
        direction: Direction::Exit,
        ..request
    };
    let outside = doors.decided(&south, exit(doors.request(1, 0).await)).await;
    assert_eq!(reason(&outside), Reason::NotInside);
    doors
        .records(&mut north, doors.scan(2, 0, Outcome::Admit))
        .await;
    let leaves = doors.decided(&south, exit(doors.request(3, 0).await)).await;
    assert_eq!(reason(&leaves), Reason::Exit);
    let again = doors.decided(&north, exit(doors.request(4, 0).await)).await;
    assert_eq!(reason(&again), Reason::BeingAdmitted);
}

#[tokio::test]
async fn records_on_their_way_count_for_the_gate_that_wrote_them() {
    let doors = Doors::open().await;
    let mut north = doors.gate(1).await;
    let south = doors.gate(2).await;
    north.write(DOORS, Body::Scan(doors.scan(1, 0, Outcome::Admit)));
    let mut request = doors.request(2, 0).await;
    request.unsent = north
        .records
        .iter()
        .map(|record| record.clone().into())
        .collect();
    let told = doors.decided(&north, request.clone()).await;
    assert_eq!(reason(&told), Reason::AlreadyInside);
    let foreign = doors.try_claim(south.id, request).await;
    assert!(matches!(
        foreign,
        Err(Error::Invalid {
            field: "unsent",
            ..
        })
    ));
    assert!(admitted(&doors.claim(&south, 3, 0).await));
}
