//! What every shell of a device calls: the command line, the desktop window, the phones.
//!
//! A shell parses, calls one method here, and shows what comes back. Results are plain data; errors are
//! [`ApiError`]. Scanning never waits for the network, and the network never waits for a scan for longer
//! than one transaction takes.

mod audit;
mod enroll;
mod link;
mod scan;
mod staff;
mod status;
pub mod words;

pub use audit::{AuditView, LogView, ScopeAudit};
pub use enroll::{EnrollInput, EnrollStep, EnrolledView, Standing};
pub use link::{SyncView, TableHealth, TroubleView};
pub use scan::{EvidenceView, RightView, ScanInput, ScanView, SessionView, UndoneView};
pub use staff::{OperatorView, OverrideInput, PersonView};
pub use status::{
    ClockView, ConnectionView, DeviceView, NoticeView, PlaceView, ScopeView, Status, TableView,
};

pub use crate::error::{ApiError, ApiRetry};

use crate::clock::{Clock, Entropy};
use crate::gate::{Gate, Means};
use crate::http::HttpSync;
use crate::store::{NoticeBody, Opened, Store};
use crate::sync::{Access, Memory};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A device.
pub struct App {
    device: Device,
    clock: Arc<dyn Clock + Send + Sync>,
    entropy: Arc<dyn Entropy + Send + Sync>,
    memory: Mutex<Memory>,
    connection: Mutex<Option<Arc<HttpSync>>>,
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
    /// `store_in_use` if another program works in the folder, `store_newer` if a newer one did, and what
    /// the file system says. A damaged store is no error: it is set aside, what is readable is rescued,
    /// and [`Status::notices`] tells.
    pub fn open(
        home: &Path,
        clock: Arc<dyn Clock + Send + Sync>,
        entropy: Arc<dyn Entropy + Send + Sync>,
    ) -> Result<Self, ApiError> {
        let now = clock.read().wall;
        let (mut store, opened) = Store::open(home, now)?;
        match opened {
            Opened::New | Opened::Known { .. } => {}
            Opened::Rescued(rescue) => store.notice(
                now,
                &NoticeBody::StoreRescued {
                    file: rescue.file,
                    records: rescue.records,
                },
            )?,
        }
        Ok(Self {
            device: Device(Mutex::new(Parts {
                store,
                gate: Gate::new(),
            })),
            clock,
            entropy,
            memory: Mutex::default(),
            connection: Mutex::default(),
        })
    }

    /// Works at the gate.
    fn at_gate<T>(&self, work: impl FnOnce(&mut Gate, &mut Means<'_>) -> T) -> T {
        let mut parts = self.device.lock();
        let Parts { store, gate } = &mut *parts;
        let mut means = Means {
            store,
            clock: &*self.clock,
            entropy: &*self.entropy,
        };
        work(gate, &mut means)
    }

    /// Deletes ticket sets, directories and roster, so that nobody who finds the device learns of tickets
    /// or people. Records that the server lacks stay, and so does the device's identity: it can send them
    /// and, if the organizer still wants it, download again.
    ///
    /// # Errors
    /// What writing the store says.
    pub fn wipe(&self) -> Result<(), ApiError> {
        self.at_gate(|gate, means| {
            means.store.set_operator(None)?;
            means.store.wipe_tables()?;
            *gate = Gate::new();
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
