//! What is known of duties beside what is stored: up to when logs are proved, and who stands on duty.

use super::copies::is_copied;
use super::stored::{MARK, is_heard, scopes_of};
use crate::service::devices::StoredDevice;
use crate::service::error::Result;
use crate::service::{epoch, things};
use crate::storage::{DutyState, Space, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use usher_domain::api::access::DeviceState;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::claim::PROOF_MS;
use usher_domain::time::UnixMillis;

/// Where a device's log is proved up to, and in which epoch that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) at: UnixMillis,
    pub(super) epoch: u32,
}

/// Who is on duty in a scope, as of a mark and an epoch.
#[derive(Debug, Clone)]
struct Watch {
    mark: Vec<u8>,
    epoch: u32,
    standing: Arc<Standing>,
}

/// How the devices of a scope stand that have or may have been on duty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    states: BTreeMap<DeviceId, DutyState>,
    /// Those that are copied.
    copied: BTreeSet<DeviceId>,
}

impl Standing {
    /// How a device stands, if it ever was on duty.
    pub(crate) fn of(&self, device: DeviceId) -> Option<DutyState> {
        self.states.get(&device).copied()
    }
}

/// Where logs are proved up to, by a clock that may be set back.
#[derive(Debug, Default)]
struct Proofs {
    known: HashMap<(ScopeId, DeviceId), Proof>,
    /// The latest time that the clock showed.
    latest: UnixMillis,
}

/// A request is answered or over within this time; a sign of life that is older arrives no more.
const UNDER_WAY_MS: u64 = 60_000;

impl Proofs {
    /// Looks at the clock. If it was set back, nobody can say any more how old the proofs are: nobody is proved
    /// then.
    fn look(&mut self, now: UnixMillis) {
        if now >= self.latest {
            self.latest = now;
            return;
        }
        self.known.clear();
        // A statement that was under way while the clock was set back by less than it is old would seem
        // younger than it is: none counts until the clock is where it was. One that was set back by more than
        // anything may be under way says a time to come, and does not count anyway.
        if self.latest.since(now) > UNDER_WAY_MS {
            self.latest = now;
        }
    }
}

/// What is known of duties beside what is stored.
#[derive(Debug, Default)]
pub(crate) struct Duties {
    proofs: Mutex<Proofs>,
    watches: Mutex<HashMap<ScopeId, Watch>>,
}

/// A device whose log is not proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Silent {
    pub(crate) device: DeviceId,
    /// Up to when it is; zero if nothing is known.
    pub(crate) since: UnixMillis,
}

/// What a sign of life proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(super) device: DeviceId,
    pub(super) scopes: Vec<ScopeId>,
    pub(super) proof: Proof,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Duties {
    /// Takes a proof in. Called after the transaction that compared the heads is durable.
    pub(crate) fn prove(&self, proved: &Proved, now: UnixMillis) {
        let mut proofs = lock(&self.proofs);
        proofs.look(now);
        if proofs.latest > now {
            return;
        }
        for scope in &proved.scopes {
            let known = proofs
                .known
                .entry((*scope, proved.device))
                .or_insert(proved.proof);
            // Signs of life may overtake each other; the later one still holds what the earlier proved.
            if known.epoch < proved.proof.epoch || known.at < proved.proof.at {
                *known = proved.proof;
            }
        }
    }

    /// Up to when a device's log is known in an epoch; zero if it is not.
    pub(crate) fn known_up_to(&self, scope: ScopeId, device: DeviceId, epoch: u32) -> UnixMillis {
        let proofs = lock(&self.proofs);
        let proof = proofs.known.get(&(scope, device));
        proof
            .filter(|proof| proof.epoch == epoch)
            .map_or(UnixMillis::default(), |proof| proof.at)
    }

    /// Up to when all that a device recorded is known, at least; none if it is on duty nowhere.
    pub(crate) fn known_of(
        &self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        device: DeviceId,
    ) -> Result<Option<UnixMillis>> {
        let epoch = epoch(txn)?;
        let is_copied = is_copied(txn, device)?;
        let scopes = scopes_of(txn, organizer, device)?.into_iter();
        let known = scopes.map(|scope| match is_copied {
            true => UnixMillis::default(),
            false => self.known_up_to(scope, device, epoch),
        });
        Ok(known.min())
    }

    /// How every device of a scope stands that has or may have been on duty.
    pub(crate) fn standing(
        &self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        scope: ScopeId,
        epoch: u32,
    ) -> Result<Arc<Standing>> {
        let mark = txn.value(Space::Server, MARK)?.unwrap_or_default();
        let mut watches = lock(&self.watches);
        if let Some(watch) = watches.get(&scope)
            && watch.mark == mark
            && watch.epoch == epoch
        {
            return Ok(Arc::clone(&watch.standing));
        }
        let standing = Arc::new(read_standing(txn, organizer, scope, epoch)?);
        let watch = Watch {
            mark,
            epoch,
            standing: Arc::clone(&standing),
        };
        watches.insert(scope, watch);
        Ok(standing)
    }

    /// What a copied device proved before counts no more.
    pub(crate) fn forget(&self, device: DeviceId) {
        lock(&self.proofs).known.retain(|(_, of), _| *of != device);
    }

    /// The devices on duty whose log is not proved to have been uploaded shortly before `now`. Those that
    /// `spares` names are not asked about, unless they are copied: what one copy says does not bind the
    /// other.
    pub(crate) fn silent(
        &self,
        scope: ScopeId,
        standing: &Standing,
        epoch: u32,
        now: UnixMillis,
        spares: impl Fn(DeviceId) -> bool,
    ) -> Vec<Silent> {
        let mut proofs = lock(&self.proofs);
        proofs.look(now);
        let on_duty = standing
            .states
            .iter()
            .filter(|(_, state)| **state == DutyState::OnDuty);
        let mut silent = Vec::new();
        for (device, _) in on_duty {
            if standing.copied.contains(device) {
                silent.push(Silent {
                    device: *device,
                    since: UnixMillis::default(),
                });
                continue;
            }
            if spares(*device) {
                continue;
            }
            let proof = proofs.known.get(&(scope, *device));
            let since = proof
                .filter(|proof| proof.epoch == epoch)
                .map_or(UnixMillis::default(), |proof| proof.at);
            if now.since(since) > PROOF_MS {
                silent.push(Silent {
                    device: *device,
                    since,
                });
            }
        }
        silent
    }
}

fn read_standing(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    epoch: u32,
) -> Result<Standing> {
    let duties = txn.duties_in(scope)?;
    let mut states: BTreeMap<_, _> = duties
        .into_iter()
        .map(|duty| (duty.device, duty.state))
        .collect();
    if epoch > 1 {
        for device in things::all::<StoredDevice>(txn, organizer.as_bytes())? {
            let id = DeviceId::from_bytes(device.id);
            if device.value.state == DeviceState::Active && !is_heard(txn, id, epoch)? {
                states.insert(id, DutyState::OnDuty);
            }
        }
    }
    let mut copied = BTreeSet::new();
    for device in states.keys() {
        if is_copied(txn, *device)? {
            copied.insert(*device);
        }
    }
    Ok(Standing { states, copied })
}
