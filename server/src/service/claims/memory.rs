//! What claims read again and again, kept in memory for as long as storage says the same.
//!
//! Each thing is kept beside what it was made of, and that is read anew in every transaction: the bytes of
//! a document, the version of a table, the ends of the server's logs. So nothing is ever older than the
//! transaction, and what was read in one that failed is not taken for true.

use crate::service::devices::StoredDevice;
use crate::service::error::{Error, Result};
use crate::service::organizers::StoredOrganizer;
use crate::service::records::{cuts, lines};
use crate::service::server_log::{self, Progress};
use crate::service::{epoch, organizers, tables, things};
use crate::storage::{Kind, LogPlace, Space, Transaction};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use usher_domain::api::access::DeviceState;
use usher_domain::api::venue::Event;
use usher_domain::decide::{Elsewhere, SetAge};
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId};
use usher_domain::merge::Ground;
use usher_domain::protocol::Head;
use usher_domain::record::{Body, LogRef};
use usher_domain::session::SessionTerms;
use usher_domain::table::{TableId, Version};

/// A session as its newest sealed set says it.
#[derive(Debug)]
pub(super) struct Posting {
    pub(super) version: Version,
    pub(super) terms: SessionTerms,
    pub(super) age: SetAge,
    /// The id under which this server writes its log.
    pub(super) server: DeviceId,
    /// The organizer's other sessions near in time.
    pub(super) others: Vec<Elsewhere>,
}

/// The ground of a scope up to an end of the server's log.
#[derive(Debug)]
struct Known {
    epoch: u32,
    /// None while the server has said nothing in this epoch.
    end: Option<Progress>,
    /// The ends of the server's other logs of the scope, and of other branches of this one: after a restore
    /// devices hand back what it wrote in earlier epochs.
    others: Vec<Head>,
    ground: Arc<Ground>,
}

/// Values by what they were read from.
type ByBytes<K, V> = Mutex<HashMap<K, (Vec<u8>, Arc<V>)>>;

/// Everything kept.
#[derive(Debug, Default)]
pub(in crate::service) struct Memory {
    devices: ByBytes<DeviceId, StoredDevice>,
    trusts: ByBytes<OrganizerId, Version>,
    postings: Mutex<HashMap<SessionId, Arc<Posting>>>,
    grounds: Mutex<HashMap<ScopeId, Known>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The value that was read from these bytes, read again if they are others now.
fn kept<K: Eq + Hash, V>(
    values: &ByBytes<K, V>,
    key: K,
    bytes: Vec<u8>,
    read: impl FnOnce() -> Result<V>,
) -> Result<Arc<V>> {
    let mut values = lock(values);
    if let Some((from, value)) = values.get(&key)
        && *from == bytes
    {
        return Ok(Arc::clone(value));
    }
    let value = Arc::new(read()?);
    values.insert(key, (bytes, Arc::clone(&value)));
    Ok(value)
}

impl Memory {
    /// A device that counts.
    pub(super) fn active(&self, txn: &dyn Transaction, id: DeviceId) -> Result<Arc<StoredDevice>> {
        let stored = txn.entity(Kind::Device, id.as_bytes())?;
        let bytes = stored.ok_or(Error::NotFound("device"))?.body;
        let device = kept(&self.devices, id, bytes, || {
            things::get::<StoredDevice>(txn, id.as_bytes()).map(|device| device.value)
        })?;
        match device.state {
            DeviceState::Active => Ok(device),
            DeviceState::Waiting => Err(Error::Unauthenticated),
            DeviceState::Revoked => Err(Error::DeviceRevoked),
        }
    }

    /// The version of the trust document in force, if there is one.
    pub(super) fn trust(
        &self,
        txn: &dyn Transaction,
        organizer: OrganizerId,
    ) -> Result<Option<Version>> {
        let Some(bytes) = txn.value(Space::Document, organizer.as_bytes())? else {
            return Ok(None);
        };
        let version = kept(&self.trusts, organizer, bytes, || {
            let trust = organizers::trust(txn, organizer)?;
            let trust = trust.ok_or(Error::Internal("a trust document without its root"))?;
            Ok(trust.keys.trust().version)
        })?;
        Ok(Some(*version))
    }

    /// A session, if its set was ever sealed.
    pub(super) fn posting(
        &self,
        txn: &dyn Transaction,
        session: SessionId,
    ) -> Result<Option<Arc<Posting>>> {
        let table = TableId::Set(session);
        let Some(version) = txn.table_version(table)? else {
            return Ok(None);
        };
        let mut postings = lock(&self.postings);
        if let Some(posting) = postings.get(&session)
            && posting.version == version
        {
            return Ok(Some(Arc::clone(posting)));
        }
        let posting = Arc::new(read_posting(txn, table)?);
        postings.insert(session, Arc::clone(&posting));
        Ok(Some(posting))
    }

    /// The ground of a scope.
    pub(super) fn ground(
        &self,
        txn: &dyn Transaction,
        scope: ScopeId,
        server: DeviceId,
    ) -> Result<Arc<Ground>> {
        let epoch = epoch(txn)?;
        let end = server_log::progress(txn, scope)?;
        let others = other_ends(txn, scope, server, end)?;
        let mut grounds = lock(&self.grounds);
        if let Some(known) = grounds.get_mut(&scope)
            && known.epoch == epoch
            && known.others == others
            && known.ground.open_cuts().is_empty()
            && (known.end == end || catch_up(txn, server, known, end)?)
        {
            return Ok(Arc::clone(&known.ground));
        }
        let ground = Arc::new(read_ground(txn, scope, server)?);
        let known = Known {
            epoch,
            end,
            others,
            ground: Arc::clone(&ground),
        };
        grounds.insert(scope, known);
        Ok(ground)
    }
}

fn read_posting(txn: &dyn Transaction, table: TableId) -> Result<Posting> {
    let head = txn
        .table_head(table)?
        .ok_or(Error::Internal("a table has a version and no head"))?;
    let manifest = tables::manifest(&head)?;
    let terms = manifest
        .terms
        .ok_or(Error::Internal("a set's manifest has no terms"))?;
    let server = things::get::<StoredOrganizer>(txn, terms.organizer.as_bytes())?
        .value
        .server;
    let mut others = Vec::new();
    for other in &terms.others {
        let event = match things::get::<Event>(txn, other.event.as_bytes()) {
            Ok(event) => event.value.name,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        others.push(Elsewhere {
            session: other.id,
            name: other.name.clone(),
            event: other.event,
            event_name: event,
        });
    }
    Ok(Posting {
        version: head.version,
        terms,
        age: SetAge {
            issued_at: manifest.issued_at,
            expires_at: manifest.expires_at,
        },
        server,
        others,
    })
}

/// The ends of what the server wrote in a scope, but for the end of its log in this epoch.
fn other_ends(
    txn: &dyn Transaction,
    scope: ScopeId,
    server: DeviceId,
    end: Option<Progress>,
) -> Result<Vec<Head>> {
    let own = end.map(|end| (end.log, end.sequence, end.hash));
    let ends = txn.heads_of_device(server)?.into_iter();
    Ok(ends
        .filter(|(of, head)| *of == scope && own != Some((head.log.log, head.sequence, head.hash)))
        .map(|(_, head)| head)
        .collect())
}

fn read_ground(txn: &dyn Transaction, scope: ScopeId, server: DeviceId) -> Result<Ground> {
    let known = lines::ground_lines(txn, scope)?;
    cuts::ground_of_all(txn, scope, server, &known)
}

/// Records of the server's log read at once.
const PAGE: u32 = 1_000;

/// Adds what the server's log says since; false if it is not the log that is known, or says too much.
fn catch_up(
    txn: &dyn Transaction,
    server: DeviceId,
    known: &mut Known,
    end: Option<Progress>,
) -> Result<bool> {
    let (Some(before), Some(now)) = (known.end, end) else {
        return Ok(false);
    };
    if before.log != now.log || before.sequence > now.sequence {
        return Ok(false);
    }
    let log = LogRef {
        device: server,
        log: now.log,
    };
    let from = LogPlace::before(before.sequence);
    let mut page = txn.records_of_log(log, from, PAGE)?.into_iter();
    let is_whole = page.len() < PAGE as usize;
    let is_same = page
        .next()
        .is_some_and(|(_, first)| first.hash == before.hash);
    if !is_same || !is_whole {
        return Ok(false);
    }
    let ground = Arc::make_mut(&mut known.ground);
    for (_, line) in lines::readable(page.map(|(_, record)| record).collect()) {
        // What a cut lets count stands in another log.
        if matches!(line.record.body, Body::Cut(_)) {
            return Ok(false);
        }
        ground.add(&line);
    }
    known.end = end;
    Ok(true)
}
