//! The world: who is there, and what happens next.

use super::byzantine::{Conduct, Thief};
use super::certainty::Asked;
use super::clock::VirtualTime;
use super::copies::{self, Copy};
use super::device::{Device, Surroundings};
use super::devices::Devices;
use super::enrolling::Newcomer;
use super::forger;
use super::habits::{Habits, VENUE};
use super::house::{GATES, House};
use super::server::Server;
use super::sessions::TwoSessions;
use super::story::Story;
use super::weather::Weather;
use super::zones::Hall;
use crate::clock::at;
use crate::venue::BEGIN;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use usher_core::gate::{Answer, ScanRequest};
use usher_core::sync::SyncError;
use usher_domain::api::reports::ForbiddenBy;
use usher_domain::api::venue::OrganizerKeys;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, SessionId, TicketId};
use usher_domain::rules::Counted;
use usher_domain::secret::Private;
use usher_vfs::Image;

/// Things that happen in a run.
const STEPS: u32 = 110;

/// A world.
pub struct World {
    pub(super) house: &'static House,
    pub(super) time: Arc<VirtualTime>,
    pub(super) server: Rc<Server>,
    pub(super) devices: Devices,
    /// What happens, line by line.
    pub story: Story,
    pub(super) dice: RefCell<fastrand::Rng>,
    pub(super) habits: Habits,
    pub(super) memory: RefCell<Memory>,
    /// The trust document in force, and all keys that any delegated to.
    pub(super) trust: RefCell<(u64, Vec<OrganizerKeys>)>,
    /// Whether the server was put back and nobody told it.
    pub(super) undeclared: Cell<bool>,
    /// Whether the trust document that was handed in last is still to be given to a server put back.
    pub(super) owes_trust: Cell<bool>,
    /// Whether an isolated gate admits only tickets whose home it is.
    pub(super) home_only: bool,
    /// How many people the hall may hold, if that matters.
    pub(super) room: Option<u32>,
    /// Who is in it.
    pub(super) hall: Hall,
    /// Who has a stolen device, if one was.
    pub(super) thief: Option<RefCell<Thief>>,
    /// A copy of a device that is to live beside it, if there is one.
    pub(super) copy: RefCell<Option<Copy>>,
    /// The chance by which somebody forges records of working gates, if anybody does.
    pub(super) forger: Option<RefCell<fastrand::Rng>>,
    /// What is special about an evening of two sessions.
    pub(super) two: Option<RefCell<TwoSessions>>,
    /// A device that is to be enrolled while it lasts.
    pub(super) newcomer: Option<RefCell<Newcomer>>,
}

/// A ticket and what its buyers hold in hand.
#[derive(Debug, Clone)]
pub(super) struct Bought {
    /// As the story calls it.
    pub(super) name: String,
    pub(super) id: TicketId,
    /// The newest code last.
    pub(super) codes: Vec<Private>,
    /// The one device that may admit it while isolated.
    pub(super) home: Option<DeviceId>,
    /// How often it enters; as often as it left before, if nothing.
    pub(super) entries: Option<u32>,
    /// The sessions that it is for.
    pub(super) valid_at: Vec<SessionId>,
    /// Over what its entries are counted.
    pub(super) counted: Counted,
}

impl Bought {
    /// The session at which an entry is counted that was made at one; none if all count together.
    pub(super) fn counted_at(&self, session: SessionId) -> Option<SessionId> {
        let is_apart = self.counted == Counted::PerSession && self.valid_at.len() > 1;
        is_apart.then_some(session)
    }

    /// How often it enters in all its sessions together.
    pub(super) fn entries_in_all(&self) -> Option<usize> {
        let counted_apart = match self.counted {
            Counted::PerSession => self.valid_at.len(),
            Counted::PerPass => 1,
        };
        Some(self.entries? as usize * counted_apart)
    }
}

/// An answer that somebody at a gate saw.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) device: usize,
    pub(super) ticket: usize,
    pub(super) request: ScanRequest,
    pub(super) answer: Answer,
    pub(super) asked: Asked,
    /// Milliseconds of the true time.
    pub(super) at: u64,
}

/// A change of a ticket after which it, or its code so far, may not be admitted.
#[derive(Debug, Clone)]
pub(super) struct Restriction {
    pub(super) ticket: TicketId,
    pub(super) by: ForbiddenBy,
    /// It counts after some time of these, in milliseconds of the true time: when it was asked for and
    /// answered.
    pub(super) between: (u64, u64),
    /// Whether the server said that it was done. Else it may have been, or not.
    pub(super) answered: bool,
}

/// What the simulator remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) tickets: Vec<Bought>,
    pub(super) shown: Vec<Shown>,
    pub(super) backup: Option<Image>,
    /// Tickets that were changed since the backup: a server put back does not know.
    pub(super) since_backup: BTreeSet<TicketId>,
    /// Tickets that were changed in two ways, before a server was put back and after.
    pub(super) two_ways: BTreeSet<TicketId>,
    /// Tickets whose last change a server that was put back has lost.
    pub(super) lost_changes: BTreeSet<TicketId>,
    /// The highest revision of a row that each device held.
    pub(super) revisions: BTreeMap<(&'static str, TicketId), u64>,
    /// Devices whose folder went back to a copy, or of which some log may have two branches.
    pub(super) forked: BTreeSet<DeviceId>,
    /// Devices of which a copy lived beside them.
    pub(super) copied: BTreeSet<DeviceId>,
    pub(super) was_restored: bool,
    /// When a server was put back last, in milliseconds of the true time.
    pub(super) restored_at: Option<u64>,
    /// The revision of each ticket that a server that was put back had last.
    pub(super) at_server: BTreeMap<TicketId, u64>,
    /// Whether everyone was sent out: then a ticket may have entered once more without counting.
    pub(super) sent_out: bool,
    /// Whether a supervisor let somebody in against a verdict.
    pub(super) overrode: bool,
    /// Whether a person said of records whether they count.
    pub(super) ruled: bool,
    /// Devices that the server revoked, maybe in a life before a restore.
    pub(super) revoked: BTreeSet<DeviceId>,
    /// Devices that a supervisor stood down.
    pub(super) stood_down: BTreeSet<DeviceId>,
    /// What the organizer did to tickets, or tried to, that forbids to admit them.
    pub(super) restrictions: Vec<Restriction>,
    /// Shown records that were found on the server.
    pub(super) arrived: BTreeSet<Hash>,
}

impl World {
    /// The house opens; the first tickets are sold.
    pub async fn begin(house: &'static House, seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let time = Arc::new(VirtualTime::from(at(BEGIN)));
        let story = Story::new(Arc::clone(&time));
        let server = Rc::new(Server::of(house, Arc::clone(&time)));
        let conduct = Conduct::drawn(seed);
        let quota = conduct.as_ref().and_then(Conduct::bytes_per_hour);
        server.device_bytes_per_hour.set(quota);
        server.start().await;
        let mut venue = fastrand::Rng::with_seed(seed ^ VENUE);
        let habits = Habits::drawn(&mut dice, &mut venue).fit(house.sessions);
        story.tell("seed", format_args!("{seed}: {habits:?}"));
        let around = Surroundings {
            time: Arc::clone(&time),
            server: Rc::clone(&server),
            story: story.clone(),
        };
        let count = dice.usize(2..=GATES.len());
        let devices = GATES.iter().zip(&house.devices).take(count);
        let mut devices: Vec<_> = devices
            .map(|(name, image)| Rc::new(Device::of(name, image, &around, &mut dice)))
            .collect();
        let sold = dice.usize(3..9);
        let home_only = dice.u8(..3) == 0;
        let room = habits.small_hall.then(|| venue.u32(2..=6));
        server.room.set(room);
        let copy = copies::drawn(seed, house, &mut devices, &around);
        let mut world = Self {
            house,
            time,
            server,
            devices: Devices::of(devices),
            story,
            dice: RefCell::new(dice),
            habits,
            memory: RefCell::default(),
            trust: RefCell::new((1, vec![house.organizer.keys.clone()])),
            undeclared: Cell::new(false),
            owes_trust: Cell::new(false),
            home_only,
            room,
            hall: Hall::default(),
            thief: None,
            copy: RefCell::new(copy),
            forger: forger::drawn(seed).map(RefCell::new),
            two: TwoSessions::drawn(seed, house.sessions),
            newcomer: Newcomer::drawn(seed, house.sessions),
        };
        world.thief = Thief::drawn(&world, seed, conduct);
        world.lose_a_badge().await;
        if home_only || room.is_some() {
            world.lay_down_rules().await;
        }
        for _ in 0..sold {
            world.sell().await;
        }
        world.seal().await;
        for device in world.devices.iter().take(count) {
            world.switch_on(device).await;
        }
        world
    }

    /// Lets things happen, then everything heals, and what must hold is checked.
    pub async fn live(self: &Rc<Self>, until: Option<u32>) {
        // Most evenings begin with everybody in step.
        if self.chance(4) != 0 {
            sleep(Duration::from_secs(3)).await;
        }
        for _ in 0..until.unwrap_or(STEPS).min(STEPS) {
            let pause = match self.chance(10) {
                0 => self.draw(1_000, 6_000),
                1..4 => self.draw(100, 1_500),
                _ => self.draw(0, 100),
            };
            sleep(Duration::from_millis(pause)).await;
            self.bury().await;
            self.watch_server_rows().await;
            self.step().await;
            self.thief_acts().await;
            self.forge_now_and_then();
            self.copy_now_and_then().await;
            self.attend_to_two_sessions().await;
            self.enroll_when_it_is_time();
            if self.story.failure().is_some() {
                return;
            }
        }
        if until.is_none() {
            self.heal().await;
        }
    }

    /// A number from 0 to `most` exclusive.
    pub(super) fn chance(&self, most: u32) -> u32 {
        self.dice.borrow_mut().u32(..most)
    }

    /// A number between two.
    pub(super) fn draw(&self, least: u64, most: u64) -> u64 {
        self.dice.borrow_mut().u64(least..=most)
    }

    pub(super) fn any_device(&self) -> usize {
        self.dice.borrow_mut().usize(..self.devices.len())
    }

    async fn step(self: &Rc<Self>) {
        let device = self.any_device();
        let habits = self.habits;
        match self.chance(100) {
            0..52 => self.somebody_comes(device),
            52..56 => self.somebody_asks_again().await,
            56..59 => self.undo(device),
            59..60 if habits.overrides => self.override_one(device),
            60..64 => self.begin_exchange(device),
            64..68 if habits.changes => self.change_a_ticket().await,
            68..70 => {
                self.sell().await;
                self.seal_soon();
            }
            70..73 if habits.bad_lines => self.change_weather(device),
            73..77 if habits.cuts => self.cut_or_heal(device),
            77..81 if habits.crashes => self.crash(device).await,
            81..83 if habits.bad_disks => self.spoil_disk(device),
            83..85 if habits.clocks => self.set_clock(device),
            85..87 if habits.copies => self.copy_or_restore(device).await,
            87..89 if habits.server_crashes => self.crash_server().await,
            89..91 if habits.backups => self.back_up_or_restore().await,
            91..92 if habits.revocation => self.revoke(device).await,
            92..93 if habits.rotation => self.rotate_keys().await,
            93..94 if habits.orders => self.everyone_out().await,
            94..97 => self.seal().await,
            _ => self.something_of_the_venue(device).await,
        }
    }

    /// What happens in some venues only.
    async fn something_of_the_venue(self: &Rc<Self>, device: usize) {
        let habits = self.habits;
        if habits.duty {
            match self.chance(6) {
                0 => self.stand_down(device).await,
                1 => self.sign_off(device, self.draw(500, 25_000)),
                2 => self.home_goes(device).await,
                _ => {}
            }
        }
        if habits.open_gates && self.chance(5) == 0 {
            self.open_gate(device).await;
        }
        if habits.delays {
            match self.chance(8) {
                0 => self.delay().await,
                1 => self.say_to_gates(device).await,
                _ => {}
            }
        }
        if habits.revocation && self.chance(4) == 0 {
            self.rule_on_records().await;
        }
        if habits.small_hall && self.chance(3) == 0 {
            self.somebody_comes(device);
        }
        if habits.rotation && self.chance(2) == 0 {
            self.rotate_keys().await;
        }
    }

    /// Starts a device's program and the exchanges that it makes by itself.
    pub(super) async fn switch_on(&self, device: &Rc<Device>) {
        device.start(self.time.now()).await;
        self.watch_rows(device);
        self.keep_exchanging(device);
    }

    /// A device exchanges by itself from now on, if it is on.
    pub(super) fn keep_exchanging(&self, device: &Rc<Device>) {
        let Some(program) = device.program() else {
            return;
        };
        let (own, story) = (Rc::clone(device), self.story.clone());
        let (first, every) = (self.draw(0, 2_000), self.draw(3_000, 9_000));
        device.keep_exchanges(tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(first)).await;
            loop {
                if let Some(done) = program.exchange(&own).await {
                    note_exchange(&own, &story, &done);
                }
                sleep(Duration::from_millis(every)).await;
            }
        }));
    }

    /// Makes an exchange beside the usual ones.
    pub(super) fn begin_exchange(&self, number: usize) {
        self.begin_exchange_after(number, 0);
    }

    /// Makes one in a moment, as a device does that is told of something.
    pub(super) fn begin_exchange_after(&self, number: usize, ms: u64) {
        let device = &self.devices[number];
        let Some(program) = device.program() else {
            return;
        };
        let (own, story) = (Rc::clone(device), self.story.clone());
        device.keep(tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(ms)).await;
            if let Some(done) = program.exchange(&own).await {
                note_exchange(&own, &story, &done);
            }
        }));
    }

    /// Cuts a device off in a moment, for some seconds.
    pub(super) fn cut_off_for_a_while(&self, number: usize, after: u64) {
        let long = self.draw(1_000, 12_000);
        self.cut_off_for(number, after, long);
    }

    /// Cuts a device off in `after` milliseconds, for `long` milliseconds.
    pub(super) fn cut_off_for(&self, number: usize, after: u64, long: u64) {
        let device = Rc::clone(&self.devices[number]);
        let story = self.story.clone();
        tokio::task::spawn_local(async move {
            for (pause, cut, what) in [(after, true, "is cut off"), (long, false, "is reachable")] {
                sleep(Duration::from_millis(pause)).await;
                let before = device.line.weather();
                device.line.set(Weather { cut, ..before });
                story.tell(device.name, format_args!("{what}"));
            }
        });
    }

    fn cut_or_heal(&self, number: usize) {
        let device = &self.devices[number];
        let before = device.line.weather();
        let cut = !before.cut;
        device.line.set(Weather { cut, ..before });
        let what = if cut { "is cut off" } else { "is reachable" };
        self.story.tell(device.name, format_args!("{what}"));
    }
}

/// Tells how an exchange ended, and what the device learned of itself by it.
pub(super) fn note_exchange(
    device: &Device,
    story: &Story,
    done: &Result<usher_core::sync::Report, SyncError>,
) {
    match done {
        Ok(report) => {
            // A server that was put back may have forgotten that it revoked the device.
            device.revoked.set(false);
            story.tell(
                device.name,
                format_args!(
                    "exchanged: {} sent, {} received, {} rows{}{}",
                    report.sent,
                    report.received,
                    report.rows,
                    if report.troubles.is_empty() {
                        ""
                    } else {
                        ", with troubles"
                    },
                    if report.mismatches.is_empty() {
                        ""
                    } else {
                        ", and differs"
                    },
                ),
            );
        }
        Err(error) => {
            story.tell(
                device.name,
                format_args!("exchange ended: {}", error.code()),
            );
            if let SyncError::Revoked { .. } = error
                && !device.disk.has_died()
            {
                device.revoked.set(true);
            }
        }
    }
}
