//! Scans of a session as CSV.

use super::{Names, Next, Place, Rows, word};
use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::incidents::shown;
use crate::service::organizers::StoredOrganizer;
use crate::service::records::cuts;
use crate::service::records::lines::{Placed, aliases, ground_lines, lines_about, readable};
use crate::service::statistics::Slugs;
use crate::service::tickets::stored;
use crate::service::{staff, things, times};
use crate::storage::Transaction;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, OrganizerId, StaffId, TicketId};
use usher_domain::merge::{Ground, movements};
use usher_domain::record::{Body, Outcome, Subject};

pub(super) const HEADER: &[&str] = &[
    "record",
    "time",
    "device",
    "gate",
    "ticket",
    "type",
    "direction",
    "outcome",
    "reason",
    "counts",
    "local_time",
    "number",
    "seat",
    "operator",
];

/// Batches of one piece.
const BATCHES: u64 = 4;

/// Names of devices, read once each.
#[derive(Default)]
struct Devices(BTreeMap<DeviceId, String>);

impl Devices {
    fn name(&mut self, txn: &dyn Transaction, device: DeviceId) -> String {
        self.0
            .entry(device)
            .or_insert_with(|| {
                things::get::<StoredDevice>(txn, device.as_bytes())
                    .map_or_else(|_| device.to_string(), |stored| stored.value.name)
            })
            .clone()
    }
}

/// Who was signed in, each read once: the name where it may be told, else the id.
struct Operators {
    organizer: OrganizerId,
    names: Names,
    read: BTreeMap<StaffId, String>,
}

impl Operators {
    const fn new(organizer: OrganizerId, names: Names) -> Self {
        Self {
            organizer,
            names,
            read: BTreeMap::new(),
        }
    }

    fn name(&mut self, txn: &dyn Transaction, operator: Option<StaffId>) -> String {
        let Some(operator) = operator else {
            return String::new();
        };
        let (organizer, names) = (self.organizer, self.names);
        let read = self.read.entry(operator).or_insert_with(|| {
            let name = match names {
                Names::Shown => staff::name(txn, organizer, operator),
                Names::Hidden => None,
            };
            name.map_or_else(|| operator.to_string(), |name| name.reveal().to_owned())
        });
        read.clone()
    }
}

/// The seller's number and the seat of tickets, each read once.
#[derive(Default)]
struct Tickets(BTreeMap<TicketId, (String, String)>);

impl Tickets {
    fn number_and_seat(
        &mut self,
        txn: &dyn Transaction,
        event: EventId,
        subject: Subject,
    ) -> Result<(String, String)> {
        let Subject::Ticket(ticket) = subject else {
            return Ok(Default::default());
        };
        if let Some(known) = self.0.get(&ticket) {
            return Ok(known.clone());
        }
        let found = match stored::load(txn, event, ticket) {
            Ok(ticket) => (
                ticket.external.unwrap_or_default(),
                ticket.body.seat.unwrap_or_default(),
            ),
            Err(Error::NotFound(_) | Error::Internal(_)) => Default::default(),
            Err(error) => return Err(error),
        };
        self.0.insert(ticket, found.clone());
        Ok(found)
    }
}

/// Records of these subjects by which somebody went in or out and which count.
fn counting(
    txn: &dyn Transaction,
    place: &Place,
    ground: &Ground,
    lines: &[Placed],
    subjects: BTreeSet<Subject>,
) -> Result<BTreeSet<Hash>> {
    let aliases = aliases(lines);
    let mut counting = BTreeSet::new();
    for subject in subjects {
        let about = lines_about(txn, place.session.scope, subject, &aliases, |_| true)?;
        let about = about.iter().map(|(_, line)| line);
        let moved = movements(ground, subject, about);
        counting.extend(moved.iter().map(|movement| movement.evidence.record));
    }
    Ok(counting)
}

pub(super) fn piece(
    txn: &dyn Transaction,
    place: &Place,
    after: u64,
    names: Names,
) -> Result<(Vec<u8>, Next)> {
    let scope = place.session.scope;
    let end = txn.feed_end(scope)?;
    if after >= end {
        return Ok((Vec::new(), Next::End));
    }
    let upto = end.min(after.saturating_add(BATCHES));
    let general = ground_lines(txn, scope)?;
    let server = things::get::<StoredOrganizer>(txn, place.organizer.as_bytes())?;
    let authority = server.value.server;
    let ground = cuts::ground_of_all(txn, scope, authority, &general)?;
    let slugs = Slugs::read(txn, place.organizer, &place.event)?;
    let mut devices = Devices::default();
    let mut scans = Vec::new();
    let mut subjects = BTreeSet::new();
    for (_, line) in readable(txn.records_between(scope, after, upto)?) {
        if let Body::Scan(scan) = &line.record.body
            && scan.session == place.session.id
        {
            let subject = ground.resolve(scan.subject);
            if scan.outcome == Outcome::Admit && subject != Subject::Nothing {
                subjects.insert(subject);
            }
            scans.push((line.clone(), scan.clone(), subject));
        }
    }
    let counting = counting(txn, place, &ground, &general, subjects)?;
    let zone = times::zone(&place.event.time_zone)?;
    let mut tickets = Tickets::default();
    let mut operators = Operators::new(place.organizer, names);
    let mut rows = Rows::new();
    for (line, scan, subject) in scans {
        let at = shown(ground.stamp_of(&line.record));
        let (number, seat) = tickets.number_and_seat(txn, place.event.id, subject)?;
        let counts = match scan.outcome {
            Outcome::Admit => counting.contains(&line.hash),
            Outcome::Refuse | Outcome::Refer => ground.counts(&line),
        };
        rows.row(&[
            line.hash.to_string(),
            at.to_string(),
            devices.name(txn, line.record.log.device),
            slugs.gate(scan.gate),
            match subject {
                Subject::Ticket(ticket) => ticket.to_string(),
                Subject::Medium(_) | Subject::Nothing => String::new(),
            },
            slugs.kind(scan.type_number),
            word(&scan.direction)?,
            word(&scan.outcome)?,
            word(&scan.reason)?,
            if counts { "yes" } else { "no" }.to_owned(),
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string(),
            number,
            seat,
            operators.name(txn, scan.operator),
        ])?;
    }
    Ok((rows.into_bytes()?, Next::Scans(upto, names)))
}
