//! Comparing two merges: the heads of all logs, and a digest of what they fold to.

use super::fold::States;
use super::state::{SubjectState, Unit};
use crate::cbor;
use crate::hash::Hash;
use crate::ids::ScopeId;
use crate::log::Frame;
use crate::protocol::{Head, Heads};
use crate::record::Subject;
use minicbor::Encode;
use std::collections::{BTreeMap, BTreeSet};

/// The ends of all branches of all logs: records that no other record of their log follows. Records that
/// this program cannot interpret count too, for their place in the chain is known.
#[must_use]
pub fn heads<'a>(records: impl IntoIterator<Item = (&'a Frame, Hash)>) -> Heads {
    let mut ends = BTreeMap::new();
    let mut followed = BTreeSet::new();
    for (frame, hash) in records {
        let head = Head {
            log: frame.log,
            sequence: frame.sequence,
            hash,
        };
        ends.insert((frame.log, hash), head);
        followed.insert((frame.log, frame.previous));
    }
    ends.retain(|key, _| !followed.contains(key));
    let mut heads: Vec<Head> = ends.into_values().collect();
    heads.sort_unstable();
    Heads { heads }
}

/// One state with the key it stands under.
#[derive(Encode)]
struct Entry<'a> {
    #[n(0)]
    unit: Unit,
    #[n(1)]
    subject: Subject,
    #[n(2)]
    state: &'a SubjectState,
}

/// The number of the fold: how records are counted, raised with every change of it. Digests of programs that
/// count in different ways are different ones, and say nothing of each other.
pub const FOLD: u32 = 4;

#[derive(Encode)]
struct Digested<'a> {
    #[n(0)]
    fold: u32,
    #[n(1)]
    scope: ScopeId,
    #[n(2)]
    heads: &'a [Head],
    #[n(3)]
    states: Vec<Entry<'a>>,
}

/// SHA-256 over the deterministic CBOR array [fold, scope, heads, states by unit and subject], where the
/// first is [`FOLD`]. Equal heads must give equal digests; at different heads a comparison says nothing.
#[must_use]
pub fn state_digest(scope: ScopeId, heads: &Heads, states: &States) -> Hash {
    let states = states
        .iter()
        .map(|((unit, subject), state)| Entry {
            unit: *unit,
            subject: *subject,
            state,
        })
        .collect();
    let digested = Digested {
        fold: FOLD,
        scope,
        heads: &heads.heads,
        states,
    };
    Hash::of(&[&cbor::encode(&digested)])
}
