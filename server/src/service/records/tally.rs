//! What is counted at a session, so that reports need not read its records.

use crate::service::error::{Error, Result};
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;
use usher_domain::api::reports::ForbiddenBy;
use usher_domain::cbor;
use usher_domain::ids::{DeviceId, GateId, ScopeId, SessionId, StaffId, ZoneId};
use usher_domain::numbers::TypeNumber;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// What this program counts; another number means other counts, and all records are counted anew.
pub(super) const COUNTS: u32 = 1;

/// A quarter of an hour.
pub(in crate::service) const QUARTER_MS: u64 = 15 * 60_000;

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(flat)]
pub(in crate::service) enum Count {
    /// People inside, by the zone of the gate they came through.
    #[n(0)]
    Inside(#[n(0)] Option<ZoneId>),
    /// Tickets that entered at least once.
    #[n(1)]
    Arrived,
    /// Exits.
    #[n(2)]
    Exit,
    /// Entries by gate.
    #[n(3)]
    Entry(#[n(0)] Option<GateId>),
    /// Entries by ticket type.
    #[n(4)]
    OfType(#[n(0)] Option<TypeNumber>),
    /// Entries by minute since 1970.
    #[n(5)]
    InMinute(#[n(0)] u64),
    /// Refusals by gate and reason.
    #[n(6)]
    Refused(#[n(0)] Option<GateId>, #[n(1)] Reason),
    /// Entries that the state of their tickets forbade, by device and cause.
    #[n(7)]
    Forbidden(#[n(0)] DeviceId, #[n(1)] ForbiddenBy),
    /// Entries by gate and quarter of an hour since 1970.
    #[n(8)]
    InQuarter(#[n(0)] Option<GateId>, #[n(1)] u64),
    /// People let in by a supervisor, whatever the rules said, by who approved it.
    #[n(9)]
    Overridden(#[n(0)] Option<StaffId>),
    /// Scans that were taken back, by who did it.
    #[n(10)]
    TakenBack(#[n(0)] Option<StaffId>),
}

/// Counts of one session.
pub(in crate::service) type Tally = BTreeMap<Count, u64>;

/// Changes of counts by session.
#[derive(Debug, Default)]
pub(super) struct Changes(BTreeMap<SessionId, BTreeMap<Count, i64>>);

impl Changes {
    pub(super) fn add(&mut self, session: SessionId, count: Count, by: i64) {
        let changes = self.0.entry(session).or_default();
        let change = changes.entry(count).or_default();
        *change = change.saturating_add(by);
    }

    /// Writes them down and tells the sessions.
    pub(super) fn store(
        self,
        txn: &mut dyn Transaction,
        scope: ScopeId,
        now: UnixMillis,
    ) -> Result<Vec<SessionId>> {
        let mut sessions = Vec::new();
        for (session, changes) in self.0 {
            sessions.push(session);
            if changes.values().all(|change| *change == 0) {
                continue;
            }
            let mut tally = load(txn, scope, session)?;
            for (count, change) in changes {
                let counted = tally.entry(count).or_default();
                *counted = counted.saturating_add_signed(change);
            }
            tally.retain(|_, counted| *counted > 0);
            let rows: Vec<(Count, u64)> = tally.into_iter().collect();
            let place = place(scope, session);
            txn.put_value(Space::Tally, &place, &cbor::encode(&rows), now)?;
        }
        Ok(sessions)
    }
}

fn place(scope: ScopeId, session: SessionId) -> Vec<u8> {
    [scope.as_bytes().as_slice(), session.as_bytes()].concat()
}

/// Forgets the counts of a session.
pub(super) fn forget(
    txn: &mut dyn Transaction,
    scope: ScopeId,
    session: SessionId,
    now: UnixMillis,
) -> Result<()> {
    let none = cbor::encode(&Vec::<(Count, u64)>::new());
    txn.put_value(Space::Tally, &place(scope, session), &none, now)?;
    Ok(())
}

/// The counts of a session, as far as its scope is interpreted.
pub(in crate::service) fn load(
    txn: &dyn Transaction,
    scope: ScopeId,
    session: SessionId,
) -> Result<Tally> {
    let Some(bytes) = txn.value(Space::Tally, &place(scope, session))? else {
        return Ok(Tally::new());
    };
    let rows: Vec<(Count, u64)> =
        cbor::decode(&bytes).map_err(|_| Error::Internal("a session's counts are not readable"))?;
    Ok(rows.into_iter().collect())
}
