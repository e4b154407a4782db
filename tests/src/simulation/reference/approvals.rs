//! What supervisors approved of, as the records say.

use super::Records;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::cbor;
use usher_domain::cose::{self, ContentType, PublicKey};
use usher_domain::document::sanction::Sanction;
use usher_domain::document::undo::UndoApproval;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, StaffId};
use usher_domain::log::Line;
use usher_domain::record::{Body, Outcome, OverrideKey, RulingWord, Undo};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

thread_local! {
    /// What was found of signatures: it stays so, and each is looked at with every claim of its ticket.
    static HOLDS: RefCell<BTreeMap<Hash, bool>> = RefCell::default();
}

/// Whether an envelope holds under a key.
fn holds(envelope: &[u8], key: &PublicKey, kind: ContentType) -> bool {
    let of = Hash::of(&[key.as_bytes(), kind.as_str().as_bytes(), envelope]);
    let known = HOLDS.with_borrow(|known| known.get(&of).copied());
    known.unwrap_or_else(|| {
        let parsed = cose::parse(envelope);
        let holds = parsed.is_ok_and(|parsed| parsed.verify(key, kind).is_ok());
        HOLDS.with_borrow_mut(|known| known.insert(of, holds));
        holds
    })
}

/// Devices that claim what nothing proves.
#[derive(Debug, Default)]
pub struct Claiming {
    /// Overrides.
    pub overrides: BTreeSet<DeviceId>,
    /// Undos of what other devices recorded.
    pub undos: BTreeSet<DeviceId>,
}

impl Records<'_> {
    /// The devices of which records count that claim what nothing proves.
    #[must_use]
    pub fn claiming(&self) -> Claiming {
        let mut claiming = Claiming::default();
        for line in self.sorted.values().filter(|line| self.counts(line)) {
            let device = line.record.log.device;
            match &line.record.body {
                Body::Scan(scan) => {
                    let claims = scan.outcome == Outcome::Admit
                        && scan.reason == Reason::Override
                        && scan.sanction.is_some();
                    if claims && !self.is_override(line) {
                        claiming.overrides.insert(device);
                    }
                }
                Body::Undo(undo) => {
                    // Of what is filed under another ticket, or is no scan, it takes nothing back.
                    let target = self.sorted.values().find(|other| {
                        other.hash == undo.of
                            && other.record.subject() == Some(undo.subject)
                            && other.record.body.as_scan().is_some()
                    });
                    let is_proved = target
                        .is_none_or(|target| self.may_undo(line, undo, target.record.log.device));
                    if !is_proved {
                        claiming.undos.insert(device);
                    }
                }
                _ => {}
            }
        }
        claiming
    }

    fn is_accepted(&self, record: Hash) -> bool {
        let said = self
            .server()
            .rev()
            .find_map(|(_, said)| match &said.record.body {
                Body::Ruling(ruling) if ruling.of == record => Some(ruling.word),
                _ => None,
            });
        said == Some(RulingWord::Accept)
    }

    /// The content of an envelope that a supervisor of this id signed by a key that counts at a time.
    fn signed_by(
        &self,
        supervisor: StaffId,
        at: UnixMillis,
        envelope: &[u8],
        kind: ContentType,
    ) -> bool {
        let keys = self
            .server()
            .filter_map(|(_, line)| match &line.record.body {
                Body::OverrideKey(key) if key.staff == supervisor => Some(key),
                _ => None,
            });
        let keys: Vec<_> = keys.collect();
        let ended = |key: &OverrideKey| {
            let mut same = keys.iter().filter(|other| other.key == key.key);
            same.any(|other| other.until.is_some_and(|until| until <= at))
        };
        keys.iter()
            .any(|key| !ended(key) && holds(envelope, &key.key, kind))
    }

    /// Whether a supervisor signed this admission.
    fn is_signed(&self, line: &Line) -> bool {
        let Body::Scan(scan) = &line.record.body else {
            return false;
        };
        let is_override = scan.outcome == Outcome::Admit && scan.reason == Reason::Override;
        let Some(envelope) = scan.sanction.as_ref().filter(|_| is_override) else {
            return false;
        };
        let content = cose::parse(envelope).ok();
        let content = content.map(|parsed| parsed.unverified_payload().to_vec());
        let Some(Ok(said)) = content.map(|bytes| cbor::decode_canonical::<Sanction>(&bytes)) else {
            return false;
        };
        let stamp = line.record.stamp.get();
        (said.session, said.subject, said.attempt) == (scan.session, scan.subject, scan.attempt)
            && said.device == line.record.log.device
            && (stamp..=stamp.saturating_add(300_000)).contains(&said.expires_at.get())
            && scan.takes_over.is_none_or(|over| over == said.refused)
            && self.signed_by(
                said.supervisor,
                line.record.stamp,
                envelope,
                ContentType::OVERRIDE,
            )
    }

    /// Whether an admission is an override: a supervisor signed it and no earlier one, or a person accepted it.
    pub(super) fn is_override(&self, line: &Line) -> bool {
        let Body::Scan(scan) = &line.record.body else {
            return false;
        };
        let claims = scan.outcome == Outcome::Admit
            && scan.reason == Reason::Override
            && scan.sanction.is_some();
        if !claims || !self.counts(line) {
            return false;
        }
        let first = self.sorted.values().find(|other| {
            matches!(&other.record.body, Body::Scan(of)
                if of.attempt == scan.attempt && of.subject == scan.subject)
                && other.record.log.device == line.record.log.device
                && self.counts(other)
                && self.is_signed(other)
        });
        self.is_accepted(line.hash) || first.is_some_and(|first| first.hash == line.hash)
    }

    /// Whether an undo may take back what a device recorded.
    pub(super) fn may_undo(&self, line: &Line, undo: &Undo, recorded_by: DeviceId) -> bool {
        let device = line.record.log.device;
        if device == recorded_by || self.is_accepted(line.hash) {
            return true;
        }
        let Some(envelope) = undo.approval.as_ref() else {
            return false;
        };
        let content = cose::parse(envelope).ok();
        let content = content.map(|parsed| parsed.unverified_payload().to_vec());
        let Some(Ok(said)) = content.map(|bytes| cbor::decode_canonical::<UndoApproval>(&bytes))
        else {
            return false;
        };
        let stamp = line.record.stamp.get();
        (said.session, said.subject, said.of) == (undo.session, undo.subject, undo.of)
            && said.device == device
            && (stamp..=stamp.saturating_add(300_000)).contains(&said.expires_at.get())
            && self.signed_by(
                said.supervisor,
                line.record.stamp,
                envelope,
                ContentType::UNDO,
            )
    }
}
