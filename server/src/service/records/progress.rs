//! How far the records of a scope are interpreted, and what of them is set aside.

use super::tally::{self, COUNTS};
use super::watch::Look;
use crate::service::error::{Error, Result};
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;
use usher_domain::cbor;
use usher_domain::ids::{OrganizerId, ScopeId, SessionId};
use usher_domain::merge::FOLD;
use usher_domain::record::LogRef;
use usher_domain::time::UnixMillis;

/// How far a scope is interpreted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Progress {
    #[n(0)]
    pub(super) organizer: OrganizerId,
    /// Position in the feed.
    #[n(1)]
    pub(super) position: u64,
    /// Sessions with counts.
    #[n(2)]
    pub(super) sessions: Vec<SessionId>,
    /// Logs whose quarantined records must be looked through.
    #[n(3)]
    looks: Option<Vec<Look>>,
    /// Positions of batches that could not be interpreted.
    #[n(4)]
    aside: Option<BTreeSet<u64>>,
    /// The number of the fold by which the records were counted; none by programs before.
    #[n(5)]
    fold: Option<u32>,
    /// The number of the list of things that were counted; none by programs before.
    #[n(6)]
    counts: Option<u32>,
}

impl Progress {
    /// How far a scope of this organizer is interpreted.
    pub(super) fn of(
        txn: &dyn Transaction,
        organizer: OrganizerId,
        scope: ScopeId,
    ) -> Result<Self> {
        Ok(load(txn, scope)?.unwrap_or(Self {
            organizer,
            position: 0,
            sessions: Vec::new(),
            looks: None,
            aside: None,
            fold: Some(FOLD),
            counts: Some(COUNTS),
        }))
    }

    pub(super) fn store(
        &self,
        txn: &mut dyn Transaction,
        scope: ScopeId,
        now: UnixMillis,
    ) -> Result<()> {
        let bytes = cbor::encode(self);
        txn.put_value(Space::Interpreted, scope.as_bytes(), &bytes, now)?;
        Ok(())
    }

    /// Whether all was counted that this program counts, by its fold.
    fn is_of_this_program(&self) -> bool {
        (self.fold, self.counts) == (Some(FOLD), Some(COUNTS))
    }

    /// Forgets what another program counted in another way: all that is stored is counted anew.
    pub(super) fn begin_anew(
        &mut self,
        txn: &mut dyn Transaction,
        scope: ScopeId,
        now: UnixMillis,
    ) -> Result<()> {
        if !self.is_of_this_program() {
            for session in std::mem::take(&mut self.sessions) {
                tally::forget(txn, scope, session, now)?;
            }
            (self.fold, self.counts) = (Some(FOLD), Some(COUNTS));
        }
        Ok(())
    }

    /// Notes sessions that have counts now.
    pub(super) fn add_sessions(&mut self, sessions: Vec<SessionId>) {
        self.sessions.extend(sessions);
        self.sessions.sort_unstable();
        self.sessions.dedup();
    }

    /// Notes that the quarantined records of these logs must be looked through, from their beginning.
    pub(super) fn look_at(&mut self, logs: BTreeSet<LogRef>) {
        if logs.is_empty() {
            return;
        }
        let looks = self.looks.get_or_insert_default();
        looks.retain(|look| !logs.contains(&look.log));
        looks.extend(logs.into_iter().map(Look::at_the_beginning));
    }

    /// Takes the next log to be looked through.
    pub(super) fn take_look(&mut self) -> Option<Look> {
        let looks = self.looks.as_mut()?;
        let next = looks.pop();
        if looks.is_empty() {
            self.looks = None;
        }
        next
    }

    /// Puts a log back of which there is more to be looked through.
    pub(super) fn go_on_looking(&mut self, look: Look) {
        self.looks.get_or_insert_default().push(look);
    }

    /// Passes over the batch after the position, which cannot be interpreted.
    pub(super) fn set_next_aside(&mut self) {
        self.position = self.position.saturating_add(1);
        self.aside.get_or_insert_default().insert(self.position);
    }

    /// Counts a batch that was passed over as interpreted after all.
    pub(super) fn take_back(&mut self, position: u64) {
        if let Some(aside) = &mut self.aside {
            aside.remove(&position);
        }
        self.aside = self.aside.take().filter(|aside| !aside.is_empty());
    }

    /// Positions of the batches that are passed over.
    pub(super) fn aside(&self) -> BTreeSet<u64> {
        self.aside.clone().unwrap_or_default()
    }

    /// The batches that are interpreted.
    pub(super) fn extent(&self) -> Extent {
        Extent {
            upto: self.position,
            aside: self.aside(),
        }
    }
}

/// Which batches of a feed are interpreted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extent {
    /// The last position.
    upto: u64,
    /// Positions before it that are passed over.
    aside: BTreeSet<u64>,
}

impl Extent {
    /// Whether a batch is among them.
    pub(super) fn holds(&self, position: u64) -> bool {
        position <= self.upto && !self.aside.contains(&position)
    }

    /// Whether a batch is among them or was passed over: its place in its log is known either way.
    pub(super) const fn reaches(&self, position: u64) -> bool {
        position <= self.upto
    }

    /// Whether no batch is among them.
    pub(super) const fn is_empty(&self) -> bool {
        self.upto == 0
    }
}

pub(super) fn load(txn: &dyn Transaction, scope: ScopeId) -> Result<Option<Progress>> {
    let stored = txn
        .value(Space::Interpreted, scope.as_bytes())?
        .map(|bytes| cbor::decode::<Progress>(&bytes))
        .transpose()
        .map_err(|_| Error::Internal("how far a scope is interpreted is not readable"))?;
    Ok(stored.map(|progress| {
        if progress.is_of_this_program() {
            return progress;
        }
        // Counted in another way: the counts stand until the first step counts anew.
        Progress {
            position: 0,
            looks: None,
            aside: None,
            ..progress
        }
    }))
}

/// Whose scope it is, if records of it were interpreted.
pub(super) fn owner(txn: &dyn Transaction, scope: ScopeId) -> Result<Option<OrganizerId>> {
    Ok(load(txn, scope)?.map(|progress| progress.organizer))
}

/// Whether records of the scope are stored that are not interpreted yet.
pub(super) fn has_records(txn: &dyn Transaction, scope: ScopeId) -> Result<bool> {
    let position = load(txn, scope)?.map_or(0, |progress| progress.position);
    Ok(position < txn.feed_end(scope)?)
}

/// Whether anything of the scope waits for the interpreter.
pub(super) fn is_pending(txn: &dyn Transaction, scope: ScopeId) -> Result<bool> {
    let looks = load(txn, scope)?.and_then(|progress| progress.looks);
    Ok(looks.is_some() || has_records(txn, scope)?)
}
