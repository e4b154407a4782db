//! Entries that wait for a person, because a cut took them away: they bar nobody, and whoever decides at a
//! gate should know of them.

use super::Ground;
use crate::log::Line;
use crate::record::{Body, Direction, Outcome};
use crate::verdict::PriorScan;

/// The newest entry among these records of one ticket that waits until a person accepts or voids it.
/// `is_same` says of a scan's session whether its entries would have counted with those asked about.
#[must_use]
pub fn quarantined_entry<'a>(
    ground: &Ground,
    lines: impl IntoIterator<Item = &'a Line>,
    is_same: impl Fn(crate::ids::SessionId) -> bool,
) -> Option<PriorScan> {
    let entries = lines
        .into_iter()
        .filter_map(|line| match &line.record.body {
            Body::Scan(scan)
                if scan.outcome == Outcome::Admit
                    && scan.direction == Direction::Entry
                    && is_same(scan.session)
                    && ground.is_quarantined(line) =>
            {
                let place = ground.place_of(line);
                Some((place, place.evidence(scan)))
            }
            _ => None,
        });
    entries
        .max_by_key(|(place, _)| *place)
        .map(|(_, entry)| entry)
}
