//! What happens at the door of a gate: people show codes, staff take back and override.

use super::Gate;
use crate::network::Network;
use std::time::Duration;
use usher_core::gate::{Answer, Asking, GateError, OverrideRequest, Party, ScanRequest, ask};
use usher_core::sync::Timer;
use usher_domain::hash::Hash;
use usher_domain::record::{Confirmed, Outcome};
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

impl Gate {
    /// Somebody shows this at the entrance.
    pub fn scan(&self, code: &Private) -> Answer {
        self.answer(&ScanRequest::entry(code.reveal()))
    }

    /// Somebody shows this at the exit.
    pub fn leave(&self, code: &Private) -> Answer {
        self.answer(&ScanRequest::exit(code.reveal()))
    }

    /// Staff checked what the answer before asked for.
    pub fn confirm(&self, code: &Private, before: &Answer) -> Answer {
        self.answer(&ScanRequest {
            attempt: Some(before.attempt),
            confirmed: Some(Confirmed::Instruction),
            ..ScanRequest::entry(code.reveal())
        })
    }

    /// Answers any request.
    pub fn answer(&self, request: &ScanRequest) -> Answer {
        self.at_work(|gate, means| gate.scan(means, request))
    }

    /// Somebody shows this at the entrance, and the gate asks the authority for as long as it takes.
    pub async fn claim(&self, code: &Private) -> Answer {
        let request = ScanRequest::entry(code.reveal());
        let mut answers = self.claim_all(request, Party::One, &Patient).await;
        answers.remove(0)
    }

    /// The same, until the network fails: then the budget is over.
    pub async fn claim_in_vain(&self, code: &Private) -> Answer {
        let request = ScanRequest::entry(code.reveal());
        let timer = Failing(&self.network);
        self.claim_all(request, Party::One, &timer).await.remove(0)
    }

    /// Answers any request as a gate that asks.
    pub async fn claim_all(
        &self,
        request: ScanRequest,
        party: Party,
        timer: &impl Timer,
    ) -> Vec<Answer> {
        let running = self.running();
        let api = running
            .api
            .as_ref()
            .unwrap_or_else(|| panic!("{} is not enrolled", self.name));
        let asking = Asking {
            api,
            channel: api.channel(),
            gate: self,
            timer,
            clock: &*self.clock,
            entropy: &*self.dice,
            claims: &running.claims,
        };
        ask(&asking, request, party).await
    }

    /// Somebody comes with all tickets of an order and shows one.
    pub fn scan_order(&self, code: &Private) -> Vec<Answer> {
        let request = ScanRequest::entry(code.reveal());
        self.at_work(|gate, means| gate.scan_order(means, &request))
    }

    /// The operator takes the scan of an answer back.
    ///
    /// # Errors
    /// What the gate says.
    pub fn undo(&self, answer: &Answer) -> Result<Hash, GateError> {
        let of = answer.record.unwrap();
        self.at_work(|gate, means| gate.undo(means, of))
    }

    /// A supervisor lets somebody in against an answer.
    ///
    /// # Errors
    /// What the gate says.
    pub fn override_verdict(&self, request: &OverrideRequest) -> Result<Answer, GateError> {
        self.at_work(|gate, means| gate.override_verdict(means, request))
    }
}

/// Waits for ever.
#[derive(Debug)]
pub struct Patient;

impl Timer for Patient {
    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }
}

/// Waits until the network fails as it was told to.
#[derive(Debug)]
pub struct Failing<'n>(pub &'n Network);

impl Timer for Failing<'_> {
    async fn sleep(&self, _: Duration) {
        self.0.failed().await;
    }
}

/// What a gate said, short enough to compare.
pub trait Said {
    /// Outcome and reason.
    fn said(&self) -> (Outcome, Reason);

    /// Whether the person goes through.
    fn is_admitted(&self) -> bool {
        self.said().0 == Outcome::Admit
    }
}

impl Said for Answer {
    fn said(&self) -> (Outcome, Reason) {
        (self.verdict.outcome(), self.verdict.reason())
    }
}
