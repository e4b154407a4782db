//! A gate that logs scans without deciding for a time.

use super::moment;
use crate::service::error::{Error, Result};
use crate::service::organizers::StoredOrganizer;
use crate::service::{Service, places, things};
use crate::storage::Transaction;
use usher_domain::api::reports::NewFreeFlow;
use usher_domain::api::venue::Session;
use usher_domain::ids::{GateId, OrganizerId};
use usher_domain::record::{Body, FreeFlow, Record};

/// Longest time for which a gate is opened at once.
const OPEN_MAX_MS: u64 = 24 * 3_600_000;

/// The last word on a gate of a session.
fn last(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    session: &Session,
    gate: GateId,
) -> Result<Option<FreeFlow>> {
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let mut last = None;
    for stored in txn.records_about(session.scope, None)? {
        let record: Option<Record> = usher_domain::cbor::decode(&stored.bytes).ok();
        let Some(record) = record.filter(|record| record.log.device == server) else {
            continue;
        };
        if let Body::FreeFlow(flow) = record.body
            && (flow.session, flow.gate) == (session.id, gate)
        {
            let place = (record.stamp, record.sequence);
            if last.as_ref().is_none_or(|(held, _)| *held < place) {
                last = Some((place, flow));
            }
        }
    }
    Ok(last.map(|(_, flow)| flow))
}

impl Service {
    /// Opens a gate of a session for a time: scans are logged without deciding. Said again, the last word
    /// counts.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or gate, [`Error::Invalid`] for the times.
    pub async fn free_flow(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: NewFreeFlow,
    ) -> Result<()> {
        self.say(organizer, event, session, move |txn, session, now| {
            let from = moment("from", new.from, now)?;
            let until = moment("until", Some(new.until), now)?;
            if until <= now || until <= from || until.since(from) > OPEN_MAX_MS {
                let why = "must be still to come, and a day after the beginning at most";
                return Err(Error::invalid("until", why));
            }
            Ok(vec![Body::FreeFlow(FreeFlow {
                session: session.id,
                gate: places::find_gate(txn, organizer, &new.gate)?,
                from,
                until,
            })])
        })
        .await
    }

    /// Has a gate of a session decide again before its time of free flow is over.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or gate, or if the gate is not open and will not be.
    pub async fn free_flow_no_more(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        gate: String,
    ) -> Result<()> {
        self.say(organizer, event, session, move |txn, session, now| {
            let gate = places::find_gate(txn, organizer, &gate)?;
            let open = last(txn, organizer, session, gate)?.filter(|flow| flow.until > now);
            let open = open.ok_or(Error::NotFound("free flow: the gate is not open"))?;
            Ok(vec![Body::FreeFlow(FreeFlow {
                from: open.from.min(now),
                until: now,
                ..open
            })])
        })
        .await
    }
}
