//! Arrivals: how late a record can be at most, whatever its writer's clock said.

use super::{Ground, KnownStamps};
use crate::ids::DeviceId;
use crate::log::Line;
use crate::protocol::BATCH_RECORDS_MAX;
use crate::record::{Arrival, LogRef, Record};
use crate::time::UnixMillis;
use std::collections::BTreeMap;

/// How far a stamp may be ahead of the server's clock when its record arrives, before the server writes down
/// the time of arrival.
pub const STAMP_AHEAD_MS: u64 = 10_000;

/// The last millisecond of the year 9999. A record with a later stamp never counts.
pub const LAST_STAMP: UnixMillis = UnixMillis::new(253_402_300_799_999);

/// The earliest time of arrival that the server's log tells for a sequence of a log.
///
/// It goes by log and sequence and not by branch: an arrival only ever lowers a stamp of a log's own device,
/// which could have written the lower stamp itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Arrivals {
    earliest: BTreeMap<(LogRef, u64), UnixMillis>,
}

impl Arrivals {
    /// Takes in an arrival. One of more records than a batch can have says nothing of those beyond.
    pub(super) fn add(&mut self, arrival: &Arrival) {
        let longest = u64::try_from(BATCH_RECORDS_MAX).unwrap_or(u64::MAX);
        let last = arrival
            .first
            .saturating_add(longest.saturating_sub(1))
            .min(arrival.last);
        for sequence in arrival.first..=last {
            let earliest = self.earliest.entry((arrival.log, sequence));
            let earliest = earliest.or_insert(arrival.at);
            *earliest = (*earliest).min(arrival.at);
        }
    }

    /// The stamp that a record counts with: its own, or the time of its arrival if that is lower.
    pub(super) fn stamp_of(&self, record: &Record) -> UnixMillis {
        if crate::mutated!(BelieveFarStamps) {
            return record.stamp;
        }
        let arrived = self.earliest.get(&(record.log, record.sequence));
        arrived.map_or(record.stamp, |at| record.stamp.min(*at))
    }
}

impl Ground {
    /// The stamp that a record counts with: its own, or the time of its arrival if the authority wrote down
    /// one that is lower. Order, "everyone out", evidence and claims go by it.
    #[must_use]
    pub fn stamp_of(&self, record: &Record) -> UnixMillis {
        self.arrivals.stamp_of(record)
    }

    /// The latest stamp that records count with; none if there are no records.
    #[must_use]
    pub fn latest_stamp<'a>(
        &self,
        lines: impl IntoIterator<Item = &'a Line>,
    ) -> Option<UnixMillis> {
        let stamps = lines.into_iter().map(|line| self.stamp_of(&line.record));
        stamps.max()
    }

    /// The latest stamps that records count with, those of a device apart from those of others.
    #[must_use]
    pub fn known_stamps<'a>(
        &self,
        device: DeviceId,
        lines: impl IntoIterator<Item = &'a Line> + Clone,
    ) -> KnownStamps {
        let is_own = |line: &&Line| line.record.log.device == device;
        KnownStamps {
            own: self.latest_stamp(lines.clone().into_iter().filter(is_own)),
            others: self.latest_stamp(lines.into_iter().filter(|line| !is_own(line))),
        }
    }
}
