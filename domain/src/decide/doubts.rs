//! The steps that refer, in their order, and what an admission warns of.

use super::{Attendance, Case, Connection, Found, Headcount, Shown, Signer, Via};
use crate::ids::ZoneId;
use crate::record::{Confirmed, Direction};
use crate::rules::{IsolatedRule, OperatorRule, StaleAction, TypeRule, UnknownSignedRule};
use crate::time::{ClockTrust, UnixMillis};
use crate::verdict::{Caution, Referral};

const MINUTE_MS: u64 = 60_000;

impl Case<'_> {
    /// Why somebody else must look first, if so.
    pub(super) fn refer(&self) -> Option<Referral> {
        self.unattended()
            .or_else(|| self.without_gate())
            .or_else(|| self.open_doubt())
            .or_else(|| self.type_doubt())
            .or_else(|| self.unlisted_doubt())
            .or_else(|| self.clock_doubt())
            .or_else(|| self.isolated_doubt())
            .or_else(|| self.stale_doubt())
            .or_else(|| self.instruction())
    }

    /// Whether the set lists what was shown: the very issue or a current medium.
    pub(super) fn is_listed(&self) -> bool {
        match (self.found, self.shown) {
            (
                Found::Here {
                    row,
                    via: Via::Code,
                },
                Shown::Code { code, .. },
            ) => code.issue <= row.issue,
            (Found::Here { .. }, _) => true,
            (Found::Elsewhere(_) | Found::Nowhere, _) => false,
        }
    }

    /// Whether nobody is signed in where somebody must be.
    fn unattended(&self) -> Option<Referral> {
        let is_required = self.terms.rules.operator == OperatorRule::Required;
        (is_required && self.context.operator == Attendance::Nobody)
            .then_some(Referral::OperatorRequired)
    }

    /// Whether the ticket opens certain zones only and nobody knows where this device stands.
    fn without_gate(&self) -> Option<Referral> {
        let is_placed = self
            .context
            .gate
            .is_some_and(|gate| self.terms.gate(gate).is_some());
        (!is_placed && !self.opens().is_empty()).then_some(Referral::NoGate)
    }

    /// An attempt elsewhere that should have ended long ago: whether somebody went in, only people know.
    pub(super) fn open_doubt(&self) -> Option<Referral> {
        let open = self.context.open?;
        (!open.is_fresh(self.context.now)).then_some(Referral::AdmissionOpen(open))
    }

    /// A type that came with a list: which zones it opens, only people know.
    fn type_doubt(&self) -> Option<Referral> {
        let leads_to_a_zone = self.zone().is_some();
        (leads_to_a_zone && self.is_not_allowed()).then_some(Referral::TypeNotAllowed)
    }

    fn unlisted_doubt(&self) -> Option<Referral> {
        if self.is_listed() {
            return None;
        }
        if let Shown::Code {
            signer: Signer::Revoked,
            ..
        } = self.shown
        {
            return Some(Referral::RevokedKey);
        }
        if let Shown::Pretix { date, .. } = self.shown
            && !self.is_dated_here(*date)
        {
            // Signed by the shop, for a date of which nobody told here which session it is.
            return Some(Referral::UnknownSigned);
        }
        match self.terms.rules.unknown_signed {
            UnknownSignedRule::Refer => Some(Referral::UnknownSigned),
            // What the rule refuses was refused before.
            UnknownSignedRule::Admit | UnknownSignedRule::Refuse => None,
        }
    }

    fn clock_doubt(&self) -> Option<Referral> {
        let refusal = Box::new(self.untimely()?);
        (self.context.clock == ClockTrust::Unproved).then_some(Referral::ClockUnproved { refusal })
    }

    fn isolated_doubt(&self) -> Option<Referral> {
        let since = self.isolated()?;
        let home = match self.found {
            Found::Here { row, .. } => row.home,
            Found::Elsewhere(_) | Found::Nowhere => None,
        };
        match self.terms.rules.isolated {
            IsolatedRule::Admit => None,
            IsolatedRule::HomeOnly if home == Some(self.context.device) => None,
            IsolatedRule::HomeOnly => Some(Referral::NotHome { home }),
            IsolatedRule::Refer => Some(Referral::Isolated { since }),
        }
    }

    fn stale_doubt(&self) -> Option<Referral> {
        let issued_at = self.context.set.issued_at;
        match self.terms.rules.stale.then {
            StaleAction::Refer if self.is_stale() => Some(Referral::StaleSet { issued_at }),
            StaleAction::Refer | StaleAction::Warn => None,
        }
    }

    fn instruction(&self) -> Option<Referral> {
        if self.context.confirmed == Some(Confirmed::Instruction) {
            return None;
        }
        let of_type = self.type_rule().and_then(|rule| rule.instruction.clone());
        let of_ticket = match self.found {
            Found::Here { row, .. } => row.instruction.clone(),
            Found::Elsewhere(_) | Found::Nowhere => None,
        };
        let of_product = match (self.found, self.shown) {
            (Found::Nowhere, Shown::Pretix { type_number, .. }) => {
                let pretix = self.terms.pretix.as_ref();
                let of = |number| pretix.and_then(|terms| terms.instruction_of(number));
                type_number.and_then(of).map(str::to_owned)
            }
            (Found::Here { .. } | Found::Elsewhere(_) | Found::Nowhere, _) => None,
        };
        let texts = of_type.into_iter().chain(of_ticket).chain(of_product);
        let texts: Vec<String> = texts.collect();
        (!texts.is_empty()).then_some(Referral::Instruction { texts })
    }

    /// What the operator should know although the answer is yes.
    pub(super) fn cautions(&self) -> Vec<Caution> {
        let set = self.context.set;
        let isolated = self.isolated().map(|since| Caution::Isolated { since });
        let age = if self.context.now > set.expires_at {
            let expired_at = set.expires_at;
            Some(Caution::ExpiredSet { expired_at })
        } else {
            let issued_at = set.issued_at;
            self.is_stale().then_some(Caution::StaleSet { issued_at })
        };
        let clock = (self.context.clock == ClockTrust::Unproved).then_some(Caution::ClockUnproved);
        let full = self
            .full_zone()
            .map(|(zone, inside)| Caution::OverCapacity { zone, inside });
        let quarantined = self.context.quarantined.map(Caution::Quarantined);
        let is_entry = self.context.direction == Direction::Entry;
        let quarantined = quarantined.filter(|_| is_entry);
        let all = [isolated, age, clock, full, quarantined];
        all.into_iter().flatten().collect()
    }

    fn is_stale(&self) -> bool {
        let limit = u64::from(self.terms.rules.stale.after_minutes) * MINUTE_MS;
        self.context.now.since(self.context.set.issued_at) > limit
    }

    pub(super) const fn isolated(&self) -> Option<UnixMillis> {
        match self.context.connection {
            Connection::Isolated { since } => Some(since),
            Connection::Online { .. } => None,
        }
    }

    /// The zone that the gate leads to.
    pub(super) fn zone(&self) -> Option<ZoneId> {
        let gate = self.context.gate.and_then(|gate| self.terms.gate(gate));
        gate.and_then(|gate| gate.zone)
    }

    /// The gate's zone and the people in it, if one more is too many.
    pub(super) fn full_zone(&self) -> Option<(ZoneId, u32)> {
        let zone = self.zone()?;
        let (Headcount::Local(inside) | Headcount::Confirmed(inside)) = self.context.inside;
        let mut capacity = self.terms.rules.capacity.iter();
        let limit = capacity.find(|limit| limit.zone == zone)?;
        let is_full = inside >= limit.people && !crate::mutated!(AdmitToFullZone);
        is_full.then_some((zone, inside))
    }

    pub(super) fn type_rule(&self) -> Option<&TypeRule> {
        let number = self.known.type_number?;
        self.terms.rules.for_type(number)
    }
}
