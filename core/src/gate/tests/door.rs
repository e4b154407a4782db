//! A gate that asks: a stand with a line to the authority of these tests.

use super::authority::*;
use super::*;
use crate::claims::Claims;
use crate::http::Channel;
use crate::sync::Timer;
use futures_util::future::FutureExt as _;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::{OpenReservation, YieldRequest};
use usher_domain::record::Subject;

pub(super) const SOUTH: DeviceId = DeviceId::from_bytes([30; 16]);

/// Waits by moving the hands of the clock.
pub(super) struct Skip(Rc<RefCell<Stand>>);

impl Timer for Skip {
    async fn sleep(&self, pause: Duration) {
        let ms = u64::try_from(pause.as_millis()).unwrap();
        self.0.borrow().clock.pass(ms);
    }
}

/// A gate that asks.
pub(super) struct Door {
    pub(super) stand: Rc<RefCell<Stand>>,
    pub(super) server: Server,
    pub(super) claims: Claims,
    pub(super) channel: Channel,
}

impl AtGate for Door {
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        self.stand.borrow_mut().with_gate(work)
    }
}

impl Door {
    pub(super) fn with(mut table: Table) -> Self {
        table.terms.as_mut().unwrap().authority = Some(OFFICE);
        Self {
            stand: Rc::new(RefCell::new(Stand::with(&[table]))),
            server: Server::new(),
            claims: Claims::default(),
            channel: Channel::Authentic,
        }
    }

    pub(super) fn evening() -> Self {
        Self::with(Table::set(EVENING, 0..30))
    }

    /// One whose chance is another.
    pub(super) fn other() -> Self {
        let door = Self::evening();
        for _ in 0..100 {
            door.stand.borrow().entropy.fill(&mut [0]).unwrap();
        }
        door
    }

    pub(super) fn party(&self, request: &ScanRequest, party: Party) -> Vec<Answer> {
        let (clock, entropy) = (TestClock::new(), TestEntropy::default());
        // The gate's own clock moves; this one is as good for the line.
        clock.pass(self.stand.borrow().clock.read().monotonic_ms);
        let asking = Asking {
            api: &self.server,
            channel: self.channel,
            gate: self,
            timer: &Skip(Rc::clone(&self.stand)),
            clock: &clock,
            entropy: &entropy,
            claims: &self.claims,
        };
        let answered = ask(&asking, request.clone(), party).now_or_never();
        answered.expect("nothing waits for longer than the budget")
    }

    pub(super) fn ask(&self, request: &ScanRequest) -> Answer {
        self.party(request, Party::One).remove(0)
    }

    pub(super) fn enter(&self, number: u64) -> Answer {
        self.ask(&ScanRequest::entry(barcode(number)))
    }

    pub(super) fn leave(&self, number: u64) -> Answer {
        self.ask(&ScanRequest::exit(barcode(number)))
    }

    pub(super) fn asked(&self) -> usize {
        self.server.asked.borrow().len()
    }

    pub(super) fn records(&self) -> Vec<Line> {
        self.stand.borrow().records()
    }

    /// Everything recorded reaches the server.
    pub(super) fn upload(&self) {
        self.server.records.borrow_mut().clear();
        self.server.take(self.records());
        let mut stand = self.stand.borrow_mut();
        for log in stand.store.own_logs().unwrap() {
            let end = log.end.head;
            stand.store.server_has(end.log, end.sequence).unwrap();
        }
    }

    /// The program ends and begins again on the same store.
    pub(super) fn restart(&mut self) {
        self.claims = Claims::default();
        self.stand.borrow_mut().gate = Gate::new();
    }

    pub(super) fn open(&self) -> Vec<OpenReservation> {
        let open = self.server.open.borrow();
        open.iter()
            .map(|(attempt, (_, subject))| OpenReservation {
                scope: SCOPE,
                session: EVENING,
                subject: *subject,
                attempt: *attempt,
            })
            .collect()
    }

    pub(super) fn give_up(&self) -> u64 {
        let open = self.open();
        self.at_gate(|_, means| give_up(means, &self.claims, &open).unwrap())
    }

    pub(super) fn hold_back(&self, number: u64, attempt: u8) -> u64 {
        let asked = YieldRequest {
            scope: SCOPE,
            session: EVENING,
            subject: ticket(number),
            attempt: AttemptId::from_bytes([attempt; 16]),
            to: SOUTH,
            gate: Some(NORTH),
        };
        self.at_gate(|_, means| hold_back(means, &self.claims, &[asked]).unwrap())
    }
}

pub(super) fn ticket(number: u64) -> Subject {
    Subject::Ticket(ticket_id(number))
}
