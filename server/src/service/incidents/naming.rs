//! What people call the things that incidents are about.

use super::numbers;
use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::tickets::stored;
use crate::service::{sessions, things};
use crate::storage::Transaction;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use usher_domain::api::reports::Incident;
use usher_domain::api::venue::{Event, Session};
use usher_domain::ids::{DeviceId, OrganizerId, SessionId, TicketId};

/// Names that were looked up, each once.
#[derive(Default)]
pub(super) struct Naming {
    sessions: BTreeMap<SessionId, Option<String>>,
    tickets: BTreeMap<TicketId, Option<String>>,
    devices: BTreeMap<DeviceId, Option<String>>,
}

/// What is found, or nothing where it is not there or somebody else's.
fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn session_name(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: SessionId,
) -> Result<Option<String>> {
    let Some(event) = sessions::event_of(txn, organizer, id)? else {
        return Ok(None);
    };
    let session = things::get::<Session>(txn, id.as_bytes())?.value;
    let event = things::get::<Event>(txn, event.as_bytes())?.value;
    Ok(Some(format!("{}/{}", event.slug, session.slug)))
}

fn ticket_number(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    (session, ticket): (SessionId, TicketId),
) -> Result<Option<String>> {
    let Some(event) = sessions::event_of(txn, organizer, session)? else {
        return Ok(None);
    };
    let ticket = found(stored::load(txn, event, ticket))?;
    Ok(ticket.and_then(|ticket| ticket.external))
}

impl Naming {
    /// Adds names and notes to an incident.
    pub(super) fn complete(
        &mut self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        incident: &mut Incident,
    ) -> Result<()> {
        incident.notes = numbers::notes(txn, organizer, &incident.id)?;
        if let Some(session) = incident.session {
            incident.session_name = self.session(txn, organizer, session)?;
            if let Some(ticket) = incident.ticket {
                incident.ticket_number = self.ticket(txn, organizer, (session, ticket))?;
            }
        }
        if let Some(device) = incident.device {
            incident.device_name = self.device(txn, organizer, device)?;
        }
        for scan in incident.scans.iter_mut().chain(&mut incident.allowed) {
            if let Some(ticket) = scan.ticket {
                scan.ticket_number = self.ticket(txn, organizer, (scan.session, ticket))?;
            }
        }
        Ok(())
    }

    fn session(
        &mut self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        id: SessionId,
    ) -> Result<Option<String>> {
        Ok(match self.sessions.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(session_name(txn, organizer, id)?).clone(),
        })
    }

    fn ticket(
        &mut self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        (session, ticket): (SessionId, TicketId),
    ) -> Result<Option<String>> {
        Ok(match self.tickets.entry(ticket) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new
                .insert(ticket_number(txn, organizer, (session, ticket))?)
                .clone(),
        })
    }

    fn device(
        &mut self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        id: DeviceId,
    ) -> Result<Option<String>> {
        Ok(match self.devices.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let device = things::get_of::<StoredDevice>(txn, organizer, id.as_bytes());
                let name = found(device)?.map(|device| device.value.name);
                new.insert(name).clone()
            }
        })
    }
}
