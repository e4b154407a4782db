//! The records that one end holds of the scope, those of kinds that nobody knows included.

use super::device::Program;
use super::reference::Records;
use std::collections::BTreeSet;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::{self, Ground, States};
use usher_domain::protocol::Heads;
use usher_domain::record::LogRef;

/// Records as they are stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Held {
    /// Those that a program can read.
    pub(super) lines: Vec<Line>,
    /// The places of all of them.
    pub(super) places: Vec<(Frame, Hash)>,
}

impl Held {
    /// Reads stored records.
    pub(super) fn of<'b>(records: impl IntoIterator<Item = &'b [u8]>) -> Self {
        let mut held = Self::default();
        for bytes in records {
            let frame = cbor::decode(bytes).unwrap();
            held.places.push((frame, Hash::of(&[bytes])));
            held.lines.extend(Line::read(bytes));
        }
        held
    }

    /// What a device holds, in all logs.
    pub(super) fn at(program: &Program, scope: ScopeId) -> Self {
        let records = program.with(|store| {
            let own = store.own_logs().unwrap().into_iter();
            let own = own.filter(|log| log.end.scope == scope);
            let mut logs: BTreeSet<LogRef> = own.map(|log| log.end.head.log).collect();
            logs.extend(store.others_logs(scope).unwrap());
            let all = logs.into_iter();
            let records = all.map(|log| store.log_records(log, 0, u32::MAX).unwrap());
            records.flatten().collect::<Vec<_>>()
        });
        Self::of(records.iter().map(|(_, bytes)| bytes.as_slice()))
    }

    /// The ends of all logs.
    pub(super) fn heads(&self) -> Heads {
        merge::heads(self.places.iter().map(|(frame, hash)| (frame, *hash)))
    }

    /// The ground that they make.
    pub(super) fn ground(&self, scope: ScopeId, authority: DeviceId) -> Ground {
        let mut ground = Ground::of(scope, authority, &self.lines);
        for (frame, hash) in &self.places {
            ground.place(frame, *hash);
        }
        ground
    }

    /// How all tickets stand by them.
    pub(super) fn states(&self, scope: ScopeId, authority: DeviceId) -> States {
        merge::fold(&self.ground(scope, authority), &self.lines)
    }

    /// They as the reference sorts them.
    pub(super) fn records(&self, authority: DeviceId) -> Records<'_> {
        Records::among(authority, &self.lines, &self.places)
    }

    /// They without some.
    pub(super) fn without(&self, gone: &BTreeSet<Hash>) -> Self {
        let mut rest = self.clone();
        rest.lines.retain(|line| !gone.contains(&line.hash));
        rest.places.retain(|(_, hash)| !gone.contains(hash));
        rest
    }
}
