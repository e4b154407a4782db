//! Enrollment: the code a new device scans, and the signed document it gets.

use crate::cose::PublicKey;
use crate::hash::Hash;
use crate::ids::{DeviceId, GateId, OrganizerId};
use crate::secret::Seed;
use crate::table::rows::DeviceRole;
use crate::time::UnixMillis;
use minicbor::{Decode, Encode};

/// What an enrollment code tells a new device: where the server is and how to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollmentCode {
    /// Base address of the server, such as `https://tickets.example:8443`.
    pub server: String,
    /// SHA-256 of the organizer's 32-byte root public key.
    pub root: Hash,
    /// SHA-256 of the server certificate's SubjectPublicKeyInfo; none for plain HTTP on loopback.
    pub spki: Option<Hash>,
    /// The secret that may be used once or a limited number of times.
    pub token: Seed,
}

/// What the server says of an enrolled device (`usher/enrollment/1`, signed by a roster key).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Enrollment {
    /// The organizer.
    #[n(0)]
    pub organizer: OrganizerId,
    /// The id the device got.
    #[n(1)]
    pub device: DeviceId,
    /// The device's key: a use of a code belongs to the key that took it.
    #[n(2)]
    pub key: PublicKey,
    /// Name for people.
    #[n(3)]
    pub name: String,
    /// What it may do.
    #[n(4)]
    pub role: DeviceRole,
    /// Where it stands; a spare stands nowhere.
    #[n(5)]
    pub gate: Option<GateId>,
    /// When.
    #[n(6)]
    pub issued_at: UnixMillis,
}
