//! Reading a presented text: as it is, and where no set knows it so, by its other readings.

use super::book::{Book, HeldSession};
use super::look::{look, signed_elsewhere};
use crate::store::{Store, StoreError};
use usher_domain::code::{Repair, Use, readings};
use usher_domain::decide::{Honoured, Looked, Shown};
use usher_domain::ids::SessionId;
use usher_domain::secret::Private;

/// Where a gate looks for what is presented.
pub(super) struct Search<'a> {
    pub(super) store: &'a Store,
    pub(super) book: &'a Book,
    pub(super) served: &'a HeldSession,
    pub(super) honoured: &'a [Honoured],
}

/// A text as it was read.
pub(super) struct Read {
    pub(super) shown: Shown,
    pub(super) looked: Looked,
    pub(super) honours: Option<SessionId>,
    pub(super) code: Private,
    pub(super) repair: Option<Repair>,
}

impl Read {
    /// Whether a set lists it, or the organizer signed it.
    fn is_known(&self) -> bool {
        let is_signed = matches!(self.shown, Shown::Code { .. } | Shown::Pretix { .. });
        is_signed || self.looked != Looked::Nowhere || self.honours.is_some()
    }
}

impl Search<'_> {
    /// Reads a text as it is. If nobody knows it so, its other readings are tried: a sure one counts as if it
    /// had been presented, the others open a ticket only if one alone fits all of them.
    pub(super) fn read(&self, text: &Private) -> Result<Read, StoreError> {
        let presented = self.read_as(text.clone(), None)?;
        if presented.is_known() {
            return Ok(presented);
        }
        let mut fitting: Option<Read> = None;
        let mut several = false;
        let mut readable: Option<Read> = None;
        let place = self.served.terms.rules.code_place.as_ref();
        for reading in readings(text.reveal(), place) {
            let read = self.read_as(reading.text, Some(reading.repair))?;
            if !read.is_known() {
                // Of a text with control characters at least the rest has an identity.
                if reading.repair == Repair::Unwrapped && presented.shown == Shown::Unreadable {
                    readable = Some(read);
                }
                continue;
            }
            if reading.good_for == Use::Tells {
                return Ok(Read {
                    repair: Some(reading.repair),
                    ..presented
                });
            }
            if reading.repair.is_sure() {
                return Ok(read);
            }
            match &fitting {
                None => fitting = Some(read),
                Some(first) if ticket_of(first) == ticket_of(&read) => {}
                Some(first) if ticket_of(first).is_none() => fitting = Some(read),
                Some(_) => several |= ticket_of(&read).is_some(),
            }
        }
        if let Some(read) = fitting.filter(|_| !several) {
            return Ok(read);
        }
        let unknown = readable.unwrap_or(presented);
        let looked = signed_elsewhere(
            self.book,
            self.served,
            &unknown.shown,
            unknown.code.reveal(),
        );
        Ok(Read { looked, ..unknown })
    }

    fn read_as(&self, code: Private, repair: Option<Repair>) -> Result<Read, StoreError> {
        let pretix = self.served.terms.pretix.as_ref();
        let shown = Shown::read(code.reveal(), self.book.organizer, &self.book.keys, pretix);
        let (looked, honours) = look(self.store, self.book, self.served, &shown, self.honoured)?;
        Ok(Read {
            shown,
            looked,
            honours,
            code,
            repair,
        })
    }
}

/// The ticket of the served session, or of one that it lets in, that a reading opens.
fn ticket_of(read: &Read) -> Option<usher_domain::ids::TicketId> {
    let listed = read.looked.row().map(|row| row.ticket);
    listed.or_else(|| read.shown.ticket())
}
