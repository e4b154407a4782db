//! What people recognise an earlier scan of this device by.

use super::answer::Served;
use super::book::HeldSession;
use super::judge::{scan_of, ticket_of};
use super::{Gate, Means};
use crate::store::StoreError;
use usher_domain::hash::Hash;
use usher_domain::ids::TicketId;
use usher_domain::log::Line;
use usher_domain::record::{Direction, Outcome};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// Records of this device among which its last scan is looked for.
const LOOKED_AT: u32 = 64;

/// A scan that this device recorded. Who holds the ticket only the code itself says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Hash of its record.
    pub record: Hash,
    /// When.
    pub at: UnixMillis,
    /// What the gate said.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// In or out.
    pub direction: Direction,
    /// The session that was served, if the device still holds it.
    pub session: Option<Served>,
    /// The ticket, where one is known.
    pub ticket: Option<TicketId>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// The seat.
    pub seat: Option<String>,
    /// Whether its verdict was shown, where the shell said so.
    pub shown: bool,
}

impl Gate {
    /// The scan of a record; none if the device has no such record, or it is of no scan.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn recorded(
        &mut self,
        means: &mut Means<'_>,
        record: Hash,
    ) -> Result<Option<Recorded>, StoreError> {
        match means.store.record(record)? {
            Some(line) => self.recognise(means, &line),
            None => Ok(None),
        }
    }

    /// The last scan that this device recorded.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn last_scan(&mut self, means: &mut Means<'_>) -> Result<Option<Recorded>, StoreError> {
        let lines = means.store.latest_own(LOOKED_AT)?;
        match lines.iter().find(|line| scan_of(line).is_some()) {
            Some(line) => self.recognise(means, line),
            None => Ok(None),
        }
    }

    /// The last scan of this device that let somebody in or out.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn last_admission(
        &mut self,
        means: &mut Means<'_>,
    ) -> Result<Option<Recorded>, StoreError> {
        let lines = means.store.latest_own(LOOKED_AT)?;
        let is_admission =
            |line: &&Line| scan_of(line).is_some_and(|scan| scan.outcome == Outcome::Admit);
        match lines.iter().find(is_admission) {
            Some(line) => self.recognise(means, line),
            None => Ok(None),
        }
    }

    fn recognise(
        &mut self,
        means: &mut Means<'_>,
        line: &Line,
    ) -> Result<Option<Recorded>, StoreError> {
        let Some(scan) = scan_of(line) else {
            return Ok(None);
        };
        let shown = means.store.shown_verdict()?;
        let store = &*means.store;
        let held = self.book(store)?.session(scan.session);
        let ticket = ticket_of(scan.subject);
        let row = match (held, ticket) {
            (Some(held), Some(ticket)) => store.ticket(held.copy, ticket)?,
            (Some(_) | None, _) => None,
        };
        let number = row.as_ref().map(|row| row.type_number).or(scan.type_number);
        let type_name = held.zip(number).and_then(|(held, number)| {
            let mut types = held.terms.types.iter();
            types.find(|named| named.number == number)
        });
        Ok(Some(Recorded {
            record: line.hash,
            at: line.record.stamp,
            outcome: scan.outcome,
            reason: scan.reason,
            direction: scan.direction,
            session: held.map(HeldSession::served),
            ticket,
            type_name: type_name.map(|named| named.name.clone()),
            seat: row.and_then(|row| row.seat),
            shown: shown == Some(line.hash),
        }))
    }
}
