//! What a person is told of a decision: names, what it rests on, and who holds the ticket.

use super::answer::{Answer, Evidence, Moved, NamesTold};
use super::judge::{Circumstances, Decision, ticket_of};
use super::showing::Showing;
use crate::store::Store;
use usher_domain::code::TicketCodeText;
use usher_domain::decide::Shown;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, SessionId, ZoneId};
use usher_domain::numbers::AccessNumber;
use usher_domain::record::Certainty;
use usher_domain::rules::EntryMode;
use usher_domain::seal;
use usher_domain::session::SessionTerms;
use usher_domain::table::rows::TicketRow;
use usher_domain::verdict::{Caution, OpenAdmission, PriorScan, Referral, Refusal, Verdict};

impl Circumstances<'_> {
    pub(super) fn answer(
        &self,
        store: &Store,
        showing: &Showing,
        decision: Decision,
        record: Hash,
    ) -> Answer {
        let terms = &self.served.terms;
        let row = showing.looked.row();
        let type_name = decision.known.type_number.and_then(|number| {
            let mut types = terms.types.iter();
            types.find(|named| named.number == number)
        });
        let names = self.names(store, &decision);
        let named = |id| names.devices.iter().find(|(device, _)| *device == id);
        let moved = moved(terms, showing, &decision.verdict);
        Answer {
            moved,
            evidence: prior(&decision.verdict).map(|prior| self.evidence(store, prior)),
            zone: zone_of(&decision.verdict)
                .and_then(|zone| terms.zones.iter().find(|named| named.id == zone))
                .map(|named| named.name.clone()),
            home: home_of(&decision.verdict)
                .and_then(named)
                .map(|(_, name)| name.clone()),
            session: Some(self.served.served()),
            ticket: ticket_of(decision.known.subject),
            type_name: type_name.map(|named| named.name.clone()),
            seat: row.and_then(|row| row.seat.clone()),
            explanation: row
                .and_then(|row| row.explanation.clone())
                .or_else(|| self.no_entry(&decision)),
            holder: row.and_then(|row| {
                let own = showing.honours.unwrap_or(terms.session.id);
                open_seal(row, showing.code.reveal(), own)
            }),
            verdict: decision.verdict,
            certainty: decision.certainty,
            asked: decision.asked,
            names,
            attempt: showing.attempt,
            record: Some(record),
            at: self.moment.now,
            advice: None,
            repair: showing.repair,
            last_zone: None,
        }
    }

    /// Why a valid ticket is held back: its type is let in nowhere at this session.
    fn no_entry(&self, decision: &Decision) -> Option<String> {
        let rule = self
            .served
            .terms
            .rules
            .for_type(decision.known.type_number?)?;
        let never = rule
            .entry
            .is_some_and(|entry| entry.mode == EntryMode::Times(0));
        let is_held_back = matches!(decision.verdict, Verdict::Refuse(Refusal::Blocked));
        (never && is_held_back)
            .then(|| "tickets of this type are not let in at this session".to_owned())
    }

    /// The names that verdict and certainty need besides those of their evidence.
    fn names(&self, store: &Store, decision: &Decision) -> NamesTold {
        let open = open_of(&decision.verdict);
        let silent = match decision.certainty {
            Certainty::ConfirmedExcept { device, .. } => Some(device),
            Certainty::Confirmed | Certainty::Local { .. } | Certainty::Isolated { .. } => None,
        };
        let spoken_of = [
            open.map(|open| open.device),
            home_of(&decision.verdict),
            peer_of(&decision.verdict),
            silent,
        ];
        let devices = spoken_of.into_iter().flatten();
        let gate = open
            .and_then(|open| open.gate)
            .and_then(|gate| self.served.terms.gate(gate));
        NamesTold {
            devices: devices
                .filter_map(|id| Some((id, self.device_name(store, id)?)))
                .collect(),
            gates: gate
                .map(|gate| (gate.id, gate.name.clone()))
                .into_iter()
                .collect(),
        }
    }

    fn evidence(&self, store: &Store, prior: PriorScan) -> Evidence {
        let operator = prior
            .operator
            .map(|staff| store.roster_staff(self.book.organizer, staff));
        Evidence {
            at: prior.at,
            ago_ms: self.moment.now.since(prior.at),
            gate: prior
                .gate
                .and_then(|gate| self.served.terms.gate(gate))
                .map(|gate| gate.name.clone()),
            device: self.device_name(store, prior.device),
            operator: operator
                .and_then(|read| read.ok().flatten())
                .map(|entry| entry.name),
            here: prior.device == self.book.device,
            record: prior.record,
        }
    }

    /// A name that cannot be read is no reason to withhold the rest.
    fn device_name(&self, store: &Store, device: DeviceId) -> Option<String> {
        let read = store.roster_device(self.book.organizer, device);
        read.ok().flatten().map(|entry| entry.name)
    }
}

/// How the ticket was moved, where it is refused for that.
fn moved(terms: &SessionTerms, showing: &Showing, verdict: &Verdict) -> Option<Moved> {
    let row = showing.looked.row()?;
    let is_for_here = terms.accepts(row.access) || row.access == AccessNumber::EVERY_SESSION;
    let shown = match &showing.shown {
        Shown::Code { code, .. } => Some(code),
        Shown::Unreadable
        | Shown::Malformed { .. }
        | Shown::Forged { .. }
        | Shown::Pretix { .. }
        | Shown::Opaque { .. } => None,
    };
    match verdict {
        Verdict::Refuse(Refusal::WrongSession { .. }) if !is_for_here => {
            let is_old = shown.is_some_and(|code| code.issue < row.issue);
            Some(if is_old {
                Moved::AwayWithNewCode
            } else {
                Moved::Away
            })
        }
        Verdict::Refuse(Refusal::Superseded { .. }) => shown
            .filter(|code| code.access != row.access && is_for_here)
            .map(|_| Moved::Here),
        Verdict::Refuse(_) | Verdict::Admit(_) | Verdict::Refer(_) => None,
    }
}

/// The zone that a verdict speaks of.
fn zone_of(verdict: &Verdict) -> Option<ZoneId> {
    match verdict {
        Verdict::Refuse(Refusal::Full { zone, .. }) => Some(*zone),
        Verdict::Admit(admit) => admit.cautions.iter().find_map(|caution| match caution {
            Caution::OverCapacity { zone, .. } => Some(*zone),
            Caution::Isolated { .. }
            | Caution::StaleSet { .. }
            | Caution::ExpiredSet { .. }
            | Caution::ClockUnproved
            | Caution::Quarantined(_) => None,
        }),
        Verdict::Refuse(_) | Verdict::Refer(_) => None,
    }
}

/// The one device that a verdict says may admit the ticket.
const fn home_of(verdict: &Verdict) -> Option<DeviceId> {
    match verdict {
        Verdict::Refer(Referral::NotHome { home }) => *home,
        Verdict::Refer(Referral::HomeSilent { home }) => Some(*home),
        Verdict::Refer(_) | Verdict::Admit(_) | Verdict::Refuse(_) => None,
    }
}

/// The attempt elsewhere that a verdict speaks of.
pub(super) const fn open_of(verdict: &Verdict) -> Option<OpenAdmission> {
    match verdict {
        Verdict::Refuse(Refusal::BeingAdmitted(open))
        | Verdict::Refer(Referral::AdmissionOpen(open)) => Some(*open),
        Verdict::Refuse(_) | Verdict::Refer(_) | Verdict::Admit(_) => None,
    }
}

/// The silent device that a verdict speaks of.
const fn peer_of(verdict: &Verdict) -> Option<DeviceId> {
    match verdict {
        Verdict::Refer(Referral::PeerSilent { device, .. }) => Some(*device),
        Verdict::Refer(_) | Verdict::Admit(_) | Verdict::Refuse(_) => None,
    }
}

/// The earlier scan that a refusal rests on.
fn prior(verdict: &Verdict) -> Option<PriorScan> {
    match verdict {
        Verdict::Refuse(
            Refusal::AlreadyInside(prior)
            | Refusal::ExitRequired(prior)
            | Refusal::EntriesUsedUp { last: prior, .. },
        ) => Some(*prior),
        Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_) => None,
    }
}

/// Who holds the ticket, if the code shown opens it.
fn open_seal(row: &TicketRow, text: &str, session: SessionId) -> Option<seal::Holder> {
    let sealed = row.sealed.as_ref()?;
    let code = TicketCodeText::new(text).ok()?;
    let candidates = sealed.iter().map(|bytes| bytes.as_slice());
    seal::open(candidates, &code, session, row.ticket).ok()
}
