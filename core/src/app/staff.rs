//! Staff: signing in and out, overriding, searching.

use super::scan::ScanView;
use super::{ApiError, App, words};
use crate::gate::{AtGate as _, Found, OverrideRequest, SignedIn, SignedOut};
use crate::store::SignOutReason;
use serde::{Deserialize, Serialize};
use usher_domain::document::sanction::SanctionReason;
use usher_domain::ids::{SessionId, StaffId, TicketId};
use usher_domain::secret::Private;
use usher_domain::table::rows::{StaffRole, TicketState};

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OperatorView {
    /// The member of staff.
    pub staff: StaffId,
    /// Name as the badge shows it.
    pub name: Private,
    /// What they may do.
    pub role: StaffRole,
}

impl From<SignedIn> for OperatorView {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            staff: signed_in.staff,
            name: signed_in.name,
            role: signed_in.role,
        }
    }
}

/// Who was signed out by the gate itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignedOutView {
    /// The member of staff.
    pub staff: StaffId,
    /// Their name, if the list of staff still has it.
    pub name: Option<Private>,
    /// Why.
    pub why: SignOutReason,
    /// The same as a sentence.
    pub message: String,
}

impl From<SignedOut> for SignedOutView {
    fn from(out: SignedOut) -> Self {
        Self {
            staff: out.staff,
            message: words::signed_out(out.name.as_ref().map(Private::reveal), out.why),
            name: out.name,
            why: out.why,
        }
    }
}

/// What a supervisor decides against a verdict.
#[derive(Debug, Clone, Deserialize)]
pub struct OverrideInput {
    /// The record of the refusal or referral, as [`ScanView::record`] says it.
    pub record: String,
    /// Text of the supervisor's badge.
    pub badge: Private,
    /// The supervisor's PIN.
    pub pin: Private,
    /// Why.
    pub reason: SanctionReason,
}

/// Somebody whom a search found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonView {
    /// The ticket.
    pub ticket: TicketId,
    /// The holder's name.
    pub holder: Option<Private>,
    /// The seller's order number.
    pub order: Option<Private>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// The seat.
    pub seat: Option<String>,
    /// Whether it may enter.
    #[serde(flatten)]
    pub state: Option<TicketState>,
}

impl From<Found> for PersonView {
    fn from(found: Found) -> Self {
        Self {
            ticket: found.ticket,
            holder: found.holder,
            order: found.order,
            type_name: found.type_name,
            seat: found.seat,
            state: found.state,
        }
    }
}

impl App {
    /// Signs a member of staff in by the text of their badge.
    ///
    /// # Errors
    /// `not_a_badge`, `unknown_badge`, `badge_not_valid`, `other_gate`.
    pub fn sign_in(&self, badge: &Private) -> Result<OperatorView, ApiError> {
        let signed_in = self.at_gate(|gate, means| gate.sign_in(means, badge.reveal()))?;
        Ok(signed_in.into())
    }

    /// Signs out whoever is signed in.
    ///
    /// # Errors
    /// What writing the store says.
    pub fn sign_out(&self) -> Result<(), ApiError> {
        Ok(self.at_gate(|gate, means| gate.sign_out(means))?)
    }

    /// Signs out whoever may not work here any more: the badge was revoked, is not valid now, or the device
    /// was moved to a gate that is none of theirs. A shell looks from time to time and says it loudly.
    ///
    /// # Errors
    /// What the store says.
    pub fn sign_out_if_barred(&self) -> Result<Option<SignedOutView>, ApiError> {
        let out = self.heeding(self.at_gate(|gate, means| gate.sign_out_if_barred(means)))?;
        Ok(out.map(Into::into))
    }

    /// Says before a PIN is asked for whether a badge is a supervisor's, by which something may be decided here.
    ///
    /// # Errors
    /// `not_a_badge`, `unknown_badge`, `badge_not_valid`, `other_gate`, `forbidden`, `pin_locked`.
    pub fn check_supervisor(&self, badge: &Private) -> Result<(), ApiError> {
        Ok(self.at_gate(|gate, means| gate.check_supervisor(means, badge.reveal()))?)
    }

    /// Lets somebody in against a verdict, by a supervisor's badge and PIN.
    ///
    /// # Errors
    /// `no_such_scan`, `wrong_kind`, `done_before`, `forbidden`, `wrong_pin`, `pin_locked`.
    pub fn override_verdict(&self, input: OverrideInput) -> Result<ScanView, ApiError> {
        let request = OverrideRequest {
            record: self.record_named(&input.record)?,
            badge: input.badge,
            pin: input.pin,
            reason: input.reason,
        };
        let answer = self.at_gate(|gate, means| gate.override_verdict(means, &request))?;
        // It takes the place of an attempt that other gates may wait for.
        self.claims.want_exchange();
        Ok(answer.into())
    }

    /// People in whose name or order number all words of `needle` are found, in `session` or the one
    /// served.
    ///
    /// # Errors
    /// `forbidden` unless somebody is signed in whose role may search; `no_names` on a device that holds
    /// none; `search_too_short`; `no_such_session` where none is served.
    pub fn search(
        &self,
        session: Option<SessionId>,
        needle: &Private,
        limit: usize,
    ) -> Result<Vec<PersonView>, ApiError> {
        let people = self.at_gate(|gate, means| {
            let served = match session {
                Some(session) => Some(session),
                None => gate.serving(means)?.map(|served| served.id),
            };
            let session = served.ok_or(crate::gate::GateError::NoSuchSession)?;
            gate.search(means, session, needle.reveal(), limit)
        });
        let people = self.heeding(people)?;
        Ok(people.into_iter().map(PersonView::from).collect())
    }
}
