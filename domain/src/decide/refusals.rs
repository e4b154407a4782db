//! The steps that refuse, in their order.

use super::{Case, Elsewhere, Found, Headcount, Shown, SignedDate, Signer, Via};
use crate::ids::{SessionId, ZoneId};
use crate::merge::state::Barred;
use crate::numbers::AccessNumber;
use crate::rules::{NOT_ALLOWED, UnknownSignedRule};
use crate::table::rows::{TicketRow, TicketState};
use crate::time::ClockTrust;
use crate::verdict::Refusal;

impl Case<'_> {
    /// Why this ticket does not enter, if so.
    pub(super) fn refuse(&self) -> Option<Refusal> {
        self.not_genuine()
            .or_else(|| self.not_ours())
            .or_else(|| self.state())
            .or_else(|| match self.context.clock {
                ClockTrust::Proved => self.untimely(),
                ClockTrust::Unproved => None,
            })
            .or_else(|| self.place())
            .or_else(|| self.history())
            .or_else(|| self.elsewhere_now())
            .or_else(|| self.capacity())
    }

    /// Whether somebody else than the organizer made it. Something listed as a medium needs no signature:
    /// the signed set vouches for it.
    pub(super) fn not_genuine(&self) -> Option<Refusal> {
        match (self.shown, self.found) {
            (
                _,
                Found::Here {
                    via: Via::CurrentMedium | Via::FormerMedium,
                    ..
                },
            ) => None,
            // Not genuine here but listed by another session, say a secret of another event's shop.
            (_, Found::Elsewhere(_)) => None,
            (Shown::Unreadable | Shown::Malformed { .. }, _) => Some(Refusal::Malformed),
            (Shown::Forged { .. }, _) => Some(Refusal::Forged),
            (Shown::Code { .. } | Shown::Pretix { .. } | Shown::Opaque { .. }, _) => None,
        }
    }

    /// Whether it is no ticket for this session.
    pub(super) fn not_ours(&self) -> Option<Refusal> {
        match (self.found, self.shown) {
            (
                Found::Here {
                    via: Via::Code,
                    row,
                },
                Shown::Code { code, signer, .. },
            ) => {
                // An old code of a ticket that was moved here since is told to be old.
                let access = if code.issue < row.issue {
                    row.access
                } else {
                    code.access
                };
                self.not_accepted(access, *signer)
                    .or_else(|| self.not_accepted(row.access, Signer::Entitled))
                    .or_else(|| self.unlisted())
            }
            // Nothing but a signed code names a row by its ticket.
            (Found::Here { via: Via::Code, .. }, _) => Some(Refusal::Unknown),
            (Found::Here { row, .. }, _) if row.access == AccessNumber::EVERY_SESSION => None,
            (Found::Here { row, .. }, _) => self.not_accepted(row.access, Signer::Entitled),
            (Found::Elsewhere(places), _) => Some(self.belongs_to(places)),
            (Found::Nowhere, Shown::Code { code, signer, .. }) => self
                .not_accepted(code.access, *signer)
                .or_else(|| self.unlisted()),
            (Found::Nowhere, Shown::Pretix { date, .. }) => {
                self.other_date(*date).or_else(|| self.unlisted())
            }
            (
                Found::Nowhere,
                Shown::Unreadable
                | Shown::Malformed { .. }
                | Shown::Forged { .. }
                | Shown::Opaque { .. },
            ) => Some(Refusal::Unknown),
        }
    }

    /// Something signed that the set does not list must be of one of the session's types, and the rule
    /// must not refuse it.
    fn unlisted(&self) -> Option<Refusal> {
        if self.is_listed() {
            return None;
        }
        let has_type = self.known.type_number.is_some_and(|number| {
            let mut types = self.terms.types.iter();
            types.any(|named| named.number == number)
        });
        if !has_type {
            return Some(Refusal::WrongSession { right: Vec::new() });
        }
        (self.terms.rules.unknown_signed == UnknownSignedRule::Refuse).then_some(Refusal::Unknown)
    }

    /// Whether the shop signed it for another date of the series than this session is.
    fn other_date(&self, date: Option<SignedDate>) -> Option<Refusal> {
        let pretix = self.terms.pretix.as_ref()?;
        let is_dated = pretix.dates_of(self.terms.session.id).next().is_some();
        let right: Vec<(SessionId, String)> = match date? {
            SignedDate::Unnamed => Vec::new(),
            SignedDate::Subevent(_) if self.is_dated_here(date) => return None,
            SignedDate::Subevent(number) => pretix
                .sessions_of(number)
                .map(|date| (date.session, date.name.clone()))
                .collect(),
        };
        (is_dated || !right.is_empty()).then_some(Refusal::WrongSession { right })
    }

    /// Whether the date that the shop signed is this session, or one whose tickets it lets through.
    pub(super) fn is_dated_here(&self, date: Option<SignedDate>) -> bool {
        let session = self.terms.session.id;
        let mut told = self.terms.pretix.iter();
        match date {
            Some(SignedDate::Subevent(number)) => told
                .flat_map(|pretix| pretix.sessions_of(number))
                .any(|date| date.session == session || self.context.honours == Some(date.session)),
            // Only an event that is no series has tickets without a date.
            Some(SignedDate::Unnamed) | None => {
                told.all(|pretix| pretix.dates_of(session).next().is_none())
            }
        }
    }

    fn not_accepted(&self, access: AccessNumber, signer: Signer) -> Option<Refusal> {
        let accepted = self.terms.accepts(access)
            || self.context.honours.is_some()
            || crate::mutated!(ServeEverySession);
        if signer != Signer::OutsideLimits && accepted {
            return None;
        }
        let others = || {
            let others = self.terms.others.iter();
            others.filter(|other| other.accepts.contains(&access))
        };
        let right: Vec<(SessionId, String)> = others()
            .filter(|other| other.event == self.terms.event)
            .map(|other| (other.id, other.name.clone()))
            .collect();
        Some(match others().next() {
            Some(other) if right.is_empty() => Refusal::WrongEvent {
                right: Some(other.name.clone()),
            },
            Some(_) | None => Refusal::WrongSession { right },
        })
    }

    fn belongs_to(&self, places: &[Elsewhere]) -> Refusal {
        let right: Vec<(SessionId, String)> = places
            .iter()
            .filter(|place| place.event == self.terms.event)
            .map(|place| (place.session, place.name.clone()))
            .collect();
        if right.is_empty() {
            Refusal::WrongEvent {
                right: places
                    .first()
                    .map(|place| format!("{}, {}", place.event_name, place.name)),
            }
        } else {
            Refusal::WrongSession { right }
        }
    }

    fn state(&self) -> Option<Refusal> {
        let Found::Here { row, via } = self.found else {
            return None;
        };
        if let TicketState::Cancelled(reason) = row.state
            && !crate::mutated!(AdmitCancelled)
        {
            return Some(Refusal::Cancelled { reason });
        }
        self.superseded(row, *via)
            .or_else(|| (row.state == TicketState::Blocked).then_some(Refusal::Blocked))
    }

    fn superseded(&self, row: &TicketRow, via: Via) -> Option<Refusal> {
        let shown = match (via, self.shown) {
            (Via::FormerMedium, _) => None,
            (Via::Code, Shown::Code { code, .. }) if code.issue < row.issue => Some(code.issue),
            (Via::Code | Via::CurrentMedium, _) => return None,
        };
        Some(Refusal::Superseded {
            shown,
            valid: row.issue,
        })
    }

    /// Whether it is not the time: outside the ticket's own validity or the session's entry window, of
    /// which both bounds are included.
    pub(super) fn untimely(&self) -> Option<Refusal> {
        let (opens, closes) = self.terms.session.entry_window(&self.terms.rules);
        let from = self.known.valid_from.map_or(opens, |from| from.max(opens));
        let until = self
            .known
            .valid_until
            .map_or(closes, |until| until.min(closes));
        if self.context.now < from {
            Some(Refusal::NotYetValid { from })
        } else if self.context.now > until {
            Some(Refusal::NoLongerValid { until })
        } else {
            None
        }
    }

    /// Whether the ticket does not open the zone that the gate leads to. A gate to the whole venue is open to
    /// every ticket; of a spare that stands at no gate nobody knows.
    fn place(&self) -> Option<Refusal> {
        let zone = self.zone()?;
        let opens = self.opens();
        if opens.is_empty() || opens.contains(&zone) || opens == [NOT_ALLOWED] {
            return None;
        }
        let leading = |to: &dyn Fn(Option<ZoneId>) -> bool| -> Vec<String> {
            let gates = self.terms.gates.iter().filter(|gate| to(gate.zone));
            gates.map(|gate| gate.name.clone()).collect()
        };
        let mut gates = leading(&|zone| zone.is_some_and(|zone| opens.contains(&zone)));
        if gates.is_empty() {
            gates = leading(&|zone| zone.is_none());
        }
        Some(Refusal::WrongZone { gates })
    }

    /// Whether nobody said yet which zones the ticket's type opens. A zone of the ticket's own, which came with
    /// the same list, does not say it either.
    pub(super) fn is_not_allowed(&self) -> bool {
        self.type_rule()
            .is_some_and(|rule| rule.zones == [NOT_ALLOWED])
    }

    /// The zones that the ticket opens; empty stands for all.
    pub(super) fn opens(&self) -> &[ZoneId] {
        if let Found::Here { row, .. } = self.found
            && let Some(zone) = &row.zone
        {
            return std::slice::from_ref(zone);
        }
        self.type_rule().map_or(&[], |rule| &rule.zones)
    }

    fn history(&self) -> Option<Refusal> {
        let rule = self.known.entry_rule(&self.terms.rules);
        let barred = self.history.may_enter(rule.mode).err()?;
        Some(match barred {
            Barred::Inside(prior) => Refusal::AlreadyInside(*prior),
            Barred::ExitFirst(prior) => Refusal::ExitRequired(*prior),
            Barred::UsedUp { allowed, last } => Refusal::EntriesUsedUp {
                allowed,
                last: *last,
            },
            Barred::NoEntries => Refusal::Blocked,
        })
    }

    /// Whether somebody is walking through another gate with this ticket at this moment.
    pub(super) fn elsewhere_now(&self) -> Option<Refusal> {
        let open = self.context.open?;
        open.is_fresh(self.context.now)
            .then_some(Refusal::BeingAdmitted(open))
    }

    fn capacity(&self) -> Option<Refusal> {
        let (zone, inside) = self.full_zone()?;
        match self.context.inside {
            Headcount::Confirmed(_) => Some(Refusal::Full { zone, inside }),
            Headcount::Local(_) => None,
        }
    }
}
