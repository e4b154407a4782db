//! Scans that are dated far ahead, or back.

use super::plain_entry;
use crate::simulation::world::World;
use usher_domain::merge::LAST_STAMP;
use usher_domain::record::{Body, Direction, Scan};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;
use usher_server::service::Service;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How far off a stamp is.
const OFF_MS: [i64; 10] = [
    9_000,
    11_000,
    12 * MINUTE,
    HOUR,
    5 * HOUR,
    30 * DAY,
    3 * 365 * DAY,
    -30_000,
    -10 * MINUTE - 30_000,
    -2 * HOUR,
];

fn stamp(dice: &mut fastrand::Rng, now: UnixMillis) -> UnixMillis {
    let drawn = dice.usize(..OFF_MS.len() + 3);
    match OFF_MS.get(drawn) {
        Some(off) => now.shifted(*off),
        None => match drawn - OFF_MS.len() {
            0 => LAST_STAMP,
            1 => LAST_STAMP.shifted(1),
            _ => UnixMillis::new(u64::MAX),
        },
    }
}

impl World {
    /// The thief dates a scan as it likes.
    pub(super) fn thief_dates(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let now = service.now();
        let mut thief = thief.borrow_mut();
        let Some(conduct) = &mut thief.conduct else {
            return;
        };
        let ticket = self.ticket_for_thief(&mut conduct.dice);
        let entry = Scan {
            attempt: conduct.attempt(),
            ..plain_entry(self.house.session.id, ticket)
        };
        let gates = &self.house.hall_gates;
        let gate = gates[conduct.dice.usize(..gates.len())];
        let scan = match conduct.dice.u8(..6) {
            0 => Scan {
                direction: Direction::Exit,
                ..entry
            },
            1 => Scan {
                gate: Some(gate),
                reason: Reason::FreeFlow,
                ..entry
            },
            2 => Scan {
                gate: Some(gate),
                zone: Some(self.house.hall),
                ..entry
            },
            _ => entry,
        };
        let stamp = stamp(&mut conduct.dice, now);
        self.story
            .tell("thief", format_args!("dates a scan {}", stamp.get()));
        thief.branches[0].write(stamp, Body::Scan(scan));
    }
}
