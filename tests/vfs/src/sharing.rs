//! Who holds which locks of a file, by the rules of SQLite's own file systems
//! (<https://www.sqlite.org/lockingv3.html>, `xShmLock` in <https://www.sqlite.org/c3ref/io_methods.html>).

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

/// Locks on the shared memory of a write-ahead log.
const SHM_LOCKS: usize = 8;

/// Somebody else holds what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// How firmly a connection holds a database; numbered as SQLite numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Level {
    #[default]
    None = 0,
    Shared = 1,
    Reserved = 2,
    Pending = 3,
    Exclusive = 4,
}

impl Level {
    pub(crate) const fn from_number(number: i32) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Shared,
            2 => Self::Reserved,
            3 => Self::Pending,
            _ => Self::Exclusive,
        }
    }
}

/// The locks of one file.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    /// What each connection holds, by the number of its handle.
    levels: std::collections::BTreeMap<u64, Level>,
    /// The memory that connections share; kept by those who have it mapped.
    pub(crate) memory: Arc<SharedMemory>,
}

impl Sharing {
    /// Raises what `handle` holds.
    pub(crate) fn lock(&mut self, handle: u64, wanted: Level) -> Result<(), Busy> {
        let others = |least: Level| {
            let mut levels = self.levels.iter();
            levels.any(|(other, level)| *other != handle && *level >= least)
        };
        let held = self.levels.get(&handle).copied().unwrap_or_default();
        if held >= wanted {
            return Ok(());
        }
        let refused = match wanted {
            Level::None => false,
            Level::Shared => others(Level::Pending),
            Level::Reserved => others(Level::Reserved),
            Level::Pending => others(Level::Reserved),
            Level::Exclusive => others(Level::Shared),
        };
        if !refused {
            self.levels.insert(handle, wanted);
            return Ok(());
        }
        // Readers finish, and new ones wait.
        if wanted == Level::Exclusive && !others(Level::Reserved) {
            self.levels.insert(handle, Level::Pending);
        }
        Err(Busy)
    }

    /// Lowers what `handle` holds.
    pub(crate) fn unlock(&mut self, handle: u64, to: Level) {
        if to == Level::None {
            self.levels.remove(&handle);
        } else if self.levels.get(&handle).is_some_and(|held| *held > to) {
            self.levels.insert(handle, to);
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.levels.values().any(|level| *level >= Level::Reserved)
    }
}

/// A page of shared memory: 32 KiB, which SQLite asks for at a time.
pub(crate) type Region = Box<[AtomicU64; 4096]>;

/// The shared memory of one file.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    inner: Mutex<Regions>,
}

#[derive(Debug, Default)]
struct Regions {
    /// Never moved or freed while somebody has the memory.
    regions: Vec<Region>,
    /// Below zero: one holds it alone; above: so many share it.
    locks: [i32; SHM_LOCKS],
}

/// What one connection holds of the shared memory, one bit for each lock.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) shared: u8,
    pub(crate) alone: u8,
}

/// What is asked of locks of shared memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Share,
    Alone,
    Release,
}

impl SharedMemory {
    /// The address of a region; none if it is not there and must not be made.
    pub(crate) fn region(&self, number: usize, extend: bool) -> Option<*const AtomicU64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        while extend && inner.regions.len() <= number {
            let fresh: Region = Box::new([const { AtomicU64::new(0) }; 4096]);
            inner.regions.push(fresh);
        }
        inner.regions.get(number).map(|region| region.as_ptr())
    }

    /// Takes or gives back `count` locks from `first` on: all or none.
    pub(crate) fn lock(
        &self,
        held: &mut Held,
        first: usize,
        count: usize,
        ask: Ask,
    ) -> Result<(), Busy> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = first..(first + count).min(SHM_LOCKS);
        let free = |locks: &[i32; SHM_LOCKS], number: usize| {
            let lock = locks.get(number).copied().unwrap_or(-1);
            let own = held.shared >> number & 1;
            match ask {
                Ask::Share => lock >= 0,
                Ask::Alone => lock == i32::from(own),
                Ask::Release => true,
            }
        };
        if !numbers.clone().all(|number| free(&inner.locks, number)) {
            return Err(Busy);
        }
        for number in numbers {
            let bit = 1_u8 << number;
            let Some(lock) = inner.locks.get_mut(number) else {
                continue;
            };
            match ask {
                Ask::Share if held.shared & bit == 0 => {
                    *lock += 1;
                    held.shared |= bit;
                }
                Ask::Share => {}
                Ask::Alone => {
                    *lock = -1;
                    held.alone |= bit;
                    held.shared &= !bit;
                }
                Ask::Release => {
                    if held.alone & bit != 0 {
                        *lock = 0;
                    } else if held.shared & bit != 0 {
                        *lock -= 1;
                    }
                    held.alone &= !bit;
                    held.shared &= !bit;
                }
            }
        }
        Ok(())
    }
}
