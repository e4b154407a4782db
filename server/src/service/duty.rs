//! Duty: which devices may admit without asking, and up to when it is known what they did.
//!
//! A device is on duty in a scope from the moment it is given a ticket set of it. That ends when it signs
//! off with all records handed in, when it is revoked, or when a supervisor stands it down; never by
//! silence, for a device without a network admits all the same.
//!
//! A sign of life proves a device's log up to the time of the server's clock that the device had heard when
//! it wrote the statement, if the ends of its logs are those that the server has: what it admitted before
//! is stored. Proofs are kept in memory. After a start nobody is proved until heard; after a restore every
//! device counts as on duty until heard, for the backup does not know who went on duty since.

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::{Service, epoch, server_log, sessions, things};
use crate::keys;
use crate::storage::{Duty, DutyState, Space, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use usher_domain::api::access::DeviceState;
use usher_domain::api::venue::Session;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId};
use usher_domain::protocol::claim::PROOF_MS;
use usher_domain::protocol::{Head, Heartbeat};
use usher_domain::record::{Body, StandDown};
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// Key of a value that is another after every change of anybody's duty.
const MARK: &[u8] = b"duty mark";

/// Where a device's log is proved up to, and in which epoch that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Proof {
    at: UnixMillis,
    epoch: u32,
}

/// Who is on duty in a scope, as of a mark and an epoch.
#[derive(Debug, Clone)]
struct Watch {
    mark: Vec<u8>,
    epoch: u32,
    devices: Arc<BTreeMap<DeviceId, DutyState>>,
}

/// What is known of duties beside what is stored.
#[derive(Debug, Default)]
pub(crate) struct Duties {
    proofs: Mutex<HashMap<(ScopeId, DeviceId), Proof>>,
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
    device: DeviceId,
    scopes: Vec<ScopeId>,
    proof: Proof,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Duties {
    /// Takes a proof in. Called after the transaction that compared the heads is durable.
    pub(crate) fn prove(&self, proved: &Proved) {
        let mut proofs = lock(&self.proofs);
        for scope in &proved.scopes {
            let known = proofs
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
        let proof = proofs.get(&(scope, device));
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
        let scopes = scopes_of(txn, organizer, device)?.into_iter();
        let known = scopes.map(|scope| self.known_up_to(scope, device, epoch));
        Ok(known.min())
    }

    /// How every device of a scope stands that has or may have been on duty.
    pub(crate) fn standing(
        &self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
        scope: ScopeId,
        epoch: u32,
    ) -> Result<Arc<BTreeMap<DeviceId, DutyState>>> {
        let mark = txn.value(Space::Server, MARK)?.unwrap_or_default();
        let mut watches = lock(&self.watches);
        if let Some(watch) = watches.get(&scope)
            && watch.mark == mark
            && watch.epoch == epoch
        {
            return Ok(Arc::clone(&watch.devices));
        }
        let devices = Arc::new(read_standing(txn, organizer, scope, epoch)?);
        let watch = Watch {
            mark,
            epoch,
            devices: Arc::clone(&devices),
        };
        watches.insert(scope, watch);
        Ok(devices)
    }

    /// The devices on duty whose log is not proved to have been uploaded shortly before `now`; those that
    /// `spares` names are not asked about.
    pub(crate) fn silent(
        &self,
        scope: ScopeId,
        standing: &BTreeMap<DeviceId, DutyState>,
        epoch: u32,
        now: UnixMillis,
        spares: impl Fn(DeviceId) -> bool,
    ) -> Vec<Silent> {
        let proofs = lock(&self.proofs);
        let on_duty = standing
            .iter()
            .filter(|(_, state)| **state == DutyState::OnDuty);
        let mut silent = Vec::new();
        for (device, _) in on_duty.filter(|(device, _)| !spares(**device)) {
            let proof = proofs.get(&(scope, *device));
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

/// Lets everybody read anew who is on duty. Random, so that what was read in a transaction that failed is
/// never taken for what another one wrote.
fn touch(txn: &mut dyn Transaction, now: UnixMillis) -> Result<()> {
    let mark: [u8; 16] = keys::random()?;
    txn.put_value(Space::Server, MARK, &mark, now)?;
    Ok(())
}

/// Whether a device was heard, or a person spoke for it, since the server was last restored.
fn is_heard(txn: &dyn Transaction, device: DeviceId, epoch: u32) -> Result<bool> {
    // A server that was never restored knows all it ever said.
    if epoch <= 1 {
        return Ok(true);
    }
    let heard = txn.value(Space::HeardIn, device.as_bytes())?;
    Ok(heard.is_some_and(|bytes| bytes == epoch.to_be_bytes()))
}

fn read_standing(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    scope: ScopeId,
    epoch: u32,
) -> Result<BTreeMap<DeviceId, DutyState>> {
    let duties = txn.duties_in(scope)?;
    let mut standing: BTreeMap<_, _> = duties
        .into_iter()
        .map(|duty| (duty.device, duty.state))
        .collect();
    if epoch > 1 {
        for device in things::all::<StoredDevice>(txn, organizer.as_bytes())? {
            let id = DeviceId::from_bytes(device.id);
            if device.value.state == DeviceState::Active && !is_heard(txn, id, epoch)? {
                standing.insert(id, DutyState::OnDuty);
            }
        }
    }
    Ok(standing)
}

/// Notes that a device was heard in this epoch: what is stored of its duties counts from now on.
fn hear(txn: &mut dyn Transaction, device: DeviceId, now: UnixMillis) -> Result<()> {
    let epoch = epoch(txn)?;
    if is_heard(txn, device, epoch)? {
        return Ok(());
    }
    let key = device.as_bytes();
    txn.put_value(Space::HeardIn, key, &epoch.to_be_bytes(), now)?;
    touch(txn, now)
}

/// Puts a device on duty in scopes where it is not.
fn begin(
    txn: &mut dyn Transaction,
    device: DeviceId,
    scopes: &BTreeSet<ScopeId>,
    now: UnixMillis,
) -> Result<()> {
    let lacking = lacking(&txn.duties_of(device)?, scopes);
    for scope in &lacking {
        let duty = Duty {
            scope: *scope,
            device,
            state: DutyState::OnDuty,
            since: now,
        };
        txn.put_duty(&duty)?;
    }
    if lacking.is_empty() {
        return Ok(());
    }
    touch(txn, now)
}

/// The scopes in which a device is not on duty.
fn lacking(duties: &[Duty], scopes: &BTreeSet<ScopeId>) -> Vec<ScopeId> {
    let is_on = |scope: ScopeId| {
        let mut own = duties.iter();
        own.any(|duty| duty.scope == scope && duty.state == DutyState::OnDuty)
    };
    let lacking = scopes.iter().filter(|scope| !is_on(**scope));
    lacking.copied().collect()
}

/// Ends all duties of a device.
fn end(
    txn: &mut dyn Transaction,
    device: DeviceId,
    state: DutyState,
    now: UnixMillis,
) -> Result<()> {
    hear(txn, device, now)?;
    for duty in txn.duties_of(device)? {
        if duty.state == DutyState::OnDuty {
            txn.put_duty(&Duty {
                state,
                since: now,
                ..duty
            })?;
        }
    }
    touch(txn, now)
}

/// The device was revoked: what it records from now on waits for a person, so nobody waits for its word.
pub(crate) fn revoke(txn: &mut dyn Transaction, device: DeviceId, now: UnixMillis) -> Result<()> {
    end(txn, device, DutyState::Revoked, now)
}

/// The scopes of the organizer's sessions in which a device is on duty, or may be.
fn scopes_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<BTreeSet<ScopeId>> {
    let duties = txn.duties_of(device)?.into_iter();
    let mut scopes: BTreeSet<ScopeId> = duties
        .filter(|duty| duty.state == DutyState::OnDuty)
        .map(|duty| duty.scope)
        .collect();
    if !is_heard(txn, device, epoch(txn)?)? {
        let all = sessions::of_organizer(txn, organizer)?;
        scopes.extend(all.iter().map(|session| session.value.scope));
    }
    Ok(scopes)
}

/// Takes a device off duty everywhere at a supervisor's word, and tells where it was, with the time up to
/// which its log is known in each scope. Its next sign of life with a ticket set puts it on duty again.
fn stand_down(
    txn: &mut dyn Transaction,
    duties: &Duties,
    organizer: OrganizerId,
    device: DeviceId,
    now: UnixMillis,
) -> Result<Vec<(ScopeId, UnixMillis)>> {
    let epoch = epoch(txn)?;
    let mut ended = Vec::new();
    for scope in scopes_of(txn, organizer, device)? {
        let since = duties.known_up_to(scope, device, epoch);
        txn.put_duty(&Duty {
            scope,
            device,
            state: DutyState::StoodDown,
            since,
        })?;
        ended.push((scope, since));
    }
    hear(txn, device, now)?;
    touch(txn, now)?;
    Ok(ended)
}

/// The scopes of the ticket sets that a device tells it holds.
fn scopes_held(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    heartbeat: &Heartbeat,
) -> Result<BTreeSet<ScopeId>> {
    let mut scopes = BTreeSet::new();
    for held in &heartbeat.tables {
        if let TableId::Set(session) = held.table
            && let Some(session) = session_of(txn, organizer, session)?
        {
            scopes.insert(session.scope);
        }
    }
    Ok(scopes)
}

/// A session of the organizer, if there is one of this id.
fn session_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    session: SessionId,
) -> Result<Option<Session>> {
    match sessions::of_id(txn, organizer, session) {
        Ok(session) => Ok(Some(session.value)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether logs on a device end where this server has them end, in each scope: those in which they do not,
/// or none if a log is unknown here, for then nobody can say whose scope it is of.
fn unproved(stored: &[(ScopeId, Head)], told: &[Head]) -> Option<BTreeSet<ScopeId>> {
    let mut unproved = BTreeSet::new();
    for head in told {
        let mut of_log = stored.iter().filter(|(_, known)| known.log == head.log);
        let (scope, _) = of_log.clone().next()?;
        if !of_log.any(|(_, known)| known == head) {
            unproved.insert(*scope);
        }
    }
    Some(unproved)
}

/// Notes a sign of life: puts the device on duty where it holds a set, and tells what it proves.
pub(crate) fn note(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
    heartbeat: &Heartbeat,
    now: UnixMillis,
) -> Result<Option<Proved>> {
    hear(txn, device, now)?;
    let held = scopes_held(txn, organizer, heartbeat)?;
    begin(txn, device, &held, now)?;
    let epoch = epoch(txn)?;
    let Some(heard) = heartbeat.heard else {
        return Ok(None);
    };
    if heard.epoch != epoch || heard.at > now {
        return Ok(None);
    }
    let Some(unproved) = unproved(&txn.heads_of_device(device)?, &heartbeat.heads) else {
        return Ok(None);
    };
    let on_duty = txn.duties_of(device)?.into_iter().map(|duty| duty.scope);
    Ok(Some(Proved {
        device,
        scopes: on_duty.filter(|scope| !unproved.contains(scope)).collect(),
        proof: Proof {
            at: heard.at,
            epoch,
        },
    }))
}

/// Takes a device off duty that handed in everything, how its attempts ended included: nobody else can tell
/// whether somebody is walking through at this moment.
fn sign_off(
    txn: &mut dyn Transaction,
    device: DeviceId,
    heads: &[Head],
    now: UnixMillis,
) -> Result<()> {
    let stored = txn.heads_of_device(device)?;
    if unproved(&stored, heads).is_none_or(|unproved| !unproved.is_empty()) {
        return Err(Error::Conflict(
            "records of this device are missing here: hand them in before signing off",
        ));
    }
    if !txn.reservations_of(device)?.is_empty() {
        return Err(Error::Conflict(
            "attempts of this device are open: end them and hand in their records before signing off",
        ));
    }
    end(txn, device, DutyState::SignedOff, now)
}

impl Service {
    /// What is known of duties beside what is stored.
    pub(super) fn duties(&self) -> &Arc<Duties> {
        &self.inner.duties
    }

    /// Puts a device on duty that is about to be given rows of a ticket set: from then on it may admit.
    pub(super) async fn begin_duty(&self, device: DeviceId, table: TableId) -> Result<()> {
        let TableId::Set(session) = table else {
            return Ok(());
        };
        let scope = move |txn: &dyn Transaction| -> Result<BTreeSet<ScopeId>> {
            let organizer = super::devices::active(txn, device)?.value.organizer;
            let session = session_of(txn, organizer, session)?;
            Ok(session.map(|session| session.scope).into_iter().collect())
        };
        let lacking = self
            .read(move |txn| Ok(lacking(&txn.duties_of(device)?, &scope(txn)?)))
            .await?;
        if lacking.is_empty() {
            return Ok(());
        }
        self.write_quietly(move |txn, now| {
            let scopes = scope(txn)?;
            begin(txn, device, &scopes, now)
        })
        .await
    }

    /// Takes a device off duty everywhere at a supervisor's word, and writes that into the log of every
    /// scope. Its next sign of life with a ticket set puts it on duty again.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn stand_down(&self, organizer: OrganizerId, device: String) -> Result<()> {
        let duties = Arc::clone(self.duties());
        let ended = self
            .write_quietly(move |txn, now| {
                let found = things::find::<StoredDevice>(txn, organizer.as_bytes(), &device)?;
                let device = DeviceId::from_bytes(found.id);
                let ended = stand_down(txn, &duties, organizer, device, now)?;
                for (scope, since) in &ended {
                    let since = *since;
                    let said = vec![Body::StandDown(StandDown { device, since })];
                    server_log::append(txn, organizer, *scope, said, now)?;
                }
                Ok(ended)
            })
            .await?;
        for (scope, _) in ended {
            self.interpret(organizer, scope).await?;
        }
        Ok(())
    }

    /// Takes a device off duty at its own word.
    ///
    /// # Errors
    /// [`Error::Conflict`] while records of the logs that it names are missing here, [`Error::NotFound`],
    /// [`Error::DeviceRevoked`].
    pub async fn sign_off(&self, device: DeviceId, heads: Vec<Head>) -> Result<()> {
        self.write_quietly(move |txn, now| {
            super::devices::active(txn, device)?;
            sign_off(txn, device, &heads, now)
        })
        .await
    }
}
