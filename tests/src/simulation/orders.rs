//! What somebody in charge says at the doors: everyone out, a gate is open for a time, a word on records
//! that wait.

use super::house::HALL;
use super::world::World;
use crate::venue::{EVENT, SESSION};
use jiff::Timestamp;
use usher_domain::api::reports::{NewEveryoneOut, NewFreeFlow, NewRulings};
use usher_domain::hash::Hash;
use usher_domain::record::RulingWord;

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
        let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
        let said = service.everyone_out(self.house.organizer.id, event, session, all);
        let of = zone.map_or_else(String::new, |zone| format!(" of the {zone}"));
        match said.await {
            Ok(_) => {
                self.memory.borrow_mut().sent_out = true;
                self.story.tell("office", format_args!("everyone out{of}"));
            }
            Err(error) => self
                .story
                .tell("office", format_args!("everyone out{of}: {error}")),
        }
    }

    /// A gate is opened for some seconds: it logs and decides nothing.
    pub(super) async fn open_gate(&self, number: usize) {
        let Some(service) = self.server.service() else {
            return;
        };
        let gate = self.devices[number].name;
        let long = self.draw(500, 15_000);
        let until = self.time.now().get() + long;
        let new = NewFreeFlow {
            gate: gate.to_owned(),
            from: None,
            until: Timestamp::from_millisecond(i64::try_from(until).unwrap()).unwrap(),
        };
        let (event, session) = (EVENT.to_owned(), SESSION.to_owned());
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
