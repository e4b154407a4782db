//! Cuts: up to where the logs of revoked devices count.
//!
//! A cut names the ends of the branches that count by their hashes. A record is at or below such an end if
//! the chain leads from the end back to it, so a log that is written anew from its first record on is below
//! none. Several cuts of a log count together: each of them can only take records away.

use super::Ground;
use crate::hash::Hash;
use crate::log::{Frame, Line};
use crate::record::{Cut, CutBy, LogRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The records from which the chain of a log leads to the ends that a cut names, those ends included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ancestors {
    records: Arc<BTreeSet<Hash>>,
    /// Those of them of which it is not known what comes before.
    open: BTreeSet<Hash>,
}

impl Ancestors {
    /// Follows a log from some of its records back to its first. `previous` knows the hash before that of a
    /// record, zeros before the first, and none for a record that is not there.
    ///
    /// # Errors
    /// What `previous` says.
    pub fn follow<E>(
        heads: &[Hash],
        mut previous: impl FnMut(&Hash) -> Result<Option<Hash>, E>,
    ) -> Result<Self, E> {
        let mut found = Self {
            records: Arc::new(heads.iter().copied().collect()),
            open: heads.iter().copied().collect(),
        };
        let mut next: Vec<Hash> = heads.to_vec();
        while let Some(hash) = next.pop() {
            if let Some(before) = previous(&hash)? {
                next.extend(found.step(hash, before));
            }
        }
        Ok(found)
    }

    /// All of a set of records that was followed to the beginning of its log before.
    #[must_use]
    pub fn complete(records: BTreeSet<Hash>) -> Self {
        Self {
            records: Arc::new(records),
            open: BTreeSet::new(),
        }
    }

    /// Whether the chain was followed to the first record of the log. What is complete once never changes.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.open.is_empty()
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &BTreeSet<Hash> {
        &self.records
    }

    /// Takes in what comes before a record that belongs to the set, and returns it if it is new.
    fn step(&mut self, hash: Hash, before: Hash) -> Option<Hash> {
        if !self.open.remove(&hash) || before == Hash::ZERO {
            return None;
        }
        let is_new = Arc::make_mut(&mut self.records).insert(before);
        if is_new {
            self.open.insert(before);
        }
        is_new.then_some(before)
    }
}

/// What of a log a cut lets count.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Extent {
    /// Records up to a sequence: a cut of an older program.
    UpTo(u64),
    /// Records at or below its heads.
    Branches { heads: Vec<Hash>, below: Ancestors },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KnownCut {
    by: CutBy,
    last: u64,
    extent: Extent,
}

impl KnownCut {
    fn covers(&self, sequence: u64, hash: &Hash) -> bool {
        match &self.extent {
            Extent::UpTo(last) => sequence <= *last,
            Extent::Branches { .. } if crate::mutated!(CutBySequence) => sequence <= self.last,
            Extent::Branches { below, .. } => below.records.contains(hash),
        }
    }
}

/// A cut whose log must be followed back before it is known what it lets count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCut {
    /// Hash of the record of the cut.
    pub cut: Hash,
    /// The log.
    pub log: LogRef,
    /// The ends of the branches that count.
    pub heads: Vec<Hash>,
}

/// The cuts of a scope, and what is known of the chains of its logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cuts {
    of_log: BTreeMap<LogRef, BTreeMap<Hash, KnownCut>>,
    /// The record before each record that was read, by log.
    previous: BTreeMap<LogRef, BTreeMap<Hash, Hash>>,
}

impl Cuts {
    /// Takes in a cut; `record` is the hash of its record.
    pub(super) fn add(&mut self, record: Hash, cut: &Cut) {
        let extent = match &cut.heads {
            None => Extent::UpTo(cut.last),
            Some(heads) => Extent::Branches {
                heads: heads.clone(),
                below: self.follow(cut.log, heads),
            },
        };
        let known = KnownCut {
            by: cut.by.unwrap_or(CutBy::Server),
            last: cut.last,
            extent,
        };
        let of_log = self.of_log.entry(cut.log).or_default();
        of_log.entry(record).or_insert(known);
    }

    fn follow(&self, log: LogRef, heads: &[Hash]) -> Ancestors {
        let previous = self.previous.get(&log);
        let known = |hash: &Hash| -> Result<Option<Hash>, std::convert::Infallible> {
            Ok(previous.and_then(|known| known.get(hash)).copied())
        };
        let Ok(found) = Ancestors::follow(heads, known);
        found
    }

    /// Takes in where a record stands in its log, and tells whether more of the log counts by it.
    pub(super) fn place(&mut self, log: LogRef, hash: Hash, before: Hash) -> bool {
        let previous = self.previous.entry(log).or_default();
        previous.insert(hash, before);
        let mut grew = false;
        for cut in self
            .of_log
            .get_mut(&log)
            .into_iter()
            .flat_map(BTreeMap::values_mut)
        {
            let Extent::Branches { below, .. } = &mut cut.extent else {
                continue;
            };
            let mut next = below.step(hash, before);
            while let Some(hash) = next {
                grew = true;
                let before = previous.get(&hash).copied();
                next = before.and_then(|before| below.step(hash, before));
            }
        }
        grew
    }

    /// The cuts whose logs are to be followed further back.
    pub(super) fn open(&self) -> Vec<OpenCut> {
        let mut open = Vec::new();
        for (log, cuts) in &self.of_log {
            for (cut, known) in cuts {
                if let Extent::Branches { heads, below } = &known.extent
                    && !below.is_complete()
                {
                    open.push(OpenCut {
                        cut: *cut,
                        log: *log,
                        heads: heads.clone(),
                    });
                }
            }
        }
        open
    }

    /// Takes in how far a store followed the log of a cut.
    pub(super) fn followed(&mut self, open: &OpenCut, found: Ancestors) {
        let of_log = self.of_log.get_mut(&open.log);
        let known = of_log.and_then(|cuts| cuts.get_mut(&open.cut));
        if let Some(Extent::Branches { below, .. }) = known.map(|known| &mut known.extent) {
            *below = found;
        }
    }

    pub(super) fn is_cut(&self, log: LogRef) -> bool {
        self.of_log.contains_key(&log)
    }

    /// Whether a cut takes the record away: one of those that a person made, or, where no person made one,
    /// any.
    pub(super) fn is_cut_off(&self, log: LogRef, sequence: u64, hash: &Hash) -> bool {
        if crate::mutated!(CountAfterCut) {
            return false;
        }
        let Some(cuts) = self.of_log.get(&log) else {
            return false;
        };
        if crate::mutated!(LargestCutWins) {
            return !cuts.values().any(|cut| cut.covers(sequence, hash));
        }
        let has_person = cuts.values().any(|cut| cut.by == CutBy::Person);
        let mut counting = cuts
            .values()
            .filter(|cut| !has_person || cut.by == CutBy::Person);
        counting.any(|cut| !cut.covers(sequence, hash))
    }
}

impl Ground {
    /// Takes in where a record of a kind that this program does not know stands in its log.
    pub fn place(&mut self, frame: &Frame, hash: Hash) {
        if frame.scope == self.scope && frame.log.device != self.authority {
            self.cuts.place(frame.log, hash, frame.previous);
        }
    }

    /// The cuts of which it is not known yet what they let count: records from their heads back are missing.
    /// A store follows the logs and tells it by [`Self::followed`], also where it loads scope-wide records
    /// only.
    #[must_use]
    pub fn open_cuts(&self) -> Vec<OpenCut> {
        self.cuts.open()
    }

    /// Takes in how far a log could be followed back from the heads of a cut.
    pub fn followed(&mut self, cut: &OpenCut, found: Ancestors) {
        self.cuts.followed(cut, found);
    }

    /// Whether a log was cut.
    #[must_use]
    pub fn is_cut(&self, log: LogRef) -> bool {
        self.cuts.is_cut(log)
    }

    /// Whether a cut takes the record away, whatever a ruling says of it.
    #[must_use]
    pub fn is_cut_off(&self, line: &Line) -> bool {
        self.is_place_cut_off(line.record.log, line.record.sequence, &line.hash)
    }

    /// As [`Self::is_cut_off`], of a record of which this program may know no more than its place.
    #[must_use]
    pub fn is_place_cut_off(&self, log: LogRef, sequence: u64, record: &Hash) -> bool {
        self.cuts.is_cut_off(log, sequence, record)
    }
}
