//! What somebody in charge says at the doors: everyone out, a gate is open for a time, a word on records
//! that wait.

use super::device::{Device, Program};
use super::house::HALL;
use super::world::World;
use crate::venue::{EVENT, SESSION};
use jiff::Timestamp;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_domain::api::orders::NewNotice;
use usher_domain::api::reports::{NewEveryoneOut, NewFreeFlow, NewOutTakenBack, NewRulings};
use usher_domain::api::venue::SessionChange;
use usher_domain::hash::Hash;
use usher_domain::record::RulingWord;
use usher_domain::table::TableId;

fn of_the(zone: Option<&str>) -> String {
    zone.map_or_else(String::new, |zone| format!(" of the {zone}"))
}

impl World {
    /// Everybody is sent out, or everybody who is in the hall.
    pub(super) async fn everyone_out(&self) {
        let Some(service) = self.server.service() else {
            return;
        };
        let zone = (self.room.is_some() && self.chance(2) == 0).then(|| HALL.to_owned());
        let all = NewEveryoneOut {
            everyone: zone.is_none(),
            zone: zone.clone(),
            at: None,
        };
        let session = self.any_session().slug.clone();
        let event = EVENT.to_owned();
        let said = service.everyone_out(self.house.organizer.id, event, session.clone(), all);
        let of = of_the(zone.as_deref());
        match said.await {
            Ok(()) => {
                self.memory.borrow_mut().sent_out = true;
                self.story.tell("office", format_args!("everyone out{of}"));
                // Now and then it was a mistake.
                if self.time.now().get().is_multiple_of(2) {
                    self.take_out_back_soon(session, zone);
                }
            }
            Err(error) => self
                .story
                .tell("office", format_args!("everyone out{of}: {error}")),
        }
    }

    /// Takes back within some seconds that everybody was sent out, if the server is still there.
    fn take_out_back_soon(&self, session: String, zone: Option<String>) {
        let (server, story) = (Rc::clone(&self.server), self.story.clone());
        let organizer = self.house.organizer.id;
        tokio::task::spawn_local(async move {
            sleep(Duration::from_secs(4)).await;
            let Some(service) = server.service() else {
                return;
            };
            let of = of_the(zone.as_deref());
            let new = NewOutTakenBack {
                everyone: zone.is_none(),
                zone,
            };
            let event = EVENT.to_owned();
            let said = service.take_everyone_out_back(organizer, event, session, new);
            match said.await {
                Ok(()) => story.tell("office", format_args!("takes everyone out{of} back")),
                Err(error) => story.tell(
                    "office",
                    format_args!("takes everyone out{of} not back: {error}"),
                ),
            }
        });
    }

    /// A gate is opened for some seconds: it logs and decides nothing.
    pub(super) async fn open_gate(&self, number: usize) {
        let Some(service) = self.server.service() else {
            return;
        };
        let gate = self.devices[number].gate;
        let long = self.draw(500, 15_000);
        let until = self.time.now().get() + long;
        let new = NewFreeFlow {
            gate: gate.to_owned(),
            from: None,
            until: Timestamp::from_millisecond(i64::try_from(until).unwrap()).unwrap(),
        };
        let (event, session) = (EVENT.to_owned(), self.any_session().slug.clone());
        let said = service.free_flow(self.house.organizer.id, event, session, new);
        match said.await {
            Ok(()) => self
                .story
                .tell("office", format_args!("opens gate {gate} for {long} ms")),
            Err(error) => self
                .story
                .tell("office", format_args!("gate {gate} stays shut: {error}")),
        }
    }

    /// Somebody in charge says something to gates for a time.
    pub(super) async fn say_to_gates(&self, number: usize) {
        let Some(service) = self.server.service() else {
            return;
        };
        let gate = self.devices[number].gate.to_owned();
        let until = self.time.now().get() + self.draw(1_000, 600_000);
        let new = NewNotice {
            text: format!("the lift stands still ({until})"),
            gate: (self.chance(2) == 0).then_some(gate),
            until: Timestamp::from_millisecond(i64::try_from(until).unwrap()).unwrap(),
        };
        let (event, session) = (EVENT.to_owned(), self.any_session().slug.clone());
        let organizer = self.house.organizer.id;
        let said = service.say_to_gates(organizer, "office".to_owned(), event, session, new);
        match said.await {
            Ok(()) => self.story.tell("office", format_args!("says something")),
            Err(error) => self
                .story
                .tell("office", format_args!("cannot say it: {error}")),
        }
        self.seal_soon();
    }

    /// The session begins later, or at its time after all.
    pub(super) async fn delay(&self) {
        let Some(service) = self.server.service() else {
            return;
        };
        // Tickets are let in from a quarter of an hour before the doors on.
        let doors = match self.chance(6) {
            0 => "2027-10-30 18:47",
            1 | 2 => "2027-10-30 18:40",
            _ => "2027-10-30 18:00",
        };
        let change = SessionChange {
            doors: Some(doors.to_owned()),
            starts: Some(doors.to_owned()),
            ..SessionChange::default()
        };
        let (event, name) = (EVENT.to_owned(), self.any_session().slug.clone());
        let changed = service.change_session(self.house.organizer.id, event, name, change);
        match changed.await {
            Ok(_) => self
                .story
                .tell("office", format_args!("doors open at {doors}")),
            Err(error) => self.story.tell("office", format_args!("no delay: {error}")),
        }
        self.seal_soon();
    }

    /// In the end a device goes by the times that the server says.
    pub(super) async fn check_times(&self, device: &Device, program: &Program) {
        let Some(service) = self.server.service() else {
            return;
        };
        for session in self.house.sessions() {
            let (event, name) = (EVENT.to_owned(), session.slug.clone());
            let said = service.session(self.house.organizer.id, event, name);
            let doors = said.await.unwrap().doors.as_millisecond();
            let set = TableId::Set(session.id);
            let manifest = program.with(|store| store.manifest(set).unwrap());
            let held = manifest.and_then(|manifest| manifest.terms);
            let held = held.map(|terms| terms.session.doors.get());
            self.story.check(
                "in the end every gate goes by the same times",
                held == u64::try_from(doors).ok(),
                format_args!("{}: {held:?}, the server {doors}", device.name),
            );
        }
    }

    /// A person says of records whether they count: mostly of a revoked device's, which wait for that.
    pub(super) async fn rule_on_records(&self) {
        let Some(service) = self.server.service() else {
            return;
        };
        let some = self.shown_of_revoked();
        if some.is_empty() {
            return;
        }
        let mut records = Vec::new();
        for _ in 0..=self.chance(2) {
            let record = some[self.dice.borrow_mut().usize(..some.len())];
            if !records.contains(&record) {
                records.push(record);
            }
        }
        let word = if self.chance(3) == 0 {
            RulingWord::Void
        } else {
            RulingWord::Accept
        };
        let called: Vec<_> = records.iter().map(|of| self.story.called(of)).collect();
        let new = NewRulings {
            records: records.iter().map(ToString::to_string).collect(),
            word,
        };
        let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
        let said = service.rule(self.house.organizer.id, event, session, new);
        // Whether or not the answer came, it may stand.
        self.memory.borrow_mut().ruled = true;
        match said.await {
            Ok(()) => self
                .story
                .tell("office", format_args!("{word:?}: {called:?}")),
            Err(error) => self
                .story
                .tell("office", format_args!("no word on {called:?}: {error}")),
        }
    }

    fn shown_of_revoked(&self) -> Vec<Hash> {
        let memory = self.memory.borrow();
        let of_revoked = memory
            .shown
            .iter()
            .filter(|shown| memory.revoked.contains(&self.devices[shown.device].id));
        of_revoked.filter_map(|shown| shown.answer.record).collect()
    }
}
