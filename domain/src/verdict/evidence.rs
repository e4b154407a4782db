//! What a verdict rests on: an earlier scan, or an attempt that has not ended.

use crate::hash::Hash;
use crate::ids::{AttemptId, DeviceId, GateId, SessionId, StaffId, ZoneId};
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// Another attempt with the same ticket that has not ended: somebody may be walking through right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct OpenAdmission {
    /// The attempt, where the device is told of its own; others have no use for it.
    #[n(0)]
    pub attempt: Option<AttemptId>,
    /// The device that it was granted to.
    #[n(1)]
    pub device: DeviceId,
    /// Where that device stood.
    #[n(2)]
    pub gate: Option<GateId>,
    /// Since when.
    #[n(3)]
    pub since: UnixMillis,
}

impl OpenAdmission {
    /// The same as a device may see it: which attempt it is nobody is told but who makes it.
    #[must_use]
    pub fn seen_by(self, device: DeviceId) -> Self {
        let attempt = self.attempt.filter(|_| self.device == device);
        Self { attempt, ..self }
    }
}

/// An earlier scan as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct PriorScan {
    /// When.
    #[n(0)]
    pub at: UnixMillis,
    /// By which device.
    #[n(1)]
    pub device: DeviceId,
    /// Hash of its record, which an undo names.
    #[n(2)]
    #[serde(skip)]
    pub record: Hash,
    /// For which session.
    #[n(3)]
    pub session: SessionId,
    /// At which gate.
    #[n(4)]
    pub gate: Option<GateId>,
    /// Into or out of which zone.
    #[n(5)]
    pub zone: Option<ZoneId>,
    /// By whom.
    #[n(6)]
    pub operator: Option<StaffId>,
}
