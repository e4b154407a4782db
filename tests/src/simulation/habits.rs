//! What an evening has: what goes wrong in it, and what its venue is like.

use super::sessions::Sessions;

/// What makes the chance by which the venue is drawn another one.
pub(super) const VENUE: u64 = 0x000D_0025;

/// What goes wrong in a run: a run with everything at once hides more than it shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Habits {
    pub(super) bad_lines: bool,
    pub(super) cuts: bool,
    pub(super) crashes: bool,
    pub(super) bad_disks: bool,
    pub(super) clocks: bool,
    pub(super) copies: bool,
    pub(super) server_crashes: bool,
    pub(super) backups: bool,
    pub(super) careless: bool,
    pub(super) changes: bool,
    pub(super) revocation: bool,
    pub(super) rotation: bool,
    pub(super) orders: bool,
    pub(super) overrides: bool,
    pub(super) duty: bool,
    /// Whether the hall holds only a few people.
    pub(super) small_hall: bool,
    pub(super) open_gates: bool,
    /// Whether the session is delayed and gates are told things.
    pub(super) delays: bool,
}

impl Habits {
    /// What surrounds the venue is drawn by one chance, what it is like by another: an evening in a plain
    /// venue goes on as it went before there were others.
    pub(super) fn drawn(dice: &mut fastrand::Rng, venue: &mut fastrand::Rng) -> Self {
        let mut one_in = |most: u8| dice.u8(..most) == 0;
        let mut is_such = |most: u8| venue.u8(..most) == 0;
        Self {
            bad_lines: one_in(2),
            cuts: one_in(2),
            crashes: one_in(2),
            bad_disks: one_in(3),
            clocks: one_in(3),
            copies: one_in(5),
            server_crashes: one_in(3),
            backups: one_in(3),
            careless: one_in(3),
            changes: one_in(2),
            revocation: one_in(4),
            rotation: one_in(6),
            orders: one_in(5),
            overrides: one_in(4),
            duty: is_such(4),
            small_hall: is_such(4),
            open_gates: is_such(6),
            delays: is_such(6),
        }
    }

    /// Those that a house has in which so many sessions are held: a hall that holds only a few people is counted
    /// for one. Where servers are put back, keys come into use meanwhile.
    pub(super) const fn fit(self, sessions: Sessions) -> Self {
        match sessions {
            Sessions::One => self,
            Sessions::Two => Self {
                small_hall: false,
                rotation: self.rotation || self.backups,
                ..self
            },
        }
    }
}
