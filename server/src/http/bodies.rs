//! Room for what callers send: how many bytes of requests are in memory at once.
//!
//! A body has its room before it is read. Small ones have a room of their own, so that whoever claims never
//! waits for somebody who sends much, and one caller has a few large ones at a time.

use super::endpoint::Budget;
use super::problem::Failure;
use crate::listen::Caller;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use usher_domain::problem::{Code, Problem};

/// Bytes of a body that is small.
pub(crate) const SMALL_BYTES: usize = 16 * 1024;
/// Bytes of all small bodies together.
pub(crate) const SMALL_BYTES_IN_ALL: usize = 32 * 1024 * 1024;
/// Large bodies of one caller at a time.
pub(crate) const LARGE_PER_CALLER: usize = 2;
/// How long a body waits for room.
pub(crate) const ROOM_WITHIN: Duration = Duration::from_secs(5);
/// When to come back if there is none, in seconds.
const COME_BACK_S: u32 = 2;

/// Room for bodies.
pub(crate) struct BodyRoom {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    callers: Arc<Mutex<HashMap<Caller, usize>>>,
}

/// A body's room; it is free again once this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    _bytes: OwnedSemaphorePermit,
    _turn: Option<Turn>,
}

/// Keeps a body's room for as long as its request is not answered; a clone keeps the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Option<Held>>>);

impl Kept {
    /// Keeps it.
    pub(crate) fn keep(&self, held: Held) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
    }
}

/// One of a caller's large bodies.
#[derive(Debug)]
struct Turn {
    callers: Arc<Mutex<HashMap<Caller, usize>>>,
    caller: Caller,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = callers.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                callers.remove(&self.caller);
            }
        }
    }
}

impl BodyRoom {
    /// Room for so many bytes of large bodies.
    pub(crate) fn new(large_bytes: usize) -> Self {
        let permits = |bytes: usize| Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS)));
        Self {
            small: permits(SMALL_BYTES_IN_ALL),
            large: permits(large_bytes),
            callers: Arc::default(),
        }
    }

    /// Room for a body of so many bytes at most. What nobody answers for is small.
    pub(crate) async fn hold(
        &self,
        caller: Option<&Caller>,
        bytes: usize,
    ) -> Result<Held, Failure> {
        let (room, turn) = if bytes <= SMALL_BYTES {
            (&self.small, None)
        } else {
            (&self.large, caller.map(|it| self.turn(it)).transpose()?)
        };
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let waiting = Arc::clone(room).acquire_many_owned(permits);
        match tokio::time::timeout(ROOM_WITHIN, waiting).await {
            Ok(Ok(held)) => Ok(Held {
                _bytes: held,
                _turn: turn,
            }),
            Ok(Err(_)) | Err(_) => Err(no_room()),
        }
    }

    fn turn(&self, caller: &Caller) -> Result<Turn, Failure> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = callers.entry(caller.clone()).or_default();
        if *count >= LARGE_PER_CALLER {
            return Err(Failure::too_often(1));
        }
        *count += 1;
        Ok(Turn {
            callers: Arc::clone(&self.callers),
            caller: caller.clone(),
        })
    }
}

fn no_room() -> Failure {
    let mut problem = Problem::new(Code::Unavailable, "too much is sent at once; ask again");
    problem.retry_after = Some(COME_BACK_S);
    Failure(problem)
}

/// What a body is that is longer than its endpoint takes.
pub(crate) fn too_large(budget: Budget) -> Failure {
    let detail = format!("the body is too long: {} bytes at most", budget.bytes);
    Failure::new(Code::TooLarge, detail)
}

/// What a body is that holds more than its endpoint takes.
pub(crate) fn too_much(budget: Budget) -> Failure {
    let detail = format!(
        "the body holds too much: {} items at most, {} within each other",
        budget.holds.items, budget.holds.depth
    );
    Failure::new(Code::TooLarge, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::ids::DeviceId;

    fn caller(number: u8) -> Caller {
        Caller::Device(DeviceId::from_bytes([number; 16]))
    }

    async fn code(room: &BodyRoom, caller: &Caller, bytes: usize) -> Option<Code> {
        let held = room.hold(Some(caller), bytes).await;
        held.err().map(|failure| failure.0.code)
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_have_so_much_room_and_small_ones_their_own() {
        let room = BodyRoom::new(3 << 20);
        let first = room.hold(Some(&caller(1)), 2 << 20).await.unwrap();
        assert_eq!(
            code(&room, &caller(2), 2 << 20).await,
            Some(Code::Unavailable)
        );
        assert_eq!(code(&room, &caller(2), SMALL_BYTES).await, None);
        drop(first);
        assert_eq!(code(&room, &caller(2), 2 << 20).await, None);
    }

    #[tokio::test]
    async fn one_caller_has_two_large_bodies_at_a_time() {
        let room = BodyRoom::new(1 << 30);
        let [first, _second] = [0; 2]
            .map(|_| futures_util::FutureExt::now_or_never(room.hold(Some(&CALLER), 1 << 20)));
        assert_eq!(code(&room, &CALLER, 1 << 20).await, Some(Code::RateLimited));
        assert_eq!(code(&room, &CALLER, 1_000).await, None);
        assert_eq!(code(&room, &caller(2), 1 << 20).await, None);
        drop(first);
        assert_eq!(code(&room, &CALLER, 1 << 20).await, None);
    }

    const CALLER: Caller = Caller::Device(DeviceId::from_bytes([1; 16]));
}
