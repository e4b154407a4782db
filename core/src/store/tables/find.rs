//! Finding rows: tickets by id, medium and order, people by name, staff by badge.

use super::super::error::Doing as _;
use super::fold::Folded;
use super::{Store, StoreError};
use rusqlite::OptionalExtension as _;
use usher_domain::cbor;
use usher_domain::code::MediumKey;
use usher_domain::cose::PublicKey;
use usher_domain::ids::{DeviceId, OrderId, OrganizerId, SessionId, StaffId, TicketId};
use usher_domain::secret::Private;
use usher_domain::table::rows::{
    DeviceEntry, DirectoryRow, RosterEntry, RosterRow, StaffEntry, TicketRow,
};
use usher_domain::table::{Bucket, RowKey, TableId, TableRow};

/// A serving copy of a table. It stays readable until a newer one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation(i64);

impl Generation {
    pub(super) const fn new(number: i64) -> Self {
        Self(number)
    }
}

/// Somebody whom a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The ticket.
    pub ticket: TicketId,
    /// The holder's name, if the seller told it.
    pub holder: Option<Private>,
    /// The seller's order number.
    pub order: Option<Private>,
}

impl Store {
    fn row<R: TableRow>(&self, copy: Generation, key: RowKey) -> Result<Option<R>, StoreError> {
        let unreadable = || StoreError::Unreadable {
            what: "a row of a table",
        };
        let doing = "looking up a row";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT row FROM rows WHERE generation = ?1 AND bucket = ?2 AND key = ?3",
            )
            .doing(doing)?;
        let found: Option<Result<R, StoreError>> = statement
            .query_row((copy.0, Bucket::of(&key).get(), key.as_bytes()), |row| {
                let bytes = row.get_ref(0)?.as_blob()?;
                // Checked to be the one encoding when it was taken in.
                Ok(cbor::decode(bytes).map_err(|_| unreadable()))
            })
            .optional()
            .doing(doing)?;
        found.transpose()
    }

    /// The row of a ticket in a copy of a ticket set.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn ticket(
        &self,
        copy: Generation,
        ticket: TicketId,
    ) -> Result<Option<TicketRow>, StoreError> {
        self.row(copy, ticket.into())
    }

    fn keys(
        &self,
        sql: &str,
        copy: Generation,
        of: &[u8; 16],
    ) -> Result<Vec<TicketId>, StoreError> {
        let doing = "looking up a ticket";
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        let rows = statement
            .query_map((copy.0, of), |row| row.get(0))
            .doing(doing)?;
        rows.map(|key| Ok(TicketId::from_bytes(key.doing(doing)?)))
            .collect()
    }

    /// Tickets that list a medium as current or former.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn tickets_of_medium(
        &self,
        copy: Generation,
        medium: MediumKey,
    ) -> Result<Vec<TicketId>, StoreError> {
        self.keys(
            "SELECT key FROM media WHERE generation = ?1 AND medium = ?2",
            copy,
            medium.as_bytes(),
        )
    }

    /// Tickets of an order.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn tickets_of_order(
        &self,
        copy: Generation,
        order: OrderId,
    ) -> Result<Vec<TicketId>, StoreError> {
        self.keys(
            "SELECT key FROM orders WHERE generation = ?1 AND order_id = ?2",
            copy,
            order.as_bytes(),
        )
    }

    /// Goes through all rows of a copy until `each` says that it has enough.
    fn walk<R: TableRow>(
        &self,
        copy: Generation,
        mut each: impl FnMut(R) -> std::ops::ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let doing = "going through a table";
        let mut statement = self
            .conn
            .prepare_cached("SELECT row FROM rows WHERE generation = ?1")
            .doing(doing)?;
        let mut rows = statement.query([copy.0]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            let bytes = row.get_ref(0).doing(doing)?;
            let read = bytes.as_blob().ok().and_then(|b| cbor::decode(b).ok());
            // A row of a kind that only a newer program knows is nobody's business here.
            if let Some(read) = read
                && each(read).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    /// Whether the device holds the names of a session's tickets.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn holds_names(&self, session: SessionId) -> Result<bool, StoreError> {
        Ok(self.serving(TableId::Directory(session))?.is_some())
    }

    /// People of a session in whose name or order number all words of `needle` are found, in any order and
    /// whatever their case, marks and apostrophes; none on a device that holds no directory of the session.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn search(
        &self,
        session: SessionId,
        needle: &str,
        limit: usize,
    ) -> Result<Option<Vec<Person>>, StoreError> {
        let words = Folded::words(needle);
        let Some(copy) = self.serving(TableId::Directory(session))? else {
            return Ok(None);
        };
        let has_all = |row: &DirectoryRow| {
            let texts = [&row.holder, &row.order].map(|text| {
                let text = text.as_ref().map_or("", Private::reveal);
                Folded::of(text)
            });
            words
                .iter()
                .all(|word| texts.iter().any(|text| text.contains(word)))
        };
        let mut found = Vec::new();
        self.walk(copy, |row: DirectoryRow| {
            if has_all(&row) {
                found.push(Person {
                    ticket: row.ticket,
                    holder: row.holder,
                    order: row.order,
                });
            }
            if found.len() < limit {
                std::ops::ControlFlow::Continue(())
            } else {
                std::ops::ControlFlow::Break(())
            }
        })?;
        Ok(Some(found))
    }

    /// Who a ticket belongs to, on a device that holds the directory.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn person(
        &self,
        session: SessionId,
        ticket: TicketId,
    ) -> Result<Option<Person>, StoreError> {
        let Some(copy) = self.serving(TableId::Directory(session))? else {
            return Ok(None);
        };
        let row: Option<DirectoryRow> = self.row(copy, ticket.into())?;
        Ok(row.map(|row| Person {
            ticket: row.ticket,
            holder: row.holder,
            order: row.order,
        }))
    }

    /// A device of the roster.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn roster_device(
        &self,
        organizer: OrganizerId,
        device: DeviceId,
    ) -> Result<Option<DeviceEntry>, StoreError> {
        let Some(copy) = self.serving(TableId::Roster(organizer))? else {
            return Ok(None);
        };
        let row: Option<RosterRow> = self.row(copy, device.into())?;
        Ok(row.and_then(|row| match row.entry {
            RosterEntry::Device(entry) => Some(entry),
            RosterEntry::Staff(_) => None,
        }))
    }

    /// A member of staff of the roster.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn roster_staff(
        &self,
        organizer: OrganizerId,
        staff: StaffId,
    ) -> Result<Option<StaffEntry>, StoreError> {
        let Some(copy) = self.serving(TableId::Roster(organizer))? else {
            return Ok(None);
        };
        let row: Option<RosterRow> = self.row(copy, staff.into())?;
        Ok(row.and_then(|row| match row.entry {
            RosterEntry::Staff(entry) => Some(entry),
            RosterEntry::Device(_) => None,
        }))
    }

    /// The member of staff whose badge has this key. The roster is small, so it is gone through.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn staff_of_badge(
        &self,
        organizer: OrganizerId,
        badge: &PublicKey,
    ) -> Result<Option<StaffEntry>, StoreError> {
        let Some(copy) = self.serving(TableId::Roster(organizer))? else {
            return Ok(None);
        };
        let mut found = None;
        self.walk(copy, |row: RosterRow| match row.entry {
            RosterEntry::Staff(entry) if entry.badge == *badge => {
                found = Some(entry);
                std::ops::ControlFlow::Break(())
            }
            RosterEntry::Staff(_) | RosterEntry::Device(_) => std::ops::ControlFlow::Continue(()),
        })?;
        Ok(found)
    }
}
