//! How many people are inside a zone, by what this device knows. Only asked where a zone has a capacity.

use super::book::Book;
use crate::store::{Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::ids::{ScopeId, SessionId, ZoneId};
use usher_domain::merge::state::SubjectState;
use usher_domain::merge::{Ground, fold_subject};
use usher_domain::record::{Body, Outcome, Subject};

/// Records read at once.
const PAGE: u32 = 4_096;

/// Who is inside, scope by scope; kept up with the records that come.
#[derive(Debug, Default)]
pub(super) struct Headcounts {
    scopes: BTreeMap<ScopeId, Inside>,
}

/// Where a person is inside: a session and the zone they came through.
type Where = (SessionId, Option<ZoneId>);

#[derive(Debug, Default)]
struct Inside {
    /// The last record counted.
    place: u64,
    /// On which ground; on another everybody is counted anew.
    ground: Option<Ground>,
    people: BTreeMap<Subject, Vec<Where>>,
    counts: BTreeMap<Where, u32>,
}

impl Headcounts {
    /// People inside a zone of a session.
    pub(super) fn inside(
        &mut self,
        store: &Store,
        book: &Book,
        scope: ScopeId,
        session: SessionId,
        zone: ZoneId,
    ) -> Result<u32, StoreError> {
        let Some(ground) = book.ground(scope) else {
            return Ok(0);
        };
        let inside = self.scopes.entry(scope).or_default();
        inside.catch_up(store, ground)?;
        Ok(inside
            .counts
            .get(&(session, Some(zone)))
            .copied()
            .unwrap_or(0))
    }
}

impl Inside {
    fn catch_up(&mut self, store: &Store, ground: &Ground) -> Result<(), StoreError> {
        if self.ground.as_ref() != Some(ground) {
            *self = Self {
                ground: Some(ground.clone()),
                ..Self::default()
            };
        }
        loop {
            let page = store.records_after(ground.scope(), self.place, PAGE)?;
            let Some(last) = page.read_to else {
                return Ok(());
            };
            self.place = last;
            let touched: BTreeSet<Subject> = page
                .lines
                .iter()
                .filter_map(|(_, line)| moved(&line.record.body))
                .map(|subject| ground.resolve(subject))
                .collect();
            for subject in touched {
                self.fold(store, ground, subject)?;
            }
        }
    }

    fn fold(&mut self, store: &Store, ground: &Ground, subject: Subject) -> Result<(), StoreError> {
        let mut lines = Vec::new();
        for alias in ground.aliases(subject) {
            lines.extend(store.records_about(ground.scope(), &alias)?);
        }
        let states = fold_subject(ground, subject, &lines);
        let now: Vec<Where> = states
            .values()
            .flat_map(SubjectState::everybody_inside)
            .map(|inside| (inside.session, inside.zone))
            .collect();
        for place in &now {
            let count = self.counts.entry(*place).or_default();
            *count = count.saturating_add(1);
        }
        let before = if now.is_empty() {
            self.people.remove(&subject)
        } else {
            self.people.insert(subject, now)
        };
        for place in before.unwrap_or_default() {
            if let Some(count) = self.counts.get_mut(&place) {
                *count = count.saturating_sub(1);
            }
        }
        Ok(())
    }
}

/// Whose state a record may change; what changes everybody's is in the ground.
fn moved(body: &Body) -> Option<Subject> {
    match body {
        Body::Scan(scan) => (scan.outcome == Outcome::Admit).then_some(scan.subject),
        Body::Undo(undo) => Some(undo.subject),
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
    }
}
