//! A supervisor's approval of taking back what another device recorded (`usher/undo/1`), signed by the key
//! made of badge and PIN.

use super::approval::{Approval, Approved};
use super::envelope::Document;
use super::sanction::SanctionReason;
use crate::cose::ContentType;
use crate::hash::Hash;
use crate::ids::{DeviceId, SessionId, StaffId};
use crate::record::Subject;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// What a supervisor signs. Good for one record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UndoApproval {
    /// The session.
    #[n(0)]
    pub session: SessionId,
    /// Whose admission it is.
    #[n(1)]
    pub subject: Subject,
    /// Hash of the record to take back.
    #[n(2)]
    pub of: Hash,
    /// The device that takes it back.
    #[n(3)]
    pub device: DeviceId,
    /// The supervisor.
    #[n(4)]
    pub supervisor: StaffId,
    /// Why.
    #[n(5)]
    pub reason: SanctionReason,
    /// Not good after.
    #[n(6)]
    pub expires_at: UnixMillis,
}

impl Document for UndoApproval {
    fn content_type(&self) -> ContentType {
        ContentType::UNDO
    }
}

impl Approval for UndoApproval {
    const CONTENT_TYPE: ContentType = ContentType::UNDO;
    /// The record to take back.
    type Act = Hash;

    fn approved(&self) -> Approved {
        Approved {
            session: self.session,
            subject: self.subject,
            device: self.device,
            supervisor: self.supervisor,
            expires_at: self.expires_at,
        }
    }

    fn act(&self) -> Hash {
        self.of
    }
}
