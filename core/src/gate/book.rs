//! What the device holds, in memory: whom it believes, which sessions it knows, where it stands.

use crate::store::tables::Generation;
use crate::store::{Reach, Store, StoreError};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use usher_domain::code::CodeKey;
use usher_domain::decide::{Connection, SetAge};
use usher_domain::ids::{
    DeviceId, EventId, GateId, OrganizerId, ScopeId, SessionId, StaffId, ZoneId,
};
use usher_domain::log::Line;
use usher_domain::merge::{Ground, KnownStamps};
use usher_domain::record::Certainty;
use usher_domain::session::SessionTerms;
use usher_domain::table::rows::StaffEntry;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;
use usher_domain::timetable;

use super::answer::Served;
use super::staff::is_valid;
use super::{Moment, Reaching};

/// Without a sign of the server for so long, a device counts as isolated.
const REACH_MS: u64 = 60_000;

/// A session whose ticket set the device holds.
#[derive(Debug)]
pub(super) struct HeldSession {
    pub(super) terms: SessionTerms,
    pub(super) version: Version,
    pub(super) copy: Generation,
    pub(super) age: SetAge,
}

impl HeldSession {
    /// The zone that the device's gate leads to, if it holds only so many people.
    pub(super) fn capacity_zone(&self, book: &Book) -> Option<ZoneId> {
        let zone = self.terms.gate(book.gate?)?.zone?;
        let mut limited = self.terms.rules.capacity.iter();
        limited.any(|limit| limit.zone == zone).then_some(zone)
    }

    /// Whether people may enter now.
    pub(super) fn is_open(&self, now: UnixMillis) -> bool {
        let (opens, closes) = self.terms.session.entry_window(&self.terms.rules);
        opens <= now && now <= closes
    }

    /// Whether people may leave now.
    fn lets_out(&self, now: UnixMillis) -> bool {
        let (opens, _) = self.terms.session.entry_window(&self.terms.rules);
        let closes = self.terms.session.leaving_ends(&self.terms.rules);
        opens <= now && now <= closes
    }

    pub(super) fn served(&self) -> Served {
        Served {
            id: self.terms.session.id,
            name: self.terms.session.name.clone(),
            event: self.terms.event_name.clone(),
            time_zone: self.terms.time_zone.clone(),
            slugs: self.terms.slugs.clone(),
        }
    }
}

/// What the device holds, as of one [`Store::knowledge`].
#[derive(Debug)]
pub(super) struct Book {
    knowledge: u64,
    pub(super) organizer: OrganizerId,
    pub(super) device: DeviceId,
    pub(super) gate: Option<GateId>,
    /// Who signed in; whether they still may be is asked of [`Self::operator`].
    operator: Option<StaffEntry>,
    pub(super) chosen: Option<SessionId>,
    /// The event of the open session that was served last.
    loyal_to: Option<EventId>,
    /// Since when the device knows that it was revoked.
    pub(super) revoked: Option<UnixMillis>,
    /// Whether it may let in alone whose home it is: it is on duty, and knows of whoever was let in before.
    pub(super) is_home: bool,
    /// Version of the trust document.
    pub(super) trust: Version,
    pub(super) keys: Vec<CodeKey>,
    pub(super) sessions: Vec<HeldSession>,
    pub(super) server_time: UnixMillis,
    reach: Reach,
    line: Reaching,
    grounds: BTreeMap<ScopeId, Ground>,
}

impl Book {
    /// Reads it.
    pub(super) fn read(store: &Store, line: Reaching) -> Result<Self, StoreError> {
        let (_, enrollment) = store.enrolled()?;
        let keys = store.trusted_keys()?;
        let mut sessions = Vec::new();
        let mut grounds = BTreeMap::new();
        for held in store.tables()? {
            let TableId::Set(_) = held.table else {
                continue;
            };
            let manifest = store.manifest(held.table)?;
            let copy = store.serving(held.table)?;
            let (Some(manifest), Some(copy)) = (manifest, copy) else {
                continue;
            };
            let age = SetAge {
                issued_at: manifest.issued_at,
                expires_at: manifest.expires_at,
            };
            if let Some(terms) = manifest.terms {
                if let Entry::Vacant(vacant) = grounds.entry(terms.scope) {
                    vacant.insert(store.ground(terms.scope, keys.server())?);
                }
                sessions.push(HeldSession {
                    terms,
                    version: held.version,
                    copy,
                    age,
                });
            }
        }
        Ok(Self {
            knowledge: store.knowledge(),
            organizer: enrollment.organizer,
            device: enrollment.device,
            gate: store.gate()?,
            operator: match store.operator()? {
                Some(signed_in) => store.roster_staff(enrollment.organizer, signed_in.staff)?,
                None => None,
            },
            loyal_to: store.served_event()?,
            chosen: store.chosen_session()?,
            revoked: store
                .revoked()?
                .filter(|_| !usher_domain::mutated!(GoOnWhenRevoked)),
            is_home: (store.on_duty()?.is_some() && store.away()?.is_none())
                || usher_domain::mutated!(StayHomeWhenSignedOff),
            trust: store
                .held_trust()?
                .map_or_else(Version::default, |held| held.version),
            keys: keys.code_keys(),
            sessions,
            server_time: store.server_time()?,
            reach: store.reach()?,
            line,
            grounds,
        })
    }

    pub(super) fn is_current(&self, store: &Store) -> bool {
        self.knowledge == store.knowledge()
    }

    pub(super) fn session(&self, id: SessionId) -> Option<&HeldSession> {
        self.sessions
            .iter()
            .find(|held| held.terms.session.id == id)
    }

    /// The session to serve: the one named, else the one chosen, else the timetable's.
    pub(super) fn serving(
        &self,
        named: Option<SessionId>,
        now: UnixMillis,
    ) -> Option<&HeldSession> {
        let timetable = || {
            let sessions = self.sessions.iter();
            timetable::serving(
                now,
                self.loyal_to,
                sessions.map(|held| (&held.terms.session, &held.terms.rules)),
            )
        };
        // A chosen session that is not held any more is no choice.
        let chosen = || self.chosen.filter(|id| self.session(*id).is_some());
        self.session(named.or_else(chosen).or_else(timetable)?)
    }

    /// The sessions that who leaves may leave: the one that is served, then others that let people out now,
    /// the last to end first. If somebody named one, it is the only one.
    pub(super) fn leaving(&self, named: Option<SessionId>, now: UnixMillis) -> Vec<&HeldSession> {
        let served = self.serving(named, now);
        let mut all: Vec<&HeldSession> = served.into_iter().collect();
        if named.is_some() {
            return all;
        }
        let is_served = |held: &&HeldSession| {
            served.is_some_and(|served| served.terms.session.id == held.terms.session.id)
        };
        let others = self.sessions.iter();
        let mut others: Vec<&HeldSession> = others
            .filter(|held| !is_served(held) && held.lets_out(now))
            .collect();
        others.sort_by_key(|held| {
            let session = &held.terms.session;
            std::cmp::Reverse((session.ends, session.id))
        });
        all.extend(others);
        all
    }

    /// The event to stay with from now on, if that is news: the one of the open session that the
    /// timetable serves. A session that a person named or chose says nothing of where the gate stands.
    pub(super) fn new_loyalty(
        &self,
        served: &HeldSession,
        named: Option<SessionId>,
        now: UnixMillis,
    ) -> Option<EventId> {
        let event = served.terms.event;
        let by_timetable = named.is_none() && self.chosen.is_none();
        let is_news = self.loyal_to != Some(event);
        (by_timetable && is_news && served.is_open(now)).then_some(event)
    }

    /// Who is signed in and still may be.
    pub(super) fn operator(&self, moment: Moment) -> Option<StaffId> {
        let entry = self.operator.as_ref()?;
        let may = is_valid(entry, moment) && entry.works_at(self.gate);
        may.then_some(entry.staff)
    }

    /// The latest stamps that these records of a scope count with.
    pub(super) fn known_stamps(&self, scope: ScopeId, lines: &[Line]) -> KnownStamps {
        match self.ground(scope) {
            Some(ground) => ground.known_stamps(self.device, lines),
            // Of a scope that is not served any more nothing is known but the records.
            None => Ground::new(scope, self.device).known_stamps(self.device, lines),
        }
    }

    pub(super) fn ground(&self, scope: ScopeId) -> Option<&Ground> {
        self.grounds.get(&scope)
    }

    pub(super) fn connection(&self, now: UnixMillis) -> Connection {
        match self.reach {
            Reach {
                peers_as_of: Some(peers_as_of),
                lost_since: None,
            } if self.line == Reaching::Server && now.since(peers_as_of) <= REACH_MS => {
                Connection::Online { peers_as_of }
            }
            Reach {
                peers_as_of,
                lost_since,
            } => Connection::Isolated {
                since: peers_as_of.or(lost_since).unwrap_or_default(),
            },
        }
    }

    pub(super) fn certainty(&self, now: UnixMillis) -> Certainty {
        match self.connection(now) {
            Connection::Online { peers_as_of } => Certainty::Local { peers_as_of },
            Connection::Isolated { since } => Certainty::Isolated { since },
        }
    }
}
