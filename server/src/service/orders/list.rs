//! What was ordered at a session, from the trail of records.

use super::notices;
use crate::service::error::Result;
use crate::service::statistics::{Slugs, find_session};
use crate::service::{Service, devices, organizers::StoredOrganizer, things, times};
use crate::storage::Transaction;
use std::collections::BTreeMap;
use usher_domain::api::orders::{Order, OrderKind};
use usher_domain::api::venue::{Event, Session};
use usher_domain::ids::{DeviceId, OrganizerId, SessionId};
use usher_domain::record::{Body, EveryoneOut, OutTakenBack, Record};
use usher_domain::time::UnixMillis;

/// What names things in orders.
struct Naming {
    slugs: Slugs,
    sessions: BTreeMap<SessionId, String>,
    devices: BTreeMap<DeviceId, String>,
}

impl Naming {
    fn read(txn: &dyn Transaction, organizer: OrganizerId, event: &Event) -> Result<Self> {
        let sessions = things::all::<Session>(txn, event.id.as_bytes())?.into_iter();
        let devices = things::all::<devices::StoredDevice>(txn, organizer.as_bytes())?.into_iter();
        Ok(Self {
            slugs: Slugs::read(txn, organizer, event)?,
            sessions: sessions.map(|one| (one.value.id, one.value.slug)).collect(),
            devices: devices
                .map(|one| (DeviceId::from_bytes(one.id), one.value.name))
                .collect(),
        })
    }

    fn session(&self, id: SessionId) -> String {
        let known = self.sessions.get(&id);
        known.map_or_else(|| id.to_string(), Clone::clone)
    }

    fn device(&self, id: DeviceId) -> String {
        let known = self.devices.get(&id);
        known.map_or_else(|| id.to_string(), Clone::clone)
    }
}

/// The order that a record gives at a session, if it is one.
fn order(
    txn: &dyn Transaction,
    naming: &Naming,
    session: SessionId,
    record: &Record,
) -> Result<Option<Order>> {
    let time = |at: UnixMillis| times::timestamp(at).map(Some);
    let empty = |kind| -> Result<Order> {
        Ok(Order {
            kind,
            at: times::timestamp(record.stamp)?,
            from: None,
            until: None,
            gate: None,
            zone: None,
            session: None,
            device: None,
            notice: None,
            text: None,
            by: None,
            doors: None,
            starts: None,
            ends: None,
        })
    };
    Ok(match &record.body {
        Body::EveryoneOut(out) if out.session == session => Some(Order {
            from: time(out.at)?,
            zone: out.zone.map(|zone| naming.slugs.zone(zone)),
            ..empty(OrderKind::EveryoneOut)?
        }),
        Body::OutTakenBack(back) => match taken_back(txn, record, back)? {
            Some(out) if out.session == session => Some(Order {
                from: time(out.at)?,
                zone: out.zone.map(|zone| naming.slugs.zone(zone)),
                ..empty(OrderKind::EveryoneOutTakenBack)?
            }),
            Some(_) | None => None,
        },
        Body::FreeFlow(flow) if flow.session == session => Some(Order {
            gate: Some(naming.slugs.gate(Some(flow.gate))),
            from: time(flow.from)?,
            until: time(flow.until)?,
            ..empty(OrderKind::FreeFlow)?
        }),
        Body::Honour(honour) if honour.session == session => Some(Order {
            session: Some(naming.session(honour.tickets_of)),
            from: time(honour.from)?,
            until: time(honour.until)?,
            ..empty(OrderKind::Honour)?
        }),
        Body::Notice(notice) if notice.session == Some(session) => {
            let words = notices::once_said(txn, session, &notice.text)?;
            Some(Order {
                gate: notice.gate.map(|gate| naming.slugs.gate(Some(gate))),
                until: time(notice.until)?,
                notice: Some(notice.text.to_string()),
                text: words.as_ref().map(|words| words.text.clone()),
                by: words.map(|words| words.by),
                ..empty(OrderKind::Notice)?
            })
        }
        Body::Delay(delay) if delay.session == session => Some(Order {
            doors: time(delay.doors)?,
            starts: time(delay.starts)?,
            ends: time(delay.ends)?,
            ..empty(OrderKind::Delay)?
        }),
        Body::StandDown(down) => Some(Order {
            device: Some(naming.device(down.device)),
            from: time(down.since)?.filter(|_| down.since > UnixMillis::default()),
            ..empty(OrderKind::StandDown)?
        }),
        Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::Correction(_)
        | Body::Scan(_)
        | Body::Undo(_)
        | Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::Abort(_)
        | Body::Yield(_) => None,
    })
}

/// The order that was taken back.
fn taken_back(
    txn: &dyn Transaction,
    record: &Record,
    back: &OutTakenBack,
) -> Result<Option<EveryoneOut>> {
    let stored = txn.record(record.scope, &back.of)?;
    let said = stored.and_then(|stored| usher_domain::cbor::decode::<Record>(&stored.bytes).ok());
    Ok(said.and_then(|said| {
        let Body::EveryoneOut(out) = said.body else {
            return None;
        };
        (said.log.device == record.log.device).then_some(out)
    }))
}

fn list(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    session: &str,
) -> Result<Vec<Order>> {
    let (event, session) = find_session(txn, organizer, event, session)?;
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?
        .value
        .server;
    let naming = Naming::read(txn, organizer, &event)?;
    let mut orders = Vec::new();
    for stored in txn.records_about(session.scope, None)? {
        let record: Option<Record> = usher_domain::cbor::decode(&stored.bytes).ok();
        if let Some(record) = record.filter(|record| record.log.device == server) {
            orders.extend(order(txn, &naming, session.id, &record)?);
        }
    }
    Ok(orders)
}

impl Service {
    /// What was ordered at a session, the oldest first: people sent out, gates opened, notices, other
    /// times, tickets of other sessions let in, devices taken off duty.
    ///
    /// # Errors
    /// [`super::Error::NotFound`] for event or session.
    pub async fn orders(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Vec<Order>> {
        self.read(move |txn| list(txn, organizer, &event, &session))
            .await
    }
}
