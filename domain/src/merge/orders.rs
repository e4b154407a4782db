//! Which orders from above hold at a gate.

use super::Ground;
use super::ground::Evacuation;
use crate::hash::Hash;
use crate::ids::{GateId, SessionId, ZoneId};
use crate::record::EveryoneOut;
use crate::time::UnixMillis;
use std::collections::BTreeMap;

/// An order from above that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// The gate lets people through without deciding.
    FreeFlow {
        /// From.
        from: UnixMillis,
        /// Until.
        until: UnixMillis,
    },
    /// Everyone was sent out.
    EveryoneOut {
        /// Of which zone; none for the whole venue.
        zone: Option<ZoneId>,
        /// Who was let in by then may come in once more.
        at: UnixMillis,
    },
    /// Tickets of another session are let in, too.
    Honour {
        /// Whose tickets.
        tickets_of: SessionId,
        /// From.
        from: UnixMillis,
        /// Until.
        until: UnixMillis,
    },
}

impl Ground {
    /// The orders that hold at a gate of a session at a time: of those to send everyone out the last one of
    /// each zone.
    #[must_use]
    pub fn orders(&self, session: SessionId, gate: Option<GateId>, now: UnixMillis) -> Vec<Order> {
        let flow = gate.and_then(|gate| self.free_flow_at(session, gate, now));
        let flow = flow.map(|flow| Order::FreeFlow {
            from: flow.from,
            until: flow.until,
        });
        let outs = self.outs_in_force(session, now);
        let outs: BTreeMap<Option<ZoneId>, UnixMillis> = outs
            .into_iter()
            .map(|(_, out)| (out.zone, out.at))
            .collect();
        let outs = outs.into_iter();
        let outs = outs.map(|(zone, at)| Order::EveryoneOut { zone, at });
        let honours = self.honours_of(session, now);
        let honours = honours.map(|honour| Order::Honour {
            tickets_of: honour.tickets_of,
            from: honour.from,
            until: honour.until,
        });
        flow.into_iter().chain(outs).chain(honours).collect()
    }

    /// The orders to send everyone out of a session that hold at a time, by the time that they name, each with
    /// the hash of its record; those that were taken back hold no longer.
    #[must_use]
    pub fn outs_in_force(&self, session: SessionId, now: UnixMillis) -> Vec<(Hash, &EveryoneOut)> {
        let mut outs: Vec<(Hash, &EveryoneOut)> = Vec::new();
        for (_, said) in self.evacuations().take_while(|(at, _)| *at <= now) {
            match said {
                Evacuation::Out(order, out) if out.session == session => outs.push((*order, out)),
                Evacuation::Out(..) => {}
                Evacuation::TakenBack(of) => outs.retain(|(order, _)| order != of),
            }
        }
        outs
    }
}
