//! Merging: folding records into what is known of every ticket, the same everywhere.
//!
//! The result depends on the set of records alone. Their order of arrival, repetition and the batches
//! they came in make no difference, because records are folded in one order: by stamp, device, log,
//! sequence and hash. The stamp is the record's own, or the time of its arrival if the authority wrote down
//! one that is lower; a record dated after the year 9999 never counts.
//!
//! | record | what it does |
//! | --- | --- |
//! | scan, admitted in | one entry; excess if the entry rule at its place in the order forbids it, and then one person more is inside by the ticket |
//! | scan, admitted by override | one entry, never excess, if it is proved ([`proved_overrides`]); else as any other |
//! | scan, admitted out | the person is outside; of several who are inside by the ticket, one |
//! | scan in free flow | nothing where the log had opened the gate at that stamp, else an admission like any other |
//! | scan refused or referred | nothing |
//! | undo | the scan it names never happened; an undo is never undone. Of another device's scan only with a supervisor's signature or if it was accepted |
//! | link | scans of the identity are the ticket's, whenever they were made; the last link counts |
//! | rule | entry rule from its place in the order on; without any, [`crate::rules::EntryRule::default`] |
//! | cut | records of the log count only at or below its heads, along the chain, undos included; several cuts count together, those of people before the server's |
//! | ruling | a quarantined record counts after all, or a record does not count; the last ruling counts |
//! | everyone out | at its time, who is inside is outside and may come back once without counting; who came in beside them may not |
//! | everyone out taken back | at its time, who is outside by that order alone and was not seen since is inside again |
//! | arrival | records of its range count with the time of arrival where their stamp is later |
//! | free flow, honour | gates read them, and they cover what scans say of them. A scan that a gate let in by an honour says whose ticket it is, and counts as an entry there if the log had an honour for these sessions at that stamp, else at the session that let it in |
//! | correction | in place of what the scan claims of its ticket; the last correction counts |
//! | notice, delay | nothing; the sealed terms say the same |
//! | abort, yield | nothing; they say which attempts are still open: [`open_admission`] |
//! | stand-down | nothing; the authority reads it |
//! | override key | a supervisor's key proves overrides, up to its end; of several ends the first counts |
//!
//! Link, rule, cut, ruling, everyone out and its taking back, arrival, free flow, honour, stand-down, notice, delay and override
//! key concern more than one ticket. They and corrections count only in the authority's own log, so that a
//! stolen gate device cannot change rules, and are gathered in a [`Ground`], except for corrections, which are
//! of one ticket. A ticket's own records then decide its state: [`fold_subject`] needs no others, and
//! [`fold`] is nothing but that for every ticket.

pub mod state;

mod arrivals;
mod claims;
mod cuts;
mod digest;
mod evacuation;
mod fold;
mod ground;
mod open;
mod orders;
mod proof;
mod quarantine;
mod stamp;

pub use arrivals::{LAST_STAMP, STAMP_AHEAD_MS};
pub use claims::{Claims, Uncovered};
pub use cuts::{Ancestors, OpenCut};
pub use digest::{FOLD, heads, state_digest};
pub use fold::{
    Excess, Let, Movement, States, fold, fold_subject, incidents, movements, occupancy,
};
pub use ground::{Ground, Reach};
pub use open::{
    Ending, Endings, WALKING_MS, endings, is_settled, open_admission, overridden_at, referrals,
};
pub use orders::Order;
pub use proof::{
    Unproved, UnprovedClaim, effective_undos, is_taken_back, proved_overrides, unproved_claims,
};
pub use quarantine::quarantined_entry;
pub use stamp::{CLOCK_JUMP_MS, KnownStamps, LIFT_MAX_MS, jumped_ahead, next_stamp};

#[cfg(test)]
mod tests;
