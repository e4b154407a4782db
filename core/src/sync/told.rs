//! What was told live, as far as an exchange must know of it.

use super::plan::Remote;
use super::report::Report;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::Heard;
use usher_domain::table::{TableId, Version};

/// How much an exchange is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Wanted {
    /// Nothing.
    #[default]
    Nothing,
    /// Send what this device recorded.
    Upload,
    /// Whatever the device lacks of what it knows the server has.
    Rest,
    /// Ask how far the server is, and then everything.
    All,
}

/// What was told since the connection began, and what is to be done about it.
#[derive(Debug, Default)]
pub(super) struct Told {
    state: Mutex<State>,
    rung: Notify,
}

#[derive(Debug, Default)]
struct State {
    epoch: u32,
    tables: BTreeMap<TableId, Version>,
    feeds: BTreeMap<ScopeId, u64>,
    trust: Version,
    heard: Option<Heard>,
    wanted: Wanted,
    received: u64,
    rows: u64,
}

impl Told {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to a server of this epoch begins. What an earlier one told counts no more: it may have
    /// been another server.
    pub(super) fn begin(&self, epoch: u32) {
        let mut state = self.state();
        *state = State {
            epoch,
            wanted: state.wanted,
            ..State::default()
        };
    }

    /// A feed has batches up to this position.
    pub(super) fn feed(&self, scope: ScopeId, end: u64) {
        let mut state = self.state();
        let told = state.feeds.entry(scope).or_default();
        *told = end.max(*told);
    }

    /// A table has this version.
    pub(super) fn table(&self, table: TableId, version: Version) {
        let mut state = self.state();
        let told = state.tables.entry(table).or_default();
        *told = version.max(*told);
    }

    /// The trust document has this version.
    pub(super) fn trust(&self, version: Version) {
        let mut state = self.state();
        state.trust = version.max(state.trust);
    }

    /// The server's clock, as it told it.
    pub(super) fn heard(&self, heard: Heard) {
        self.state().heard = Some(heard);
    }

    /// The latest time of the server's clock that was told on this connection.
    pub(super) fn latest(&self) -> Option<Heard> {
        self.state().heard
    }

    /// Records and rows came in.
    pub(super) fn took(&self, received: u64, rows: u64) {
        let mut state = self.state();
        state.received += received;
        state.rows += rows;
    }

    /// Adds what came in since the last report.
    pub(super) fn count_into(&self, report: &mut Report) {
        let mut state = self.state();
        report.received += std::mem::take(&mut state.received);
        report.rows += std::mem::take(&mut state.rows);
    }

    /// Lets an exchange do this much, soon.
    pub(super) fn want(&self, wanted: Wanted) {
        let mut state = self.state();
        state.wanted = wanted.max(state.wanted);
        drop(state);
        self.rung.notify_one();
    }

    /// Waits until something is wanted.
    pub(super) async fn wanted(&self) -> Wanted {
        loop {
            let wanted = std::mem::take(&mut self.state().wanted);
            if wanted != Wanted::Nothing {
                return wanted;
            }
            self.rung.notified().await;
        }
    }

    /// The server is at least as far as it told. An answer may be older than what was told meanwhile.
    pub(super) fn raise(&self, remote: &mut Remote) {
        let state = self.state();
        if state.epoch != remote.epoch {
            return;
        }
        remote.trust = remote.trust.max(state.trust);
        for entry in &mut remote.tables {
            let told = state.tables.get(&entry.table).copied();
            entry.version = entry.version.max(told.unwrap_or_default());
        }
        for end in &mut remote.feeds {
            let told = state.feeds.get(&end.scope).copied();
            end.position = end.position.max(told.unwrap_or_default());
        }
    }
}
