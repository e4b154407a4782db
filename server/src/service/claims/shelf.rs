//! The server's own tables, as looking up what was shown goes through them.

use super::memory::Posting;
use crate::service::error::{Error, Result};
use crate::storage::Transaction;
use usher_domain::code::MediumKey;
use usher_domain::decide::{Elsewhere, Holdings};
use usher_domain::ids::{SessionId, TicketId};
use usher_domain::merge::Ground;
use usher_domain::numbers::AccessNumber;
use usher_domain::table::rows::TicketRow;
use usher_domain::table::{Bucket, RowKey, TableId, decode_row};

/// The sets of an organizer beside the one that is served. Rows that wait for sealing count already: all
/// images of a ticket change together, so none of them is older than another set's.
pub(super) struct Shelf<'a> {
    pub(super) txn: &'a dyn Transaction,
    pub(super) posting: &'a Posting,
    pub(super) ground: &'a Ground,
}

/// The row of a ticket in a session's set, also if it waits for sealing.
pub(super) fn row(
    txn: &dyn Transaction,
    set: SessionId,
    ticket: TicketId,
) -> Result<Option<TicketRow>> {
    let key = RowKey::from(ticket);
    let bucket = Bucket::of(&key).get();
    let image = txn.newest_image(TableId::Set(set), bucket, key.as_bytes())?;
    image
        .map(|image| decode_row(&image))
        .transpose()
        .map_err(|_| Error::Internal("a row of a ticket set is not readable"))
}

impl<'a> Shelf<'a> {
    pub(super) const fn new(
        txn: &'a dyn Transaction,
        posting: &'a Posting,
        ground: &'a Ground,
    ) -> Self {
        Self {
            txn,
            posting,
            ground,
        }
    }
}

impl Holdings for Shelf<'_> {
    type Set = SessionId;
    type Error = Error;

    fn served(&self) -> SessionId {
        self.posting.terms.session.id
    }

    fn others(&self) -> impl Iterator<Item = SessionId> {
        self.posting.others.iter().map(|other| other.session)
    }

    fn enter_here(&self, access: AccessNumber) -> bool {
        self.posting.terms.accepts(access)
    }

    fn place(&self, set: SessionId) -> Elsewhere {
        let mut others = self.posting.others.iter();
        others
            .find(|other| other.session == set)
            .cloned()
            .unwrap_or_else(|| Elsewhere {
                session: set,
                name: self.posting.terms.session.name.clone(),
                event: self.posting.terms.event,
                event_name: self.posting.terms.event_name.clone(),
            })
    }

    fn ground(&self) -> Option<&Ground> {
        Some(self.ground)
    }

    fn ticket(&self, set: SessionId, ticket: TicketId) -> Result<Option<TicketRow>> {
        row(self.txn, set, ticket)
    }

    /// A medium belongs to one ticket of its event for ever; whether a set's row lists it is another matter.
    fn tickets_of_medium(&self, set: SessionId, medium: MediumKey) -> Result<Vec<TicketId>> {
        let mut others = self.posting.others.iter();
        let other = others.find(|other| other.session == set);
        let event = other.map_or(self.posting.terms.event, |other| other.event);
        let Some(owner) = self.txn.medium_owner(event, &medium)? else {
            return Ok(Vec::new());
        };
        let row = self.ticket(set, owner)?;
        let lists = row.is_some_and(|row| row.media.contains(&medium));
        Ok(lists.then_some(owner).into_iter().collect())
    }
}
