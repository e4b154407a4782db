//! Stamps: the time in a record that merging goes by.

use crate::time::UnixMillis;

/// How far the stamps of others lift a new one at most above the clocks of its writer and the server.
pub const LIFT_MAX_MS: u64 = 10 * 60 * 1000;

/// How far a stamp may be ahead of the server's clock before a person should look at it: a minute more than
/// others can have lifted it.
pub const CLOCK_JUMP_MS: u64 = LIFT_MAX_MS + 60 * 1000;

/// The latest stamps that known records of a ticket count with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KnownStamps {
    /// Of records of the device itself.
    pub own: Option<UnixMillis>,
    /// Of records of other devices.
    pub others: Option<UnixMillis>,
}

impl KnownStamps {
    /// These and one more, of which somebody else says that it is known.
    #[must_use]
    pub fn and(self, others: Option<UnixMillis>) -> Self {
        Self {
            others: self.others.max(others),
            ..self
        }
    }
}

/// The stamp of the next record: never before what its writer knows of.
///
/// A record follows everything known of its ticket, so that a device that saw an exit never sorts its entry
/// before it; but the stamps of others lift it by [`LIFT_MAX_MS`] at most above the clock of its writer or
/// the server's. Records never raise `latest_server_time`.
#[must_use]
pub fn next_stamp(
    device_time: UnixMillis,
    offset_ms: i64,
    latest_server_time: UnixMillis,
    known: KnownStamps,
) -> UnixMillis {
    if crate::mutated!(SortByDeviceTime) {
        return device_time;
    }
    let after = |known: Option<UnixMillis>| {
        let known = known.filter(|_| !crate::mutated!(StampIgnoresKnown));
        known.map_or(UnixMillis::default(), |at| at.shifted(1))
    };
    let by_clock = device_time.shifted(offset_ms).max(latest_server_time);
    if crate::mutated!(BelieveFarStamps) {
        return by_clock.max(after(known.own)).max(after(known.others));
    }
    let latest = by_clock.shifted(i64::try_from(LIFT_MAX_MS).unwrap_or(i64::MAX));
    by_clock
        .max(after(known.own))
        .max(after(known.others).min(latest))
}

/// By how many milliseconds a stamp is further ahead of the server's clock than any good clock explains;
/// none if it is not. Old stamps are no sign of anything: records may wait for days.
#[must_use]
pub fn jumped_ahead(stamp: UnixMillis, server_time: UnixMillis) -> Option<u64> {
    let ahead = stamp.since(server_time);
    (ahead > CLOCK_JUMP_MS).then_some(ahead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn ms(value: u64) -> UnixMillis {
        UnixMillis::new(value)
    }

    const fn of_others(known: u64) -> KnownStamps {
        KnownStamps {
            own: None,
            others: Some(ms(known)),
        }
    }

    #[test]
    fn a_slow_clock_is_lifted_to_the_latest_server_time() {
        assert_eq!(next_stamp(ms(5), 0, ms(90), KnownStamps::default()), ms(90));
        assert_eq!(
            next_stamp(ms(100), -20, ms(70), KnownStamps::default()),
            ms(80)
        );
    }

    #[test]
    fn a_record_follows_everything_known_of_its_ticket() {
        assert_eq!(next_stamp(ms(100), 0, ms(70), of_others(100)), ms(101));
        assert_eq!(next_stamp(ms(100), 0, ms(70), of_others(98)), ms(100));
    }

    #[test]
    fn a_stamp_that_is_years_ahead_lifts_others_by_minutes_only() {
        let years_ahead = of_others(4_000_000_000_000);
        let stamp = next_stamp(ms(100), 0, ms(70), years_ahead);
        assert_eq!(stamp, ms(100 + LIFT_MAX_MS));
        let by_server = next_stamp(ms(100), 0, ms(500), years_ahead);
        assert_eq!(by_server, ms(500 + LIFT_MAX_MS));
        // What a device wrote itself it comes after, however wrong its clock was then.
        let own = KnownStamps {
            own: Some(ms(4_000_000_000_000)),
            others: None,
        };
        assert_eq!(next_stamp(ms(100), 0, ms(70), own), ms(4_000_000_000_001));
    }

    #[test]
    fn a_clock_at_the_end_of_time_stays_there() {
        let end = ms(u64::MAX);
        assert_eq!(next_stamp(end, i64::MAX, ms(1), of_others(u64::MAX)), end);
        assert_eq!(
            next_stamp(ms(3), i64::MIN, ms(1), KnownStamps::default()),
            ms(1)
        );
    }

    #[test]
    fn a_stamp_years_ahead_is_told_and_an_old_one_is_not() {
        assert_eq!(jumped_ahead(ms(CLOCK_JUMP_MS + 5), ms(5)), None);
        assert_eq!(
            jumped_ahead(ms(CLOCK_JUMP_MS + 6), ms(5)),
            Some(CLOCK_JUMP_MS + 1)
        );
        assert_eq!(jumped_ahead(ms(0), ms(u64::MAX)), None);
    }

    proptest! {
        #[test]
        fn a_stamp_is_never_before_what_is_known(device: u64, offset: i64, server: u64, known: Option<u64>) {
            let stamp = next_stamp(ms(device), offset, ms(server), KnownStamps { own: None, others: known.map(ms) });
            prop_assert!(stamp >= ms(server));
            let latest = ms(device).shifted(offset).max(ms(server)).get().saturating_add(LIFT_MAX_MS);
            prop_assert!(known.is_none_or(|known| stamp > ms(known) || known >= latest));
            prop_assert!(stamp.get() <= latest);
        }
    }
}
