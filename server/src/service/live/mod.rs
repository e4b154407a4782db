//! The live feed: what is stored is told to every device that listens, in order and as soon as it is there.
//!
//! ```text
//! writes ──wake──► publisher ──one text for all──► ring ──► listener ──► device
//!                     │ reads new positions                   │ reads what lies before, once
//!                     └──────────────► storage ◄──────────────┘
//! ```
//!
//! One task reads what is new since it last looked, once for each scope, and writes each event once; a
//! listener hands on a reference. The ring is bounded: whoever does not keep up is told so, ends, and asks.
//! A wake-up says nothing but "look": positions in storage say what is new, so a lost or repeated wake-up
//! loses and repeats nothing.
//!
//! A listener begins to hear before it reads what lies between its device's place and now, and drops what
//! it hears of a second time by its position. So there is no gap, and nothing comes twice.

mod listener;
mod publisher;
mod seats;
mod told;

pub use listener::Listener;
#[cfg(test)]
pub(super) use publisher::Memory;
pub use publisher::Publisher;

use super::figures::Figures;
use super::{Error, Service};
use bytes::Bytes;
use seats::Seats;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, broadcast};
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId};
use usher_domain::protocol::live::{ByeReason, LiveEvent};
use usher_domain::table::TableId;

/// Events that a listener may lag behind the newest one.
const RING: usize = 256;

/// What the publisher and the listeners share.
pub(super) struct Live {
    ring: broadcast::Sender<News>,
    woken: Notify,
    hints: Mutex<Hints>,
    seats: Mutex<Seats>,
    figures: Figures,
}

/// What goes around: the text of an event, and for whom.
#[derive(Clone)]
enum News {
    /// Batches of a scope after one position up to another.
    Feed {
        scope: ScopeId,
        after: u64,
        end: u64,
        text: Bytes,
    },
    /// A version of a table.
    Table(TableId, Bytes),
    /// For all devices of an organizer.
    Organizer(OrganizerId, Bytes),
    /// For one device.
    Device(DeviceId, Bytes),
    /// For everybody.
    All(Bytes),
    /// A device listens anew: those of its listeners that sat down before end.
    Replaced(DeviceId, u64),
    /// A device was revoked.
    Revoked(DeviceId),
    /// Positions are of this epoch from now on.
    Epoch(u32),
    /// It ends for everybody.
    Over(ByeReason),
}

/// Where to look beside the feeds.
#[derive(Debug, Default)]
struct Hints {
    /// Tables with a new version.
    tables: BTreeSet<TableId>,
    /// Organizers with a new trust document.
    trusts: BTreeSet<OrganizerId>,
}

impl Live {
    pub(super) fn new(listeners_max: usize, figures: Figures) -> Self {
        Self {
            ring: broadcast::Sender::new(RING),
            woken: Notify::new(),
            hints: Mutex::default(),
            seats: Mutex::new(Seats::new(listeners_max)),
            figures,
        }
    }

    /// Something was written.
    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    /// A table has a new version.
    pub(super) fn sealed(&self, table: TableId) {
        self.hints().tables.insert(table);
        self.wake();
    }

    /// An organizer has a new trust document.
    pub(super) fn trust_changed(&self, organizer: OrganizerId) {
        self.hints().trusts.insert(organizer);
        self.wake();
    }

    /// A device was revoked; it must learn of it at once.
    pub(super) fn revoked(&self, device: DeviceId) {
        self.send(News::Revoked(device));
    }

    fn hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, news: News) {
        // Nobody listens, which is no fault.
        let _nobody = self.ring.send(news);
    }
}

fn text(event: &LiveEvent) -> Bytes {
    event.to_text().into()
}

impl Service {
    /// What the live feed shares.
    pub(super) fn live(&self) -> &Live {
        &self.inner.live
    }

    /// Tells one device something; says whether it listens. Whoever does not must learn of it by asking.
    pub fn tell_device(&self, device: DeviceId, event: &LiveEvent) -> bool {
        let listens = self.live().seats().is_taken_by(device);
        if listens {
            self.live().send(News::Device(device, text(event)));
        }
        listens
    }

    /// Tells all devices of an organizer that listen something. The others must learn of it by asking.
    pub fn tell_organizer(&self, organizer: OrganizerId, event: &LiveEvent) {
        self.live().send(News::Organizer(organizer, text(event)));
    }
}

/// Why nobody can listen now.
const fn full() -> Error {
    Error::Full("listeners")
}
