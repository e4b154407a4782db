//! Whether the server can do its work, part by part.

use super::error::Result;
use super::{Error, Service};
use crate::storage::Space;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use usher_domain::time::UnixMillis;

/// The writer must have answered within this time.
const WRITER_WITHIN: Duration = Duration::from_secs(5);
const WRITABLE: &[u8] = b"writable";
/// No time: nothing waits.
const NOTHING: u64 = u64::MAX;

/// A part that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckName {
    /// A change becomes durable.
    Writer,
    /// What changed is sealed, so that devices get it.
    Sealer,
    /// The disk has room.
    Disk,
}

impl CheckName {
    /// Its name for programs; it never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Sealer => "sealer",
            Self::Disk => "disk",
        }
    }
}

/// What a look at a part found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which part.
    pub name: CheckName,
    /// A sentence for a person: what is good, or what is wrong.
    pub found: std::result::Result<String, String>,
}

/// Since when the first of what changed waits for sealing.
pub(crate) struct Unsealed(AtomicU64);

impl Default for Unsealed {
    fn default() -> Self {
        Self(AtomicU64::new(NOTHING))
    }
}

impl Unsealed {
    /// Something changed. What waits longer stays the first.
    pub(crate) fn begin(&self, now: UnixMillis) {
        self.0.fetch_min(now.get(), Ordering::SeqCst);
    }

    /// A sealing begins; answers since when it was waited for.
    pub(crate) fn take(&self) -> Option<UnixMillis> {
        let since = self.0.swap(NOTHING, Ordering::SeqCst);
        (since != NOTHING).then_some(UnixMillis::new(since))
    }

    /// How long the first of what changed waits.
    pub(crate) fn lag_ms(&self, now: UnixMillis) -> u64 {
        match self.0.load(Ordering::SeqCst) {
            NOTHING => 0,
            since => now.get().saturating_sub(since),
        }
    }
}

/// Bytes that are left for this process on the disk that holds `folder`, where the system tells it
/// (statvfs, POSIX.1-2017).
fn room(folder: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        // A folder that is made when it is first needed is looked for above.
        let there = folder.ancestors().find(|folder| folder.exists())?;
        let disk = rustix::fs::statvfs(there).ok()?;
        Some(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        None
    }
}

impl Service {
    /// Looks at every part that the server needs.
    pub async fn checks(&self) -> Vec<Check> {
        vec![
            Check {
                name: CheckName::Writer,
                found: self.check_writer().await,
            },
            Check {
                name: CheckName::Sealer,
                found: self.check_sealer(),
            },
            Check {
                name: CheckName::Disk,
                found: self.check_disk(),
            },
        ]
    }

    async fn check_writer(&self) -> std::result::Result<String, String> {
        match tokio::time::timeout(WRITER_WITHIN, self.check_writable()).await {
            Ok(Ok(())) => Ok("a change became durable".to_owned()),
            Ok(Err(Error::Storage(error))) => Err(error.to_string()),
            Ok(Err(_)) => Err("a change was not written".to_owned()),
            Err(_) => Err(format!(
                "no change was durable within {} s",
                WRITER_WITHIN.as_secs()
            )),
        }
    }

    /// Writes something that means nothing, durably: it fails where any change would.
    async fn check_writable(&self) -> Result<()> {
        self.write_quietly(|txn, now| {
            Ok(txn.put_value(Space::Server, WRITABLE, &now.get().to_be_bytes(), now)?)
        })
        .await
    }

    fn check_sealer(&self) -> std::result::Result<String, String> {
        let lag_ms = self.inner.unsealed.lag_ms(self.now());
        let told = format!("what changed waits for {lag_ms} ms to be sealed");
        if lag_ms > self.settings().seal_within_ms {
            Err(told)
        } else {
            Ok(told)
        }
    }

    fn check_disk(&self) -> std::result::Result<String, String> {
        let Some(left) = room(&self.settings().snapshots) else {
            return Ok("this system does not tell".to_owned());
        };
        let told = format!("{} MiB left", left >> 20);
        if left < self.settings().disk_floor_bytes {
            Err(told)
        } else {
            Ok(told)
        }
    }
}
