//! What the organizer does: selling, changing, ordering, revoking.

use super::house::{AGAIN, ONCE};
use super::sessions::{LATE, Ware};
use super::world::{Bought, Restriction, World};
use crate::office::of_kind;
use crate::venue::signed_trust;
use crate::venue::{EVENT, SESSION};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_domain::api::access::DeviceChange;
use usher_domain::api::handed_back::{HandedBackDecision, HandedBackWord};
use usher_domain::api::reports::ForbiddenBy;
use usher_domain::api::rules::{CapacityChange, RulesChange};
use usher_domain::api::tickets::{NewTicket, TicketChange};
use usher_domain::api::venue::SessionChange;
use usher_domain::ids::DeviceId;
use usher_domain::rules::{IsolatedRule, ZoneCapacity};
use usher_domain::table::rows::CancelReason;
use usher_server::service::Service;

impl World {
    fn office(&self) -> Option<Service> {
        self.server.service()
    }

    /// Sells a ticket: most enter once, some come and go, some enter a few times, some have a home.
    pub(super) async fn sell(&self) {
        let ware = match self.wanted_of_two() {
            Some(ware) => ware,
            None => self.wanted(),
        };
        let home = (self.chance(4) == 0).then(|| self.devices[self.any_device()].id);
        self.sell_one(ware, home).await;
    }

    fn wanted(&self) -> Ware {
        let kind = if self.chance(5) == 0 { AGAIN } else { ONCE };
        let entries = (kind == ONCE && self.chance(5) == 0).then_some(2_u16);
        Ware::of(SESSION, kind, entries)
    }

    /// Sells a ticket that enters once and has a home.
    pub(super) async fn sell_at_home(&self, home: DeviceId) {
        self.sell_one(Ware::of(SESSION, ONCE, None), Some(home))
            .await;
    }

    async fn sell_one(&self, ware: Ware, home: Option<DeviceId>) {
        let Some(service) = self.office() else {
            return;
        };
        let number = self.memory.borrow().tickets.len();
        let new = NewTicket {
            session: ware.session.map(str::to_owned),
            entries: ware.entries,
            home,
            ..of_kind(ware.kind)
        };
        let sold = service.create_ticket(self.house.organizer.id, EVENT.to_owned(), new, None);
        match sold.await {
            Ok(ticket) => {
                let name = format!("T{number}");
                self.story.tell(
                    "office",
                    format_args!(
                        "sells {name}: {}{}{}{}",
                        ware.kind,
                        if ware.session == Some(LATE) {
                            ", late"
                        } else {
                            ""
                        },
                        if ware.entries.is_some() {
                            ", two entries"
                        } else {
                            ""
                        },
                        home.map_or_else(String::new, |home| format!(
                            ", home {}",
                            self.name_of(home)
                        )),
                    ),
                );
                self.memory.borrow_mut().tickets.push(Bought {
                    name,
                    id: ticket.id,
                    codes: vec![ticket.code.unwrap()],
                    home,
                    entries: ware.enters,
                    valid_at: self.sessions_of(ware),
                    counted: ware.counted,
                });
            }
            Err(error) => self
                .story
                .tell("office", format_args!("cannot sell: {error}")),
        }
    }

    /// A person says that rows which devices handed back, and of which nothing proves that the server lost
    /// them, count: whoever put a server back untold knows. Tells how many.
    pub(super) async fn take_what_waits(&self) -> u64 {
        let Some(service) = self.office() else {
            return 0;
        };
        let word = if self.has_thief_rows_waiting() {
            HandedBackWord::Refuse
        } else {
            HandedBackWord::Take
        };
        let decision = HandedBackDecision { word, table: None };
        let organizer = self.house.organizer.id;
        match service.decide_handed_back(organizer, decision).await {
            Ok(done) if done.taken > 0 => {
                self.story
                    .tell("office", format_args!("takes {} rows back", done.taken));
                done.taken
            }
            Ok(_) => 0,
            Err(error) => {
                self.story
                    .tell("office", format_args!("takes nothing back: {error}"));
                0
            }
        }
    }

    pub(super) fn name_of(&self, device: DeviceId) -> &'static str {
        let mut devices = self.devices.iter();
        let found = devices.find(|one| one.id == device);
        found.map_or("the server", |device| device.name)
    }

    /// A ticket gets a new code, or is cancelled.
    pub(super) async fn change_a_ticket(&self) {
        let Some(service) = self.office() else {
            return;
        };
        let count = self.memory.borrow().tickets.len();
        let ticket = self.dice.borrow_mut().usize(..count);
        let bought = self.memory.borrow().tickets[ticket].clone();
        let (what, by, change) = if self.chance(2) == 0 {
            let media = Vec::new();
            let change = TicketChange::Reissue { media };
            ("a new code", ForbiddenBy::Superseded, change)
        } else {
            let reason = Some(CancelReason::Refunded);
            let change = TicketChange::Cancel { reason };
            ("cancelled", ForbiddenBy::Cancelled, change)
        };
        let (event, id) = (EVENT.to_owned(), bought.id.to_string());
        let asked_at = self.time.now().get();
        let changed = service.change_ticket(self.house.organizer.id, event, id, change, None);
        let changed = changed.await;
        self.memory.borrow_mut().restrictions.push(Restriction {
            ticket: bought.id,
            by,
            between: (asked_at, self.time.now().get()),
            answered: changed.is_ok(),
        });
        match changed {
            Ok(changed) => {
                self.story
                    .tell("office", format_args!("{}: {what}", bought.name));
                let mut memory = self.memory.borrow_mut();
                let memory = &mut *memory;
                memory.since_backup.insert(bought.id);
                if memory.lost_changes.contains(&bought.id) {
                    memory.two_ways.insert(bought.id);
                }
                let codes = &mut memory.tickets[ticket].codes;
                codes.extend(changed.code.filter(|code| codes.last() != Some(code)));
            }
            Err(error) => self.story.tell(
                "office",
                format_args!("{}: not {what}: {error}", bought.name),
            ),
        }
        self.seal_soon();
    }

    /// Seals what changed, as the server does by itself.
    pub(super) async fn seal(&self) {
        if let Some(service) = self.office()
            && let Err(error) = service.seal_now().await
        {
            self.story
                .tell("server", format_args!("cannot seal: {error}"));
        }
    }

    /// Seals within a moment, if the server is still there.
    pub(super) fn seal_soon(&self) {
        let (server, story) = (Rc::clone(&self.server), self.story.clone());
        let pause = self.draw(1, 400);
        tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(pause)).await;
            if let Some(service) = server.service()
                && let Err(error) = service.seal_now().await
            {
                story.tell("server", format_args!("cannot seal: {error}"));
            }
        });
    }

    /// A device is revoked; never the last one.
    /// Some are out of reach by then, and work on until they hear of it.
    pub(super) async fn revoke(self: &Rc<Self>, number: usize) {
        let device = &self.devices[number];
        if number > 0 && self.chance(2) == 0 {
            self.cut_off_for_a_while(number, 0);
            let count = u32::try_from(self.memory.borrow().tickets.len()).unwrap();
            for ms in [20, 300, 700] {
                let ticket = self.chance(count) as usize;
                self.show_later(number, ticket, ms);
            }
            sleep(Duration::from_millis(self.draw(200, 1_200))).await;
        }
        let Some(service) = self.office().filter(|_| number > 0) else {
            return;
        };
        let organizer = self.house.organizer.id;
        let revoked = service.change_device(organizer, device.id.to_string(), DeviceChange::Revoke);
        match revoked.await {
            Ok(_) => {
                self.memory.borrow_mut().revoked.insert(device.id);
                self.story
                    .tell("office", format_args!("revokes {}", device.name));
            }
            Err(error) => self.story.tell(
                "office",
                format_args!("cannot revoke {}: {error}", device.name),
            ),
        }
        self.seal_soon();
    }

    /// New keys come into use, beside those before.
    pub(super) async fn rotate_keys(&self) {
        let Some(service) = self.office() else {
            return;
        };
        let organizer = &self.house.organizer;
        let Ok(next) = service.make_next_keys(organizer.id).await else {
            return;
        };
        {
            let (_, keys) = &mut *self.trust.borrow_mut();
            if !keys.contains(&next) {
                keys.push(next);
            }
        }
        self.hand_in_trust(&service).await;
        self.seal_soon();
    }

    /// Hands in a trust document with a higher number, for all keys that ever were.
    pub(super) async fn hand_in_trust(&self, service: &Service) {
        let organizer = &self.house.organizer;
        let (number, keys) = {
            let (number, keys) = &mut *self.trust.borrow_mut();
            *number += 1;
            (*number, keys.clone())
        };
        let keys: Vec<_> = keys.iter().collect();
        let trust = signed_trust(organizer, &keys, number, self.time.now());
        match service.take_trust(organizer.id, trust).await {
            Ok(_) => self
                .story
                .tell("office", format_args!("hands in trust document {number}")),
            Err(error) => self
                .story
                .tell("office", format_args!("trust document {number}: {error}")),
        }
    }

    /// The rules of this evening: an isolated gate may admit only tickets whose home it is, and the hall may
    /// hold only so many people.
    pub(super) async fn lay_down_rules(&self) {
        let Some(service) = self.office() else {
            return;
        };
        let isolated = if self.home_only {
            IsolatedRule::HomeOnly
        } else {
            IsolatedRule::Admit
        };
        let hall = self.house.hall;
        let room = self.room.map(|people| ZoneCapacity { zone: hall, people });
        let change = SessionChange {
            rules: Some(RulesChange {
                isolated: Some(isolated),
                capacity: room.into_iter().map(CapacityChange::from).collect(),
                ..RulesChange::default()
            }),
            ..SessionChange::default()
        };
        for session in self.house.sessions() {
            let (event, name) = (EVENT.to_owned(), session.slug.clone());
            let organizer = self.house.organizer.id;
            let changed = service.change_session(organizer, event, name, change.clone());
            changed.await.unwrap();
        }
        if self.home_only {
            self.story
                .tell("office", format_args!("isolated gates keep to their own"));
        }
        if let Some(room) = self.room {
            self.story
                .tell("office", format_args!("the hall holds {room}"));
        }
    }
}
