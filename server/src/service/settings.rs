//! How the services behave.

use std::path::PathBuf;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// How the services behave; times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Folder for prepared snapshots.
    pub snapshots: PathBuf,
    /// Bytes of prepared snapshots kept at most, those in use not counted.
    pub snapshot_bytes_max: u64,
    /// How long a manifest is good.
    pub manifest_life_ms: u64,
    /// Age at which a manifest is signed anew although nothing changed.
    pub reseal_after_ms: u64,
    /// Pause between two sealings at least.
    pub seal_every_ms: u64,
    /// How long a device that asks what it should hold waits at most for what changed before to be sealed.
    pub settle_within_ms: u64,
    /// Rows that one version of a table takes in at most; more become several versions.
    pub seal_rows_max: u32,
    /// Lines of an import that are written in one transaction at most.
    pub import_lines_max: usize,
    /// Bytes that must be free on the disk for the server to count as ready.
    pub disk_floor_bytes: u64,
    /// How long what changed may wait for sealing before the server counts as not ready.
    pub seal_within_ms: u64,
    /// How long before its doors a session is given to devices.
    pub assign_before_ms: u64,
    /// How long after its end a session stays on devices.
    pub assign_after_ms: u64,
    /// Devices that are told live at most.
    pub listeners_max: usize,
    /// Bytes of records that one device may write in an hour; what is beyond waits on the device. A batch of
    /// the largest size must fit.
    pub device_bytes_per_hour: u64,
    /// How long an answer is remembered by its idempotency key.
    pub idempotency_ms: u64,
}

impl Settings {
    /// The usual behaviour, with snapshots in `snapshots`.
    pub fn new(snapshots: impl Into<PathBuf>) -> Self {
        Self {
            snapshots: snapshots.into(),
            snapshot_bytes_max: 1 << 30,
            manifest_life_ms: 7 * DAY_MS,
            reseal_after_ms: DAY_MS,
            seal_every_ms: 200,
            settle_within_ms: 2_000,
            seal_rows_max: 5_000,
            import_lines_max: 2_000,
            disk_floor_bytes: 256 << 20,
            seal_within_ms: 60_000,
            assign_before_ms: 14 * DAY_MS,
            assign_after_ms: DAY_MS,
            listeners_max: 2_000,
            device_bytes_per_hour: 64 << 20,
            idempotency_ms: 7 * DAY_MS,
        }
    }
}
