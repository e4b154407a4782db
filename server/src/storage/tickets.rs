//! Tickets and their media.

use super::Result;
use usher_domain::code::MediumKey;
use usher_domain::ids::{EventId, TicketId};

/// A ticket as stored: what must be found, and a body that only services read.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredTicket {
    /// Its id.
    pub id: TicketId,
    /// Its event.
    pub event: EventId,
    /// The seller's number, unique in the event.
    pub external: Option<String>,
    /// Everything else.
    pub body: Vec<u8>,
}

/// Tickets and their media. A medium belongs to one ticket of an event for ever: shops give the same numbers
/// out at one event after the other.
pub trait Tickets {
    /// The ticket of this id.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn ticket(&self, id: TicketId) -> Result<Option<StoredTicket>>;

    /// The ticket with this number of its seller.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn ticket_by_external(&self, event: EventId, external: &str) -> Result<Option<StoredTicket>>;

    /// The ticket of an event that a medium belongs or belonged to.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn medium_owner(&self, event: EventId, medium: &MediumKey) -> Result<Option<TicketId>>;

    /// Tickets of an event by rising id, at most `limit`, those after `after`.
    ///
    /// # Errors
    /// [`super::StorageError`].
    fn tickets(
        &self,
        event: EventId,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<StoredTicket>>;

    /// Creates a ticket, or replaces everything but the event of the one that is there: a ticket stays in
    /// its event.
    ///
    /// # Errors
    /// [`super::StorageError::Taken`] if another ticket of the event has the seller's number,
    /// [`super::StorageError::OtherOwner`] if the ticket of this id is of another event.
    fn put_ticket(&mut self, ticket: &StoredTicket) -> Result<()>;

    /// Gives a medium to a ticket of an event; giving it again changes nothing.
    ///
    /// # Errors
    /// [`super::StorageError::Taken`] if it belongs to another ticket of the event.
    fn put_medium(&mut self, event: EventId, medium: &MediumKey, ticket: TicketId) -> Result<()>;
}
