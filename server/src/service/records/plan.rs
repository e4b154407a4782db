//! Where a proved range of a log goes: pure, over the ends of the log that are stored.

use crate::service::error::Result;
use usher_domain::hash::Hash;
use usher_domain::log::Entry;
use usher_domain::protocol::{Head, PushAnswer};

/// What is to be done with a range.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing: all of it is known, or something before it is missing.
    Refuse(PushAnswer),
    /// Store it.
    Append {
        /// How many of its first records are stored already.
        repeated: usize,
        /// The ends of the log afterwards.
        heads: Vec<Head>,
        /// What to tell the device.
        answer: PushAnswer,
    },
}

/// Plans a range. `heads` are the stored ends of its log; `is_stored` knows its records by hash.
pub(super) fn plan(
    entries: &[Entry],
    heads: &[Head],
    mut is_stored: impl FnMut(&Hash) -> Result<bool>,
) -> Result<Plan> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Ok(Plan::Refuse(PushAnswer::Gap(1)));
    };
    let end = heads.iter().map(|head| head.sequence).max().unwrap_or(0);
    let before = first.frame.sequence.saturating_sub(1);
    if before > end {
        return Ok(Plan::Refuse(PushAnswer::Gap(end.saturating_add(1))));
    }
    // The log is known this far, but this may be another branch of it: then all of it is wanted, for
    // nobody can say from here where it branched off.
    if before > 0 && !is_stored(&first.frame.previous)? {
        return Ok(Plan::Refuse(PushAnswer::Gap(1)));
    }
    let repeated = repeated(entries, end, &mut is_stored)?;
    let Some(new) = entries.get(repeated) else {
        let answer = match heads {
            [_, _, ..] => PushAnswer::Forked(last.frame.sequence),
            _ => PushAnswer::Known(end),
        };
        return Ok(Plan::Refuse(answer));
    };
    let mut heads: Vec<Head> = heads
        .iter()
        .filter(|head| head.hash != new.frame.previous)
        .copied()
        .collect();
    heads.push(last.head());
    heads.sort_unstable();
    let answer = match heads.len() {
        1 => PushAnswer::Stored(last.frame.sequence),
        _ => PushAnswer::Forked(last.frame.sequence),
    };
    Ok(Plan::Append {
        repeated,
        heads,
        answer,
    })
}

/// How many of the first records are stored. They are a chain: after one that is not, none is.
fn repeated(
    entries: &[Entry],
    end: u64,
    is_stored: &mut impl FnMut(&Hash) -> Result<bool>,
) -> Result<usize> {
    let mut repeated = 0;
    for entry in entries {
        if entry.frame.sequence > end || !is_stored(&entry.hash)? {
            break;
        }
        repeated += 1;
    }
    Ok(repeated)
}
