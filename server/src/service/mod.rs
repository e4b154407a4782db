//! What the server does, above storage and below HTTP: every rule about organizers, tickets, devices and
//! tables stands here once.
//!
//! [`Service`] is cheap to clone. Its methods take what the contract in [`usher_domain::api`] and
//! [`usher_domain::protocol`] says and answer with [`Error`], which turns into a
//! [`usher_domain::problem::Problem`]. Who may call what is judged before, by the role that
//! [`Service::authenticate`] tells.

mod assignment;
mod audit;
#[cfg(feature = "baseline")]
mod baseline;
mod channels;
mod claims;
mod devices;
mod duty;
mod enrollments;
mod error;
mod events;
mod export;
mod feed;
mod figures;
mod handed_trust;
mod health;
mod heartbeat;
mod imports;
mod incidents;
mod live;
mod orders;
mod organizers;
mod override_keys;
mod places;
mod readiness;
mod records;
mod restoring;
mod revocation;
mod revoked_keys;
mod roster;
mod rotation;
mod rules;
pub mod scopes;
pub mod server_log;
mod sessions;
mod settings;
mod staff;
mod statistics;
mod tables;
mod things;
mod tickets;
mod times;
mod tokens;
mod types;

pub use devices::KnownDevice;
pub use enrollments::{ServerAddress, USES_MAX};
pub use error::{Error, Result};
pub use export::{ByteOrderMark, Export, Names};
pub use figures::{DoorFigures, Figures};
pub use health::{Check, CheckName};
pub use live::{Listener, Publisher};
pub use records::{Interpreter, QuarantineFilter};
pub use settings::Settings;
pub use tables::sealer::Sealer;
pub use things::{NAME_BYTES_MAX, PAGE_MAX, SLUG_CHARS_MAX};
pub use tickets::TICKETS_PAGE_MAX;
pub use tokens::Access;

use crate::clock::Clock;
use crate::storage::{Space, StorageError, Store, Transaction};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, OnceLock};
use tables::sealer::Rounds;
use tables::snapshots::Snapshots;
use tokio::sync::{Mutex, MutexGuard, Notify, OwnedMutexGuard, watch};
use usher_domain::secret::Seed;
use usher_domain::time::UnixMillis;

/// All services over one database.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    /// Tells this start of the program from every other: nobody can put the database back but between two.
    instance: u64,
    clock: Arc<dyn Clock>,
    settings: Settings,
    snapshots: Snapshots,
    /// Told after every write, for the sealer.
    changed: Notify,
    /// How far the sealer is, for those who wait for it.
    rounds: watch::Sender<Rounds>,
    /// Whose turn it is to import. One at a time: each holds a whole file in memory, and none meets
    /// another's lines half written.
    import: Arc<Mutex<()>>,
    /// Whose turn it is to write at length.
    long: Mutex<()>,
    figures: Figures,
    duties: Arc<duty::Duties>,
    claims: claims::Claims,
    live: live::Live,
    /// Since when something waits for sealing, or nothing does.
    unsealed: health::Unsealed,
    /// The secret of devices' tokens, once somebody authenticates them.
    device_tokens: OnceLock<watch::Sender<Seed>>,
}

impl Service {
    /// The services over a store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let figures = Figures::default();
        let duties: Arc<duty::Duties> = Arc::default();
        Self {
            inner: Arc::new(Inner {
                store,
                instance: RandomState::new().hash_one(()),
                clock,
                claims: claims::Claims::new(Arc::clone(&duties), figures.clone()),
                duties,
                snapshots: Snapshots::empty(&settings),
                live: live::Live::new(settings.listeners_max, figures.clone()),
                settings,
                changed: Notify::new(),
                rounds: watch::Sender::default(),
                import: Arc::default(),
                long: Mutex::default(),
                figures,
                unsealed: health::Unsealed::default(),
                device_tokens: OnceLock::new(),
            }),
        }
    }

    /// A number drawn at this start of the program.
    pub(crate) fn instance(&self) -> u64 {
        self.inner.instance
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.inner.clock.now()
    }

    /// How the services behave.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Prepared snapshots.
    fn snapshots(&self) -> &Snapshots {
        &self.inner.snapshots
    }

    /// Tells the sealer that something was written.
    fn wake_sealer(&self) {
        self.inner.unsealed.begin(self.now());
        self.inner.changed.notify_one();
    }

    /// Lets the sealer look at once, although nothing new was written.
    fn look_again(&self) {
        self.inner.changed.notify_one();
    }

    /// How far the sealer is.
    fn rounds(&self) -> &watch::Sender<Rounds> {
        &self.inner.rounds
    }

    /// Since when something waits for sealing.
    fn unsealed(&self) -> &health::Unsealed {
        &self.inner.unsealed
    }

    /// Waits until something was written.
    async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Waits for the turn to import; others wait until it is dropped.
    async fn turn_to_import(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner.import).lock_owned().await
    }

    /// Waits for the turn to write at length; others wait until it is dropped. One such job at a time stands
    /// in the writer's line, so that however many devices come back at once, whoever claims beside them
    /// waits for one of their jobs at most.
    async fn turn_to_write_long(&self) -> MutexGuard<'_, ()> {
        self.inner.long.lock().await
    }

    /// Runs a job in a write transaction.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Transaction, UnixMillis) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.write_quietly(job).await;
        self.wake_sealer();
        done
    }

    /// Runs a job in a write transaction that leaves nothing to be sealed.
    pub(crate) async fn write_quietly<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Transaction, UnixMillis) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let now = self.now();
        let done = self.inner.store.write(move |txn| job(txn, now)).await;
        self.inner.live.wake();
        done
    }

    /// Runs a job that leaves nothing to be sealed before all that are not urgent: somebody waits at a gate.
    pub(crate) async fn write_urgently<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut dyn Transaction, UnixMillis) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let now = self.now();
        let done = self.inner.store.write_urgently(move |txn| job(txn, now));
        let done = done.await;
        self.inner.live.wake();
        done
    }

    /// Runs a job in a read transaction.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&dyn Transaction) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.store.read(job).await
    }

    /// How often this server was restored from a backup.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn epoch(&self) -> Result<u32> {
        self.read(|txn| Ok(epoch(txn)?)).await
    }

    /// The secret that authenticates devices' tokens, as it is from now on: a new one comes with every
    /// restore and whenever keys of an organizer are replaced.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn device_token_secret(&self) -> Result<watch::Receiver<Seed>> {
        let secret = self
            .write(|txn, now| Ok(crate::keys::shared(txn, DEVICE_TOKENS, now)?))
            .await?;
        let known = &self.inner.device_tokens;
        Ok(known.get_or_init(|| watch::Sender::new(secret)).subscribe())
    }

    /// Tells those who authenticate devices' tokens which secret is in force.
    async fn follow_device_token_secret(&self) -> Result<()> {
        let Some(known) = self.inner.device_tokens.get() else {
            return Ok(());
        };
        let secret = self
            .write_quietly(|txn, now| Ok(crate::keys::shared(txn, DEVICE_TOKENS, now)?))
            .await?;
        known.send_if_modified(|held| {
            let is_new = *held != secret;
            *held = secret;
            is_new
        });
        Ok(())
    }

    /// Says that this database was restored from a backup. Versions count on in a higher epoch, devices
    /// replay the feed and hand back what the backup lacks, and the server begins new logs of its own.
    /// Enrollment codes of before are withdrawn, for some may have been since, and devices sign in anew.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn raise_epoch(&self) -> Result<u32> {
        self.raise_epoch_above(0).await
    }

    /// As [`Self::raise_epoch`], to an epoch that is also higher than `known`: one that served after the
    /// backup was made.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn raise_epoch_above(&self, known: u32) -> Result<u32> {
        let raised = self
            .write(move |txn, now| {
                let raised = epoch(txn)?.max(known).saturating_add(1);
                txn.put_value(Space::Server, EPOCH, &raised.to_be_bytes(), now)?;
                txn.put_value(Space::Server, RESTORED_AT, &now.get().to_be_bytes(), now)?;
                // Backups are copied about: what an old one opens is closed.
                crate::keys::renew_shared(txn, DEVICE_TOKENS, now)?;
                enrollments::withdraw_all(txn, now)?;
                Ok(raised)
            })
            .await?;
        self.follow_device_token_secret().await?;
        Ok(raised)
    }
}

const EPOCH: &[u8] = b"epoch";
const RESTORED_AT: &[u8] = b"restored at";
const DEVICE_TOKENS: &[u8] = b"device tokens";

/// The epoch as a transaction sees it; 1 until it is raised.
pub(crate) fn epoch(txn: &dyn Transaction) -> std::result::Result<u32, StorageError> {
    match txn.value(Space::Server, EPOCH)? {
        None => Ok(1),
        Some(bytes) => <[u8; 4]>::try_from(bytes.as_slice())
            .map(u32::from_be_bytes)
            .map_err(|_| StorageError::Unreadable {
                doing: "reading the epoch",
            }),
    }
}

/// When somebody declared last that this database was restored; none if nobody ever did.
pub(crate) fn restored_at(
    txn: &dyn Transaction,
) -> std::result::Result<Option<UnixMillis>, StorageError> {
    let Some(bytes) = txn.value(Space::Server, RESTORED_AT)? else {
        return Ok(None);
    };
    let at = <[u8; 8]>::try_from(bytes.as_slice()).map_err(|_| StorageError::Unreadable {
        doing: "reading when the server was restored",
    })?;
    Ok(Some(UnixMillis::new(u64::from_be_bytes(at))))
}

/// The next number of a series, from 1 on.
pub(crate) fn next_number(
    txn: &mut dyn Transaction,
    series: &[u8],
    now: UnixMillis,
) -> Result<u32> {
    let last = txn
        .value(Space::Counter, series)?
        .and_then(|bytes| <[u8; 4]>::try_from(bytes.as_slice()).ok())
        .map_or(0, u32::from_be_bytes);
    let next = last
        .checked_add(1)
        .ok_or(Error::Conflict("a series of numbers is used up"))?;
    txn.put_value(Space::Counter, series, &next.to_be_bytes(), now)?;
    Ok(next)
}

#[cfg(test)]
mod tests;
