//! A supervisor's override of a refusal (`usher/override/1`), signed by the key made of badge and PIN.

use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, SessionId, StaffId};
use crate::record::Subject;
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
