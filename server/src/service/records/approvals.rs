//! Records that claim a supervisor's approval: which are proved, which a person must look at, and which are
//! folded anew when a key is listed.

use super::lines::{Placed, aliases, lines_about};
use crate::service::error::{Error, Result};
use crate::service::incidents::{self, About, Standing};
use crate::service::staff;
use crate::storage::{Space, Transaction};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{IncidentKind, ScanLine};
use usher_domain::cbor;
use usher_domain::code::Identity;
use usher_domain::cose;
use usher_domain::document::approval::read_unverified;
use usher_domain::document::sanction::Sanction;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, TicketId};
use usher_domain::keys::KeyId;
use usher_domain::log::Line;
use usher_domain::merge::{Ground, Unproved, UnprovedClaim, proved_overrides, unproved_claims};
use usher_domain::record::{Body, Subject};
use usher_domain::time::UnixMillis;

/// Scans that one incident lists at most.
const LISTED_MAX: usize = 1_000;
/// Subjects that are remembered of one key at most; of a key with more, every subject is folded anew.
const REMEMBERED_MAX: usize = 1_000;

/// The records of a subject that claim what nothing proves: by incident, device and admission.
pub(super) type UnprovedRecords = BTreeMap<(Claim, DeviceId, Hash), ScanLine>;

/// What a device claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    Override,
    Undo,
}

impl Claim {
    const fn kind(self) -> IncidentKind {
        match self {
            Self::Override => IncidentKind::UnprovedOverride,
            Self::Undo => IncidentKind::UnprovedUndo,
        }
    }

    fn detail(self, scans: usize) -> String {
        match self {
            Self::Override => format!(
                "{scans} admissions of the device claim an override that no supervisor signed for \
                 them: they count as ordinary ones. Find out who has the device"
            ),
            Self::Undo => format!(
                "the device took back {scans} of other devices' admissions without a supervisor's \
                 signature: they count on. Find out who has the device"
            ),
        }
    }
}

/// Those among the records of a subject.
pub(super) fn unproved<'a>(
    ground: &Ground,
    subject: Subject,
    lines: impl Iterator<Item = &'a Line> + Clone,
) -> UnprovedRecords {
    let own = lines.filter(|line| {
        let of = line.record.subject();
        of.is_some_and(|of| ground.resolve(of) == subject)
    });
    let found = unproved_claims(ground, own).into_iter();
    found
        .filter_map(|one| {
            let Unproved {
                claim,
                line,
                admission,
            } = one;
            let claim = match claim {
                UnprovedClaim::Override | UnprovedClaim::UsedOverride => Claim::Override,
                UnprovedClaim::Undo => Claim::Undo,
            };
            let scan = incidents::scan_line(
                admission,
                ground.stamp_of(&admission.record),
                subject,
                Standing::Counts,
            )?;
            Some(((claim, line.record.log.device, admission.hash), scan))
        })
        .collect()
}

/// How the unproved records of some subjects differ from what they were before.
#[derive(Debug, Default)]
pub(super) struct Difference {
    by_device: BTreeMap<(Claim, DeviceId), Changed>,
}

#[derive(Debug, Default)]
struct Changed {
    new: Vec<ScanLine>,
    gone: BTreeSet<String>,
}

impl Difference {
    pub(super) fn add(&mut self, before: &UnprovedRecords, now: UnprovedRecords) {
        for ((claim, device, record), _) in before.iter().filter(|(key, _)| !now.contains_key(key))
        {
            let changed = self.by_device.entry((*claim, *device)).or_default();
            changed.gone.insert(record.to_string());
        }
        for ((claim, device, record), scan) in now {
            if !before.contains_key(&(claim, device, record)) {
                let changed = self.by_device.entry((claim, device)).or_default();
                changed.new.push(scan);
            }
        }
    }

    /// Brings the incidents up to date: one of a kind for each device that claimed something.
    pub(super) fn tell(
        self,
        txn: &mut dyn Transaction,
        organizer: OrganizerId,
        now: UnixMillis,
    ) -> Result<()> {
        for ((claim, device), changed) in self.by_device {
            let about = About::device(claim.kind(), device);
            list(txn, organizer, &about, changed, &|n| claim.detail(n), now)?;
        }
        Ok(())
    }
}

/// Adds scans to an incident, and takes scans out of it.
fn list(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    about: &About,
    changed: Changed,
    detail: &dyn Fn(usize) -> String,
    now: UnixMillis,
) -> Result<()> {
    let before = incidents::scans_of(txn, organizer, about)?;
    let mut scans = before.clone();
    scans.retain(|scan| !changed.gone.contains(&scan.record));
    for scan in changed.new {
        let is_there = scans.iter().any(|listed| listed.record == scan.record);
        if scans.len() < LISTED_MAX && !is_there {
            scans.push(scan);
        }
    }
    if scans == before {
        return Ok(());
    }
    if scans.is_empty() {
        return incidents::settle(txn, organizer, about);
    }
    let detail = detail(scans.len());
    incidents::raise(txn, organizer, about, &detail, scans, now)
}

/// The proved overrides of subjects, each subject read once.
struct Overrides<'g> {
    ground: &'g Ground,
    aliases: BTreeMap<TicketId, BTreeSet<Identity>>,
    of_subject: BTreeMap<Subject, BTreeSet<Hash>>,
}

impl Overrides<'_> {
    /// Whether a record is a proved override: what somebody only claims in a supervisor's name is none.
    fn has(&mut self, txn: &dyn Transaction, record: Hash, subject: Subject) -> Result<bool> {
        let subject = self.ground.resolve(subject);
        if !self.of_subject.contains_key(&subject) {
            let scope = self.ground.scope();
            let known = lines_about(txn, scope, subject, &self.aliases, |_| true)?;
            let proved = proved_overrides(self.ground, known.iter().map(|(_, line)| line));
            self.of_subject.insert(subject, proved);
        }
        let proved = self.of_subject.get(&subject);
        Ok(proved.is_some_and(|proved| proved.contains(&record)))
    }
}

/// Tells of overrides that a supervisor signed who may not override there or then, as far as the staff is known
/// now. They count: whoever folds the records does not know the staff. `ground_lines` are the records that the
/// ground is made of.
pub(super) fn watch_staff(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    (ground, ground_lines): (&Ground, &[Placed]),
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut overrides = Overrides {
        ground,
        aliases: aliases(ground_lines),
        of_subject: BTreeMap::new(),
    };
    for (_, line) in arrived.iter().filter(|(_, line)| ground.counts(line)) {
        let Some(scan) = line
            .record
            .body
            .as_scan()
            .filter(|scan| scan.claims_override())
        else {
            continue;
        };
        let signed = scan.sanction.as_ref();
        let Some((_, sanction)) = signed.and_then(|bytes| read_unverified::<Sanction>(bytes).ok())
        else {
            continue;
        };
        let supervisor = sanction.supervisor;
        let Some(entry) = staff::entry_of(txn, organizer, supervisor)? else {
            continue;
        };
        let Err(why) = entry.may_approve(scan.gate, line.record.stamp) else {
            continue;
        };
        if !overrides.has(txn, line.hash, scan.subject)? {
            continue;
        }
        let about = About::staff_on_device(supervisor, line.record.log.device);
        let subject = ground.resolve(scan.subject);
        let changed = Changed {
            new: Vec::from_iter(incidents::scan_line(
                line,
                ground.stamp_of(&line.record),
                subject,
                Standing::Counts,
            )),
            gone: BTreeSet::new(),
        };
        let detail = |scans: usize| {
            format!("{scans} overrides by staff member {supervisor} count although {why}")
        };
        list(txn, organizer, &about, changed, &detail, now)?;
    }
    Ok(())
}

fn place(scope: ScopeId, key: KeyId) -> Vec<u8> {
    [scope.as_bytes().as_slice(), key.as_bytes()].concat()
}

fn remembered(txn: &dyn Transaction, place: &[u8]) -> Result<BTreeSet<Subject>> {
    let Some(bytes) = txn.value(Space::ApprovedBy, place)? else {
        return Ok(BTreeSet::new());
    };
    let subjects: Vec<Subject> = cbor::decode(&bytes)
        .map_err(|_| Error::Internal("what a key approved of is not readable"))?;
    Ok(subjects.into_iter().collect())
}

/// The id of the key by which a record says that a supervisor approved of it.
fn approved_by(line: &Line) -> Option<KeyId> {
    let bytes = match &line.record.body {
        Body::Scan(scan) => scan.sanction.as_ref().filter(|_| scan.claims_override()),
        Body::Undo(undo) => undo.approval.as_ref(),
        Body::Link(_)
        | Body::Rule(_)
        | Body::Cut(_)
        | Body::Ruling(_)
        | Body::EveryoneOut(_)
        | Body::FreeFlow(_)
        | Body::Abort(_)
        | Body::Yield(_)
        | Body::StandDown(_)
        | Body::Honour(_)
        | Body::Notice(_)
        | Body::Delay(_)
        | Body::OverrideKey(_)
        | Body::Arrival(_)
        | Body::OutTakenBack(_)
        | Body::Correction(_) => None,
    };
    cose::parse(bytes?).ok().map(|envelope| envelope.kid())
}

/// Remembers which subjects' records claim an approval by which key.
pub(super) fn remember(
    txn: &mut dyn Transaction,
    scope: ScopeId,
    arrived: &[Placed],
    now: UnixMillis,
) -> Result<()> {
    let mut by_key: BTreeMap<KeyId, BTreeSet<Subject>> = BTreeMap::new();
    for (_, line) in arrived {
        if let (Some(key), Some(subject)) = (approved_by(line), line.record.subject()) {
            by_key.entry(key).or_default().insert(subject);
        }
    }
    for (key, subjects) in by_key {
        let place = place(scope, key);
        let mut all = remembered(txn, &place)?;
        if all.len() > REMEMBERED_MAX || all.is_superset(&subjects) {
            continue;
        }
        all.extend(subjects);
        let first: Vec<Subject> = all.into_iter().take(REMEMBERED_MAX + 1).collect();
        txn.put_value(Space::ApprovedBy, &place, &cbor::encode(&first), now)?;
    }
    Ok(())
}

/// What a key says of older records when it is listed, or ends.
pub(super) enum Reached {
    /// The records of these subjects may be proved by it.
    Subjects(BTreeSet<Subject>),
    /// Those of more subjects than are remembered.
    Everything,
}

/// The subjects whose records a key may prove.
pub(super) fn reached(txn: &dyn Transaction, scope: ScopeId, key: KeyId) -> Result<Reached> {
    let subjects = remembered(txn, &place(scope, key))?;
    Ok(if subjects.len() > REMEMBERED_MAX {
        Reached::Everything
    } else {
        Reached::Subjects(subjects)
    })
}

/// Whether the authority listed or ended a key that may prove records of more subjects than are remembered.
pub(super) fn reach_everything(
    txn: &dyn Transaction,
    authority: DeviceId,
    arrived: &[Placed],
) -> Result<bool> {
    for (_, line) in arrived {
        if let Body::OverrideKey(listed) = &line.record.body
            && line.record.log.device == authority
            && let Reached::Everything = reached(txn, line.record.scope, listed.key.kid())?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
