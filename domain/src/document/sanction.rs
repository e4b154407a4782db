//! A supervisor's override of a refusal (`usher/override/1`), signed by the key made of badge and PIN.

use super::envelope::{Document, Received, Untrusted, Verified};
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

/// Bytes of the longest signed override: it stands in a record.
pub const SANCTION_BYTES_MAX: usize = 512;
/// How long an override is good at most, from its signing to the admission: nobody signs a stock of them.
pub const SANCTION_LIFETIME_MS: u64 = 5 * 60 * 1000;

impl Document for Sanction {
    fn content_type(&self) -> ContentType {
        ContentType::OVERRIDE
    }
}

/// The admission that an override is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SanctionUse {
    /// The session.
    pub session: SessionId,
    /// Who is let in.
    pub subject: Subject,
    /// The attempt that admits. Whoever asks must see to it that no other admission of this attempt
    /// exists: that makes an override good for one.
    pub attempt: AttemptId,
    /// The device that admits.
    pub device: DeviceId,
    /// Where it stands.
    pub gate: Option<GateId>,
    /// When: the stamp of the record.
    pub at: UnixMillis,
}

/// Why an override does not let anybody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SanctionError {
    /// Not signed by this supervisor's override key, or no override.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// The member of staff may not override.
    #[error("this member of staff may not override")]
    NotASupervisor,
    /// The member of staff was not, or no longer, valid at that time.
    #[error("the supervisor's badge was not valid at that time")]
    BadgeNotValid,
    /// The supervisor does not work at this gate.
    #[error("the supervisor does not work at this gate")]
    OtherGate,
    /// For another session.
    #[error("the override is for another session")]
    OtherSession,
    /// For another ticket.
    #[error("the override is for another ticket")]
    OtherSubject,
    /// For another attempt: it was used before, or was never meant for this one.
    #[error("the override is for another attempt")]
    OtherAttempt,
    /// For another device.
    #[error("the override is for another device")]
    OtherDevice,
    /// It names another supervisor than the one who signed.
    #[error("the override names another supervisor")]
    OtherSupervisor,
    /// Past its time.
    #[error("the override expired at {at}")]
    Expired {
        /// When.
        at: UnixMillis,
    },
    /// Good for longer than any override is.
    #[error("the override is good for longer than any may be")]
    TooLongLived,
}

impl SanctionError {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::NotASupervisor => "not_a_supervisor",
            Self::BadgeNotValid => "badge_not_valid",
            Self::OtherGate => "override_other_gate",
            Self::OtherSession => "override_other_session",
            Self::OtherSubject => "override_other_subject",
            Self::OtherAttempt => "override_other_attempt",
            Self::OtherDevice => "override_other_device",
            Self::OtherSupervisor => "override_other_supervisor",
            Self::Expired { .. } => "override_expired",
            Self::TooLongLived => "override_too_long_lived",
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
}

/// Checks an override against the roster's entry of its supervisor and the admission it is for.
///
/// # Errors
/// [`SanctionError`] with the first reason found.
pub fn verify_sanction(
    bytes: &[u8],
    supervisor: &StaffEntry,
    used: &SanctionUse,
) -> Result<Verified<Sanction>, SanctionError> {
    if bytes.len() > SANCTION_BYTES_MAX {
        return Err(Untrusted::TooLarge.into());
    }
    let key = supervisor
        .override_key
        .filter(|_| supervisor.role.may_override())
        .ok_or(SanctionError::NotASupervisor)?;
    let verified: Verified<Sanction> =
        Received::parse(bytes)?.verify(&key, ContentType::OVERRIDE)?;
    let sanction = verified.value();
    if sanction.supervisor != supervisor.staff {
        return Err(SanctionError::OtherSupervisor);
    }
    if !supervisor.is_valid_at(used.at) {
        return Err(SanctionError::BadgeNotValid);
    }
    if !supervisor.works_at(used.gate) {
        return Err(SanctionError::OtherGate);
    }
    if sanction.session != used.session {
        return Err(SanctionError::OtherSession);
    }
    if sanction.subject != used.subject {
        return Err(SanctionError::OtherSubject);
    }
    if sanction.attempt != used.attempt {
        return Err(SanctionError::OtherAttempt);
    }
    if sanction.device != used.device {
        return Err(SanctionError::OtherDevice);
    }
    if used.at > sanction.expires_at {
        return Err(SanctionError::Expired {
            at: sanction.expires_at,
        });
    }
    if sanction.expires_at.since(used.at) > SANCTION_LIFETIME_MS {
        return Err(SanctionError::TooLongLived);
    }
    Ok(verified)
}

#[cfg(test)]
mod tests;
