//! Statistics of a session, from counts that are kept while records are interpreted.

use super::error::{Error, Result};
use super::incidents::shown;
use super::records::tally::{self, Count, QUARTER_MS};
use super::things::{self, Loaded};
use super::{Names, Service, events, staff, types};
use crate::storage::Transaction;
use std::collections::BTreeMap;
use usher_domain::api::reports::{
    ForbiddenBy, GateCount, MinuteCount, QuarterCount, StaffCount, Statistics, ZoneCount,
};
use usher_domain::api::venue::{Event, Gate, Session, Zone};
use usher_domain::ids::{GateId, OrganizerId, SessionId, StaffId, ZoneId};
use usher_domain::numbers::TypeNumber;
use usher_domain::session::ChannelCount;
use usher_domain::table::{Manifest, TableId};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;
use usher_domain::{cbor, cose};

/// What stands for the gate of devices that have none.
pub(crate) const SPARE: &str = "spare";
/// What stands for the type of a ticket that was not in the set.
pub(crate) const UNKNOWN_TYPE: &str = "unknown";

/// Names for paths, by what records carry. What was removed since is named by its id or number.
pub(crate) struct Slugs {
    gates: BTreeMap<GateId, String>,
    zones: BTreeMap<ZoneId, String>,
    types: BTreeMap<TypeNumber, String>,
}

impl Slugs {
    pub(crate) fn read(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        event: &Event,
    ) -> Result<Self> {
        let gates = things::all::<Gate>(txn, organizer.as_bytes())?;
        let zones = things::all::<Zone>(txn, organizer.as_bytes())?;
        let types = types::of_event(txn, event.id)?;
        Ok(Self {
            gates: gates
                .into_iter()
                .map(|gate| (gate.value.id, gate.value.slug))
                .collect(),
            zones: zones
                .into_iter()
                .map(|zone| (zone.value.id, zone.value.slug))
                .collect(),
            types: types
                .into_iter()
                .map(|kind| (kind.value.number, kind.value.slug))
                .collect(),
        })
    }

    pub(crate) fn gate(&self, gate: Option<GateId>) -> String {
        match gate {
            None => SPARE.to_owned(),
            Some(id) => self
                .gates
                .get(&id)
                .map_or_else(|| id.to_string(), Clone::clone),
        }
    }

    pub(crate) fn zone(&self, zone: ZoneId) -> String {
        self.zones
            .get(&zone)
            .map_or_else(|| zone.to_string(), Clone::clone)
    }

    pub(crate) fn kind(&self, number: Option<TypeNumber>) -> String {
        match number {
            None => UNKNOWN_TYPE.to_owned(),
            Some(number) => self
                .types
                .get(&number)
                .map_or_else(|| number.to_string(), Clone::clone),
        }
    }
}

/// A session with its event, as a path names them.
pub(crate) fn find_session(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    session: &str,
) -> Result<(Event, Session)> {
    let event = events::find(txn, organizer, event)?.value;
    let session: Loaded<Session> = things::find(txn, event.id.as_bytes(), session)?;
    Ok((event, session.value))
}

/// Tickets that may enter, as the newest ticket set counts them.
fn valid_tickets(txn: &dyn Transaction, session: SessionId) -> Result<u64> {
    let counts = counts(txn, session)?;
    Ok(counts.iter().map(|count| count.valid).sum())
}

/// Tickets that may enter, or may again, as the newest ticket set counts them.
pub(crate) fn tickets_left(txn: &dyn Transaction, session: SessionId) -> Result<u64> {
    let counts = counts(txn, session)?;
    Ok(counts.iter().map(|count| count.valid + count.blocked).sum())
}

/// Tickets by sales channel, as the newest ticket set counts them.
fn counts(txn: &dyn Transaction, session: SessionId) -> Result<Vec<ChannelCount>> {
    let Some(head) = txn.table_head(TableId::Set(session))? else {
        return Ok(Vec::new());
    };
    let manifest: Manifest = cose::parse(&head.manifest)
        .ok()
        .and_then(|envelope| cbor::decode(envelope.unverified_payload()).ok())
        .ok_or(Error::Internal("a stored manifest is not readable"))?;
    Ok(manifest.terms.map(|terms| terms.counts).unwrap_or_default())
}

fn statistics(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    event: &Event,
    session: &Session,
    names: Names,
) -> Result<Statistics> {
    let slugs = Slugs::read(txn, organizer, event)?;
    let mut told = Statistics {
        session: session.id,
        tickets: valid_tickets(txn, session.id)?,
        inside: 0,
        arrived: 0,
        entries: 0,
        exits: 0,
        zones: Vec::new(),
        refused: Vec::new(),
        forbidden: Vec::new(),
        gates: Vec::new(),
        types: Vec::new(),
        minutes: Vec::new(),
        quarters: Vec::new(),
        overrides: Vec::new(),
        undos: Vec::new(),
    };
    let by = |staff: Option<StaffId>, count| StaffCount {
        staff,
        name: staff
            .filter(|_| names == Names::Shown)
            .and_then(|staff| staff::name(txn, organizer, staff)),
        count,
    };
    let mut refused: BTreeMap<Reason, u64> = BTreeMap::new();
    let mut forbidden: BTreeMap<ForbiddenBy, u64> = BTreeMap::new();
    let mut gates: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (count, number) in tally::load(txn, session.scope, session.id)? {
        match count {
            Count::Inside(zone) => {
                told.inside += number;
                told.zones.push(ZoneCount {
                    zone: zone.map(|zone| slugs.zone(zone)),
                    inside: number,
                });
            }
            Count::Arrived => told.arrived = number,
            Count::Exit => told.exits = number,
            Count::Entry(gate) => {
                told.entries += number;
                gates.entry(slugs.gate(gate)).or_default().0 += number;
            }
            Count::OfType(kind) => told.types.push((slugs.kind(kind), number)),
            Count::InMinute(minute) => told.minutes.push(MinuteCount {
                minute: shown(UnixMillis::new(minute.saturating_mul(60_000))),
                entries: number,
            }),
            Count::Refused(gate, reason) => {
                *refused.entry(reason).or_default() += number;
                gates.entry(slugs.gate(gate)).or_default().1 += number;
            }
            Count::InQuarter(gate, quarter) => told.quarters.push(QuarterCount {
                quarter: shown(UnixMillis::new(quarter.saturating_mul(QUARTER_MS))),
                gate: slugs.gate(gate),
                entries: number,
            }),
            Count::Overridden(staff) => told.overrides.push(by(staff, number)),
            Count::TakenBack(staff) => told.undos.push(by(staff, number)),
            Count::Forbidden(_, by) => *forbidden.entry(by).or_default() += number,
        }
    }
    told.quarters
        .sort_by(|one, other| (one.quarter, &one.gate).cmp(&(other.quarter, &other.gate)));
    told.refused = refused.into_iter().collect();
    told.forbidden = forbidden.into_iter().collect();
    told.gates = gates
        .into_iter()
        .map(|(gate, (entries, refused))| GateCount {
            gate,
            entries,
            refused,
        })
        .collect();
    Ok(told)
}

impl Service {
    /// What happened at a session so far.
    ///
    /// # Errors
    /// [`Error::NotFound`] for event or session.
    pub async fn statistics(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        names: Names,
    ) -> Result<Statistics> {
        let (event, session) = self
            .read(move |txn| find_session(txn, organizer, &event, &session))
            .await?;
        self.interpret(organizer, session.scope).await?;
        self.read(move |txn| statistics(txn, organizer, &event, &session, names))
            .await
    }
}
