//! What the authority's own log says of a whole scope: the ground on which tickets are folded.

use super::arrivals::{Arrivals, LAST_STAMP};
use super::claims::{Claims, Orders};
use super::cuts::Cuts;
use super::proof::OverrideKeys;
use crate::code::Identity;
use crate::hash::Hash;
use crate::ids::{DeviceId, GateId, LogId, ScopeId, SessionId, TicketId};
use crate::log::{Frame, Line};
use crate::numbers::TypeNumber;
use crate::record::{
    Body, Direction, EveryoneOut, FreeFlow, Honour, Link, Outcome, RulingWord, Scan, Subject,
};
use crate::rules::EntryRule;
use crate::time::UnixMillis;
use crate::verdict::PriorScan;
use std::collections::{BTreeMap, BTreeSet};

/// The place of a record in the one order of merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) stamp: UnixMillis,
    device: DeviceId,
    log: LogId,
    sequence: u64,
    hash: Hash,
}

impl Place {
    /// The place of a record as it was written: that of the authority's own.
    const fn as_written(line: &Line) -> Self {
        Self::at(line, line.record.stamp)
    }

    /// The place of a record that counts with this stamp.
    const fn at(line: &Line, stamp: UnixMillis) -> Self {
        let record = &line.record;
        Self {
            stamp,
            device: record.log.device,
            log: record.log.log,
            sequence: record.sequence,
            hash: line.hash,
        }
    }

    pub(super) const fn hash(&self) -> Hash {
        self.hash
    }

    /// The scan at this place as evidence for later ones.
    pub(super) const fn evidence(&self, scan: &Scan) -> PriorScan {
        PriorScan {
            at: self.stamp,
            device: self.device,
            record: self.hash,
            session: scan.session,
            gate: scan.gate,
            zone: scan.zone,
            operator: scan.operator,
        }
    }
}

/// The records of a scope that change more than one ticket. Adding one twice, or in another order, makes
/// no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    pub(super) scope: ScopeId,
    pub(super) authority: DeviceId,
    rules: BTreeMap<(SessionId, Option<TypeNumber>), BTreeMap<Place, Option<EntryRule>>>,
    links: BTreeMap<Identity, (Place, TicketId)>,
    /// The same links from the tickets' side.
    media: BTreeSet<(TicketId, Identity)>,
    pub(super) cuts: Cuts,
    rulings: BTreeMap<Hash, (Place, RulingWord)>,
    evacuations: BTreeMap<(UnixMillis, Step, Place), Evacuation>,
    /// The last word on each gate of each session.
    free_flow: BTreeMap<(SessionId, GateId), (Place, FreeFlow)>,
    honours: BTreeMap<(SessionId, SessionId), (Place, Honour)>,
    pub(super) arrivals: Arrivals,
    pub(super) orders: Orders,
    override_keys: OverrideKeys,
}

/// What was said of sending everyone out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Evacuation {
    /// Everyone was sent out, by the record of this hash.
    Out(Hash, EveryoneOut),
    /// The order in the record of this hash was taken back.
    TakenBack(Hash),
}

/// What comes first of what is said for one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Out,
    TakenBack,
}

/// What must be folded again after a record arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing.
    Nothing,
    /// This subject, resolved.
    Subject(Subject),
    /// Every ticket, on the new ground.
    Everything,
}

/// Keeps the entry that stands later in the order.
fn keep_latest<K: Ord, V>(map: &mut BTreeMap<K, (Place, V)>, key: K, place: Place, value: V) {
    if map.get(&key).is_none_or(|(held, _)| *held < place) {
        map.insert(key, (place, value));
    }
}

impl Ground {
    /// Bare ground for a scope whose authority writes its log under this device id
    /// ([`crate::document::trust::Trust::server`]).
    #[must_use]
    pub fn new(scope: ScopeId, authority: DeviceId) -> Self {
        Self {
            scope,
            authority,
            rules: BTreeMap::new(),
            links: BTreeMap::new(),
            media: BTreeSet::new(),
            cuts: Cuts::default(),
            rulings: BTreeMap::new(),
            evacuations: BTreeMap::new(),
            free_flow: BTreeMap::new(),
            honours: BTreeMap::new(),
            arrivals: Arrivals::default(),
            orders: Orders::new(),
            override_keys: OverrideKeys::default(),
        }
    }

    /// The ground that these records make; those that concern single tickets are passed over.
    #[must_use]
    pub fn of<'a>(
        scope: ScopeId,
        authority: DeviceId,
        lines: impl IntoIterator<Item = &'a Line>,
    ) -> Self {
        let mut ground = Self::new(scope, authority);
        for line in lines {
            ground.add(line);
        }
        ground
    }

    /// Takes a record in: its place in its log, and what it says, if it is the authority's and of a kind that
    /// changes more than one ticket. Tells how far the record reaches.
    pub fn add(&mut self, line: &Line) -> Reach {
        let record = &line.record;
        if record.scope != self.scope {
            return Reach::Nothing;
        }
        let reach = self.take_in(line);
        let is_device = record.log.device != self.authority;
        if is_device && self.cuts.place(record.log, line.hash, record.previous) {
            return Reach::Everything;
        }
        reach
    }

    fn take_in(&mut self, line: &Line) -> Reach {
        let record = &line.record;
        let place = Place::as_written(line);
        match &record.body {
            Body::Scan(scan) if scan.outcome == Outcome::Admit => {
                Reach::Subject(self.resolve(scan.subject))
            }
            Body::Scan(_) => Reach::Nothing,
            Body::Undo(undo) => Reach::Subject(self.resolve(undo.subject)),
            Body::Abort(_) | Body::Yield(_) => Reach::Nothing,
            _ if record.log.device != self.authority => Reach::Nothing,
            Body::Rule(change) => {
                let key = (change.session, change.type_number);
                let history = self.rules.entry(key).or_default();
                history.insert(place, change.rule);
                Reach::Everything
            }
            Body::Link(link) => {
                self.link(place, link);
                Reach::Everything
            }
            Body::Cut(cut) => {
                self.cuts.add(line.hash, cut);
                Reach::Everything
            }
            Body::Ruling(ruling) => {
                keep_latest(&mut self.rulings, ruling.of, place, ruling.word);
                Reach::Everything
            }
            Body::EveryoneOut(out) => {
                let said = Evacuation::Out(line.hash, out.clone());
                self.evacuations.insert((out.at, Step::Out, place), said);
                Reach::Everything
            }
            Body::OutTakenBack(back) => {
                let said = Evacuation::TakenBack(back.of);
                self.evacuations
                    .insert((back.at, Step::TakenBack, place), said);
                Reach::Everything
            }
            Body::FreeFlow(flow) => {
                let key = (flow.session, flow.gate);
                keep_latest(&mut self.free_flow, key, place, flow.clone());
                self.orders.add_open_gate(flow);
                Reach::Everything
            }
            Body::Honour(honour) => {
                let key = (honour.session, honour.tickets_of);
                keep_latest(&mut self.honours, key, place, honour.clone());
                self.orders.add_honour(honour);
                Reach::Everything
            }
            Body::Arrival(arrival) => {
                self.arrivals.add(arrival);
                Reach::Everything
            }
            Body::OverrideKey(listed) => {
                self.override_keys.add(listed);
                Reach::Everything
            }
            Body::StandDown(_) | Body::Notice(_) | Body::Delay(_) => Reach::Nothing,
            Body::Correction(correction) => Reach::Subject(self.resolve(correction.subject)),
        }
    }

    fn link(&mut self, place: Place, link: &Link) {
        let before = self.links.get(&link.identity).map(|(_, ticket)| *ticket);
        keep_latest(&mut self.links, link.identity, place, link.ticket);
        let after = self.links.get(&link.identity).map(|(_, ticket)| *ticket);
        if let Some(before) = before.filter(|_| before != after) {
            self.media.remove(&(before, link.identity));
        }
        self.media
            .extend(after.map(|ticket| (ticket, link.identity)));
    }

    /// Whose log says what changes more than one ticket, and corrects what others claim.
    pub(super) const fn authority(&self) -> DeviceId {
        self.authority
    }

    /// The scope.
    #[must_use]
    pub const fn scope(&self) -> ScopeId {
        self.scope
    }

    /// Whose state a subject's scans count in: the linked ticket's for an identity, else its own.
    #[must_use]
    pub fn resolve(&self, subject: Subject) -> Subject {
        match subject {
            Subject::Medium(identity) => self
                .links
                .get(&identity)
                .map_or(subject, |(_, ticket)| Subject::Ticket(*ticket)),
            Subject::Ticket(_) | Subject::Nothing => subject,
        }
    }

    /// Everything whose scans count in a subject's state: the subject itself and identities linked to it.
    /// These are the records to load for [`super::fold_subject`].
    #[must_use]
    pub fn aliases(&self, subject: Subject) -> Vec<Subject> {
        let ticket = match subject {
            Subject::Ticket(ticket) => Some(ticket),
            Subject::Medium(_) | Subject::Nothing => None,
        };
        let linked = ticket.into_iter().flat_map(|ticket| {
            let first = (ticket, Identity::from_bytes([0; 32]));
            let own = self.media.range(first..);
            own.take_while(move |(of, _)| *of == ticket)
                .map(|(_, identity)| Subject::Medium(*identity))
        });
        std::iter::once(subject).chain(linked).collect()
    }

    /// Whether a gate is open at a time: it then logs scans without deciding. The last word on it counts,
    /// whole: it may open the gate for longer, or close it early.
    #[must_use]
    pub fn is_free_flow(&self, session: SessionId, gate: GateId, now: UnixMillis) -> bool {
        self.free_flow_at(session, gate, now).is_some()
    }

    pub(super) fn free_flow_at(
        &self,
        session: SessionId,
        gate: GateId,
        now: UnixMillis,
    ) -> Option<&FreeFlow> {
        let (_, flow) = self.free_flow.get(&(session, gate))?;
        (flow.from <= now && now < flow.until).then_some(flow)
    }

    /// The words by which a session lets tickets of others in at a time.
    pub(super) fn honours_of(
        &self,
        session: SessionId,
        now: UnixMillis,
    ) -> impl Iterator<Item = &Honour> {
        let all = self.honours.values().map(|(_, honour)| honour);
        all.filter(move |honour| {
            honour.session == session && honour.from <= now && now < honour.until
        })
    }

    /// The sessions whose tickets a session lets through at a time, beside its own: in within the time that
    /// was said, out from its beginning on.
    pub fn honoured(
        &self,
        session: SessionId,
        direction: Direction,
        now: UnixMillis,
    ) -> impl Iterator<Item = SessionId> + '_ {
        self.honours.values().filter_map(move |(_, honour)| {
            let holds = honour.session == session
                && honour.from <= now
                && (now < honour.until
                    || direction == Direction::Exit
                    || crate::mutated!(HonourForEver));
            holds.then_some(honour.tickets_of)
        })
    }

    pub(super) fn place_of(&self, line: &Line) -> Place {
        Place::at(line, self.stamp_of(&line.record))
    }

    /// Whether a record counts: of this scope, dated before the year 10000, not voided, and at or
    /// below the heads of the cuts of its log unless a person accepted it.
    #[must_use]
    pub fn counts(&self, line: &Line) -> bool {
        line.record.scope == self.scope
            && line.record.stamp <= LAST_STAMP
            && match self.rulings.get(&line.hash) {
                Some(_) if crate::mutated!(IgnoreRulings) => !self.is_cut_off(line),
                Some((_, RulingWord::Accept)) => true,
                Some((_, RulingWord::Void)) => false,
                None => !self.is_cut_off(line),
            }
    }

    /// Whether a person accepted a record.
    pub(super) fn is_accepted(&self, record: Hash) -> bool {
        let ruling = self.rulings.get(&record);
        let is_accepted = matches!(ruling, Some((_, RulingWord::Accept)));
        is_accepted && !crate::mutated!(IgnoreRulings)
    }

    /// The keys by which supervisors sign.
    pub(super) const fn override_keys(&self) -> &OverrideKeys {
        &self.override_keys
    }

    /// Whether a record waits for a person's word: a cut of its log takes it away, and there is no
    /// ruling on it.
    #[must_use]
    pub fn is_quarantined(&self, line: &Line) -> bool {
        line.record.scope == self.scope
            && line.record.stamp <= LAST_STAMP
            && !self.rulings.contains_key(&line.hash)
            && self.is_cut_off(line)
    }

    /// As [`Self::is_quarantined`], of a record of which this program may know no more than its place.
    #[must_use]
    pub fn is_place_quarantined(&self, frame: &Frame, record: Hash) -> bool {
        frame.scope == self.scope
            && frame.stamp <= LAST_STAMP
            && !self.rulings.contains_key(&record)
            && self.is_place_cut_off(frame.log, frame.sequence, &record)
    }

    /// The entry rule for a scan at its place in the order, by what counts of its claims.
    pub(super) fn rule_for(&self, scan: &Scan, claims: Claims, place: Place) -> EntryRule {
        let latest = |type_number| {
            let history = self.rules.get(&(scan.session, type_number))?;
            let (_, rule) = history.range(..place).next_back()?;
            *rule
        };
        claims
            .type_number
            .and_then(|number| latest(Some(number)))
            .or_else(|| latest(None))
            .unwrap_or_default()
            .with_entries(claims.entries)
    }

    /// What was said of sending everyone out, each with the time from which on it counts, by that time.
    pub(super) fn evacuations(&self) -> impl Iterator<Item = (UnixMillis, &Evacuation)> {
        let all = self.evacuations.iter();
        all.map(|((at, _, _), said)| (*at, said))
    }
}
