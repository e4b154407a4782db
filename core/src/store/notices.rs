//! What a person should hear of, kept until somebody did.

use super::error::Doing as _;
use super::{Exposure, Store, StoreError};
use minicbor::{Decode, Encode};
use rusqlite::Connection;
use serde::Serialize;
use usher_domain::cbor;
use usher_domain::time::UnixMillis;

/// Something a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its number, to say that it was heard.
    pub number: u64,
    /// When it was noticed.
    pub at: UnixMillis,
    /// What it is.
    pub body: NoticeBody,
}

/// What a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum NoticeBody {
    /// The device's clock was set while the program ran.
    #[n(0)]
    ClockJumped {
        /// By how much in milliseconds; negative if backwards.
        #[n(0)]
        by_ms: i64,
    },
    /// The store was damaged and set aside.
    #[n(1)]
    StoreRescued {
        /// Name of the file set aside, in the device's folder.
        #[n(0)]
        file: String,
        /// Records of this device that were taken over.
        #[n(1)]
        records: u64,
        /// Records known to be missing; none where an older program did not count them.
        #[n(2)]
        missing: Option<u64>,
    },
    /// A signed document was not taken in.
    #[n(2)]
    DocumentRejected {
        /// Stable code of the reason.
        #[n(0)]
        code: String,
        /// A sentence.
        #[n(1)]
        detail: String,
    },
    /// A table did not fit its signed digest.
    #[n(3)]
    TableDiffers {
        /// Which, for people.
        #[n(0)]
        table: String,
    },
    /// Records in the feed could not be verified or read; they are kept.
    #[n(4)]
    RecordsParked {
        /// How many batches.
        #[n(0)]
        batches: u64,
    },
    /// The server holds another branch of this device's log.
    #[n(5)]
    LogForked,
    /// The device was revoked.
    #[n(6)]
    DeviceRevoked,
    /// Records stood after a hole in a log and were written anew.
    #[n(7)]
    RecordsWrittenAnew {
        /// How many.
        #[n(0)]
        records: u64,
    },
    /// Other users of the computer can or could get at the device's files.
    #[n(8)]
    Exposed {
        /// What they can or could do.
        #[n(0)]
        exposure: Exposure,
    },
    /// Whoever was signed in was signed out, because they may not work here any more.
    #[n(9)]
    SignedOut {
        /// Why.
        #[n(0)]
        why: SignOutReason,
    },
    /// The device's folder is in use twice at once.
    #[n(10)]
    DeviceCopied,
}

/// Why somebody who was signed in may not work at a gate any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SignOutReason {
    /// The badge was revoked, or its owner is on the list of staff no more.
    #[n(0)]
    Revoked,
    /// The badge is not valid at this time.
    #[n(1)]
    NotValidNow,
    /// The badge is for other gates than this one.
    #[n(2)]
    OtherGate,
}

/// Takes a notice back that is not true any more.
pub(super) fn forget(conn: &Connection, body: &NoticeBody) -> Result<(), StoreError> {
    conn.execute("DELETE FROM notices WHERE body = ?1", [cbor::encode(body)])
        .doing("taking a notice back")?;
    Ok(())
}

impl Store {
    /// Notes something for a person. The same thing unheard is noted once.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn notice(&mut self, at: UnixMillis, body: &NoticeBody) -> Result<(), StoreError> {
        let body = cbor::encode(body);
        self.write("noting something for a person", |tx| {
            tx.execute(
                "INSERT INTO notices (at, body) SELECT ?1, ?2
                 WHERE NOT EXISTS (SELECT 1 FROM notices WHERE body = ?2)",
                (at.get(), &body),
            )
            .doing("noting something for a person")?;
            Ok(())
        })
    }

    /// What nobody has heard yet, oldest first.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn notices(&self) -> Result<Vec<Notice>, StoreError> {
        let doing = "reading the notices";
        let mut statement = self
            .conn
            .prepare_cached("SELECT notice_no, at, body FROM notices ORDER BY notice_no")
            .doing(doing)?;
        let rows = statement
            .query_map([], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .doing(doing)?;
        let mut notices = Vec::new();
        for row in rows {
            let (number, at, body) = row.doing(doing)?;
            // One written by a newer program is left for it.
            if let Ok(body) = cbor::decode(&body) {
                notices.push(Notice {
                    number,
                    at: UnixMillis::new(at),
                    body,
                });
            }
        }
        Ok(notices)
    }

    /// Notes that the device was revoked, and remembers the first time. From then on it holds no tickets,
    /// names and staff: [`Self::finish_wiping`] removes them from the disk.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn note_revoked(&mut self, at: UnixMillis) -> Result<(), StoreError> {
        // The word first: from then on nobody is admitted, whatever becomes of the wiping.
        if self.revoked()?.is_none() {
            self.set_revoked(Some(at))?;
            self.notice(at, &NoticeBody::DeviceRevoked)?;
        }
        if !usher_domain::mutated!(GoOnWhenRevoked) && !self.tables()?.is_empty() {
            self.begin_wiping()?;
        }
        Ok(())
    }

    /// Notes since when the server knows that this folder is in use twice at once, if that is news.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn note_copied(&mut self, since: Option<UnixMillis>) -> Result<(), StoreError> {
        if self.copied()? == since {
            return Ok(());
        }
        self.set_copied(since)?;
        match since {
            Some(at) => self.notice(at, &NoticeBody::DeviceCopied),
            // A server that was put back does not know it any more, or yet.
            None => Ok(()),
        }
    }

    /// Says that a person heard of everything up to `number`.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn heard(&mut self, number: u64) -> Result<(), StoreError> {
        self.write("removing heard notices", |tx| {
            tx.execute("DELETE FROM notices WHERE notice_no <= ?1", [number])
                .doing("removing heard notices")?;
            Ok(())
        })
    }
}
