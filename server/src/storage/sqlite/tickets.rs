//! [`Tickets`] in SQL.

use super::statements::{Session, bytes};
use crate::storage::{Result, StorageError, StoredTicket, Tickets};
use rusqlite::{Row, params};
use usher_domain::code::MediumKey;
use usher_domain::ids::{EventId, TicketId};

fn read_ticket(row: &Row<'_>) -> rusqlite::Result<StoredTicket> {
    Ok(StoredTicket {
        id: TicketId::from_bytes(bytes(row, 0)?),
        event: EventId::from_bytes(bytes(row, 1)?),
        external: row.get(2)?,
        body: row.get(3)?,
    })
}

impl Tickets for Session<'_> {
    fn ticket(&self, id: TicketId) -> Result<Option<StoredTicket>> {
        self.first(
            "SELECT id, event, external, body FROM ticket WHERE id = ?1",
            params![id.as_bytes()],
            "reading a ticket",
            read_ticket,
        )
    }

    fn ticket_by_external(&self, event: EventId, external: &str) -> Result<Option<StoredTicket>> {
        self.first(
            "SELECT id, event, external, body FROM ticket WHERE event = ?1 AND external = ?2",
            params![event.as_bytes(), external],
            "reading a ticket by its seller's number",
            read_ticket,
        )
    }

    fn medium_owner(&self, event: EventId, medium: &MediumKey) -> Result<Option<TicketId>> {
        self.first(
            "SELECT ticket FROM medium WHERE event = ?1 AND key = ?2",
            params![event.as_bytes(), medium.as_bytes()],
            "reading a medium",
            |row| bytes(row, 0).map(TicketId::from_bytes),
        )
    }

    fn tickets(
        &self,
        event: EventId,
        after: Option<TicketId>,
        limit: u32,
    ) -> Result<Vec<StoredTicket>> {
        // An empty blob is before every id.
        let after = after.as_ref().map_or(&[] as &[u8], |id| id.as_bytes());
        self.all(
            "SELECT id, event, external, body FROM ticket
             WHERE event = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            params![event.as_bytes(), after, limit],
            "listing tickets",
            read_ticket,
        )
    }

    fn put_ticket(&mut self, ticket: &StoredTicket) -> Result<()> {
        let doing = "writing a ticket";
        let written = self.execute(
            "INSERT INTO ticket (id, event, external, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET external = excluded.external, body = excluded.body
                WHERE event = excluded.event",
            params![
                ticket.id.as_bytes(),
                ticket.event.as_bytes(),
                ticket.external,
                ticket.body
            ],
            doing,
        )?;
        if written == 0 {
            return Err(StorageError::OtherOwner { doing });
        }
        Ok(())
    }

    fn put_medium(&mut self, event: EventId, medium: &MediumKey, ticket: TicketId) -> Result<()> {
        let doing = "giving a medium to a ticket";
        let written = self.execute(
            "INSERT INTO medium (event, key, ticket) VALUES (?1, ?2, ?3)
             ON CONFLICT (event, key) DO NOTHING",
            params![event.as_bytes(), medium.as_bytes(), ticket.as_bytes()],
            doing,
        )?;
        if written == 1 || self.medium_owner(event, medium)? == Some(ticket) {
            return Ok(());
        }
        Err(StorageError::Taken { doing })
    }
}
