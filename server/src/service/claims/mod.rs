//! Claims: gates ask before they let somebody through.
//!
//! A claim is judged and reserved in one write transaction, so claims of one ticket come one after the
//! other, and an answer is durable before it is given. A reservation stands for somebody who walks through
//! a gate; the record of that gate ends it ([`ending`]), time never does.

mod case;
mod ending;
mod homes;
mod judge;
mod memory;
mod shelf;

pub(super) use ending::{Because, end_by, end_proved};
pub(super) use homes::{Homes, granted_elsewhere};

use super::duty::Duties;
use super::error::Result;
use super::{Error, Figures, Service};
use judge::{Patience, Step};
use memory::Memory;
use std::sync::Arc;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, OpenReservation, YieldRequest};
use usher_domain::protocol::live::LiveEvent;

/// What every claim is judged with.
#[derive(Debug)]
struct Desk {
    memory: Memory,
    duties: Arc<Duties>,
    figures: Figures,
}

/// What answers claims beside the database.
#[derive(Debug)]
pub(super) struct Claims {
    desk: Arc<Desk>,
    homes: Homes,
}

impl Claims {
    pub(super) fn new(duties: Arc<Duties>, figures: Figures) -> Self {
        let desk = Desk {
            memory: Memory::default(),
            duties,
            figures,
        };
        Self {
            desk: Arc::new(desk),
            homes: Homes::default(),
        }
    }

    /// What homes are asked.
    pub(super) const fn homes(&self) -> &Homes {
        &self.homes
    }
}

/// Open reservations that a device is told of at once. A gate has one or two; after a fault it hears of the
/// others once these ended.
const OPEN_TOLD_MAX: u32 = 64;

/// The open reservations of a device.
pub(super) fn open_of(
    txn: &dyn crate::storage::Transaction,
    device: DeviceId,
) -> Result<Vec<OpenReservation>> {
    let held = txn.reservations_of(device, OPEN_TOLD_MAX)?.into_iter();
    Ok(held
        .map(|held| OpenReservation {
            scope: held.scope,
            session: held.session,
            subject: held.subject,
            attempt: held.attempt,
        })
        .collect())
}

impl Service {
    /// Answers a claim. An admission is reserved for the attempt; asking again gives the same answer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the device and for a session that is none of its
    /// organizer's, [`Error::DeviceRevoked`],
    /// [`Error::Conflict`] for an attempt that the device made with another ticket,
    /// [`Error::Invalid`] for records of others.
    pub async fn claim(&self, device: DeviceId, request: ClaimRequest) -> Result<ClaimAnswer> {
        let request = Arc::new(request);
        match self.judge(device, &request, Patience::Left).await? {
            Step::Answer(answer) => Ok(answer),
            Step::AskHome {
                home,
                request: asked,
            } => {
                self.wait_for_home(home, asked).await;
                match self.judge(device, &request, Patience::Over).await? {
                    Step::Answer(answer) => Ok(answer),
                    Step::AskHome { .. } => Err(Error::Internal("a home is asked twice")),
                }
            }
        }
    }

    async fn judge(
        &self,
        device: DeviceId,
        request: &Arc<ClaimRequest>,
        patience: Patience,
    ) -> Result<Step> {
        let desk = Arc::clone(&self.claims().desk);
        let request = Arc::clone(request);
        self.write_urgently(move |txn, now| {
            judge::claim(txn, &desk, device, &request, patience, now)
        })
        .await
    }

    /// Asks a home to hold a ticket back, and waits for a moment. Nothing is locked meanwhile.
    async fn wait_for_home(&self, home: DeviceId, request: YieldRequest) {
        let question = self.claims().homes.ask(home, request);
        // Who does not listen may still ask in time.
        let _listens = self.tell_device(home, &LiveEvent::Yield(request));
        question.wait().await;
    }

    pub(super) fn claims(&self) -> &Claims {
        &self.inner.claims
    }
}
