//! How much room there is for more records.

use super::Store;

impl Store {
    /// Bytes that are left for this process on the disk that holds the device's folder, where the system
    /// tells it (statvfs, POSIX.1-2017).
    #[must_use]
    pub fn room_left(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let disk = rustix::fs::statvfs(&self.folder).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }
}
