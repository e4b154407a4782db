//! Attendance of a session as CSV: one row for each ticket of its newest ticket set.

use super::{Names, Next, Place, Rows};
use crate::service::error::{Error, Result};
use crate::service::incidents::shown;
use crate::service::organizers::StoredOrganizer;
use crate::service::records::cuts;
use crate::service::records::lines::{aliases, ground_lines, lines_about};
use crate::service::statistics::Slugs;
use crate::service::things;
use crate::storage::Transaction;
use usher_domain::cbor;
use usher_domain::merge::{Movement, movements};
use usher_domain::record::{Direction, Subject};
use usher_domain::secret::Private;
use usher_domain::table::rows::{DirectoryRow, TicketRow, TicketState};
use usher_domain::table::{BUCKETS, TableId};

pub(super) const HEADER: &[&str] = &[
    "ticket",
    "type",
    "external",
    "order",
    "holder",
    "state",
    "entries",
    "first_entry",
    "first_gate",
    "last_exit",
];

/// Buckets of one piece: of half a million tickets some four thousand.
const BUCKETS_AT_ONCE: u16 = 8;

const fn state_word(state: TicketState) -> &'static str {
    match state {
        TicketState::Valid => "valid",
        TicketState::Cancelled(_) => "cancelled",
        TicketState::Blocked => "blocked",
    }
}

/// Order number and name, if they may be seen and the seller told them.
fn names(
    txn: &dyn Transaction,
    place: &Place,
    names: Names,
    bucket: u16,
    row: &TicketRow,
) -> Result<(String, String)> {
    let directory = TableId::Directory(place.session.id);
    let stored = match names {
        Names::Hidden => None,
        Names::Shown => txn.newest_row(directory, bucket, row.ticket.as_bytes())?,
    };
    let Some(stored) = stored else {
        return Ok((String::new(), String::new()));
    };
    let row: DirectoryRow = cbor::decode(&stored.row)
        .map_err(|_| Error::Internal("a row of a directory is not readable"))?;
    let text = |private: Option<Private>| {
        private.map_or_else(String::new, |private| private.reveal().to_owned())
    };
    Ok((text(row.order), text(row.holder)))
}

pub(super) fn piece(
    txn: &dyn Transaction,
    place: &Place,
    bucket: u16,
    shown_names: Names,
) -> Result<(Vec<u8>, Next)> {
    let last = bucket.saturating_add(BUCKETS_AT_ONCE - 1);
    let scope = place.session.scope;
    let general = ground_lines(txn, scope)?;
    let server = things::get::<StoredOrganizer>(txn, place.organizer.as_bytes())?;
    let authority = server.value.server;
    let ground = cuts::ground_of_all(txn, scope, authority, &general)?;
    let aliases = aliases(&general);
    let slugs = Slugs::read(txn, place.organizer, &place.event)?;
    let mut tickets: Vec<(u16, Vec<u8>)> = Vec::new();
    let table = TableId::Set(place.session.id);
    txn.sealed_rows(table, bucket..=last, &mut |bucket, row| {
        tickets.push((bucket, row.to_vec()));
        Ok(())
    })?;
    let mut rows = Rows::new();
    for (bucket, row) in tickets {
        let row: TicketRow = cbor::decode(&row)
            .map_err(|_| Error::Internal("a row of a ticket set is not readable"))?;
        let subject = Subject::Ticket(row.ticket);
        let lines = lines_about(txn, scope, subject, &aliases, |_| true)?;
        let moved = movements(&ground, subject, lines.iter().map(|(_, line)| line));
        let here = |direction| {
            let session = place.session.id;
            moved.iter().filter(move |movement: &&Movement<'_>| {
                movement.scan.session == session && movement.scan.direction == direction
            })
        };
        let time = |movement: Option<&Movement<'_>>| {
            movement.map_or_else(String::new, |m| shown(m.evidence.at).to_string())
        };
        let (first, last) = (
            here(Direction::Entry).next(),
            here(Direction::Exit).next_back(),
        );
        let (order, holder) = names(txn, place, shown_names, bucket, &row)?;
        let stored = txn.ticket(row.ticket)?;
        rows.row(&[
            row.ticket.to_string(),
            slugs.kind(Some(row.type_number)),
            stored.and_then(|t| t.external).unwrap_or_default(),
            order,
            holder,
            state_word(row.state).to_owned(),
            here(Direction::Entry).count().to_string(),
            time(first),
            first.map_or_else(String::new, |m| slugs.gate(m.scan.gate)),
            time(last),
        ])?;
    }
    let next = last.saturating_add(1);
    let next = if usize::from(next) >= BUCKETS {
        Next::End
    } else {
        Next::Attendance(next, shown_names)
    };
    Ok((rows.into_bytes()?, next))
}
