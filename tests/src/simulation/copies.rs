//! Copies that live: somebody copies a device's folder and switches it on beside the first one.

use super::device::{Device, Surroundings};
use super::house::{GATES, House};
use super::server::Server;
use super::story::Story;
use super::world::World;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use usher_domain::api::access::DeviceState;
use usher_domain::api::reports::{Incident, IncidentKind};
use usher_domain::ids::{AttemptId, DeviceId};
use usher_domain::protocol::Heartbeat;
use usher_domain::protocol::claim::ClaimAnswer;
use usher_domain::record::Certainty;

/// What makes the chance of a copy another one. Under it the evenings that fell before have none.
const COPIES: u64 = 0xC0B4;

/// One evening in so many has one.
const ONE_IN: u8 = 8;

/// What a copy is called, in the order of the gates.
const NAMES: [&str; GATES.len()] = ["north's copy", "south's copy", "east's copy", "west's copy"];

/// A copy that is to live in an evening.
#[derive(Debug)]
pub(super) struct Copy {
    dice: fastrand::Rng,
    /// The device that is copied, and the copy.
    of: usize,
    number: usize,
    /// Steps until somebody makes it.
    steps: u32,
}

/// Draws whether there is one in an evening: it stands last among the devices, switched off.
pub(super) fn drawn(
    seed: u64,
    house: &House,
    devices: &mut Vec<Rc<Device>>,
    around: &Surroundings,
) -> Option<Copy> {
    let mut dice = fastrand::Rng::with_seed(seed ^ COPIES);
    if dice.u8(..ONE_IN) != 0 {
        return None;
    }
    let (of, number) = (dice.usize(..devices.len()), devices.len());
    let copy = Device::of(NAMES[of], &house.devices[of], around, &mut dice);
    devices.push(Rc::new(copy.beside(&devices[of])));
    let steps = dice.u32(4..60);
    Some(Copy {
        dice,
        of,
        number,
        steps,
    })
}

/// One program of a device that the server heard, and the times of the server's clock that it had heard.
type Programs = BTreeMap<u64, BTreeSet<u64>>;

/// Who is copied, by what the server took in. A clone is the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    told: Rc<RefCell<BTreeMap<DeviceId, Told>>>,
    /// Attempts that were confirmed. Whoever asks again gets the same answer, whatever is known since.
    confirmed: Rc<RefCell<BTreeSet<(DeviceId, AttemptId)>>>,
}

#[derive(Debug, Default)]
struct Told {
    epoch: u32,
    programs: Programs,
    is_copied: bool,
}

impl Known {
    /// A server that was put back knows nothing of what it took in since.
    pub(super) fn forget(&self) {
        self.told.borrow_mut().clear();
    }

    /// The server took in a sign of life.
    pub(super) fn heard(&self, device: DeviceId, heartbeat: &Heartbeat, epoch: u32) {
        let (Some(instance), Some(heard)) = (heartbeat.instance, heartbeat.heard) else {
            return;
        };
        if heard.epoch != epoch {
            return;
        }
        let mut known = self.told.borrow_mut();
        let told = known.entry(device).or_default();
        if told.epoch != epoch {
            told.epoch = epoch;
            told.programs.clear();
        }
        let times = told.programs.entry(instance).or_default();
        times.insert(heard.at.get());
        told.is_copied |= is_copied(&told.programs);
    }

    /// The server confirmed an attempt. Tells whether that is new.
    fn confirmed_first(&self, attempt: (DeviceId, AttemptId)) -> bool {
        self.confirmed.borrow_mut().insert(attempt)
    }

    /// Devices of which the server knows that they are copied.
    pub(super) fn copied(&self) -> BTreeSet<DeviceId> {
        let known = self.told.borrow();
        let copied = known.iter().filter(|(_, told)| told.is_copied);
        copied.map(|(device, _)| *device).collect()
    }
}

/// Whether one program heard the server before and after another did.
fn is_copied(programs: &Programs) -> bool {
    programs.iter().any(|(one, times)| {
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            return false;
        };
        let others = programs.iter().filter(|(other, _)| *other != one);
        let mut heard = others.flat_map(|(_, times)| times);
        heard.any(|time| first < time && time < last)
    })
}

/// The authority confirms no new attempt while it knows that a device on duty is copied. `before` are those of
/// which it knew before it was asked.
pub(super) async fn check_claim(
    (story, name): (&Story, &str),
    server: &Server,
    before: &BTreeSet<DeviceId>,
    attempt: (DeviceId, AttemptId),
    answer: &ClaimAnswer,
) {
    let ClaimAnswer::Decided(decided) = answer else {
        return;
    };
    if decided.certainty != Certainty::Confirmed || !server.copies.confirmed_first(attempt) {
        return;
    }
    let Some(service) = server.service() else {
        return;
    };
    for device in before {
        let known = service.known_device(*device).await;
        let is_active = known.is_ok_and(|known| known.state == DeviceState::Active);
        if is_active && !server.duties.may_be_off(*device) {
            story.check(
                "nothing is confirmed while a device is known to be copied",
                false,
                format_args!("{name}: {:?}", decided.verdict),
            );
        }
    }
}

impl World {
    /// Somebody copies the folder of a device and switches the copy on.
    pub(super) async fn copy_now_and_then(self: &Rc<Self>) {
        let (of, number) = {
            let mut copy = self.copy.borrow_mut();
            let Some(copy) = copy.as_mut() else { return };
            copy.steps = copy.steps.saturating_sub(1);
            if copy.steps > 0 {
                return;
            }
            (copy.of, copy.number)
        };
        let copy = Rc::clone(&self.devices[number]);
        if copy.is_on() {
            self.live_beside(number).await;
            return;
        }
        let original = &self.devices[of];
        copy.restore(&original.disk.image().unwrap());
        *copy.on_disk.borrow_mut() = original.on_disk.borrow().clone();
        copy.revoked.set(original.revoked.get());
        {
            let mut memory = self.memory.borrow_mut();
            memory.forked.insert(copy.id);
            memory.copied.insert(copy.id);
        }
        self.story.tell(
            copy.name,
            format_args!("is made of the folder as it is, and lives beside it"),
        );
        self.switch_on(&copy).await;
    }

    /// People come to the copy, too.
    async fn live_beside(self: &Rc<Self>, number: usize) {
        let ticket = {
            let count = self.memory.borrow().tickets.len();
            let mut copy = self.copy.borrow_mut();
            let Some(copy) = copy.as_mut() else { return };
            (copy.dice.u8(..6) == 0).then(|| copy.dice.usize(..count))
        };
        if let Some(ticket) = ticket {
            self.show_later(number, ticket, 10);
        }
    }

    /// Whether a device is a copy that nobody made.
    pub(super) fn is_never_made(&self, device: &Device) -> bool {
        let is_copy = NAMES.contains(&device.name);
        is_copy && !self.memory.borrow().copied.contains(&device.id)
    }

    /// Whether a copy lived beside its device this evening, maybe without anybody noticing.
    pub(super) fn had_copies(&self) -> bool {
        !self.memory.borrow().copied.is_empty()
    }

    /// A person is told of every copied device that nobody revoked.
    pub(super) async fn check_copies(&self, open: &[Incident]) {
        let service = self.server.service().unwrap();
        for device in self.server.copies.copied() {
            let known = service.known_device(device).await.unwrap();
            let mut told = open.iter();
            let is_told = told.any(|incident| {
                incident.kind == IncidentKind::CopiedDevice && incident.device == Some(device)
            });
            self.story.check(
                "a person is told of every copied device",
                is_told == (known.state == DeviceState::Active),
                format_args!("{}", self.name_of(device)),
            );
        }
    }
}
