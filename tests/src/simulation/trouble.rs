//! What goes wrong: crashes, disks, clocks, copies and backups.

use super::device::Device;
use super::world::World;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_vfs::Faults;

impl World {
    /// Programs that died in the middle of a write are dead: they are started again.
    pub(super) async fn bury(&self) {
        for device in &self.devices {
            if device.disk.has_died() {
                self.story
                    .tell(device.name, format_args!("died in the middle of a write"));
                self.take_down(device).await;
                self.switch_on(device).await;
            }
        }
        if self.server.disk.has_died() {
            self.story
                .tell("server", format_args!("died in the middle of a write"));
            self.take_down_server();
            self.start_server().await;
        }
    }

    /// Kills a program, or lets it lose its power.
    pub(super) async fn take_down(&self, device: &Device) {
        if self.chance(2) == 0 {
            self.story.tell(device.name, format_args!("is killed"));
            device.kill().await;
        } else {
            self.story
                .tell(device.name, format_args!("loses its power"));
            let mut dice = self.dice.borrow_mut().fork();
            device.lose_power(&mut dice).await;
        }
    }

    /// A device ends at once, or in the middle of one of its next writes.
    pub(super) async fn crash(&self, number: usize) {
        let device = Rc::clone(&self.devices[number]);
        if !device.is_on() {
            return;
        }
        if self.chance(2) == 0 {
            let death = Some(self.chance(25));
            device.disk.set_faults(Faults {
                death,
                ..Faults::default()
            });
            return;
        }
        self.take_down(&device).await;
        if self.chance(3) == 0 {
            sleep(Duration::from_millis(self.draw(100, 8_000))).await;
        }
        self.switch_on(&device).await;
    }

    /// A disk fails once, or is full until it is not.
    pub(super) fn spoil_disk(&self, number: usize) {
        let (name, disk) = if self.chance(3) == 0 {
            ("server", &self.server.disk)
        } else {
            (self.devices[number].name, &self.devices[number].disk)
        };
        let before = disk.faults();
        let faults = if before.room.is_some() {
            Faults::default()
        } else {
            match self.chance(4) {
                0 => Faults {
                    write: Some(self.chance(20)),
                    ..before
                },
                1 => Faults {
                    sync: Some(self.chance(6)),
                    ..before
                },
                2 => Faults {
                    read: Some(self.chance(40)),
                    ..before
                },
                _ => Faults {
                    room: Some(disk.used() + self.draw(0, 20_000)),
                    ..before
                },
            }
        };
        self.story.tell(name, format_args!("disk: {faults:?}"));
        disk.set_faults(faults);
    }

    /// Somebody sets a clock.
    pub(super) fn set_clock(&self, number: usize) {
        let device = &self.devices[number];
        let by = match self.chance(3) {
            0 => self.dice.borrow_mut().i64(-5_000..5_000),
            1 => self.dice.borrow_mut().i64(-120_000..120_000),
            _ => self.dice.borrow_mut().i64(-7_200_000..7_200_000),
        };
        device.clock.jump(by);
        self.story
            .tell(device.name, format_args!("its clock is set by {by} ms"));
    }

    /// Somebody copies a device's folder, or puts an old copy back.
    pub(super) async fn copy_or_restore(&self, number: usize) {
        let device = Rc::clone(&self.devices[number]);
        if self.is_never_made(&device) {
            return;
        }
        let copy = device.copy.borrow_mut().take();
        let Some((image, records)) = copy else {
            let image = device.disk.image().unwrap();
            let records = device.on_disk.borrow().clone();
            *device.copy.borrow_mut() = Some((image, records));
            self.story
                .tell(device.name, format_args!("its folder is copied"));
            return;
        };
        device.kill().await;
        device.restore(&image);
        *device.on_disk.borrow_mut() = records;
        device.revoked.set(false);
        {
            let mut memory = self.memory.borrow_mut();
            memory.forked.insert(device.id);
            memory.revisions.retain(|(of, _), _| *of != device.name);
        }
        self.story
            .tell(device.name, format_args!("goes back to the old copy"));
        self.switch_on(&device).await;
    }

    fn take_down_server(&self) {
        if self.chance(2) == 0 {
            self.story.tell("server", format_args!("is killed"));
            self.server.kill();
        } else {
            self.story.tell("server", format_args!("loses its power"));
            let mut dice = self.dice.borrow_mut().fork();
            self.server.lose_power(&mut dice);
        }
    }

    pub(super) async fn start_server(&self) {
        let service = self.server.start().await;
        self.story.tell("server", format_args!("is up"));
        let scope = self.house.session.scope;
        let promises = &self.server.promises;
        promises.check(&self.story, &service, scope).await;
    }

    /// The server ends at once, or in the middle of one of its next writes.
    pub(super) async fn crash_server(&self) {
        if self.chance(2) == 0 {
            let death = Some(self.chance(20));
            self.server.disk.set_faults(Faults {
                death,
                ..Faults::default()
            });
            return;
        }
        self.take_down_server();
        if self.chance(2) == 0 {
            sleep(Duration::from_millis(self.draw(100, 5_000))).await;
        }
        self.start_server().await;
    }

    /// The server is backed up, or put back from its backup; a careless person does not tell it.
    pub(super) async fn back_up_or_restore(&self) {
        let backup = self.memory.borrow_mut().backup.take();
        let Some(backup) = backup else {
            let image = self.server.disk.image().unwrap();
            let mut memory = self.memory.borrow_mut();
            memory.backup = Some(image);
            memory.since_backup.clear();
            self.story.tell("server", format_args!("is backed up"));
            return;
        };
        // What the devices hold by now they hand back.
        for device in &self.devices {
            self.watch_rows(device);
        }
        self.server.kill();
        self.server.restore(&backup);
        {
            let mut memory = self.memory.borrow_mut();
            let lost = std::mem::take(&mut memory.since_backup);
            memory.lost_changes.extend(lost);
            memory.was_restored = true;
            memory.restored_at = Some(self.time.passed_ms());
            memory.at_server.clear();
            memory.arrived.clear();
            memory.forked.insert(self.house.organizer.server);
        }
        self.story
            .tell("server", format_args!("is put back from its backup"));
        self.start_server().await;
        if self.habits.careless && self.chance(2) == 0 {
            self.undeclared.set(true);
        } else {
            self.declare_restored().await;
        }
    }

    /// Tells the server that it was put back, as it is documented.
    pub(super) async fn declare_restored(&self) {
        let Some(service) = self.server.service() else {
            return;
        };
        match service.raise_epoch().await {
            Ok(epoch) => self.story.tell("server", format_args!("epoch {epoch}")),
            Err(error) => self
                .story
                .tell("server", format_args!("no new epoch: {error}")),
        }
        self.undeclared.set(false);
        // What the server holds is valid still; a newer document may follow.
        if self.chance(2) == 0 {
            self.hand_in_trust(&service).await;
        } else {
            self.owes_trust.set(true);
        }
        self.seal_soon();
    }
}
