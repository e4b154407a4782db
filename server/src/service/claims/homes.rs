//! Asking a ticket's home to hold it back.
//!
//! What is asked lives as long as somebody waits for it: a request that nobody waits for any more must not
//! reach the home, which would hold the ticket back for nothing.

use super::shelf;
use crate::service::error::Result;
use crate::service::records::lines;
use crate::storage::{Duty, DutyState, Reservation, Transaction};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use usher_domain::ids::{AttemptId, DeviceId};
use usher_domain::protocol::claim::{CLAIM_BUDGET_MS, YieldRequest};
use usher_domain::record::{Body, Subject};
use usher_domain::time::UnixMillis;

/// How long a claim waits for a home at most: half of what a gate's claim may take, so that the way there and
/// back has the other half, and a home that is silent makes no gate believe that its line is bad.
pub(super) const PATIENCE: Duration = Duration::from_millis(CLAIM_BUDGET_MS / 2);

/// Somebody waits for a home.
#[derive(Debug)]
struct Waiting {
    number: u64,
    home: DeviceId,
    request: YieldRequest,
    answered: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Queue {
    last: u64,
    waiting: Vec<Waiting>,
}

/// For how long a home that is on duty again is told what was granted while it was not.
const BACK_MS: u64 = 10 * 60_000;

/// Open attempts that are looked at for a home that is back. A venue has a few dozen.
const OPEN_LOOKED_AT_MAX: u32 = 1_000;

/// The open attempts of other devices with tickets of which a device is the home that has just gone on duty.
/// While it was off duty it was not asked about them, and it must not let the same tickets in alone when it is
/// back.
pub(in crate::service) fn granted_elsewhere(
    txn: &dyn Transaction,
    home: DeviceId,
    now: UnixMillis,
) -> Result<Vec<YieldRequest>> {
    let is_back = |duty: &Duty| duty.state == DutyState::OnDuty && now.since(duty.since) <= BACK_MS;
    if usher_domain::mutated!(TellNoHomeThatIsBack) || !txn.duties_of(home)?.iter().any(is_back) {
        return Ok(Vec::new());
    }
    let mut granted = Vec::new();
    for held in txn.open_reservations(OPEN_LOOKED_AT_MAX)? {
        let is_asked =
            held.device != home && is_home(txn, home, &held)? && !has_yielded(txn, home, &held)?;
        if is_asked {
            granted.push(YieldRequest {
                scope: held.scope,
                session: held.session,
                subject: held.subject,
                attempt: held.attempt,
                to: held.device,
                gate: held.gate,
            });
        }
    }
    Ok(granted)
}

fn is_home(txn: &dyn Transaction, home: DeviceId, held: &Reservation) -> Result<bool> {
    let Subject::Ticket(ticket) = held.subject else {
        return Ok(false);
    };
    let row = shelf::row(txn, held.session, ticket)?;
    Ok(row.is_some_and(|row| row.home == Some(home)))
}

fn has_yielded(txn: &dyn Transaction, home: DeviceId, held: &Reservation) -> Result<bool> {
    let records = txn.records_about(held.scope, Some(&held.subject))?;
    Ok(lines::readable(records).any(|(_, line)| {
        line.record.log.device == home
            && matches!(&line.record.body, Body::Yield(yielded)
                if (yielded.to, yielded.attempt) == (held.device, held.attempt))
    }))
}

/// What homes are asked at this moment.
#[derive(Debug, Default)]
pub(in crate::service) struct Homes {
    queue: Mutex<Queue>,
}

/// One question to a home; dropping it takes the question back.
pub(super) struct Question<'a> {
    homes: &'a Homes,
    number: u64,
    answered: Arc<Notify>,
}

impl Homes {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks a home from now on.
    pub(super) fn ask(&self, home: DeviceId, request: YieldRequest) -> Question<'_> {
        let answered = Arc::new(Notify::new());
        let mut queue = self.queue();
        queue.last = queue.last.wrapping_add(1);
        let number = queue.last;
        queue.waiting.push(Waiting {
            number,
            home,
            request,
            answered: Arc::clone(&answered),
        });
        drop(queue);
        Question {
            homes: self,
            number,
            answered,
        }
    }

    /// What a device is asked to hold back.
    pub(in crate::service) fn asked(&self, home: DeviceId) -> Vec<YieldRequest> {
        let queue = self.queue();
        let own = queue.waiting.iter().filter(|waiting| waiting.home == home);
        own.map(|waiting| waiting.request).collect()
    }

    /// The promises of a home for these attempts, each with the device that makes it, are stored.
    pub(in crate::service) fn answer(&self, home: DeviceId, attempts: &[(DeviceId, AttemptId)]) {
        let queue = self.queue();
        let asked = queue.waiting.iter().filter(|waiting| waiting.home == home);
        let answered = asked.filter(|waiting| {
            let request = &waiting.request;
            attempts.contains(&(request.to, request.attempt))
        });
        answered.for_each(|waiting| waiting.answered.notify_one());
    }
}

impl Question<'_> {
    /// Waits until a word of the home may be stored, or patience ends.
    pub(super) async fn wait(&self) {
        let _late = tokio::time::timeout(PATIENCE, self.answered.notified()).await;
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut queue = self.homes.queue();
        queue
            .waiting
            .retain(|waiting| waiting.number != self.number);
    }
}
