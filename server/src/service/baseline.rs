//! What claims are measured against: the row that a grant leaves in the database, and nothing else.

use super::Service;
use super::error::Result;
use crate::storage::Reservation;
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, ScopeId, TicketId};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, Decided};
use usher_domain::record::{Certainty, Subject};
use usher_domain::verdict::{Admit, AdmitWhy, Verdict};

impl Service {
    /// Reserves what a claim asks for without looking at anything.
    ///
    /// # Errors
    /// [`super::Error::Storage`].
    pub(crate) async fn claim_plainly(
        &self,
        device: DeviceId,
        request: ClaimRequest,
    ) -> Result<ClaimAnswer> {
        self.write_quietly(move |txn, now| {
            let answer = ClaimAnswer::Decided(Decided {
                verdict: Verdict::Admit(Admit {
                    why: AdmitWhy::Listed,
                    cautions: Vec::new(),
                }),
                certainty: Certainty::Confirmed,
                at: now,
                after: None,
            });
            let ticket = request.shown.ticket();
            txn.put_reservation(&Reservation {
                attempt: request.attempt,
                // A scope of nobody's, so that no claim meets it.
                scope: ScopeId::from_bytes(*request.session.as_bytes()),
                subject: Subject::Ticket(ticket.unwrap_or(TicketId::from_bytes([0; 16]))),
                device,
                gate: request.gate,
                direction: request.direction,
                session: request.session,
                zone: None,
                at: now,
                answer: cbor::encode(&answer),
            })?;
            Ok(answer)
        })
        .await
    }
}
