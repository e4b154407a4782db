//! What a person at a gate can ask for and not get. A scan is none of it: a scan always gets a verdict.

use super::staff::NEEDLE_CHARS_MIN;
use crate::store::StoreError;
use usher_domain::document::approval::ApprovalError;
use usher_domain::document::badge::{InvalidBadge, InvalidPin};
use usher_domain::table::rows::StaffRole;
use usher_domain::time::UnixMillis;

/// Why something other than a scan is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no record of that hash on this device.
    #[error("this device knows no such scan")]
    NoSuchScan,
    /// The record is not of a kind that this can be done to.
    #[error("this can only be done to {0}")]
    WrongKind(&'static str),
    /// It was done before.
    #[error("this was done before")]
    DoneBefore,
    /// The text is no badge.
    #[error(transparent)]
    Badge(#[from] InvalidBadge),
    /// The text is no PIN.
    #[error(transparent)]
    Pin(#[from] InvalidPin),
    /// The roster knows no such badge.
    #[error("nobody on this device's roster has this badge")]
    UnknownBadge,
    /// The badge is not valid now.
    #[error("the badge is not valid now")]
    BadgeNotValid,
    /// The badge is for other gates.
    #[error("the badge is not for this gate")]
    OtherGate,
    /// Another device recorded it.
    #[error(
        "another device recorded this: it is taken back with a supervisor's badge and PIN \
         (usher undo --badge-file FILE --reason REASON RECORD)"
    )]
    NeedsSupervisor,
    /// What the supervisor signed does not hold.
    #[error("what the supervisor signed does not hold: {0}")]
    Unproved(ApprovalError),
    /// The badge is of somebody who decides nothing against a verdict.
    #[error(
        "this is the badge of {}, and only a supervisor's badge and PIN do that: ask a supervisor",
        somebody(*.0)
    )]
    NoSupervisor(StaffRole),
    /// The supervisor has no PIN.
    #[error(
        "this supervisor's badge was made without a PIN and decides nothing: ask another supervisor"
    )]
    WithoutPin,
    /// Nobody is signed in whose role may search.
    #[error(
        "only box office staff and supervisors search, and {} signed in: one of them must scan their own badge \
         first (or usher sign-in)",
        .signed_in.map_or("nobody is".to_owned(), |role| format!("{} is", somebody(role)))
    )]
    MayNotSearch {
        /// Who is signed in.
        signed_in: Option<StaffRole>,
    },
    /// A search for less than two letters.
    #[error("a search needs {NEEDLE_CHARS_MIN} letters at least")]
    SearchTooShort,
    /// The device holds no names of the session.
    #[error(
        "this device holds no names of that session: only desks do (usher enrollment create --role desk), after a sync"
    )]
    NoNames,
    /// The PIN is wrong.
    #[error("the PIN is wrong")]
    WrongPin,
    /// Too many wrong PINs.
    #[error("too many wrong PINs: wait {} s", wait_ms.div_ceil(1000))]
    PinLocked {
        /// When the next one is tried.
        until: UnixMillis,
        /// Milliseconds until then.
        wait_ms: u64,
    },
    /// The device has too little memory to make a supervisor's key.
    #[error("not enough memory to check the PIN")]
    OutOfMemory,
    /// The session is not held by this device.
    #[error("this device does not hold that session")]
    NoSuchSession,
}

const fn somebody(role: StaffRole) -> &'static str {
    match role {
        StaffRole::Steward => "a steward",
        StaffRole::BoxOffice => "box office staff",
        StaffRole::Supervisor => "a supervisor",
    }
}

impl GateError {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => error.code(),
            Self::NoSuchScan => "no_such_scan",
            Self::WrongKind(_) => "wrong_kind",
            Self::DoneBefore => "done_before",
            Self::Badge(_) => "not_a_badge",
            Self::Pin(_) => "not_a_pin",
            Self::UnknownBadge => "unknown_badge",
            Self::BadgeNotValid => "badge_not_valid",
            Self::OtherGate => "other_gate",
            Self::NeedsSupervisor => "needs_supervisor",
            Self::Unproved(error) => error.code(),
            Self::NoSupervisor(_) | Self::WithoutPin | Self::MayNotSearch { .. } => "forbidden",
            Self::SearchTooShort => "search_too_short",
            Self::NoNames => "no_names",
            Self::WrongPin => "wrong_pin",
            Self::PinLocked { .. } => "pin_locked",
            Self::OutOfMemory => "out_of_memory",
            Self::NoSuchSession => "no_such_session",
        }
    }
}
