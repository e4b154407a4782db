//! What an exchange is made of, and what a process remembers from one to the next.

use super::offset::Offsets;
use super::others::PutOff;
use super::plan::Remote;
use super::portion::Portion;
use super::report::Progress;
use super::told::Told;
use crate::claims::Claims;
use crate::clock::{Clock, Entropy};
use crate::http::Channel;
use crate::store::Store;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use usher_domain::hash::Hash;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::Heard;
use usher_domain::table::{TableId, Version};

/// Reaches the store for a moment. It is never held while the exchange waits for the network, so scans go
/// on meanwhile.
pub trait Access {
    /// Runs `work` on the store.
    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T;
}

impl Access for std::sync::Mutex<Store> {
    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(
            &mut self
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}

/// What an exchange is made of.
pub struct Parts<'p, A, S, T> {
    /// The server.
    pub api: &'p A,
    /// What the server's answers prove.
    pub channel: Channel,
    /// The store.
    pub store: &'p S,
    /// Waits.
    pub timer: &'p T,
    /// The device's clock.
    pub clock: &'p (dyn Clock + Sync),
    /// Random bytes.
    pub entropy: &'p (dyn Entropy + Sync),
    /// The claims of this process.
    pub claims: &'p Claims,
    /// Drawn by each start of the program; none where nothing could be drawn.
    pub instance: Option<u64>,
    /// Hears how far it is.
    pub progress: &'p (dyn Fn(Progress) + Sync),
}

/// What a process remembers from one exchange to the next. Losing it costs a few requests.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) offsets: Offsets,
    /// In which epoch the heads of a scope's own logs were compared.
    pub(super) compared: BTreeMap<ScopeId, u32>,
    /// Tables whose rows were looked at.
    pub(super) examined: BTreeSet<TableId>,
    /// The documents with which batches set aside were last tried.
    pub(super) parked_tried: Option<(Version, Version)>,
    /// How much of a snapshot this line brings at once.
    pub(super) portion: Portion,
    /// The latest time of the server's clock that it told: what the next sign of life states is younger.
    pub(super) heard: Option<Heard>,
    /// When the server takes more of this device's records, where it said that it wrote too much; by the
    /// clock that is never set.
    pub(super) upload_after_ms: Option<u64>,
    /// Of each scope, what the server takes later of what was handed back of others.
    pub(super) put_off: BTreeMap<ScopeId, PutOff>,
    /// How far the server is, as it last said.
    pub(super) remote: Option<Remote>,
    /// Which start of its program answered last.
    pub(super) instance: Option<u64>,
    /// Which of the requests that are kept to be handed back that start was given.
    pub(super) offered: BTreeSet<Hash>,
    /// Which trust document that start was given.
    pub(super) trust_offered: Option<(u64, Hash)>,
    /// What it told since.
    pub(super) told: Arc<Told>,
}

impl Memory {
    /// For another exchange at the same time: what was told live is told to both.
    pub(crate) fn beside(&self) -> Self {
        Self {
            told: Arc::clone(&self.told),
            ..Self::default()
        }
    }
}
