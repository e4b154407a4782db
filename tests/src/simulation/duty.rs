//! Who is on duty: supervisors stand devices down that are dead or out of reach, devices sign off, and both
//! come back.

use super::device::Device;
use super::world::{Shown, World};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_core::sync::SyncError;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::log::Line;
use usher_domain::record::Body;
use usher_domain::time::UnixMillis;
use usher_server::service::{Error, Service};

/// How a device left duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    SignedOff,
    StoodDown,
}

/// What the simulator knows of one device's duty.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    left: Option<Left>,
    /// Calls that put it on duty and began before it left may still be answered.
    began_before: u64,
    /// Such calls that began, and those that are under way.
    begun: u64,
    under_way: u32,
    /// Whether it left for certain and was not heard since.
    is_sure: bool,
    /// Whether it ever was on duty at this server: who never was cannot be stood down.
    was_on: bool,
}

/// Who is off duty, by what was said to the server and by what it said. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Duties(Rc<RefCell<BTreeMap<DeviceId, Standing>>>);

/// A call under way that puts a device on duty if the server takes it in.
#[derive(Debug)]
pub(super) struct Call {
    duties: Duties,
    device: DeviceId,
    number: u64,
}

impl Call {
    /// The server took it in.
    pub(super) fn heard(self) {
        self.duties.with(self.device, |standing| {
            standing.was_on = true;
            if self.number > standing.began_before {
                standing.left = None;
            }
        });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.duties.with(self.device, |standing| {
            standing.under_way = standing.under_way.saturating_sub(1);
        });
    }
}

impl Duties {
    fn with<T>(&self, device: DeviceId, work: impl FnOnce(&mut Standing) -> T) -> T {
        work(self.0.borrow_mut().entry(device).or_default())
    }

    /// A server that was put back knows nothing of what was said since.
    pub(super) fn forget(&self) {
        for standing in self.0.borrow_mut().values_mut() {
            standing.left = None;
            standing.is_sure = false;
            standing.was_on = false;
        }
    }

    /// A call begins at the server that puts a device on duty.
    pub(super) fn call(&self, device: DeviceId) -> Call {
        let number = self.with(device, |standing| {
            standing.begun += 1;
            standing.under_way += 1;
            standing.is_sure = false;
            standing.begun
        });
        Call {
            duties: self.clone(),
            device,
            number,
        }
    }

    /// From now on nobody may wait for a device's word. Says how it left before.
    pub(super) fn leaves(&self, device: DeviceId, left: Left) -> Option<Left> {
        self.with(device, |standing| {
            standing.is_sure = false;
            standing.began_before = standing.begun;
            let before = standing.left;
            // Nobody is taken off duty twice.
            standing.left = before.or(Some(left));
            before
        })
    }

    /// The server said that it did.
    pub(super) fn has_left(&self, device: DeviceId, left: Left) {
        self.with(device, |standing| {
            standing.left = standing.left.or(Some(left));
            standing.began_before = standing.begun;
            standing.is_sure = standing.was_on && standing.under_way == 0;
        });
    }

    /// The server refused to let it go.
    pub(super) fn stays(&self, device: DeviceId, before: Option<Left>) {
        self.with(device, |standing| standing.left = standing.left.and(before));
    }

    /// Whether a device may be off duty.
    pub(super) fn may_be_off(&self, device: DeviceId) -> bool {
        self.with(device, |standing| standing.left.is_some())
    }

    /// If a device is stood down for certain: after how many of its calls.
    pub(super) fn stood_down_since(&self, device: DeviceId) -> Option<u64> {
        self.with(device, |standing| {
            let is_down = standing.is_sure && standing.left == Some(Left::StoodDown);
            is_down.then_some(standing.begun)
        })
    }
}

impl World {
    /// What a device showed by a time of the server's clock and what is on its disk still.
    pub(super) fn shown_by(&self, device: &Device, until: UnixMillis) -> Vec<Hash> {
        let memory = self.memory.borrow();
        let begin = self.time.now().get() - self.time.passed_ms();
        let is_own = |shown: &&Shown| {
            self.devices[shown.device].id == device.id && begin + shown.at <= until.get()
        };
        let own = memory.shown.iter().filter(is_own);
        let on_disk = device.on_disk.borrow();
        let records = own.filter_map(|shown| shown.answer.record);
        records.filter(|record| on_disk.contains(record)).collect()
    }

    /// A supervisor takes a device off duty: it lies there without power, or is out of reach and works on,
    /// or nothing ails it.
    pub(super) async fn stand_down(self: &Rc<Self>, number: usize) {
        let device = Rc::clone(&self.devices[number]);
        if self.is_never_made(&device) {
            return;
        }
        let ill = self.chance(4);
        let soon = self.draw(0, 18_000);
        match ill {
            0 if device.is_on() => {
                self.take_down(&device).await;
                let other = (number + 1) % self.devices.len();
                self.people_come(other, &[soon + 50, soon + 400]);
            }
            0 | 1 => {}
            _ => {
                let long = self.draw(2_000, 30_000);
                self.cut_off_for(number, 0, long);
                self.people_come(number, &[20, 300, 700]);
            }
        }
        if ill != 1 {
            sleep(Duration::from_millis(soon)).await;
        }
        self.say_stood_down(&device).await;
        if ill == 0 {
            sleep(Duration::from_millis(self.draw(100, 3_000))).await;
            if !device.is_on() {
                self.switch_on(&device).await;
            }
        }
    }

    async fn say_stood_down(&self, device: &Device) {
        let Some(service) = self.server.service() else {
            return;
        };
        let organizer = self.house.organizer.id;
        self.server.duties.leaves(device.id, Left::StoodDown);
        self.memory.borrow_mut().stood_down.insert(device.id);
        let begun = self.time.passed_ms();
        let said = service.stand_down(organizer, device.id.to_string()).await;
        if let Err(error) = said {
            self.story.tell(
                "office",
                format_args!("cannot stand {} down: {error}", device.name),
            );
            return;
        }
        self.server.duties.has_left(device.id, Left::StoodDown);
        self.story
            .tell("office", format_args!("stands {} down", device.name));
        let excused = {
            let memory = self.memory.borrow();
            memory.forked.contains(&device.id)
                || memory.revoked.contains(&device.id)
                || memory.restored_at.is_some_and(|at| at >= begun)
                || self.undeclared.get()
        };
        let Some(since) = self.last_stand_down(&service, device.id).await else {
            return;
        };
        for record in self.shown_by(device, since) {
            self.check_arrived(
                &service,
                "a stand-down says up to when the log is known",
                (device, record, excused),
            )
            .await;
        }
    }

    /// Up to when the last stand-down of a device says its log is known.
    async fn last_stand_down(&self, service: &Service, device: DeviceId) -> Option<UnixMillis> {
        let scope = self.house.session.scope;
        let read = service.store().read(move |txn| {
            let records = txn.records_about(scope, None)?;
            Ok::<_, Error>(records)
        });
        let lines = read.await.ok()?.into_iter();
        let lines = lines.filter_map(|stored| Line::read(&stored.bytes).ok());
        let said = lines.filter_map(|line| match line.record.body {
            Body::StandDown(said) if said.device == device => Some((line.record.stamp, said.since)),
            _ => None,
        });
        said.max().map(|(_, since)| since)
    }

    /// A record is on the server.
    pub(super) async fn check_arrived(
        &self,
        service: &Service,
        check: &'static str,
        (of, record, excused): (&Device, Hash, bool),
    ) {
        if excused || self.memory.borrow().arrived.contains(&record) {
            return;
        }
        let scope = self.house.session.scope;
        let read = service.store().read(move |txn| txn.record(scope, &record));
        // A disk that cannot be read says nothing.
        let Ok(found) = read.await else { return };
        self.story.check(
            check,
            found.is_some(),
            format_args!(
                "{} of {} was not on the server",
                self.story.called(&record),
                of.name
            ),
        );
        if found.is_some() {
            self.memory.borrow_mut().arrived.insert(record);
        }
    }

    /// A device's people go home, and come back after so many milliseconds. Until then it exchanges nothing,
    /// but whoever shows a ticket gets an answer.
    pub(super) fn sign_off(self: &Rc<Self>, number: usize, back: u64) {
        let (world, device) = (Rc::clone(self), Rc::clone(&self.devices[number]));
        let Some(program) = device.program() else {
            return;
        };
        // Its own exchanges end; people at the gate go on.
        device.stop_exchanging();
        device.keep(tokio::task::spawn_local(async move {
            let device = Rc::clone(&world.devices[number]);
            let begun = world.time.passed_ms();
            let shown = device.on_disk.borrow().clone();
            let done = program.sign_off(&device).await;
            world.note_sign_off(&device, begun, shown, done).await;
        }));
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(back)).await;
            world.keep_exchanging(&device);
        });
    }

    async fn note_sign_off(
        &self,
        device: &Device,
        begun: u64,
        shown: std::collections::BTreeSet<Hash>,
        done: Option<Result<(), SyncError>>,
    ) {
        match done {
            None => {}
            Some(Err(error)) => self.story.tell(
                device.name,
                format_args!("cannot sign off: {}", error.code()),
            ),
            Some(Ok(())) => {
                self.story.tell(device.name, format_args!("signs off"));
                let Some(service) = self.server.service() else {
                    return;
                };
                let excused = {
                    let memory = self.memory.borrow();
                    memory.restored_at.is_some_and(|at| at >= begun)
                        || memory.forked.contains(&device.id)
                        || device.disk.has_died()
                };
                for record in shown {
                    self.check_arrived(
                        &service,
                        "who signs off has handed everything in",
                        (device, record, excused),
                    )
                    .await;
                }
            }
        }
    }

    /// People show tickets at a gate, each after so many milliseconds.
    pub(super) fn people_come(self: &Rc<Self>, number: usize, after: &[u64]) {
        let count = u32::try_from(self.memory.borrow().tickets.len()).unwrap();
        for ms in after {
            let ticket = self.chance(count) as usize;
            self.show_later(number, ticket, *ms);
        }
    }
}
