//! The exchange with the server: records up, documents and tables down, feeds through.
//!
//! [`plan`] says what is to be done and is pure; [`run`] does it and is the only place that waits.
//!
//! # What may be cut where
//!
//! An exchange may end at any moment: the network fails, the battery dies, the future is dropped. Nothing
//! is undone then; the next run goes on from what the store holds. The store is changed in transactions
//! between requests, never around one.
//!
//! | exchange | before sending | sent, not arrived | done there, answer lost | answer here, not committed | after the commit |
//! | --- | --- | --- | --- | --- | --- |
//! | enroll | the key is kept first | the same key asks again | a use belongs to its key: the same answer again | asked again | enrolled |
//! | push | unsent | sent again | sent again: `Known` | sent again: `Known` | the next batch |
//! | heads | asked again | asked again | asked again | asked again, by every process that starts | what the server has is known |
//! | others' batches | handed back again: the feed is not read anew before | again | again: `Known` | again: `Known` | the feed is read from its start; that something may be lacking is written down before the server is asked, and what it refused is offered again with other documents, what it put off when its time is over |
//! | snapshot | from the last part kept | the same part again | the same part again | the same part again | the next part; unpacking begins anew and keeps rows that are written |
//! | changes | asked again | asked again | asked again | asked again, maybe up to a later version | that version serves |
//! | buckets, rows | asked again | asked again | asked again | asked again | repaired |
//! | hand back | kept first, handed back again | handed back again | again: nothing is of higher revision any more | again | the table is repaired next, never before; what waits there for a person stays kept, and goes to the next start of the server's program again |
//! | feed | from the place kept | again | again | again: records that are here change nothing | records and place are kept together |
//! | heartbeat | the next one | the next one | the next one | the next one | the clock is compared; what it asked to give up or hold back is written, and pushed |
//! | claim | nothing is reserved | the device decides alone | reserved; its record ends the attempt | it decides alone: the same | its record ends the attempt; a process that was killed before it is followed by one that gives the attempt up |
//!
//! When nothing is left to do, the rows of every table are looked at, once by each process: what was written
//! down of them is corrected first, then what differs is repaired. Cut anywhere, the next exchange repairs.
//!
//! While it listens ([`follow`]), what is told is taken in as an answer would be, if it goes on from what is
//! held; otherwise it is asked for. Between the two nothing is lost: listening begins from the place held, and
//! every few seconds the device asks all the same.
//!
//! And after a restore:
//!
//! * **The device from an old copy of itself.** The server's head of its log is beyond its own. It begins
//!   a new log before it writes or reads anything more; the records it lost come back by the feed. If it
//!   wrote before it asked, the log forks: the server keeps both branches, and the device begins a new log.
//! * **The server from a backup, with a new epoch.** The device asks for the server's heads and sends
//!   everything after them; hands back the buckets that differ, with the old signed manifest; takes the
//!   server's tables only when what was handed back is signed; hands back what it read of others' logs, also
//!   of the server's own, in the batches that their writers signed; reads the feeds from their starts.
//! * **The server from a backup, without a new epoch**, or old answers replayed. A signed document older
//!   than one accepted is refused, a person is told, and the gate goes on with what it holds. Where the
//!   server's feed ends before the place held, or has another batch there, records go to it as above; where
//!   its changes of a table do not fit the copy held, or a repair would take rows back, rows do.
//!
//! What each must keep: no record is ever lost or sent as another's; nothing unverified is stored as
//! verified; no version goes back; what served goes on serving until its successor is whole; and every
//! loop ends.

mod audit;
mod copies;
mod deliver;
mod doctor;
mod duty;
mod error;
mod facts;
mod feeds;
mod hand_back;
mod live;
mod logs;
mod offset;
mod others;
mod parts;
mod plan;
mod portion;
mod repair;
mod report;
mod retry;
mod run;
mod tables;
#[cfg(test)]
mod tests;
mod told;
mod wiping;

pub use audit::{FeedAudit, audit_feed};
pub use doctor::{Health, TableHealth, compare, mend};
pub use duty::sign_off;
pub use error::SyncError;
pub use live::{Pace, Watched, follow};
pub use parts::{Access, Memory, Parts};
pub use plan::{
    Action, FeedStart, Local, LocalFeed, LocalLogs, LocalTable, Parked, Remote, ServerBehind,
    Unlisted, plan,
};
pub use report::{Line, Mismatch, Progress, Report, Trouble};
#[cfg(not(target_arch = "wasm32"))]
pub use retry::TokioTimer;
pub use retry::{Attempts, Next, Pauses, Timer};
pub use run::{hand_over, run};
