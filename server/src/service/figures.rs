//! What an operator watches while doors are open. No figure names a person, a ticket, a device or an event.

use super::error::Result;
use super::organizers::{NOBODY, StoredOrganizer};
use super::{Service, devices, enrollments, things};
use crate::storage::Transaction;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use usher_domain::ids::OrganizerId;
use usher_domain::record::Outcome;
use usher_domain::time::UnixMillis;

/// A device heard of within this time counts as there.
const SEEN_WITHIN_MS: u64 = 5 * 60_000;
/// Incidents that are counted of one organizer at most; more are as alarming.
const INCIDENTS_MAX: u32 = 10_000;

/// What was done since the start of this process; a clone shows the same figures.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Scans of devices merged with the outcome admit.
    pub admitted: Counter,
    /// Scans merged with the outcome refuse.
    pub refused: Counter,
    /// Scans merged with the outcome refer.
    pub referred: Counter,
    /// Tickets that imports created or changed.
    pub imported: Counter,
    /// Devices that are told live.
    pub listeners: Gauge,
    /// Events written for them, each once for all.
    pub told: Counter,
    /// Listeners sent away because they did not read as fast as things happened.
    pub too_slow: Counter,
}

impl Figures {
    /// So many devices are told live.
    pub(crate) fn listening(&self, count: usize) {
        self.listeners.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts merged scans.
    pub(crate) fn merged(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Admit => self.admitted.inc(),
                Outcome::Refuse => self.refused.inc(),
                Outcome::Refer => self.referred.inc(),
            };
        }
    }
}

/// How things stand now, over all organizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoorFigures {
    /// Open incidents.
    pub incidents: u64,
    /// Devices heard of within five minutes.
    pub devices_seen: u64,
    /// Enrollment codes that still enroll a device.
    pub enrollments: u64,
    /// Tables that wait for sealing.
    pub tables_waiting: u64,
    /// Since when the first of what changed waits for sealing, in milliseconds.
    pub sealer_lag_ms: u64,
    /// Admissions that were granted and whose records have not come.
    pub reservations: u64,
}

fn count(txn: &dyn Transaction, now: UnixMillis) -> Result<DoorFigures> {
    let mut figures = DoorFigures {
        enrollments: enrollments::open(txn, now)?,
        tables_waiting: txn.dirty_tables()?.len() as u64,
        reservations: txn.count_reservations()?,
        ..DoorFigures::default()
    };
    for organizer in things::all::<StoredOrganizer>(txn, &NOBODY)? {
        let id = OrganizerId::from_bytes(organizer.id);
        figures.incidents += txn.incidents(id, None, INCIDENTS_MAX)?.len() as u64;
        figures.devices_seen += devices::seen_since(txn, id, now.shifted(-to_i64(SEEN_WITHIN_MS)))?;
    }
    Ok(figures)
}

fn to_i64(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

impl Service {
    /// What was done since the start of this process.
    #[must_use]
    pub fn figures(&self) -> &Figures {
        &self.inner.figures
    }

    /// How things stand now.
    ///
    /// # Errors
    /// [`super::Error::Storage`].
    pub async fn door_figures(&self) -> Result<DoorFigures> {
        let now = self.now();
        let mut figures = self.read(move |txn| count(txn, now)).await?;
        figures.sealer_lag_ms = self.inner.unsealed.lag_ms(now);
        Ok(figures)
    }
}
