//! A device that is enrolled while the doors are open: its program dies anywhere, answers are lost, and its code
//! is in the hands of others too, was withdrawn, or is good no longer.

use super::device::{Device, Surroundings};
use super::house::{GATES, folder};
use super::sessions::Sessions;
use super::world::World;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::sleep;
use usher_core::store::{ServerPin, Store};
use usher_domain::api::access::{Confirmation, EnrollmentState, NewEnrollment};
use usher_domain::challenge::prove_enrollment;
use usher_domain::cose::{PublicKey, SigningKey};
use usher_domain::document::enrollment::EnrollmentCode;
use usher_domain::document::{TrustedKeys, accept_trust, pinned_root, verify_enrollment};
use usher_domain::ids::DeviceId;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::{EnrollAnswer, EnrollRequest};
use usher_domain::secret::Seed;
use usher_domain::table::rows::DeviceRole;
use usher_domain::time::ClockTrust;
use usher_server::service::{ServerAddress, Service};
use usher_vfs::{Disk, Faults};

/// What makes the chance of a device that comes later another one.
const ENROLLING: u64 = 0x00E2_0115;

/// What it is called.
pub(super) const NEWCOMER: &str = "extra";

/// How often people try with one code before they ask for another one.
const TRIES: u32 = 12;

/// A device that is to be enrolled while the evening lasts.
#[derive(Debug)]
pub(super) struct Newcomer {
    dice: fastrand::Rng,
    /// Steps until somebody brings it.
    steps: u32,
    /// Devices that were enrolled by its codes: itself, and a stranger's.
    enrolled: BTreeSet<DeviceId>,
}

/// What befalls the code that somebody is given for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Good,
    /// Somebody else has seen it, and comes before it is used, or after.
    Stolen { first: bool },
    /// It is withdrawn before it is used.
    Withdrawn,
    /// Its time is over before it is used.
    Over,
}

/// A code as it was given out.
struct Issued {
    id: String,
    code: EnrollmentCode,
}

/// Its disk before it is a device.
struct Folder {
    place: TempDir,
    disk: Disk,
}

/// How asking ended.
enum Asked {
    Enrolled(Box<EnrollAnswer>),
    Refused(Code),
    Nothing,
}

impl Newcomer {
    /// Whether there is one in an evening.
    pub(super) fn drawn(seed: u64, sessions: Sessions) -> Option<RefCell<Self>> {
        let mut dice = fastrand::Rng::with_seed(seed ^ ENROLLING);
        let comes = sessions == Sessions::Two && dice.bool();
        let steps = dice.u32(5..80);
        comes.then(|| {
            RefCell::new(Self {
                dice,
                steps,
                enrolled: BTreeSet::new(),
            })
        })
    }
}

fn request(code: &EnrollmentCode, key: &SigningKey) -> EnrollRequest {
    EnrollRequest {
        token: code.token.clone(),
        key: key.public(),
        name: NEWCOMER.to_owned(),
        proof: prove_enrollment(&code.token, key),
    }
}

impl World {
    /// Somebody brings a new device when it is time.
    pub(super) fn enroll_when_it_is_time(self: &Rc<Self>) {
        let Some(newcomer) = &self.newcomer else {
            return;
        };
        let mut newcomer = newcomer.borrow_mut();
        newcomer.steps = newcomer.steps.saturating_sub(1);
        // Once: it never is the last step before again.
        if newcomer.steps == 1 {
            let world = Rc::clone(self);
            tokio::task::spawn_local(async move { world.bring_newcomer().await });
        }
    }

    /// A number from 0 to `most` exclusive, by the newcomer's own chance.
    fn newcomers_chance(&self, most: u32) -> u32 {
        let newcomer = self.newcomer.as_ref();
        newcomer.map_or(0, |newcomer| newcomer.borrow_mut().dice.u32(..most))
    }

    async fn bring_newcomer(self: Rc<Self>) {
        let place = folder();
        let disk = Disk::empty(place.path());
        let folder = Folder { place, disk };
        for _ in 0..4 {
            let fate = match self.newcomers_chance(8) {
                0 => Fate::Stolen { first: true },
                1 => Fate::Stolen { first: false },
                2 => Fate::Withdrawn,
                3 => Fate::Over,
                _ => Fate::Good,
            };
            let Some(issued) = self.issue_code(fate).await else {
                sleep(Duration::from_millis(700)).await;
                continue;
            };
            if self.use_code(&folder, &issued, fate).await {
                return;
            }
        }
    }

    async fn issue_code(&self, fate: Fate) -> Option<Issued> {
        let service = self.server.service()?;
        let now = self.time.now().get();
        let until = (fate == Fate::Over).then(|| now + 500);
        let until = until.and_then(|at| i64::try_from(at).ok());
        let gate = GATES[self.newcomers_chance(2) as usize];
        let new = NewEnrollment {
            gate: Some(gate.to_owned()),
            role: DeviceRole::Gate,
            uses: 1,
            until: until.map(|at| jiff::Timestamp::from_millisecond(at).unwrap()),
            confirmation: Confirmation::None,
            events: Vec::new(),
            server: None,
        };
        let address = ServerAddress {
            url: "http://127.0.0.1:1".to_owned(),
            spki: None,
        };
        let issued = service.create_enrollment(self.house.organizer.id, new, address);
        let issued = issued.await.ok()?;
        self.story.tell(
            "office",
            format_args!("gives a code for {NEWCOMER}: {fate:?}"),
        );
        // A server that is put back to before this moment knows neither the code nor the device: who enrolls one
        // makes a backup afterwards.
        self.memory.borrow_mut().backup = None;
        Some(Issued {
            code: EnrollmentCode::parse(issued.code.reveal()).unwrap(),
            id: issued.id,
        })
    }

    /// Tries to enroll with a code; tells whether that came to an end.
    async fn use_code(self: &Rc<Self>, folder: &Folder, issued: &Issued, fate: Fate) -> bool {
        let begun = self.time.passed_ms();
        let mut is_void = false;
        match fate {
            Fate::Stolen { first: true } => {
                let taken = self.stranger_comes(issued).await;
                is_void = taken == Some(true);
            }
            Fate::Withdrawn => is_void = self.withdraw_code(issued).await,
            Fate::Over => {
                sleep(Duration::from_millis(600)).await;
                is_void = true;
            }
            Fate::Good | Fate::Stolen { first: false } => {}
        }
        let mut ids: BTreeSet<DeviceId> = BTreeSet::new();
        let mut keys: Vec<PublicKey> = Vec::new();
        for _ in 0..TRIES {
            let Some(key) = self.begin_enrolling(folder, issued).await else {
                continue;
            };
            keys.extend((!keys.contains(&key.public())).then(|| key.public()));
            let asked = self
                .ask_enrollment(request(&issued.code, &key), &mut ids)
                .await;
            self.story.check(
                "who was enrolled and asks again is the same device",
                ids.len() <= 1,
                format_args!("{ids:?}, with {} keys", keys.len()),
            );
            match asked {
                Asked::Nothing => sleep(Duration::from_millis(400)).await,
                Asked::Refused(problem) => {
                    self.story
                        .tell(NEWCOMER, format_args!("is not enrolled: {problem}"));
                    let was_restored = self.memory.borrow().restored_at;
                    let is_lost = was_restored.is_some_and(|at| at >= begun);
                    self.story.check(
                        "who was enrolled and asks again is the same device",
                        ids.is_empty() || is_lost,
                        format_args!("{problem}, with {} keys", keys.len()),
                    );
                    return false;
                }
                Asked::Enrolled(answer) => {
                    self.story.check(
                        "a code that counts no longer enrolls nobody",
                        !is_void,
                        format_args!("{fate:?}"),
                    );
                    let Some(id) = self.finish_enrolling(folder, (issued, &key), *answer).await
                    else {
                        continue;
                    };
                    // A server that was put back may have forgotten it: then it is enrolled anew.
                    let restored_at = self.memory.borrow().restored_at;
                    if restored_at.is_some_and(|at| at >= begun) {
                        return false;
                    }
                    self.note_uses(issued).await;
                    if fate == (Fate::Stolen { first: false }) {
                        let taken = self.stranger_comes(issued).await;
                        self.story.check(
                            "a code enrolls no more devices than it says",
                            taken != Some(true),
                            format_args!("a stranger after {NEWCOMER}"),
                        );
                    }
                    self.joins(folder, id).await;
                    return true;
                }
            }
        }
        // Nobody can know whether a use was taken by a call that was never answered.
        false
    }

    /// The device makes or finds its key, which is on its disk before anybody is asked; it may die meanwhile.
    async fn begin_enrolling(&self, folder: &Folder, issued: &Issued) -> Option<SigningKey> {
        self.die_soon(folder, 40);
        let pin = ServerPin {
            address: issued.code.server.clone(),
            root: issued.code.root,
            spki: issued.code.spki,
        };
        let mut fresh = [0; 32];
        if let Some(newcomer) = &self.newcomer {
            newcomer.borrow_mut().dice.fill(&mut fresh);
        }
        let now = self.time.now();
        let begun = Store::open(folder.place.path(), now)
            .ok()
            .and_then(|(mut store, _)| store.begin_enrollment(Seed::new(fresh), pin).ok());
        if self.has_died(folder).await {
            return None;
        }
        begun.map(|identity| identity.signing_key())
    }

    /// The server's answer becomes the device's documents; it may die meanwhile.
    async fn finish_enrolling(
        &self,
        folder: &Folder,
        (issued, key): (&Issued, &SigningKey),
        answer: EnrollAnswer,
    ) -> Option<DeviceId> {
        let EnrollAnswer::Enrolled {
            document,
            trust,
            root,
        } = answer
        else {
            return None;
        };
        self.die_soon(folder, 40);
        let root = pinned_root(root, &issued.code.root).unwrap();
        let now = self.time.now();
        let done = Store::open(folder.place.path(), now)
            .ok()
            .and_then(|(mut store, _)| {
                let held = store.held_trust().ok()?;
                let trust = accept_trust(&trust, &root, None, held, now, ClockTrust::Proved);
                let trust = trust.unwrap().into_accepted();
                let keys = TrustedKeys::from(trust.document());
                let enrollment = verify_enrollment(&document, &keys, &key.public()).unwrap();
                store.finish_enrollment(root, &trust, &enrollment).ok()?;
                store.set_gate(enrollment.value().gate).ok()?;
                Some(enrollment.value().device)
            });
        if self.has_died(folder).await {
            return None;
        }
        done
    }

    /// One time in four the program dies within its next writes.
    fn die_soon(&self, folder: &Folder, most: u32) {
        let death = (self.newcomers_chance(4) == 0).then(|| self.newcomers_chance(most));
        folder.disk.set_faults(Faults {
            death,
            ..Faults::default()
        });
    }

    /// Whether it died, maybe for want of power; then it is started again.
    async fn has_died(&self, folder: &Folder) -> bool {
        let has_died = folder.disk.has_died();
        if has_died && self.newcomers_chance(2) == 0 {
            self.story.tell(
                NEWCOMER,
                format_args!("loses its power while it is enrolled"),
            );
            let mut dice = fastrand::Rng::with_seed(u64::from(self.newcomers_chance(u32::MAX)));
            folder.disk.lose_power(&mut dice).unwrap();
        } else if has_died {
            self.story
                .tell(NEWCOMER, format_args!("dies while it is enrolled"));
            folder.disk.kill();
        }
        folder.disk.set_faults(Faults::default());
        if has_died {
            sleep(Duration::from_millis(200)).await;
        }
        has_died
    }

    /// Asks the server over a bad line; `ids` are devices that it said to have enrolled, heard or not.
    async fn ask_enrollment(&self, request: EnrollRequest, ids: &mut BTreeSet<DeviceId>) -> Asked {
        sleep(Duration::from_millis(u64::from(self.newcomers_chance(300)))).await;
        if self.newcomers_chance(6) == 0 {
            return Asked::Nothing;
        }
        let Some(service) = self.server.service() else {
            return Asked::Nothing;
        };
        let Some(answer) = self.call_enroll(&service, request).await else {
            return Asked::Nothing;
        };
        if let Ok(EnrollAnswer::Enrolled { document, .. }) = &answer {
            let id = usher_domain::cose::parse(document).ok().and_then(|parsed| {
                let payload = parsed.unverified_payload();
                let said = usher_domain::cbor::decode::<
                    usher_domain::document::enrollment::Enrollment,
                >(payload);
                Some(said.ok()?.device)
            });
            ids.extend(id);
            if let Some(newcomer) = &self.newcomer {
                newcomer.borrow_mut().enrolled.extend(id);
            }
        }
        if self.newcomers_chance(4) == 0 {
            self.story
                .tell(NEWCOMER, format_args!("  enroll: the answer is lost"));
            return Asked::Nothing;
        }
        match answer {
            Ok(answer) => Asked::Enrolled(Box::new(answer)),
            Err(problem) if problem.code == Code::EnrollmentRefused => Asked::Refused(problem.code),
            Err(_) => Asked::Nothing,
        }
    }

    /// One call; nothing comes of it if the server dies meanwhile.
    async fn call_enroll(
        &self,
        service: &Service,
        request: EnrollRequest,
    ) -> Option<Result<EnrollAnswer, Problem>> {
        let mut end = self.server.end();
        tokio::select! {
            biased;
            _ = end.changed() => None,
            answer = service.enroll(request) => Some(answer.map_err(Problem::from)),
        }
    }

    /// Somebody else shows the code, with a key of their own; tells whether that enrolled them, if it is known.
    async fn stranger_comes(&self, issued: &Issued) -> Option<bool> {
        let service = self.server.service()?;
        let mut seed = [0; 32];
        if let Some(newcomer) = &self.newcomer {
            newcomer.borrow_mut().dice.fill(&mut seed);
        }
        let key = SigningKey::from_seed(&Seed::new(seed));
        let answer = self
            .call_enroll(&service, request(&issued.code, &key))
            .await?;
        self.story.tell(
            "thief",
            format_args!("shows the code of {NEWCOMER}: {}", answer.is_ok()),
        );
        match answer {
            Ok(_) => Some(true),
            Err(problem) => (problem.code == Code::EnrollmentRefused).then_some(false),
        }
    }

    /// The office withdraws a code; tells whether it did for certain.
    async fn withdraw_code(&self, issued: &Issued) -> bool {
        let Some(service) = self.server.service() else {
            return false;
        };
        let organizer = self.house.organizer.id;
        let done = service.withdraw_enrollment(organizer, issued.id.clone());
        let is_done = done.await.is_ok();
        self.story.tell(
            "office",
            format_args!("withdraws the code of {NEWCOMER}: {is_done}"),
        );
        is_done
    }

    /// No code was used more often than it says.
    async fn note_uses(&self, issued: &Issued) {
        let Some(service) = self.server.service() else {
            return;
        };
        let Ok(codes) = service.enrollments(self.house.organizer.id).await else {
            return;
        };
        let Some(code) = codes.iter().find(|code| code.id == issued.id) else {
            return;
        };
        self.story.check(
            "a code enrolls no more devices than it says",
            code.devices.len() <= code.uses as usize && code.state != EnrollmentState::Open,
            format_args!("{:?}", code.devices),
        );
    }

    /// It is a device from now on, and does what the others do.
    async fn joins(self: &Rc<Self>, folder: &Folder, id: DeviceId) {
        self.memory.borrow_mut().backup = None;
        let image = folder.disk.image().unwrap();
        let around = Surroundings {
            time: Arc::clone(&self.time),
            server: Rc::clone(&self.server),
            story: self.story.clone(),
        };
        let seed = u64::from(self.newcomers_chance(u32::MAX));
        let mut dice = fastrand::Rng::with_seed(seed);
        let device = Device::of(NEWCOMER, &(id, image), &around, &mut dice);
        let device = self.devices.add(Rc::new(device.standing_at(GATES[0])));
        self.story
            .tell(NEWCOMER, format_args!("is enrolled, and goes to its gate"));
        self.switch_on(device).await;
    }

    /// In the end every device that was enrolled is there once.
    pub(super) async fn check_enrolled(&self) {
        let (Some(newcomer), Some(service)) = (&self.newcomer, self.server.service()) else {
            return;
        };
        let known = service.devices(self.house.organizer.id).await.unwrap();
        let missing: Vec<DeviceId> = {
            let newcomer = newcomer.borrow();
            let is_known = |id: &DeviceId| known.iter().any(|device| device.id == *id);
            let enrolled = newcomer.enrolled.iter().copied();
            enrolled.filter(|id| !is_known(id)).collect()
        };
        self.story.check(
            "every device that was enrolled is known",
            missing.is_empty() || self.memory.borrow().was_restored,
            format_args!("{missing:?}"),
        );
    }
}
