//! Wiping: what could tell about ticket holders or open a door leaves the folder, byte for byte.
//!
//! A deleted row is overwritten where it stood (`PRAGMA secure_delete`), the write-ahead log is emptied
//! into the database and cut to nothing, and the database is written anew without its free pages, for
//! those may hold what an older program deleted. Files that were set aside as damaged are overwritten and
//! removed. What a disk keeps of blocks that it replaced is out of reach of any program.

use super::super::error::Doing as _;
use super::super::{documents, open, settings};
use super::{DROPPED, Store, StoreError, hand_backs};
use rusqlite::Connection;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

const DOING: &str = "wiping the tables";

impl Store {
    /// Stops holding every table at once: nobody finds a ticket, a name or a member of staff any more. The
    /// bytes go with [`Self::finish_wiping`]; a process that dies before goes on when it opens the store.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn begin_wiping(&mut self) -> Result<(), StoreError> {
        if let Some(zone) = self.zone_of_sessions()? {
            self.set_last_zone(Some(zone))?;
        }
        self.learn(DOING, |tx| {
            tx.execute("UPDATE generations SET state = ?1", [DROPPED])
                .doing(DOING)?;
            hand_backs::forget_all(tx)?;
            documents::empty_all_manifests(tx)?;
            settings::put(tx, settings::WIPING, &true)?;
            settings::put_or_remove::<settings::Operator>(tx, settings::OPERATOR, None)
        })
    }

    /// The time zone of a session held: people are told times by it also when nothing is held any more.
    fn zone_of_sessions(&self) -> Result<Option<String>, StoreError> {
        for held in self.tables()? {
            let manifest = self.manifest(held.table)?;
            if let Some(terms) = manifest.and_then(|manifest| manifest.terms) {
                return Ok(Some(terms.time_zone));
            }
        }
        Ok(None)
    }

    /// Whether wiping was begun and did not come to its end yet.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn is_wiping(&self) -> Result<bool, StoreError> {
        Ok(settings::get(&self.conn, settings::WIPING)?.unwrap_or(false))
    }

    /// Removes what [`Self::begin_wiping`] dropped from all files of the device.
    ///
    /// # Errors
    /// What writing the files says; then it can be called again.
    pub fn finish_wiping(&mut self) -> Result<(), StoreError> {
        while self.sweep()? {}
        empty_log(&self.conn)?;
        // Free pages of the time before deleted rows were overwritten.
        self.conn.execute_batch("VACUUM").doing(DOING)?;
        empty_log(&self.conn)?;
        for file in open::set_aside_files(&self.folder)? {
            destroy(&file).map_err(StoreError::io("removing a damaged store"))?;
        }
        self.write(DOING, |tx| {
            settings::put_or_remove::<bool>(tx, settings::WIPING, None)
        })
    }

    /// Deletes everything that could tell about ticket holders or open a door: ticket sets, directories,
    /// the roster, and files set aside as damaged. Records that the server does not have stay. Afterwards no
    /// file of the device holds a trace of them, and it takes tables in like a device that is new: the
    /// snapshot that a server has prepared may be a little older than what was wiped.
    ///
    /// # Errors
    /// What writing the files says.
    pub fn wipe_tables(&mut self) -> Result<(), StoreError> {
        self.begin_wiping()?;
        self.write(DOING, |tx| documents::forget_all_manifests(tx))?;
        self.finish_wiping()
    }

    /// Removes the bytes of tables that were dropped, also from the write-ahead log.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn sweep_to_the_end(&mut self) -> Result<(), StoreError> {
        while self.sweep()? {}
        empty_log(&self.conn)
    }
}

/// Moves the write-ahead log into the database and cuts it to nothing. Nobody else reads: the folder is
/// locked for this process.
fn empty_log(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
        .doing(DOING)
}

/// Overwrites a file and removes it.
fn destroy(path: &Path) -> io::Result<()> {
    static CHUNK: [u8; 1 << 16] = [0; 1 << 16];
    let mut file = File::options().write(true).open(path)?;
    let mut left = file.metadata()?.len();
    while left > 0 {
        let count = left.min(CHUNK.len() as u64);
        let zeros = CHUNK.get(..usize::try_from(count).unwrap_or(0));
        file.write_all(zeros.unwrap_or_default())?;
        left -= count;
    }
    file.sync_all()?;
    fs::remove_file(path)
}
