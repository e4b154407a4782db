//! What an exchange did, and how far it is.

use super::ServerBehind;
use serde::Serialize;
use std::time::Duration;
use usher_domain::ids::ScopeId;
use usher_domain::record::LogRef;
use usher_domain::table::TableId;

/// How far an exchange is; told to whoever runs it, for bars and words on a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// The server answered.
    Connected,
    /// Records are sent.
    Sending {
        /// Records that are sent.
        done: u64,
        /// Records to send in all.
        of: u64,
    },
    /// A snapshot comes in.
    Downloading {
        /// The table.
        table: TableId,
        /// Bytes that are here.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
    /// A snapshot is verified and stored.
    Storing {
        /// The table.
        table: TableId,
        /// Rows that are stored.
        done: u64,
        /// Rows in all.
        of: u64,
    },
    /// A table is as new as the server's.
    Updated {
        /// The table.
        table: TableId,
    },
    /// From now on the server tells at once what happens.
    Listening,
    /// A feed is read.
    Reading {
        /// The scope.
        scope: ScopeId,
        /// The last position read.
        done: u64,
        /// The last position of all.
        of: u64,
    },
    /// A request failed and is made again after a pause.
    Waiting {
        /// The pause.
        pause: Duration,
        /// Stable code of the failure.
        code: &'static str,
    },
}

/// What an exchange did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Records that the server has now and did not have before.
    pub sent: u64,
    /// Records of others that are new here.
    pub received: u64,
    /// Rows of tables that were written.
    pub rows: u64,
    /// Compressed bytes of tables that came in.
    pub table_bytes: u64,
    /// Rows that a restored server took back.
    pub handed_back: u64,
    /// Records of others, and of the server itself, that a restored server was handed back.
    pub records_handed_back: u64,
    /// Batches of others that wait for a newer roster.
    pub parked: u64,
    /// Parts of the exchange that failed while others went on.
    pub troubles: Vec<Trouble>,
    /// Where device and server differ at the end although they should not.
    pub mismatches: Vec<Mismatch>,
    /// How the device hears of others.
    pub line: Line,
}

/// How a device hears of what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// It asks from time to time.
    #[default]
    Asking,
    /// The server tells it at once.
    Live,
}

impl Report {
    /// Whether everything is as it should be.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.troubles.is_empty() && self.mismatches.is_empty()
    }

    /// Whether something came, went or failed.
    #[must_use]
    pub fn did_something(&self) -> bool {
        let moved = [
            self.sent,
            self.received,
            self.rows,
            self.handed_back,
            self.records_handed_back,
        ];
        moved.iter().any(|count| *count > 0) || !self.is_clean()
    }
}

/// A part of an exchange that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code.
    pub code: &'static str,
    /// A sentence for a person.
    pub detail: String,
    /// Ties it to the server's log lines.
    pub correlation: Option<String>,
}

/// Where device and server differ although they should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The server is behind what it signed or said before.
    Behind(ServerBehind),
    /// The server's head of a log of this device is not the device's.
    Log(LogRef),
    /// A table is not at the server's version.
    Table(TableId),
    /// A feed was not read to its end.
    Feed(ScopeId),
}
