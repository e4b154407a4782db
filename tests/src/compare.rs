//! Comparing what the ends know: heads, states and records of a scope, computed from all records.

use crate::gate::Gate;
use crate::venue::Venue;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::{Frame, Line};
use usher_domain::merge::{self, Ground, States};
use usher_domain::protocol::Heads;
use usher_server::service::Error;

/// What one end knows of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Ends of all logs.
    pub heads: Heads,
    /// States of all tickets.
    pub states: States,
    /// Digest over both.
    pub digest: Hash,
}

/// Folds all records of a scope.
#[must_use]
pub fn fold(scope: ScopeId, authority: DeviceId, lines: &[Line], heads: Heads) -> Known {
    let ground = Ground::of(scope, authority, lines);
    let states = merge::fold(&ground, lines);
    let digest = merge::state_digest(scope, &heads, &states);
    Known {
        heads,
        states,
        digest,
    }
}

/// All records that a device holds of a scope.
#[must_use]
pub fn records_of(gate: &Gate, scope: ScopeId) -> Vec<Line> {
    let all = gate.store(|store| store.records_after(scope, 0, u32::MAX).unwrap().lines);
    all.into_iter().map(|(_, line)| line).collect()
}

impl Venue {
    /// What a gate knows of a scope.
    #[must_use]
    pub fn known_at(&self, gate: &Gate, scope: ScopeId) -> Known {
        let heads = gate.store(|store| store.heads(scope).unwrap());
        let lines = records_of(gate, scope);
        fold(scope, self.organizer.server, &lines, heads)
    }

    /// The records in the server's feed of a scope, as often as they stand there.
    pub async fn feed(&self, scope: ScopeId) -> Vec<Vec<u8>> {
        let service = self.service();
        let batches = service
            .store()
            .read(move |txn| Ok::<_, Error>(txn.feed(scope, 0, u32::MAX)?))
            .await
            .unwrap();
        let records = batches.into_iter().flat_map(|(_, batch)| batch.records);
        records.map(Vec::from).collect()
    }

    /// The records of a gate's logs in the server's feed of the evening, by their hashes.
    pub async fn feed_records_of(&self, gate: &Gate) -> Vec<Hash> {
        let scope = self.scope().await;
        let records = self.feed(scope).await.into_iter();
        let lines = records.map(|record| Line::read(&record).unwrap());
        lines
            .filter(|line| line.record.log.device == gate.id())
            .map(|line| line.hash)
            .collect()
    }

    /// What the server knows of a scope.
    pub async fn known_at_server(&self, scope: ScopeId) -> Known {
        let mut lines = Vec::new();
        let mut frames = Vec::new();
        for record in self.feed(scope).await {
            let line = Line::read(&record).unwrap();
            let frame: Frame = cbor::decode(&record).unwrap();
            frames.push((frame, line.hash));
            lines.push(line);
        }
        let heads = merge::heads(frames.iter().map(|(frame, hash)| (frame, *hash)));
        fold(scope, self.organizer.server, &lines, heads)
    }

    /// Asserts that the server and all gates know the same of the evening's scope, and tells what.
    pub async fn assert_agreement(&self) -> Known {
        let scope = self.scope().await;
        let server = self.known_at_server(scope).await;
        for gate in self.gates() {
            let known = self.known_at(&gate, scope);
            assert_eq!(known.heads, server.heads, "heads of {}", gate.name());
            assert_eq!(known.digest, server.digest, "states of {}", gate.name());
        }
        server
    }

    /// The scope of the evening.
    pub async fn scope(&self) -> ScopeId {
        self.show_session(crate::venue::SESSION).await.scope
    }
}
