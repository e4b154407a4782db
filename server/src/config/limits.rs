//! Bounds of what callers may ask, with what is usual in place of what nobody said.

use super::LimitSettings;
use std::num::NonZeroU32;
use std::time::Duration;
use usher_domain::protocol::BODY_BYTES_MAX;

/// Bounds of what one caller may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Requests of one device in a minute.
    pub device_per_minute: NonZeroU32,
    /// Bytes of records that one device may write in an hour, at least two batches: a quarter of a million
    /// scans, which no door has.
    pub device_bytes_per_hour: u64,
    /// Requests of one API token in a minute.
    pub token_per_minute: NonZeroU32,
    /// Failed sign-ins from one address in a minute.
    pub failed_sign_ins_per_minute: NonZeroU32,
    /// Bytes of a JSON body.
    pub body_bytes: usize,
    /// Bytes of an import's form.
    pub import_bytes: usize,
    /// Bytes of all large bodies that are in memory at once; at least one import fits.
    pub bodies_bytes: usize,
    /// How long one request may take; an import ten times as long.
    pub request: Duration,
    /// Devices that are told live; more ask every few seconds.
    pub live_listeners: usize,
    /// Connections in all, as far as the system lets the process have them.
    pub connections: usize,
    /// Connections from one address on which nobody has proved who asks. A venue's devices stand behind one
    /// address: what they have once they are known does not count.
    pub strangers_per_address: usize,
    /// Connections of one device or token.
    pub connections_per_caller: usize,
}

/// How many, where something is said, else as many as usual.
fn count(said: Option<NonZeroU32>, usual: usize) -> usize {
    said.and_then(|number| usize::try_from(number.get()).ok())
        .unwrap_or(usual)
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

impl From<LimitSettings> for Limits {
    fn from(set: LimitSettings) -> Self {
        let import_bytes = set.import_bytes.unwrap_or(64 << 20);
        let request_s = set.request_s.unwrap_or(at_least_one(30));
        Self {
            device_per_minute: set.device_per_minute.unwrap_or(at_least_one(1_200)),
            device_bytes_per_hour: set
                .device_bytes_per_hour
                .unwrap_or(64 << 20)
                .max(2 * BODY_BYTES_MAX as u64),
            token_per_minute: set.token_per_minute.unwrap_or(at_least_one(6_000)),
            failed_sign_ins_per_minute: set.failed_sign_ins_per_minute.unwrap_or(at_least_one(20)),
            body_bytes: set.body_bytes.unwrap_or(1 << 20),
            import_bytes,
            bodies_bytes: set.bodies_bytes.unwrap_or(128 << 20).max(import_bytes),
            request: Duration::from_secs(u64::from(request_s.get())),
            live_listeners: set.live_listeners.unwrap_or(2_000),
            connections: count(set.connections, 10_000),
            strangers_per_address: count(set.strangers_per_address, 1_000),
            connections_per_caller: count(set.connections_per_caller, 64),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        LimitSettings::default().into()
    }
}
