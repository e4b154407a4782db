//! How the device's clock stands to the server's, kept across restarts.

use super::settings::{get, put, put_or_remove};
use super::{NoticeBody, Store, StoreError};
use crate::clock::{ClockEvent, ClockState, Reading};

const CLOCK: &str = "clock";

impl Store {
    /// Compares the clocks with the last reading and says how they stand now. A jump is written down and
    /// told to a person.
    ///
    /// # Errors
    /// What writing the file says; nothing is written as long as nothing changes.
    pub fn observe_clock(&mut self, now: Reading) -> Result<ClockState, StoreError> {
        let before = self.clock_state()?.unwrap_or(ClockState::unproved(now));
        let mut state = before;
        let event = state.observe(now);
        self.clock = Some(state);
        if state.trust() != before.trust() || event.is_some() {
            self.write("writing how the clock stands", |tx| put(tx, CLOCK, &state))?;
        }
        if let Some(ClockEvent::Jumped { by_ms }) = event {
            self.notice(state.corrected(now), &NoticeBody::ClockJumped { by_ms })?;
        }
        Ok(state)
    }

    /// How the clock stood when it was last observed or measured; none before.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn clock_state(&self) -> Result<Option<ClockState>, StoreError> {
        match self.clock {
            Some(state) => Ok(Some(state)),
            None => get(&self.conn, CLOCK),
        }
    }

    /// Writes down how the clock stands after a measurement; with none it is unproved again.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn set_clock_state(&mut self, state: Option<ClockState>) -> Result<(), StoreError> {
        self.learn("writing how the clock stands", |tx| {
            put_or_remove(tx, CLOCK, state.as_ref())
        })?;
        self.clock = state;
        Ok(())
    }
}
