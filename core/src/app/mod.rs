//! What every shell of a device calls: the command line, the desktop window, the phones.
//!
//! A shell parses, calls one method here, and shows what comes back. Results are plain data; errors are
//! [`ApiError`]. A scan waits for the network within a small budget only, and only where a claim is made; the
//! network never waits for a scan for longer than one transaction takes.

mod above;
mod audit;
mod claim;
mod enroll;
mod link;
mod present;
mod recorded;
mod scan;
mod staff;
mod status;
pub mod words;

pub use above::{AboveView, CopiedView, OrderKind, OrderView, SaidView, SpokenOf, TimesView};
pub use audit::{AuditView, LogView, ScopeAudit};
pub use enroll::{EnrollInput, EnrollStep, EnrolledView, Standing};
pub use link::{Line, SyncView, TableHealth, TroubleView};
pub use present::PresentedView;
pub use recorded::RecordedView;
pub use scan::{EvidenceView, RightView, ScanInput, ScanView, SessionView, UndoInput, UndoneView};
pub use staff::{OperatorView, OverrideInput, PersonView, SignedOutView};
pub use status::{
    AuthorityView, ClockView, ConnectionView, DeviceView, DutyView, NoticeView, PlaceView,
    ScopeView, Status, TableView,
};

pub use crate::error::{ApiError, ApiRetry};

use crate::claims::Claims;
use crate::clock::{Clock, Entropy, random};
use crate::gate::{AtGate, Gate, Means};
use crate::http::HttpSync;
pub use crate::store::Rescue;
use crate::store::{NoticeBody, Opened, OwnLog, Store, StoreError};
use crate::sync::{Access, Memory};
use serde::Serialize;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Code of an error that only a repair mends.
pub const DAMAGED: &str = "store_damaged";

/// The code of a folder that is no device's: no waiting makes it one.
pub const FOREIGN: &str = "store_foreign";

/// Code of an error that passes when another program leaves the device's folder.
pub const IN_USE: &str = "store_in_use";

/// What was wiped from a device, and what it still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct WipedView {
    /// Tables that were held.
    pub tables: u64,
    /// Records that the server lacks. They stay until it has them.
    pub unsent: u64,
}

/// A device.
pub struct App {
    device: Device,
    clock: Arc<dyn Clock + Send + Sync>,
    entropy: Arc<dyn Entropy + Send + Sync>,
    memory: Mutex<Memory>,
    connection: Mutex<Option<Arc<HttpSync>>>,
    claims: Claims,
    /// Drawn at this start: whoever copied the folder draws another one.
    instance: Option<u64>,
    /// Rings when something was done at the gate, which may have written a record.
    recorded: Notify,
}

/// The store and the gate that reads it: one scan or one step of an exchange at a time.
struct Device(Mutex<Parts>);

struct Parts {
    store: Store,
    gate: Gate,
}

impl Device {
    fn lock(&self) -> MutexGuard<'_, Parts> {
        // Whoever panicked holding it left no transaction open; what the store says is still true.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Access for Device {
    fn with<T>(&self, work: impl FnOnce(&mut Store) -> T) -> T {
        work(&mut self.lock().store)
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("App")
    }
}

impl App {
    /// Opens the device in the folder `home`, which is made if it is not there.
    ///
    /// # Errors
    /// `store_in_use` if another program works in the folder, `store_newer` if a newer one did,
    /// `store_foreign` if it is no device's, and what the file system says. A damaged store is no error: it
    /// is set aside, what is readable is rescued,
    /// and [`Status::notices`] tells.
    pub fn open(
        home: &Path,
        clock: Arc<dyn Clock + Send + Sync>,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Result<Self, ApiError> {
        let opened = Store::open(home, clock.read().wall)?;
        Self::with(opened, clock, entropy).map(|(app, _)| app)
    }

    /// Opens the device like [`Self::open`], after looking at all of its store: one in which damage was met
    /// before, or is met now, is set aside, and what was rescued of it is told. Its tables then come from
    /// the server again.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_repair(
        home: &Path,
        clock: Arc<dyn Clock + Send + Sync>,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Result<(Self, Option<Rescue>), ApiError> {
        let opened = Store::open_to_repair(home, clock.read().wall)?;
        Self::with(opened, clock, entropy)
    }

    fn with(
        (mut store, opened): (Store, Opened),
        clock: Arc<dyn Clock + Send + Sync>,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Result<(Self, Option<Rescue>), ApiError> {
        let rescue = match opened {
            Opened::New | Opened::Known { .. } => None,
            Opened::Rescued(rescue) => Some(rescue),
        };
        if let Some(rescue) = &rescue {
            let notice = NoticeBody::StoreRescued {
                file: rescue.file.clone(),
                records: rescue.records,
                missing: Some(rescue.missing),
            };
            store.notice(clock.read().wall, &notice)?;
        }
        // A gate opens all the same where nothing can be drawn.
        let drawn = random(&*entropy).map(u64::from_be_bytes);
        let app = Self {
            instance: drawn.ok(),
            device: Device(Mutex::new(Parts {
                store,
                gate: Gate::new(),
            })),
            clock,
            entropy,
            memory: Mutex::default(),
            connection: Mutex::default(),
            claims: Claims::default(),
            recorded: Notify::new(),
        };
        Ok((app, rescue))
    }

    /// Passes a result on, and remembers damage that it tells of.
    fn heeding<T, E: Into<ApiError>>(&self, done: Result<T, E>) -> Result<T, ApiError> {
        let done = done.map_err(Into::into);
        if done.as_ref().is_err_and(|error| error.code == DAMAGED) {
            self.device.lock().store.suspect();
        }
        done
    }

    /// Deletes ticket sets, directories, roster, and files that were set aside as damaged, so that nobody
    /// who finds the device learns of tickets or people. Records that the server lacks stay, and so does the
    /// device's identity: it can send them and, if the organizer still wants it, download again.
    ///
    /// # Errors
    /// What writing the store says.
    pub fn wipe(&self) -> Result<WipedView, ApiError> {
        let wiped = self.at_gate(|gate, means| {
            let tables = means.store.tables()?.len() as u64;
            means.store.wipe_tables()?;
            *gate = Gate::new();
            let logs = means.store.own_logs()?;
            Ok::<_, StoreError>(WipedView {
                tables,
                unsent: logs.iter().map(OwnLog::unsent).sum(),
            })
        });
        self.heeding(wiped)
    }
}

impl AtGate for App {
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        let mut parts = self.device.lock();
        let Parts { store, gate } = &mut *parts;
        let mut means = Means {
            store,
            clock: &*self.clock,
            entropy: &*self.entropy,
        };
        let done = work(gate, &mut means);
        self.recorded.notify_one();
        done
    }
}

#[cfg(test)]
mod tests;
