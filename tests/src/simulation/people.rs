//! People at the gates.

use super::world::{Bought, Shown, World};
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use usher_core::gate::{Answer, OverrideRequest, ScanRequest};
use usher_domain::document::sanction::SanctionReason;
use usher_domain::hash::Hash;
use usher_domain::record::{Direction, Outcome};
use usher_domain::verdict::Reason;

impl World {
    /// Somebody shows a ticket: often one that was just shown elsewhere, or is at this very moment.
    pub(super) fn somebody_comes(self: &Rc<Self>, number: usize) {
        let again = self.chance(3) == 0;
        let last = self.memory.borrow().shown.last().map(|shown| shown.ticket);
        let count = self.memory.borrow().tickets.len();
        let ticket = match last.filter(|_| again) {
            Some(last) => last,
            None => self.dice.borrow_mut().usize(..count),
        };
        self.somebody_shows(number, ticket);
        if self.chance(4) == 0 {
            self.somebody_shows(self.any_device(), ticket);
        }
    }

    fn somebody_shows(self: &Rc<Self>, number: usize, ticket: usize) {
        let bought = self.memory.borrow().tickets[ticket].clone();
        let codes = bought.codes.len();
        // Now and then the code before the last one.
        let old = codes > 1 && self.chance(3) == 0;
        let code = if old { codes - 2 } else { codes - 1 };
        let text = bought.codes[code].reveal().to_owned();
        let request = if self.chance(4) == 0 {
            ScanRequest::exit(text)
        } else {
            ScanRequest::entry(text)
        };
        let request = ScanRequest {
            session: self.named_session(),
            ..request
        };
        self.ask_home(number, &bought);
        self.walks_up(number, ticket, bought, request);
    }

    /// Somebody wants to enter, and nobody is asked to hold the ticket back.
    fn shows_here(self: &Rc<Self>, number: usize, ticket: usize) {
        let bought = self.memory.borrow().tickets[ticket].clone();
        let text = bought.codes[bought.codes.len() - 1].reveal().to_owned();
        self.walks_up(number, ticket, bought, ScanRequest::entry(text));
    }

    fn walks_up(
        self: &Rc<Self>,
        number: usize,
        ticket: usize,
        bought: Bought,
        request: ScanRequest,
    ) {
        let times = 1 + u32::from(self.chance(12) == 0);
        let world = Rc::clone(self);
        let pause = self.draw(0, 60);
        self.devices[number].keep(tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(pause)).await;
            for _ in 0..times {
                world.scan(number, ticket, &bought, &request).await;
            }
        }));
    }

    /// A home that listens hears within a moment that it is asked to hold its ticket back.
    fn ask_home(self: &Rc<Self>, number: usize, bought: &Bought) {
        let home = bought.home.filter(|home| *home != self.devices[number].id);
        let home = home.and_then(|home| self.devices.iter().position(|one| one.id == home));
        let Some(home) = home.filter(|_| self.chance(4) != 0) else {
            return;
        };
        self.begin_exchange_after(home, self.draw(30, 120));
        if self.habits.cuts && self.chance(3) == 0 {
            let after = self.draw(100, 600);
            self.cut_off_for_a_while(home, after);
            // Somebody shows the same ticket there, as a copy of it would be.
            let ticket = bought.name[1..].parse().unwrap();
            self.show_later(home, ticket, after + 300);
        }
    }

    /// Somebody shows a ticket in a moment.
    pub(super) fn show_later(self: &Rc<Self>, number: usize, ticket: usize, ms: u64) {
        let world = Rc::clone(self);
        tokio::task::spawn_local(async move {
            sleep(Duration::from_millis(ms)).await;
            world.shows_here(number, ticket);
        });
    }

    /// Somebody asks once more for the verdict of an attempt.
    pub(super) async fn somebody_asks_again(self: &Rc<Self>) {
        let shown = {
            let memory = self.memory.borrow();
            let recent = memory.shown.len().saturating_sub(6);
            let Some(recent) = memory.shown.get(recent..).filter(|some| !some.is_empty()) else {
                return;
            };
            recent[self.chance(u32::try_from(recent.len()).unwrap()) as usize].clone()
        };
        let world = Rc::clone(self);
        let number = shown.device;
        self.devices[number].keep(tokio::task::spawn_local(async move {
            world.scan_again(&shown).await;
        }));
    }

    async fn scan_again(&self, shown: &Shown) {
        let bought = self.memory.borrow().tickets[shown.ticket].clone();
        let request = ScanRequest {
            attempt: Some(shown.answer.attempt),
            ..shown.request.clone()
        };
        let kept = shown.answer.record.is_some_and(|record| {
            let device = &self.devices[shown.device];
            device.on_disk.borrow().contains(&record)
        });
        let again = self.scan(shown.device, shown.ticket, &bought, &request);
        let Some(answer) = again.await else {
            return;
        };
        // What is nobody's ticket cannot be followed, so an attempt with it is judged each time.
        let followed = shown.answer.ticket.is_some() && answer.ticket.is_some();
        let final_before = shown.answer.verdict.outcome() != Outcome::Refer && kept && followed;
        let trouble = answer.verdict.reason() == Reason::DeviceTrouble
            || answer.verdict.reason() == Reason::DeviceRevoked
            || answer.verdict.reason() == Reason::NoSession;
        if final_before && !trouble {
            self.story.check(
                "an attempt repeats its verdict",
                answer.record == shown.answer.record
                    && answer.verdict.outcome() == shown.answer.verdict.outcome(),
                format_args!("{:?} became {:?}", shown.answer.verdict, answer.verdict),
            );
        }
    }

    async fn scan(
        &self,
        number: usize,
        ticket: usize,
        bought: &Bought,
        request: &ScanRequest,
    ) -> Option<Answer> {
        let device = Rc::clone(&self.devices[number]);
        let program = device.program()?;
        let known = self.knowledge(&program, bought);
        let asked = self.asked(number, bought.home);
        let answer = program.ask(&device, request.clone()).await?;
        let record = answer.record.filter(|_| !device.disk.has_died());
        let count = self.memory.borrow().shown.len();
        if let Some(record) = record {
            self.story.name(record, format!("{}#{count}", bought.name));
        }
        self.story.tell(
            device.name,
            format_args!(
                "{} {}: {:?} {:?} ({:?}){}",
                bought.name,
                if request.direction == Direction::Entry {
                    "in"
                } else {
                    "out"
                },
                answer.verdict.outcome(),
                answer.verdict.reason(),
                answer.certainty,
                record.map_or_else(String::new, |record| {
                    format!(" as {}", self.story.called(&record))
                }),
            ),
        );
        self.judge(&device, &program, bought, request, &answer, &known);
        if let Some(record) = record {
            self.must_be_kept(&device, &program, record).await;
        }
        // A verdict that is repeated was true when it was given.
        let is_new = {
            let memory = self.memory.borrow();
            let mut shown = memory.shown.iter();
            !shown.any(|shown| shown.answer.record == answer.record)
        };
        let asked = self.first_asked(number, asked, &answer).at(bought, &answer);
        self.memory.borrow_mut().shown.push(Shown {
            device: number,
            ticket,
            request: request.clone(),
            answer: answer.clone(),
            asked: asked.clone(),
            at: self.time.passed_ms(),
        });
        let admitted = answer.verdict.outcome() == Outcome::Admit;
        if is_new && record.is_some() {
            let shown = (number, asked.at);
            self.watch_hall(shown, bought.id, &answer, request.direction);
        }
        if is_new && admitted {
            self.check_certainty(number, asked, answer.certainty).await;
        }
        Some(answer)
    }

    /// The operator takes an admission of this device back.
    pub(super) fn undo(&self, number: usize) {
        let device = Rc::clone(&self.devices[number]);
        let Some(program) = device.program() else {
            return;
        };
        let Some(of) = self.last_shown(number, |outcome| outcome == Outcome::Admit) else {
            return;
        };
        let done = program.at_gate(&device, |gate, means| gate.undo(means, of));
        let called = self.story.called(&of);
        match done {
            Ok(record) => {
                self.story.name(record, format!("undo of {called}"));
                self.hall.undone(of);
                self.story
                    .tell(device.name, format_args!("takes {called} back"));
                if !device.disk.has_died() {
                    device.on_disk.borrow_mut().insert(record);
                }
            }
            Err(error) => self.story.tell(
                device.name,
                format_args!("cannot take {called} back: {error}"),
            ),
        }
    }

    /// A supervisor lets somebody in against the last refusal.
    pub(super) fn override_one(&self, number: usize) {
        let device = Rc::clone(&self.devices[number]);
        let Some(program) = device.program() else {
            return;
        };
        let Some(record) = self.last_shown(number, |outcome| outcome != Outcome::Admit) else {
            return;
        };
        let request = OverrideRequest {
            record,
            badge: self.house.badge.clone(),
            pin: self.house.pin.clone(),
            reason: SanctionReason::IdentityChecked,
        };
        let done = program.at_gate(&device, |gate, means| {
            gate.override_verdict(means, &request)
        });
        let called = self.story.called(&record);
        match done {
            Ok(answer) => {
                let Some(own) = answer.record else { return };
                self.story.name(own, format!("override of {called}"));
                self.memory.borrow_mut().overrode = true;
                self.story
                    .tell(device.name, format_args!("a supervisor overrides {called}"));
                if !device.disk.has_died() {
                    device.on_disk.borrow_mut().insert(own);
                }
            }
            Err(error) => self.story.tell(
                device.name,
                format_args!("no override of {called}: {error}"),
            ),
        }
    }

    fn last_shown(&self, number: usize, fits: impl Fn(Outcome) -> bool) -> Option<Hash> {
        let memory = self.memory.borrow();
        let mut own = memory.shown.iter().rev();
        let own = own.find(|shown| {
            shown.device == number
                && fits(shown.answer.verdict.outcome())
                && shown.answer.record.is_some()
        });
        own.and_then(|shown| shown.answer.record)
    }
}
