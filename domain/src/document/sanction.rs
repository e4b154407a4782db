//! A supervisor's override of a refusal (`usher/override/1`), signed by the key made of badge and PIN.

use super::approval::{Approval, Approved};
use super::envelope::Document;
use crate::cose::ContentType;
use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, GateId, SessionId, StaffId};
use crate::record::Subject;
use crate::table::rows::{StaffEntry, StaffRole};
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What a supervisor signs. Good for one admission.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Sanction {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// Who is let in.
    #[n(1)]
    pub subject: Subject,
    /// The attempt that was refused or referred.
    #[n(2)]
    pub refused: AttemptId,
    /// The new attempt that takes its place.
    #[n(3)]
    pub attempt: AttemptId,
    /// The device it is good on.
    #[n(4)]
    pub device: DeviceId,
    /// The supervisor.
    #[n(5)]
    pub supervisor: StaffId,
    /// Why.
    #[n(6)]
    pub reason: SanctionReason,
    /// Not good after.
    #[n(7)]
    pub expires_at: UnixMillis,
    /// Hash of the record of the refusal.
    #[n(8)]
    pub record: Hash,
}

/// Why a supervisor overrides. Free text stands outside the signed log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SanctionReason {
    /// The person showed that the ticket is theirs.
    #[n(0)]
    IdentityChecked,
    /// The box office or the seller confirmed it.
    #[n(1)]
    SellerConfirmed,
    /// The earlier admission was a mistake of the gate.
    #[n(2)]
    GateMistake,
    /// Emergency, care or accessibility.
    #[n(3)]
    Assistance,
    /// Guest of the house.
    #[n(4)]
    Guest,
    /// None of these.
    #[n(5)]
    Other,
}

impl Document for Sanction {
    fn content_type(&self) -> ContentType {
        ContentType::OVERRIDE
    }
}

impl Approval for Sanction {
    const CONTENT_TYPE: ContentType = ContentType::OVERRIDE;
    /// The attempt that lets somebody in. Whoever asks must see to it that no other admission of this attempt
    /// on this device exists: that makes an override good for one.
    type Act = AttemptId;

    fn approved(&self) -> Approved {
        Approved {
            session: self.session,
            subject: self.subject,
            device: self.device,
            supervisor: self.supervisor,
            expires_at: self.expires_at,
        }
    }

    fn act(&self) -> AttemptId {
        self.attempt
    }
}

/// Why a member of staff may not approve of something at a gate. It says nothing of a signature: what was
/// signed all the same counts, and is an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MayNotApprove {
    /// The role does not override, or there is no key for it.
    #[error("this member of staff may not override")]
    NotASupervisor,
    /// The badge was not valid then, or no longer.
    #[error("the supervisor's badge was not valid at that time")]
    BadgeNotValid,
    /// The badge is not for that gate.
    #[error("the supervisor does not work at this gate")]
    OtherGate,
}

impl MayNotApprove {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotASupervisor => "not_a_supervisor",
            Self::BadgeNotValid => "badge_not_valid",
            Self::OtherGate => "override_other_gate",
        }
    }
}

impl StaffRole {
    /// Whether this role may override refusals.
    #[must_use]
    pub const fn may_override(self) -> bool {
        match self {
            Self::Supervisor => true,
            Self::Steward | Self::BoxOffice => false,
        }
    }
}

impl StaffEntry {
    /// Whether the badge counts at this time.
    #[must_use]
    pub fn is_valid_at(&self, at: UnixMillis) -> bool {
        self.valid_from.is_none_or(|from| from <= at)
            && self.valid_until.is_none_or(|until| at <= until)
            && self.revoked_at.is_none_or(|revoked| at < revoked)
    }

    /// Whether this person works at a gate; a spare device stands at none, and anybody may use it.
    #[must_use]
    pub fn works_at(&self, gate: Option<GateId>) -> bool {
        self.gates.is_empty() || gate.is_none_or(|gate| self.gates.contains(&gate))
    }

    /// Whether this person may approve of something at a gate and a time.
    ///
    /// # Errors
    /// [`MayNotApprove`] with the first reason found.
    pub fn may_approve(&self, gate: Option<GateId>, at: UnixMillis) -> Result<(), MayNotApprove> {
        if self.override_key.is_none() || !self.role.may_override() {
            Err(MayNotApprove::NotASupervisor)
        } else if !self.is_valid_at(at) {
            Err(MayNotApprove::BadgeNotValid)
        } else if !self.works_at(gate) {
            Err(MayNotApprove::OtherGate)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
