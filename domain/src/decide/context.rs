//! What deciding needs to know besides the ticket: when, where, and how well informed the gate is.

use crate::ids::{DeviceId, GateId, SessionId, StaffId};
use crate::record::{Confirmed, Direction};
use crate::time::{ClockTrust, UnixMillis};
use crate::verdict::{OpenAdmission, PriorScan};

/// The circumstances of one showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The time: the device's clock plus its measured offset.
    pub now: UnixMillis,
    /// Whether that offset is known.
    pub clock: ClockTrust,
    /// The gate; none for a spare.
    pub gate: Option<GateId>,
    /// In or out.
    pub direction: Direction,
    /// The device that decides.
    pub device: DeviceId,
    /// What it knows of the others.
    pub connection: Connection,
    /// Age of the ticket set.
    pub set: SetAge,
    /// People inside the gate's zone.
    pub inside: Headcount,
    /// Whether the gate decides at all.
    pub flow: Flow,
    /// What staff confirmed in this attempt, if anything.
    pub confirmed: Option<Confirmed>,
    /// Another attempt with the same ticket that has not ended, as far as the decider knows.
    pub open: Option<OpenAdmission>,
    /// An entry with the ticket by a revoked device, which does not count until a person accepts it.
    pub quarantined: Option<PriorScan>,
    /// Whether somebody is signed in who may work there.
    pub operator: Attendance,
    /// The session whose ticket this is, if the served one lets its tickets through now
    /// ([`crate::merge::Ground::honoured`]). The history is then that of the unit there.
    pub honours: Option<SessionId>,
}

/// Whether a gate is attended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attendance {
    /// Somebody is signed in.
    SignedIn,
    /// Nobody is.
    Nobody,
}

impl Attendance {
    /// Of a gate with this operator.
    #[must_use]
    pub const fn of(operator: Option<StaffId>) -> Self {
        match operator {
            Some(_) => Self::SignedIn,
            None => Self::Nobody,
        }
    }
}

/// What a device knows of the other devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It follows the feed.
    Online {
        /// Up to when the feed was read.
        peers_as_of: UnixMillis,
    },
    /// It reaches no server.
    Isolated {
        /// Since when; zero if it never reached one.
        since: UnixMillis,
    },
}

/// Age of a ticket set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetAge {
    /// When its manifest was signed.
    pub issued_at: UnixMillis,
    /// When it expires.
    pub expires_at: UnixMillis,
}

/// How many people are inside a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headcount {
    /// By what this device knows. A full zone is then a caution: others may have let people out.
    Local(u32),
    /// Confirmed by the scope's authority. A full zone then refuses.
    Confirmed(u32),
}

/// Whether a gate decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Deciding,
    /// A supervisor opened it: everything is let through and logged, nothing is an entry.
    Free,
}
