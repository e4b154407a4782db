//! Entries that wait for a person, because a cut took them away: they bar nobody, and whoever decides at a
//! gate should know of them.

use super::Ground;
use crate::ids::SessionId;
use crate::log::Line;
use crate::record::{Direction, Outcome};
use crate::verdict::PriorScan;

/// The newest entry among these records of one ticket that waits until a person accepts or voids it.
/// `is_same` says of a scan's session whether its entries would have counted with those asked about.
#[must_use]
pub fn quarantined_entry<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line>,
    is_same: impl Fn(SessionId) -> bool,
) -> Option<PriorScan> {
    let entries = lines.into_iter().filter_map(|line| {
        let scan = line.record.body.as_scan()?;
        let is_entry = scan.outcome == Outcome::Admit
            && scan.direction == Direction::Entry
            && is_same(scan.session);
        let place = ground.place_of(line);
        (is_entry && ground.is_quarantined(line)).then(|| (place, place.evidence(scan)))
    });
    let newest = entries.max_by_key(|(place, _)| *place);
    newest.map(|(_, entry)| entry)
}
