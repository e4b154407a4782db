//! Who listens, and to what.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::table::TableId;

/// Who listens, one seat for each device.
pub(super) struct Seats {
    max: usize,
    taken: BTreeMap<DeviceId, u64>,
    next: u64,
    closed: bool,
    scopes: BTreeMap<ScopeId, Watched>,
    tables: BTreeMap<TableId, usize>,
}

/// A scope that somebody listens to.
struct Watched {
    listeners: usize,
    /// The last position told.
    told: u64,
}

/// A device's place among the listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// Nobody sat there.
    New(u64),
    /// The same device sat there before.
    Instead(u64),
    /// There is none.
    None,
}

impl Seats {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            max,
            taken: BTreeMap::new(),
            next: 0,
            closed: false,
            scopes: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Gives a device a seat. The one that it had is no longer its own.
    pub(super) fn take(&mut self, device: DeviceId) -> Seat {
        let full = self.taken.len() >= self.max;
        if self.closed {
            return Seat::None;
        }
        let number = self.next;
        let seat = match self.taken.entry(device) {
            Entry::Occupied(mut before) => {
                before.insert(number);
                Seat::Instead(number)
            }
            Entry::Vacant(_) if full => return Seat::None,
            Entry::Vacant(free) => {
                free.insert(number);
                Seat::New(number)
            }
        };
        self.next += 1;
        seat
    }

    /// Frees a seat, unless the device has another since; says whether it was still its own.
    pub(super) fn leave(&mut self, device: DeviceId, number: u64) -> bool {
        let own = self.taken.get(&device) == Some(&number);
        if own {
            self.taken.remove(&device);
        }
        own
    }

    pub(super) fn is_taken_by(&self, device: DeviceId) -> bool {
        self.taken.contains_key(&device)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    pub(super) fn count(&self) -> usize {
        self.taken.len()
    }

    /// Gives no more seats.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Somebody listens to a scope, whose feed ends at `end`: what comes after is told.
    pub(super) fn watch_scope(&mut self, scope: ScopeId, end: u64) {
        let fresh = Watched {
            listeners: 0,
            told: end,
        };
        self.scopes.entry(scope).or_insert(fresh).listeners += 1;
    }

    pub(super) fn leave_scope(&mut self, scope: ScopeId) {
        if let Entry::Occupied(mut watched) = self.scopes.entry(scope) {
            watched.get_mut().listeners -= 1;
            if watched.get().listeners == 0 {
                watched.remove();
            }
        }
    }

    /// Scopes that somebody listens to, and how far they were told.
    pub(super) fn scopes(&self) -> Vec<(ScopeId, u64)> {
        let scopes = self.scopes.iter();
        scopes.map(|(scope, it)| (*scope, it.told)).collect()
    }

    /// A scope is told up to `end`.
    pub(super) fn told(&mut self, scope: ScopeId, end: u64) {
        if let Some(watched) = self.scopes.get_mut(&scope) {
            watched.told = watched.told.max(end);
        }
    }

    pub(super) fn watch_table(&mut self, table: TableId) {
        *self.tables.entry(table).or_default() += 1;
    }

    pub(super) fn leave_table(&mut self, table: TableId) {
        if let Entry::Occupied(mut listeners) = self.tables.entry(table) {
            *listeners.get_mut() -= 1;
            if *listeners.get() == 0 {
                listeners.remove();
            }
        }
    }

    pub(super) fn is_watched(&self, table: TableId) -> bool {
        self.tables.contains_key(&table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORTH: DeviceId = DeviceId::from_bytes([1; 16]);
    const SOUTH: DeviceId = DeviceId::from_bytes([2; 16]);
    const SCOPE: ScopeId = ScopeId::from_bytes([3; 16]);

    #[test]
    fn a_device_has_one_seat_and_the_newest_counts() {
        let mut seats = Seats::new(1);
        assert_eq!(seats.take(NORTH), Seat::New(0));
        assert_eq!(seats.take(SOUTH), Seat::None);
        assert_eq!(seats.take(NORTH), Seat::Instead(1));
        assert!(!seats.leave(NORTH, 0) && seats.is_taken_by(NORTH));
        assert!(seats.leave(NORTH, 1) && seats.is_empty());
        seats.close();
        assert_eq!(seats.take(SOUTH), Seat::None);
    }

    #[test]
    fn a_scope_is_watched_as_long_as_somebody_listens() {
        let mut seats = Seats::new(9);
        seats.watch_scope(SCOPE, 7);
        seats.told(SCOPE, 9);
        // Who comes later does not set it back.
        seats.watch_scope(SCOPE, 8);
        assert_eq!(seats.scopes(), [(SCOPE, 9)]);
        seats.leave_scope(SCOPE);
        assert_eq!(seats.scopes(), [(SCOPE, 9)]);
        seats.leave_scope(SCOPE);
        assert_eq!(seats.scopes(), []);
    }
}
