//! Checking the logs of a scope as they are stored: every signature, every chain, and what they fold to.
//! Nothing is taken from what was written down while interpreting.

use super::devices::StoredDevice;
use super::error::{Error, Result};
use super::organizers::{self, StoredOrganizer};
use super::statistics::find_session;
use super::{Service, things};
use crate::storage::Transaction;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{Audit, AuditFault, AuditedLog};
use usher_domain::cose::{self, PublicKey};
use usher_domain::document::TrustedKeys;
use usher_domain::document::batch::{Batch, BatchHead};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::log::{Frame, Line, verify_batch};
use usher_domain::merge::{Ground, UnprovedClaim, fold, heads, state_digest, unproved_claims};
use usher_domain::record::{LogRef, Subject};

/// Batches read at once.
const PAGE: u32 = 16;

/// Whose keys sign the logs of an organizer.
struct Signers {
    server: DeviceId,
    set: PublicKey,
    trust: Option<TrustedKeys>,
    devices: BTreeMap<DeviceId, Option<PublicKey>>,
}

impl Signers {
    /// The key that must have signed a batch.
    fn of(
        &mut self,
        txn: &dyn Transaction,
        device: DeviceId,
        batch: &Batch,
    ) -> Result<Option<PublicKey>> {
        if device == self.server {
            // A set key that was replaced since is found in the trust document.
            let kid = cose::parse(&batch.head).map(|envelope| envelope.kid());
            return Ok(match (kid, &self.trust) {
                (Ok(kid), _) if kid == self.set.kid() => Some(self.set),
                (Ok(kid), Some(trust)) => trust.server_log_signer(kid).ok(),
                _ => None,
            });
        }
        if let Some(known) = self.devices.get(&device) {
            return Ok(*known);
        }
        let key = match things::get::<StoredDevice>(txn, device.as_bytes()) {
            Ok(stored) => Some(stored.value.key),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        self.devices.insert(device, key);
        Ok(key)
    }
}

#[derive(Default)]
struct Checked {
    batches: u64,
    records: BTreeMap<(LogRef, Hash), Frame>,
    lines: BTreeMap<Hash, Line>,
    faults: Vec<AuditFault>,
}

impl Checked {
    fn fault(
        &mut self,
        position: Option<u64>,
        device: Option<DeviceId>,
        code: &str,
        detail: impl Into<String>,
    ) {
        self.faults.push(AuditFault {
            position,
            device,
            code: code.to_owned(),
            detail: detail.into(),
        });
    }

    fn check(
        &mut self,
        txn: &dyn Transaction,
        signers: &mut Signers,
        scope: ScopeId,
        position: u64,
        batch: &Batch,
    ) -> Result<()> {
        self.batches += 1;
        // Who must have signed stands in the head; it is believed only after the signature fits.
        let claimed: Option<BatchHead> = cose::parse(&batch.head)
            .ok()
            .and_then(|envelope| usher_domain::cbor::decode(envelope.unverified_payload()).ok());
        let Some(claimed) = claimed else {
            let detail = "the signed head of the batch is not readable";
            self.fault(Some(position), None, "head_unreadable", detail);
            return Ok(());
        };
        let device = claimed.log.device;
        let Some(key) = signers.of(txn, device, batch)? else {
            let detail = "no key is known that this log's batches are signed with";
            self.fault(Some(position), Some(device), "unknown_signer", detail);
            return Ok(());
        };
        let verified = match verify_batch(batch, &key) {
            Ok(verified) => verified,
            Err(error) => {
                let detail = error.to_string();
                self.fault(Some(position), Some(device), "batch_not_authentic", detail);
                return Ok(());
            }
        };
        if verified.head().scope != scope {
            let detail = "the batch belongs to another scope";
            self.fault(Some(position), Some(device), "other_scope", detail);
        }
        for entry in verified.into_entries() {
            if let Some(line) = entry.line() {
                self.lines.insert(entry.hash, line);
            }
            self.records
                .insert((entry.frame.log, entry.hash), entry.frame);
        }
        Ok(())
    }

    /// Finds records that claim a supervisor's approval which nothing proves.
    fn check_approvals(&mut self, ground: &Ground) {
        let mut by_subject: BTreeMap<Subject, Vec<&Line>> = BTreeMap::new();
        for line in self.lines.values() {
            if let Some(subject) = line.record.subject() {
                let own = by_subject.entry(ground.resolve(subject)).or_default();
                own.push(line);
            }
        }
        let all = by_subject.into_values();
        let unproved = all.flat_map(|own| unproved_claims(ground, own));
        let faults: Vec<(DeviceId, &str, String)> = unproved
            .map(|one| {
                let (code, what) = match one.claim {
                    UnprovedClaim::Override => (
                        "override_not_proved",
                        "no supervisor signed the override of",
                    ),
                    UnprovedClaim::UsedOverride => (
                        "override_used_twice",
                        "another admission used the override before, of",
                    ),
                    UnprovedClaim::Undo => (
                        "undo_not_proved",
                        "no supervisor signed the undo of another device's admission in",
                    ),
                };
                let detail = format!("{what} record {}", one.line.hash);
                (one.line.record.log.device, code, detail)
            })
            .collect();
        for (device, code, detail) in faults {
            self.fault(None, Some(device), code, detail);
        }
    }

    /// Finds records whose predecessor is not there: batches prove their own range alone.
    fn check_chains(&mut self) {
        let holes: Vec<(DeviceId, u64)> = self
            .records
            .values()
            .filter(|frame| {
                frame.sequence > 1 && !self.records.contains_key(&(frame.log, frame.previous))
            })
            .map(|frame| (frame.log.device, frame.sequence))
            .collect();
        for (device, sequence) in holes {
            let detail = format!("the record before number {sequence} of a log is missing");
            self.fault(None, Some(device), "record_missing", detail);
        }
    }
}

fn audit(txn: &dyn Transaction, organizer: OrganizerId, scope: ScopeId) -> Result<Audit> {
    let stored = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?.value;
    let mut signers = Signers {
        server: stored.server,
        set: stored.keys.set,
        trust: organizers::trust(txn, organizer)?.map(|trust| trust.keys),
        devices: BTreeMap::new(),
    };
    let mut checked = Checked::default();
    let mut after = 0;
    loop {
        let page = txn.feed(scope, after, PAGE)?;
        if page.is_empty() {
            break;
        }
        for (position, batch) in page {
            if position != after.saturating_add(1) {
                let detail = "positions of the feed are missing before this one";
                checked.fault(Some(position), None, "position_missing", detail);
            }
            after = position;
            checked.check(txn, &mut signers, scope, position, &batch)?;
        }
    }
    checked.check_chains();
    let frames = checked
        .records
        .iter()
        .map(|((_, hash), frame)| (frame, *hash));
    let ends = heads(frames);
    let known: BTreeSet<_> = txn.heads(scope)?.into_iter().collect();
    if known != ends.heads.iter().copied().collect() {
        let detail = "the ends of logs that the server goes by are not those of its records";
        checked.fault(None, None, "heads_differ", detail);
    }
    let mut ground = Ground::of(scope, stored.server, checked.lines.values());
    for ((_, hash), frame) in &checked.records {
        ground.place(frame, *hash);
    }
    checked.check_approvals(&ground);
    let states = fold(&ground, checked.lines.values());
    let mut logs: BTreeMap<LogRef, AuditedLog> = BTreeMap::new();
    let of_log = |log: LogRef| AuditedLog {
        device: log.device,
        log: log.log.to_string(),
        records: 0,
        branches: 0,
    };
    for (log, _) in checked.records.keys() {
        logs.entry(*log).or_insert_with(|| of_log(*log)).records += 1;
    }
    for head in &ends.heads {
        logs.entry(head.log)
            .or_insert_with(|| of_log(head.log))
            .branches += 1;
    }
    Ok(Audit {
        scope,
        batches: checked.batches,
        records: checked.records.len() as u64,
        logs: logs.into_values().collect(),
        faults: checked.faults,
        state_digest: state_digest(scope, &ends, &states).to_string(),
    })
}

impl Service {
    /// Checks all chains and signatures of the logs of a session's scope, as they are stored.
    ///
    /// # Errors
    /// [`Error::NotFound`] for event or session. What is wrong with the logs is in the answer.
    pub async fn audit(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Audit> {
        self.read(move |txn| {
            let (_, session) = find_session(txn, organizer, &event, &session)?;
            audit(txn, organizer, session.scope)
        })
        .await
    }
}
