//! What decides a claim once everything is read: the ticket's history, other attempts, its home, and who is
//! silent.

use super::judge::Patience;
use super::memory::Posting;
use crate::service::duty::{Duties, Silent, Standing};
use crate::storage::{DutyState, Reservation};
use usher_domain::cbor;
use usher_domain::decide::{
    Attendance, Connection, Context, Flow, Headcount, Honoured, Known, Looked, decide,
};
use usher_domain::ids::{DeviceId, SessionId, ZoneId};
use usher_domain::log::Line;
use usher_domain::merge::state::SubjectState;
use usher_domain::merge::{Ground, fold_subject, open_admission, quarantined_entry, referrals};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, Decided, YieldRequest};
use usher_domain::record::{Body, Certainty, Direction, Subject};
use usher_domain::rules::{EntryMode, SilentRule};
use usher_domain::time::{ClockTrust, UnixMillis};
use usher_domain::verdict::{Admit, AdmitWhy, OpenAdmission, Referral, Verdict};

/// Who claims what, on what ground.
pub(super) struct Case<'a> {
    pub(super) device: DeviceId,
    pub(super) request: &'a ClaimRequest,
    pub(super) posting: &'a Posting,
    pub(super) ground: &'a Ground,
    pub(super) known: Known,
    pub(super) looked: &'a Looked,
    /// The session whose ticket it is, where the served one lets it through beside its own.
    pub(super) honours: Option<SessionId>,
    /// Everything known of the ticket, the asker's unsent records included.
    pub(super) lines: &'a [Line],
    /// Other open reservations of the ticket.
    pub(super) others: Vec<Reservation>,
    pub(super) duties: &'a Duties,
    pub(super) standing: &'a Standing,
    pub(super) epoch: u32,
    pub(super) now: UnixMillis,
}

/// The sessions whose tickets the one that is served lets through, beside its own.
pub(super) fn honoured(
    posting: &Posting,
    ground: &Ground,
    direction: Direction,
    now: UnixMillis,
) -> Vec<Honoured> {
    let terms = &posting.terms;
    let told = |session| {
        let mut others = terms.others.iter();
        others.find(|other| other.id == session)
    };
    let sessions = ground.honoured(terms.session.id, direction, now);
    sessions
        .map(|session| Honoured {
            session,
            accepts: told(session).map_or(Vec::new(), |other| other.accepts.clone()),
            dates: terms
                .pretix
                .as_ref()
                .map_or(Vec::new(), |pretix| pretix.dates_of(session).collect()),
        })
        .collect()
}

/// A reservation as others see it.
pub(super) const fn opened(held: &Reservation) -> OpenAdmission {
    OpenAdmission {
        attempt: Some(held.attempt),
        device: held.device,
        gate: held.gate,
        since: held.at,
    }
}

/// Everything whose records count in a subject's state.
pub(super) fn aliases(ground: &Ground, subject: Subject) -> Vec<Subject> {
    match subject {
        // What was unreadable cannot be followed.
        Subject::Nothing => Vec::new(),
        Subject::Ticket(_) | Subject::Medium(_) => ground.aliases(subject),
    }
}

/// What an admission becomes once the other devices were looked at.
pub(super) enum Granted {
    Answer(Verdict, Certainty),
    AskHome(DeviceId),
}

/// How a ticket's home stands to its admission elsewhere.
enum Home {
    /// It has none, or it is the asker, or it has nothing to say.
    None,
    /// It said that it holds the ticket back.
    Yields(DeviceId),
    /// It must be asked.
    Unasked(DeviceId),
    /// A supervisor took it off duty.
    StoodDown(DeviceId),
}

impl Case<'_> {
    /// The zone that the gate leads to.
    fn zone(&self) -> Option<ZoneId> {
        self.posting.terms.gate(self.request.gate?)?.zone
    }

    /// The zone that the gate leads to, if only so many people may be in it.
    pub(super) fn limited_zone(&self) -> Option<ZoneId> {
        let zone = self.zone()?;
        let mut limits = self.posting.terms.rules.capacity.iter();
        limits.any(|limit| limit.zone == zone).then_some(zone)
    }

    pub(super) fn verdict(&self, inside: Headcount) -> Verdict {
        let (request, terms) = (self.request, &self.posting.terms);
        let session = terms.session.id;
        let subject = self.ground.resolve(self.known.subject);
        let own = self.honours.unwrap_or(session);
        let unit = self.known.unit(own, &terms.rules);
        let mut states = fold_subject(self.ground, subject, self.lines);
        let history = states.remove(&unit).unwrap_or_default();
        let is_same = |session| self.known.unit(session, &terms.rules) == unit;
        let quarantined = quarantined_entry(self.ground, self.lines, is_same);
        let is_free = request
            .gate
            .is_some_and(|gate| self.ground.is_free_flow(session, gate, self.now));
        let context = Context {
            now: self.now,
            clock: ClockTrust::Proved,
            gate: request.gate,
            direction: request.direction,
            device: self.device,
            connection: Connection::Online {
                peers_as_of: self.now,
            },
            set: self.posting.age,
            inside,
            flow: if is_free { Flow::Free } else { Flow::Deciding },
            confirmed: request.confirmed,
            operator: Attendance::of(request.operator),
            open: self.open(&history),
            quarantined,
            honours: self.honours,
        };
        let found = self.looked.found();
        decide(&request.shown, &found, &history, terms, &context)
    }

    /// An attempt elsewhere that stands in the way. A ticket of several entries has room for as many
    /// attempts as it has entries left.
    fn open(&self, history: &SubjectState) -> Option<OpenAdmission> {
        let rule = self.known.entry_rule(&self.posting.terms.rules);
        if let EntryMode::Times(allowed) = rule.mode
            && self.request.direction == Direction::Entry
        {
            let is_entry = |held: &&Reservation| held.direction == Direction::Entry;
            let open = self.others.iter().filter(is_entry).count();
            let used = u32::try_from(open).unwrap_or(u32::MAX);
            if history.entries.saturating_add(used) < u32::from(allowed) {
                return None;
            }
        }
        let reserved = self.others.iter().map(opened);
        let home = self.looked.row().and_then(|row| row.home);
        let counting: Vec<&Line> = self
            .lines
            .iter()
            .filter(|line| self.ground.counts(line))
            .collect();
        let own = (self.device, self.request.attempt);
        reserved
            .min_by_key(|open| (open.since, open.device, open.attempt))
            .or_else(|| {
                let is_home = |device| home == Some(device);
                open_admission(self.ground, own, counting, is_home, self.now)
            })
            .map(|open| open.seen_by(self.device))
    }

    fn home(&self) -> Home {
        let home = self.looked.row().and_then(|row| row.home);
        let elsewhere = |home: &DeviceId| *home != self.device;
        let Some(home) = home.filter(|home| elsewhere(home) && !usher_domain::mutated!(AskNoHome))
        else {
            return Home::None;
        };
        match self.standing.of(home) {
            Some(DutyState::OnDuty) if self.has_yielded(home) => Home::Yields(home),
            Some(DutyState::OnDuty) => Home::Unasked(home),
            Some(DutyState::StoodDown) if usher_domain::mutated!(ForgetStoodDownHome) => Home::None,
            Some(DutyState::StoodDown) => Home::StoodDown(home),
            Some(DutyState::SignedOff | DutyState::Revoked) | None => Home::None,
        }
    }

    fn has_yielded(&self, home: DeviceId) -> bool {
        // What the asker has referred since, the home does not hold back any more.
        if referrals(self.lines).contains(&(self.device, self.request.attempt)) {
            return false;
        }
        self.lines.iter().any(|line| {
            let Body::Yield(held) = &line.record.body else {
                return false;
            };
            line.record.log.device == home
                && held.attempt == self.request.attempt
                && held.to == self.device
        })
    }

    /// How many are inside a zone, as far as that can be known: exactly only while nobody is silent.
    pub(super) fn headcount(&self, counted: Headcount) -> Headcount {
        match counted {
            Headcount::Confirmed(people) if !self.silent().is_empty() => Headcount::Local(people),
            Headcount::Confirmed(_) | Headcount::Local(_) => counted,
        }
    }

    /// What other devices may have done that nobody knows of yet.
    fn silent(&self) -> Vec<Silent> {
        let home = self.home();
        let scope = self.posting.terms.scope;
        let mut silent = self
            .duties
            .silent(scope, self.standing, self.epoch, self.now, |device| {
                // The asker's records of the ticket came with the claim, those of a home before its word.
                device == self.device || matches!(home, Home::Yields(home) if home == device)
            });
        if let Home::StoodDown(device) = home {
            let since = self.duties.known_up_to(scope, device, self.epoch);
            silent.push(Silent { device, since });
        }
        silent
    }

    pub(super) fn certainty(&self) -> Certainty {
        certainty(&self.silent())
    }

    /// Looks at the other devices before an admission is granted. Nobody is kept inside for their sake.
    pub(super) fn grant(&self, admit: Admit, patience: Patience) -> Granted {
        let mut silent = self.silent();
        if self.request.direction == Direction::Exit {
            return Granted::Answer(Verdict::Admit(admit), certainty(&silent));
        }
        let referral = match (self.home(), patience) {
            (Home::Unasked(home), Patience::Left) => {
                // Of a home that is asked now, nobody need know more.
                let others: Vec<_> = silent
                    .iter()
                    .filter(|one| one.device != home)
                    .copied()
                    .collect();
                match self.peer_silent(&others) {
                    None => return Granted::AskHome(home),
                    referral @ Some(_) => referral,
                }
            }
            (Home::Unasked(home), Patience::Over) => {
                if !silent.iter().any(|one| one.device == home) {
                    let since = self
                        .duties
                        .known_up_to(self.posting.terms.scope, home, self.epoch);
                    silent.push(Silent {
                        device: home,
                        since,
                    });
                }
                Some(Referral::HomeSilent { home })
            }
            (Home::None | Home::Yields(_) | Home::StoodDown(_), _) => self.peer_silent(&silent),
        };
        let certainty = certainty(&silent);
        match referral {
            Some(referral) => Granted::Answer(Verdict::Refer(referral), certainty),
            None => Granted::Answer(Verdict::Admit(admit), certainty),
        }
    }

    fn peer_silent(&self, silent: &[Silent]) -> Option<Referral> {
        match self.posting.terms.rules.silent {
            SilentRule::Admit => None,
            SilentRule::Refer => longest(silent).map(|longest| Referral::PeerSilent {
                device: longest.device,
                since: longest.since,
            }),
        }
    }

    pub(super) fn yield_request(&self, subject: Subject) -> YieldRequest {
        YieldRequest {
            scope: self.posting.terms.scope,
            session: self.request.session,
            subject,
            attempt: self.request.attempt,
            to: self.device,
            gate: self.request.gate,
        }
    }

    /// What an answer reserves: an admission that counts, of something that can be followed.
    pub(super) fn reservation(&self, answer: &ClaimAnswer) -> Option<Reservation> {
        let ClaimAnswer::Decided(Decided {
            verdict: Verdict::Admit(admit),
            ..
        }) = answer
        else {
            return None;
        };
        if admit.why == AdmitWhy::FreeFlow || self.known.subject == Subject::Nothing {
            return None;
        }
        Some(Reservation {
            attempt: self.request.attempt,
            scope: self.posting.terms.scope,
            subject: self.known.subject,
            device: self.device,
            gate: self.request.gate,
            direction: self.request.direction,
            session: self.request.session,
            zone: self.zone(),
            at: self.now,
            answer: cbor::encode(answer),
        })
    }
}

fn longest(silent: &[Silent]) -> Option<Silent> {
    let by_time = |one: &&Silent| (one.since, one.device);
    silent.iter().min_by_key(by_time).copied()
}

fn certainty(silent: &[Silent]) -> Certainty {
    let silent = if usher_domain::mutated!(ConfirmThoughSilent) {
        &[]
    } else {
        silent
    };
    match longest(silent) {
        None => Certainty::Confirmed,
        Some(longest) => Certainty::ConfirmedExcept {
            device: longest.device,
            since: longest.since,
            others: u16::try_from(silent.len() - 1).unwrap_or(u16::MAX),
        },
    }
}
