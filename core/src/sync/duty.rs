//! Duty: what the server's answer to a sign of life asks of a device that people rely on, and leaving.

use super::error::SyncError;
use super::parts::{Access, Memory, Parts};
use super::retry::Timer;
use super::run::{Exchange, run};
use crate::gate::{Means, give_up, hold_back};
use crate::store::{OwnLog, Store, StoreError};
use usher_domain::problem::Code;
use usher_domain::protocol::{Head, Heartbeat, HeartbeatAnswer, SyncApi};
use usher_domain::table::TableId;

impl<A: SyncApi, S: Access, T: Timer> Exchange<'_, A, S, T> {
    /// Gives up reservations that nobody uses and promises what the device is asked to hold back, durably.
    /// The records are sent in this very exchange.
    pub(super) fn heed_duty(
        &self,
        said: &Heartbeat,
        answer: &HeartbeatAnswer,
    ) -> Result<(), StoreError> {
        let parts = self.parts;
        let open = answer.open.as_deref().unwrap_or_default();
        let yields = answer.yields.as_deref().unwrap_or_default();
        let (now, _) = self.now()?;
        parts.store.with(|store| {
            let mut means = Means {
                store,
                clock: parts.clock,
                entropy: parts.entropy,
            };
            give_up(&mut means, parts.claims, open)?;
            hold_back(&mut means, parts.claims, yields)?;
            let mut tables = said.tables.iter();
            let holds_set = tables.any(|held| matches!(held.table, TableId::Set(_)));
            if holds_set && store.on_duty()?.is_none() {
                // Until it has read what others did before, it is nobody's home.
                store.set_away(Some(now))?;
                store.set_on_duty(Some(now))?;
            }
            Ok(())
        })
    }
}

/// Takes the device off duty: exchanges, so that the server has everything that it recorded, and says so.
/// From then on nobody waits for its word: until its next exchange it is nobody's home, and what it admits
/// all the same is excluded by nothing that the authority confirms.
///
/// # Errors
/// What ends the exchange; [`SyncError::OutOfStep`] if the server does not have everything then.
pub async fn sign_off<A: SyncApi, S: Access, T: Timer>(
    parts: &Parts<'_, A, S, T>,
    memory: &mut Memory,
) -> Result<(), SyncError> {
    run(parts, memory).await?;
    let heads = parts.store.with(|store| {
        let heads = whole_heads(store)?;
        // Before the server can know: whoever is asked no more must not let in what it is the home of.
        let reading = parts.clock.read();
        let now = store.observe_clock(reading)?.corrected(reading);
        store.set_away(Some(now))?;
        Ok::<_, SyncError>(heads)
    })?;
    let said = parts.api.sign_off(heads).await;
    parts.store.with(|store| match &said {
        Ok(()) => store.set_on_duty(None),
        // It is on duty still. Of any other failure nobody knows what came of it.
        Err(problem) if problem.code == Code::Conflict => store.set_away(None),
        Err(_) => Ok(()),
    })?;
    Ok(said?)
}

/// The ends of this device's logs, if the server has all of them.
fn whole_heads(store: &Store) -> Result<Vec<Head>, SyncError> {
    let (_, enrollment) = store.enrolled()?;
    let logs = store.own_logs()?;
    let own = logs
        .iter()
        .filter(|log| log.end.head.log.device == enrollment.device && log.end.head.sequence > 0);
    if own.clone().any(|log| log.unsent() > 0) {
        return Err(SyncError::OutOfStep(
            "the server lacks scans of this device",
        ));
    }
    Ok(own.map(|log: &OwnLog| log.end.head).collect())
}
