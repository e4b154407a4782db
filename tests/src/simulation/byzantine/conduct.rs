//! What a stolen device does beside false claims. Every evening draws some of it.

use super::approvals::Signatory;
use super::cuts::Seen;
use super::flood::Flood;
use super::rows::HandedIn;
use crate::simulation::world::World;
use std::fmt;
use std::rc::Rc;
use usher_domain::cose::SigningKey;
use usher_domain::ids::AttemptId;
use usher_domain::record::Scan;
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::StaffRole;
use usher_server::service::Service;

/// What makes the chance of all this another one. Under it the evenings that fell before have no such thief.
const CONDUCT: u64 = 0x0DE0;

/// One evening in so many, of those in which the device is free.
const ONE_IN: u8 = 3;

/// The seeds of a supervisor's keys who lost badge and PIN.
const BADGE: [u8; 32] = [201; 32];
const OVERRIDE: [u8; 32] = [202; 32];

/// What a stolen device may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Overrides in a supervisor's name.
    Override,
    /// Undos of what others recorded.
    Undo,
    /// Stamps that are far ahead, or behind.
    Date,
    /// Endings of others' attempts.
    EndAttempts,
    /// Rows handed back.
    HandBack,
    /// Floods of records of unknown kinds.
    Flood,
    /// Logs written anew.
    WriteAnew,
    /// It is revoked, forgotten by a server that is put back, and revoked again.
    RevokedTwice,
}

impl Deed {
    /// Each with how many of such evenings in ten have it.
    const ALL: [(Self, u8); 8] = [
        (Self::Override, 5),
        (Self::Undo, 5),
        (Self::Date, 4),
        (Self::EndAttempts, 4),
        (Self::HandBack, 3),
        (Self::Flood, 2),
        (Self::WriteAnew, 5),
        (Self::RevokedTwice, 2),
    ];
}

/// What the stolen device of an evening does, and what is known of it.
#[derive(Debug)]
pub(in crate::simulation) struct Conduct {
    pub(super) dice: fastrand::Rng,
    deeds: Vec<Deed>,
    /// The supervisor whose badge and PIN the thief has.
    pub(super) supervisor: Option<Signatory>,
    /// Overrides that were signed for it.
    pub(super) used: Vec<Scan>,
    /// Whether it wrote something that a supervisor's signature proves.
    pub(super) has_approval: bool,
    pub(super) flood: Option<Flood>,
    pub(super) handed_in: HandedIn,
    /// What the server had of it whenever somebody may have cut its logs.
    pub(super) seen: Seen,
    /// Whether rows that it handed back wait, which the office must not take.
    pub(super) has_rows_waiting: bool,
}

impl fmt::Display for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.deeds)
    }
}

impl Conduct {
    /// What the thief of an evening does beside false claims, if it does anything.
    pub(in crate::simulation) fn drawn(seed: u64) -> Option<Self> {
        let mut dice = fastrand::Rng::with_seed(seed ^ CONDUCT);
        if dice.u8(..ONE_IN) != 0 {
            return None;
        }
        let mut deeds = Vec::new();
        while deeds.is_empty() {
            let all = Deed::ALL.iter();
            let drawn = all.filter(|(_, in_ten)| dice.u8(..10) < *in_ten);
            deeds = drawn.map(|(deed, _)| *deed).collect();
        }
        Some(Self {
            dice,
            deeds,
            supervisor: None,
            used: Vec::new(),
            has_approval: false,
            flood: None,
            handed_in: HandedIn::default(),
            seen: Seen::default(),
            has_rows_waiting: false,
        })
    }

    pub(super) fn does(&self, deed: Deed) -> bool {
        self.deeds.contains(&deed)
    }

    /// Bytes that a device may write in an hour, where that matters.
    pub(in crate::simulation) fn bytes_per_hour(&self) -> Option<u64> {
        self.does(Deed::Flood)
            .then_some(super::flood::BYTES_PER_HOUR)
    }

    pub(super) fn attempt(&mut self) -> AttemptId {
        let mut attempt = [0; 16];
        self.dice.fill(&mut attempt);
        AttemptId::from_bytes(attempt)
    }
}

impl World {
    /// The thief of some evenings has a supervisor's badge and PIN.
    pub(in crate::simulation) async fn lose_a_badge(&self) {
        let (Some(thief), Some(service)) = (&self.thief, self.server.service()) else {
            return;
        };
        let needs = |deed| {
            let thief = thief.borrow();
            thief
                .conduct
                .as_ref()
                .is_some_and(|conduct| conduct.does(deed))
        };
        if !needs(Deed::Override) && !needs(Deed::Undo) {
            return;
        }
        let key = SigningKey::from_seed(&Seed::new(OVERRIDE));
        let new = usher_domain::api::access::NewStaff {
            name: Private::new("Eve"),
            role: StaffRole::Supervisor,
            gates: Vec::new(),
            badge: SigningKey::from_seed(&Seed::new(BADGE)).public(),
            override_key: Some(key.public()),
            valid_from: None,
            valid_until: None,
        };
        let organizer = self.house.organizer.id;
        let hired = service.add_staff(organizer, new).await.unwrap();
        let supervisor = Signatory {
            staff: hired.id,
            key,
        };
        if let Some(conduct) = &mut thief.borrow_mut().conduct {
            conduct.supervisor = Some(supervisor);
        }
    }

    /// The thief does something of what its evening has.
    pub(super) async fn thief_goes_further(self: &Rc<Self>, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let (what, ends_attempts, is_full) = {
            let mut thief = thief.borrow_mut();
            let is_full = thief.has_written_enough();
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            let ends_attempts = conduct.does(Deed::EndAttempts) && conduct.dice.bool();
            (conduct.dice.u8(..24), ends_attempts, is_full)
        };
        let does = |deed| {
            let thief = thief.borrow();
            thief
                .conduct
                .as_ref()
                .is_some_and(|conduct| conduct.does(deed))
        };
        if ends_attempts && !is_full {
            self.thief_ends_attempts(service).await;
        }
        match what {
            0..4 if does(Deed::Override) && !is_full => self.thief_overrides(service).await,
            4..7 if does(Deed::Undo) && !is_full => self.thief_undoes(service).await,
            7..10 if does(Deed::Date) && !is_full => self.thief_dates(service),
            10..12 if does(Deed::HandBack) => self.thief_hands_back(service).await,
            12..14 if does(Deed::Flood) => self.thief_floods(service).await,
            14 if does(Deed::Override) || does(Deed::Undo) => self.revoke_the_badge(service).await,
            15 if does(Deed::WriteAnew) => self.revoke_thief(service).await,
            16..18 if does(Deed::WriteAnew) => self.thief_writes_anew(service).await,
            18..20 if does(Deed::RevokedTwice) => self.revoke_thief_twice(service).await,
            20..23 => self.thief_hands_in_new(service).await,
            _ => {}
        }
    }
}
