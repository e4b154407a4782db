//! The barcodes of a line against those that a ticket has.
//!
//! | here since the last import | the list gives another barcode |
//! | --- | --- |
//! | nothing was said | it takes the place of the last one |
//! | wristbands were attached beside it | it takes the place of the last one, and they stay |
//! | another barcode, or a code of ours, took its place | that stays, and the list's opens nothing |

use crate::service::error::{Error, Result};
use crate::service::tickets::said::Mark;
use crate::service::tickets::stored::{Body, Medium, Standing};
use usher_domain::code::MediumKey;

/// Whose barcode a ticket has after a list gave another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// The list's.
    List,
    /// The one that was given here.
    Here,
}

/// Lets a ticket have the barcodes that a list says anew; `before` is what it said last, if that is known.
pub(super) fn merge(here: &mut Body, line: Vec<Medium>, before: Option<Mark>) -> Result<Kept> {
    let current: Vec<MediumKey> = here
        .media
        .iter()
        .filter(|known| known.standing == Standing::Current)
        .map(|known| known.key)
        .collect();
    if line.iter().all(|medium| current.contains(&medium.key)) {
        know(&mut here.media, line, Standing::Current);
        return Ok(Kept::List);
    }
    let Some(replaced) = replaced(&current, before) else {
        know(&mut here.media, line, Standing::Former);
        return Ok(Kept::Here);
    };
    here.issue = here
        .issue
        .next()
        .ok_or(Error::Conflict("the ticket has used up all its issues"))?;
    for known in &mut here.media {
        if replaced.contains(&known.key) {
            known.standing = Standing::Former;
        }
        // A barcode that the list takes back is current again.
        if line.iter().any(|medium| medium.key == known.key) {
            known.standing = Standing::Current;
        }
    }
    know(&mut here.media, line, Standing::Current);
    Ok(Kept::List)
}

/// The barcodes that are the list's last ones; none if another one took their place here.
fn replaced(current: &[MediumKey], before: Option<Mark>) -> Option<Vec<MediumKey>> {
    let mut all = current.to_vec();
    all.sort_unstable();
    // Nobody knows what an older program's list said: then all of them are its own.
    let Some(before) = before else {
        return Some(all);
    };
    if Mark::of(&all) == before {
        return Some(all);
    }
    // A line has one barcode; what stands beside it was attached here.
    let is_last = |key: &&MediumKey| Mark::of(&vec![**key]) == before;
    current.iter().find(is_last).map(|last| vec![*last])
}

/// Adds media that are new, and the text of those of which only a row told.
pub(super) fn know(media: &mut Vec<Medium>, line: Vec<Medium>, standing: Standing) {
    for new in line {
        match media.iter_mut().find(|known| known.key == new.key) {
            Some(known) => known.code = new.code,
            None => media.push(Medium { standing, ..new }),
        }
    }
}
