//! What proves that a supervisor approved: of an override, or of taking back what another device recorded.
//!
//! Whoever has a device's key can write any record. So a record that claims a supervisor's approval is
//! believed only with a proof that everybody who folds the records checks in the same way: a signature under
//! a key that the authority's own log lists, or a ruling that accepts the record.

use super::ground::{Ground, Place};
use crate::cose::{self, ContentType, KeyId, PublicKey};
use crate::document::approval::{Approval, ApprovalUse, read_unverified, says};
use crate::document::sanction::Sanction;
use crate::document::undo::UndoApproval;
use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, StaffId};
use crate::log::Line;
use crate::record::{OverrideKey, Scan, Undo};
use crate::time::UnixMillis;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The keys by which supervisors sign, each with the time from which on it proves nothing any more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OverrideKeys {
    by_id: BTreeMap<KeyId, BTreeMap<(StaffId, PublicKey), Option<UnixMillis>>>,
}

impl OverrideKeys {
    /// Lists a key. Of several records about one key the lowest `until` counts.
    pub(super) fn add(&mut self, listed: &OverrideKey) {
        let keys = self.by_id.entry(listed.key.kid()).or_default();
        let until = keys.entry((listed.staff, listed.key)).or_insert(None);
        *until = match (*until, listed.until) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
    }

    /// The keys of a member of staff that prove something at a time, of those with this id.
    fn valid_at(
        &self,
        kid: KeyId,
        staff: StaffId,
        at: UnixMillis,
    ) -> impl Iterator<Item = &PublicKey> {
        let keys = self.by_id.get(&kid).into_iter().flatten();
        keys.filter(move |((of, _), until)| {
            let is_valid = until.is_none_or(|until| at < until);
            *of == staff && (is_valid || crate::mutated!(BelieveRevokedSupervisor))
        })
        .map(|((_, key), _)| key)
    }
}

/// Answers of [`holds`] that are kept for a thread at most.
const KEPT_MAX: usize = 16_384;

thread_local! {
    /// A record is folded again with every record of its ticket, and its signature stays what it is.
    static KEPT: RefCell<HashMap<Hash, bool>> = RefCell::default();
}

/// Whether an envelope holds under a key.
fn holds(bytes: &[u8], key: &PublicKey, content_type: ContentType) -> bool {
    let of = Hash::of(&[key.as_bytes(), content_type.as_str().as_bytes(), bytes]);
    KEPT.with_borrow_mut(|kept| {
        if let Some(answer) = kept.get(&of) {
            return *answer;
        }
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let answer =
            cose::parse(bytes).is_ok_and(|envelope| envelope.verify(key, content_type).is_ok());
        kept.insert(of, answer);
        answer
    })
}

impl Ground {
    /// The approval in these bytes, if a supervisor signed it for this act.
    fn approval<T: Approval>(&self, bytes: &[u8], used: &ApprovalUse<T::Act>) -> Option<T> {
        let (kid, approval) = read_unverified::<T>(bytes).ok()?;
        let staff = approval.approved().supervisor;
        if !says(&approval, staff, used) {
            return None;
        }
        let mut keys = self.override_keys().valid_at(kid, staff, used.at);
        keys.any(|key| holds(bytes, key, T::CONTENT_TYPE))
            .then_some(approval)
    }

    /// Whether a supervisor signed an admission that claims to be an override, the attempt that it takes over
    /// included.
    fn is_sanctioned(&self, line: &Line, scan: &Scan) -> bool {
        let used = ApprovalUse {
            session: scan.session,
            subject: scan.subject,
            device: line.record.log.device,
            at: line.record.stamp,
            act: scan.attempt,
        };
        let bytes = scan.sanction.as_ref().filter(|_| scan.claims_override());
        bytes.is_some_and(|bytes| {
            let signed = self.approval::<Sanction>(bytes, &used);
            crate::mutated!(BelieveForgedOverride)
                || signed.is_some_and(|sanction| {
                    scan.takes_over.is_none_or(|over| over == sanction.refused)
                })
        })
    }

    /// Whether an undo takes back what a device recorded: the device itself may, and others with a
    /// supervisor's signature or if a person accepted their record.
    pub(super) fn takes_back(&self, line: &Line, undo: &Undo, recorded_by: DeviceId) -> bool {
        let device = line.record.log.device;
        if device == recorded_by || crate::mutated!(UndoByAnybody) {
            return true;
        }
        let used = ApprovalUse {
            session: undo.session,
            subject: undo.subject,
            device,
            at: line.record.stamp,
            act: undo.of,
        };
        let approval = undo.approval.as_ref();
        self.is_accepted(line.hash)
            || approval.is_some_and(|bytes| self.approval::<UndoApproval>(bytes, &used).is_some())
    }
}

/// The overrides among records of one subject that are proved, by the hashes of their records. A sanction is
/// good for one admission: of several the first in merge order is the override. A record that a person accepted
/// needs no other proof.
#[must_use]
pub fn proved_overrides<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line>,
) -> BTreeSet<Hash> {
    let mut proved = BTreeSet::new();
    let mut first: BTreeMap<(DeviceId, AttemptId), Place> = BTreeMap::new();
    for (line, scan) in claimed_overrides(ground, lines) {
        if ground.is_accepted(line.hash) {
            proved.insert(line.hash);
        }
        if ground.is_sanctioned(line, scan) {
            let place = ground.place_of(line);
            if crate::mutated!(OverrideUsedTwice) {
                proved.insert(line.hash);
            }
            first
                .entry((line.record.log.device, scan.attempt))
                .and_modify(|held| *held = place.min(*held))
                .or_insert(place);
        }
    }
    proved.extend(first.values().map(Place::hash));
    proved
}

/// Whether a record was taken back by any of these that counts and may do so.
#[must_use]
pub fn is_taken_back<'a>(
    ground: &Ground,
    target: &Line,
    lines: impl IntoIterator<Item = &'a Line>,
) -> bool {
    lines.into_iter().any(|line| {
        line.record.body.as_undo().is_some_and(|undo| {
            undo.of == target.hash
                && ground.counts(line)
                && ground.takes_back(line, undo, target.record.log.device)
        })
    })
}

/// The undos by which these records were taken back: of each record the first that counts and may do so, in
/// merge order.
#[must_use]
pub fn effective_undos<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line> + Clone,
) -> Vec<&'a Undo> {
    let mut undos: BTreeMap<Hash, BTreeMap<Place, (&Line, &Undo)>> = BTreeMap::new();
    for line in lines.clone() {
        if let Some(undo) = line.record.body.as_undo()
            && ground.counts(line)
        {
            let of = undos.entry(undo.of).or_default();
            of.insert(ground.place_of(line), (line, undo));
        }
    }
    if undos.is_empty() {
        return Vec::new();
    }
    let mut effective = BTreeMap::new();
    for target in lines {
        let of = undos.get(&target.hash).into_iter().flatten();
        let mut of = of.map(|(_, (line, undo))| (*line, *undo));
        let first = of.find(|(line, undo)| {
            let is_same =
                (target.record.body.as_scan()).is_some_and(|scan| scan.session == undo.session);
            is_same && ground.takes_back(line, undo, target.record.log.device)
        });
        effective.extend(first.map(|(_, undo)| (target.hash, undo)));
    }
    effective.into_values().collect()
}

fn claimed_overrides<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line>,
) -> impl Iterator<Item = (&'a Line, &'a Scan)> {
    lines.into_iter().filter_map(|line| {
        let scan = line.record.body.as_scan()?;
        (scan.claims_override() && ground.counts(line)).then_some((line, scan))
    })
}

/// What a record claims without proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnprovedClaim {
    /// An override that no listed supervisor signed for this admission. It is an ordinary admission.
    Override,
    /// An override whose sanction an earlier admission had used. It is an ordinary admission.
    UsedOverride,
    /// An undo of what another device recorded. It has no effect.
    Undo,
}

/// A record that claims what nothing proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unproved<'a> {
    /// The claim.
    pub claim: UnprovedClaim,
    /// The record that makes it.
    pub line: &'a Line,
    /// The admission that it is about: the record itself, or what an undo names.
    pub admission: &'a Line,
}

/// The records of one subject that claim what nothing proves, of those that count.
#[must_use]
pub fn unproved_claims<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line> + Clone,
) -> Vec<Unproved<'a>> {
    let proved = proved_overrides(ground, lines.clone());
    let mut claims = Vec::new();
    for (line, scan) in claimed_overrides(ground, lines.clone()) {
        if !proved.contains(&line.hash) {
            let claim = if ground.is_sanctioned(line, scan) {
                UnprovedClaim::UsedOverride
            } else {
                UnprovedClaim::Override
            };
            claims.push(Unproved {
                claim,
                line,
                admission: line,
            });
        }
    }
    let undos: Vec<(&Line, &Undo)> = lines
        .clone()
        .into_iter()
        .filter_map(|line| Some((line, line.record.body.as_undo()?)))
        .filter(|(line, _)| ground.counts(line))
        .collect();
    if undos.is_empty() {
        return claims;
    }
    for target in lines {
        for (line, undo) in undos.iter().filter(|(_, undo)| undo.of == target.hash) {
            if !ground.takes_back(line, undo, target.record.log.device) {
                claims.push(Unproved {
                    claim: UnprovedClaim::Undo,
                    line,
                    admission: target,
                });
            }
        }
    }
    claims
}
