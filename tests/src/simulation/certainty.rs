//! What an answer says of how sure it is must be so.

use super::device::{Device, Program};
use super::world::{Bought, World};
use std::collections::BTreeSet;
use usher_core::gate::Answer;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::PROOF_MS;
use usher_domain::record::{Certainty, Outcome};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::Reason;

/// What the simulator knew when somebody showed a ticket.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Milliseconds of the true time.
    pub(super) at: u64,
    /// The ticket's home, if it stood elsewhere and was stood down for certain, and after which of its calls.
    pub(super) home_down: Option<(DeviceId, u64)>,
    /// Devices that may have been off duty then: whoever decides the claim need not have waited for their word,
    /// also if they are heard before its answer is.
    pub(super) may_be_off: BTreeSet<DeviceId>,
}

impl Asked {
    /// What has to hold at the session that was served: who leaves one that the ticket is not for, by a record
    /// of a stolen device, concerns nobody who is its home.
    pub(super) fn at(self, bought: &Bought, answer: &Answer) -> Self {
        let served = answer.session.as_ref().map(|served| served.id);
        let is_own = served.is_none_or(|served| bought.valid_at.contains(&served));
        let leaves = answer.verdict.reason() == Reason::Exit;
        Self {
            home_down: self.home_down.filter(|_| is_own || !leaves),
            ..self
        }
    }
}

impl World {
    /// Notes what will have to hold of the answer.
    pub(super) fn asked(&self, number: usize, home: Option<DeviceId>) -> Asked {
        let revoked = &self.memory.borrow().revoked;
        let elsewhere = |home: &DeviceId| *home != self.devices[number].id;
        // Whoever was revoked is nobody's home any more, and is not stood down.
        let home = home.filter(|home| elsewhere(home) && !revoked.contains(home));
        let devices = self.devices.iter().map(|device| device.id);
        Asked {
            at: self.time.passed_ms(),
            home_down: home
                .and_then(|home| Some((home, self.server.duties.stood_down_since(home)?))),
            may_be_off: devices
                .filter(|device| self.server.duties.may_be_off(*device))
                .collect(),
        }
    }

    /// When an answer was made: the authority answers an attempt that is open as it did the first time, and what it
    /// said was true then. A device asks so that went back to a copy of before its record.
    pub(super) fn first_asked(&self, number: usize, asked: Asked, answer: &Answer) -> Asked {
        let memory = self.memory.borrow();
        let first = memory.shown.iter().find(|shown| {
            shown.device == number
                && shown.answer.attempt == answer.attempt
                && shown.answer.verdict.outcome() == Outcome::Admit
                && shown.answer.certainty == answer.certainty
        });
        first.map_or(asked, |first| first.asked.clone())
    }

    /// Who granted an admission knew of every scan elsewhere that is older than what is said to be known.
    pub(super) async fn check_certainty(&self, number: usize, asked: Asked, certainty: Certainty) {
        let Some(service) = self.server.service().filter(|_| !self.undeclared.get()) else {
            return;
        };
        // What a server knew that was put back meanwhile cannot be seen any more.
        let restored_at = self.memory.borrow().restored_at;
        if restored_at.is_some_and(|at| at >= asked.at) {
            return;
        }
        let Some(old) = asked.at.checked_sub(PROOF_MS) else {
            return;
        };
        let begin = self.time.now().get() - self.time.passed_ms();
        let proved = UnixMillis::new(begin + old);
        // The one that was silent for longest was known up to then, and so were all others.
        let (until, silent) = match certainty {
            Certainty::Confirmed => (proved, None),
            Certainty::ConfirmedExcept { device, since, .. } => (proved.min(since), Some(device)),
            Certainty::Local { .. } | Certainty::Isolated { .. } => return,
        };
        if let Some((home, calls)) = asked.home_down
            && self.server.duties.stood_down_since(home) == Some(calls)
        {
            self.story.check(
                "a ticket whose home was stood down is not confirmed elsewhere",
                certainty != Certainty::Confirmed,
                format_args!("its home is {}", self.name_of(home)),
            );
        }
        let may_be_off =
            |device| asked.may_be_off.contains(&device) || self.server.duties.may_be_off(device);
        let mut must_have: Vec<(usize, Hash)> = Vec::new();
        for (of, device) in self.devices.iter().enumerate() {
            let excused = {
                let memory = self.memory.borrow();
                of == number
                    || memory.revoked.contains(&device.id)
                    || memory.forked.contains(&device.id)
                    || (may_be_off(device.id) && silent != Some(device.id))
            };
            if !excused {
                let shown = self.shown_by(device, until);
                must_have.extend(shown.into_iter().map(|record| (of, record)));
            }
        }
        let check = match certainty {
            Certainty::ConfirmedExcept { .. } => "a stated exception was true",
            _ => "a stated certainty was true",
        };
        for (of, record) in must_have {
            let of = &self.devices[of];
            self.check_arrived(&service, check, (of, record, false))
                .await;
        }
    }

    /// What a device shows is on its disk. Where it went back to an old copy, the authority may have told it by
    /// which record of its own it let somebody through: then that one is on the server.
    pub(super) async fn must_be_kept(&self, device: &Device, program: &Program, record: Hash) {
        let is_here = program.with(|store| store.record(record).ok().flatten().is_some());
        let was_restored = self.memory.borrow().was_restored;
        let was_copied = self.memory.borrow().forked.contains(&device.id);
        if is_here || !was_copied {
            device.on_disk.borrow_mut().insert(record);
        } else if let Some(service) = self.server.service() {
            let check = "what was shown is on the disk or on the server";
            self.check_arrived(&service, check, (device, record, was_restored))
                .await;
        }
    }
}
