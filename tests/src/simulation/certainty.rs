//! What an answer says of how sure it is must be so.

use super::world::World;
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::claim::PROOF_MS;
use usher_domain::record::Certainty;
use usher_domain::time::UnixMillis;

/// What the simulator knew when somebody showed a ticket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Milliseconds of the true time.
    pub(super) at: u64,
    /// The ticket's home, if it stood elsewhere and was stood down for certain, and after which of its calls.
    pub(super) home_down: Option<(DeviceId, u64)>,
}

impl World {
    /// Notes what will have to hold of the answer.
    pub(super) fn asked(&self, number: usize, home: Option<DeviceId>) -> Asked {
        let revoked = &self.memory.borrow().revoked;
        let elsewhere = |home: &DeviceId| *home != self.devices[number].id;
        // Whoever was revoked is nobody's home any more, and is not stood down.
        let home = home.filter(|home| elsewhere(home) && !revoked.contains(home));
        Asked {
            at: self.time.passed_ms(),
            home_down: home
                .and_then(|home| Some((home, self.server.duties.stood_down_since(home)?))),
        }
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
        let mut must_have: Vec<(usize, Hash)> = Vec::new();
        for (of, device) in self.devices.iter().enumerate() {
            let excused = {
                let memory = self.memory.borrow();
                of == number
                    || memory.revoked.contains(&device.id)
                    || memory.forked.contains(&device.id)
                    || (self.server.duties.may_be_off(device.id) && silent != Some(device.id))
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
}
