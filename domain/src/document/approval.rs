//! What a supervisor signs with the key made of badge and PIN: an approval of one act on one device.
//!
//! Anybody who holds the roster or the server's log can check one, at any later time, in the same way:
//! the signature under the supervisor's key, what it is for, and that it was used while it was good.

use super::envelope::{Document, Received, Untrusted, Verified};
use crate::cose::{ContentType, KeyId, PublicKey};
use crate::ids::{DeviceId, SessionId, StaffId};
use crate::record::Subject;
use crate::time::UnixMillis;

/// Bytes of the longest signed approval: it stands in a record.
pub const APPROVAL_BYTES_MAX: usize = 512;
/// How long an approval is good at most, from its signing to the act: nobody signs a stock of them.
pub const APPROVAL_LIFETIME_MS: u64 = 5 * 60 * 1000;

/// What every approval names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approved {
    /// The session.
    pub session: SessionId,
    /// Whom it is about.
    pub subject: Subject,
    /// The device it is good on.
    pub device: DeviceId,
    /// The supervisor.
    pub supervisor: StaffId,
    /// Not good after.
    pub expires_at: UnixMillis,
}

/// A document by which a supervisor approves of something.
pub trait Approval: Document {
    /// What its signature is for.
    const CONTENT_TYPE: ContentType;
    /// What it is held against beside [`Approved`].
    type Act: Copy + Eq;

    /// What every approval names.
    fn approved(&self) -> Approved;

    /// What this kind of approval names beside that.
    fn act(&self) -> Self::Act;
}

/// The act that an approval is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApprovalUse<A> {
    /// The session.
    pub session: SessionId,
    /// Whom it is about.
    pub subject: Subject,
    /// The device that acts.
    pub device: DeviceId,
    /// When: the stamp of the record, as it is written there.
    pub at: UnixMillis,
    /// What else the approval must name.
    pub act: A,
}

/// Why an approval does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApprovalError {
    /// Not signed by this supervisor's override key, or no such approval.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It is for another session.
    #[error("the approval is for another session")]
    OtherSession,
    /// It is for another ticket.
    #[error("the approval is for another ticket")]
    OtherSubject,
    /// It is for another attempt or record: it was used before, or was never meant for this one.
    #[error("the approval is for another attempt or record")]
    OtherAct,
    /// It is for another device.
    #[error("the approval is for another device")]
    OtherDevice,
    /// It names another supervisor than the one who signed.
    #[error("the approval names another supervisor")]
    OtherSupervisor,
    /// Past its time.
    #[error("the approval expired at {at}")]
    Expired {
        /// When.
        at: UnixMillis,
    },
    /// Good for longer than any approval is.
    #[error("the approval is good for too long")]
    TooLongLived,
}

impl ApprovalError {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Untrusted(untrusted) => untrusted.code(),
            Self::OtherSession => "approval_other_session",
            Self::OtherSubject => "approval_other_subject",
            Self::OtherAct => "approval_other_act",
            Self::OtherDevice => "approval_other_device",
            Self::OtherSupervisor => "approval_other_supervisor",
            Self::Expired { .. } => "approval_expired",
            Self::TooLongLived => "approval_too_long_lived",
        }
    }
}

/// Checks what an approval says against the supervisor who is said to have signed it and the act it is for.
fn check<T: Approval>(
    approval: &T,
    supervisor: StaffId,
    used: &ApprovalUse<T::Act>,
) -> Result<(), ApprovalError> {
    let approved = approval.approved();
    if approved.supervisor != supervisor {
        return Err(ApprovalError::OtherSupervisor);
    }
    if approved.session != used.session {
        return Err(ApprovalError::OtherSession);
    }
    if approved.subject != used.subject {
        return Err(ApprovalError::OtherSubject);
    }
    if approval.act() != used.act {
        return Err(ApprovalError::OtherAct);
    }
    if approved.device != used.device {
        return Err(ApprovalError::OtherDevice);
    }
    if used.at > approved.expires_at {
        return Err(ApprovalError::Expired {
            at: approved.expires_at,
        });
    }
    if approved.expires_at.since(used.at) > APPROVAL_LIFETIME_MS {
        return Err(ApprovalError::TooLongLived);
    }
    Ok(())
}

/// Checks an approval under the supervisor's override key and against the act it is for.
///
/// # Errors
/// [`ApprovalError`] with the first reason found.
pub fn verify_approval<T: Approval>(
    bytes: &[u8],
    (key, supervisor): (&PublicKey, StaffId),
    used: &ApprovalUse<T::Act>,
) -> Result<Verified<T>, ApprovalError> {
    if bytes.len() > APPROVAL_BYTES_MAX {
        return Err(Untrusted::TooLarge.into());
    }
    let verified: Verified<T> = Received::parse(bytes)?.verify(key, T::CONTENT_TYPE)?;
    check(verified.value(), supervisor, used)?;
    Ok(verified)
}

/// What an approval says, before anybody checked its signature.
///
/// # Errors
/// [`Untrusted`] if it is no approval of this kind.
pub fn read_unverified<T: Approval>(bytes: &[u8]) -> Result<(KeyId, T), Untrusted> {
    if bytes.len() > APPROVAL_BYTES_MAX {
        return Err(Untrusted::TooLarge);
    }
    let received = Received::parse(bytes)?;
    Ok((received.kid(), received.read()?))
}

/// Whether an approval that was read says what it must. This is the part of [`verify_approval`] that costs
/// nothing.
pub(crate) fn says<T: Approval>(
    approval: &T,
    supervisor: StaffId,
    used: &ApprovalUse<T::Act>,
) -> bool {
    check(approval, supervisor, used).is_ok()
}
