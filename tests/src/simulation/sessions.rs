//! Evenings of two sessions at one house, which passes connect: the second opens while the first one plays.
//! Gates serve the one or the other, tickets are for one or for both, and each may let in the other's.

use super::device::{Device, Program};
use super::house::{AGAIN, ONCE};
use super::world::{Bought, World};
use crate::venue::{EVENT, SESSION};
use jiff::Timestamp;
use std::cell::RefCell;
use std::collections::BTreeSet;
use usher_core::gate::Answer;
use usher_domain::api::orders::NewHonour;
use usher_domain::api::rules::{RulesChange, TypeRuleChange};
use usher_domain::api::venue::{NewSession, NewType, Organizer, Session, SessionChange};
use usher_domain::ids::SessionId;
use usher_domain::log::Line;
use usher_domain::record::{Body, Certainty, Direction, Honour, Outcome, Scan};
use usher_domain::rules::{Counted, EntryMode, EntryRule, TypeRule};
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{Reason, Refusal, Verdict};
use usher_server::service::Service;

/// How many sessions a house has in an evening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sessions {
    /// One.
    One,
    /// Two that passes connect.
    Two,
}

/// The session that opens while the first one plays.
pub(super) const LATE: &str = "late";

/// What makes the chance by which two sessions share an evening another one.
const TWO: u64 = 0x0002_5E55;

/// A kind of pass: what it is called, and how often it enters.
#[derive(Debug, Clone, Copy)]
struct Pass {
    slug: &'static str,
    rule: EntryRule,
}

/// The kinds of passes: each counts its entries in another way.
const PASSES: [Pass; 4] = [
    Pass {
        slug: "pass",
        rule: EntryRule {
            mode: EntryMode::Single,
            counted: Counted::PerSession,
        },
    },
    Pass {
        slug: "pass-again",
        rule: EntryRule {
            mode: EntryMode::Reentry,
            counted: Counted::PerSession,
        },
    },
    Pass {
        slug: "two-in-all",
        rule: EntryRule {
            mode: EntryMode::Times(2),
            counted: Counted::PerPass,
        },
    },
    Pass {
        slug: "one-at-a-time",
        rule: EntryRule {
            mode: EntryMode::Reentry,
            counted: Counted::PerPass,
        },
    },
];

/// Adds the second session to a house, and passes for both; tells both as they are then.
pub(super) async fn join(service: &Service, organizer: &Organizer) -> (Session, Session) {
    let event = || EVENT.to_owned();
    let late = NewSession {
        slug: LATE.to_owned(),
        name: "the late show".to_owned(),
        doors: "2027-10-30 18:10".to_owned(),
        starts: None,
        ends: "2027-10-30 23:00".to_owned(),
        rules: None,
    };
    let created = service.create_session(organizer.id, event(), late);
    created.await.unwrap();
    for pass in PASSES {
        let new = NewType {
            slug: pass.slug.to_owned(),
            name: pass.slug.to_owned(),
            sessions: vec![SESSION.to_owned(), LATE.to_owned()],
        };
        service
            .create_type(organizer.id, event(), new)
            .await
            .unwrap();
    }
    let types = service.types(organizer.id, event()).await.unwrap();
    let rules = types.iter().map(|made| {
        let mut passes = PASSES.iter();
        let of_pass = passes.find(|pass| pass.slug == made.slug);
        let again = (made.slug == AGAIN).then(|| EntryRule {
            mode: EntryMode::Reentry,
            ..EntryRule::default()
        });
        TypeRule {
            number: made.number,
            entry: of_pass.map(|pass| pass.rule).or(again),
            zones: Vec::new(),
            instruction: None,
        }
    });
    let rules: Vec<TypeRuleChange> = rules.map(TypeRuleChange::from).collect();
    for session in [SESSION, LATE] {
        let change = SessionChange {
            rules: Some(RulesChange {
                types: rules.clone(),
                ..RulesChange::default()
            }),
            ..SessionChange::default()
        };
        let changed = service.change_session(organizer.id, event(), session.to_owned(), change);
        changed.await.unwrap();
    }
    let of_name = async |name: &str| {
        let found = service.session(organizer.id, event(), name.to_owned());
        found.await.unwrap()
    };
    (of_name(SESSION).await, of_name(LATE).await)
}

/// What is special about an evening of two sessions.
#[derive(Debug)]
pub(super) struct TwoSessions {
    dice: fastrand::Rng,
    /// Whether sessions let in tickets of each other.
    honours: bool,
    /// For which session tickets of another one were let in, as far as anybody may know: and until when by the
    /// last word, if the server gave one.
    said: Vec<Honour>,
}

impl TwoSessions {
    /// Of an evening in a house that has two.
    pub(super) fn drawn(seed: u64, sessions: Sessions) -> Option<RefCell<Self>> {
        let mut dice = fastrand::Rng::with_seed(seed ^ TWO);
        let drawn = || Self {
            honours: dice.bool(),
            dice,
            said: Vec::new(),
        };
        (sessions == Sessions::Two).then(drawn).map(RefCell::new)
    }
}

/// What is sold: the type, for which session or for both, and how often the ticket itself says that it enters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ware {
    pub(super) kind: &'static str,
    pub(super) session: Option<&'static str>,
    pub(super) entries: Option<u16>,
    /// How often it enters; as often as it left before, if nothing.
    pub(super) enters: Option<u32>,
    pub(super) counted: Counted,
}

impl Ware {
    /// A ticket for a session.
    pub(super) fn of(session: &'static str, kind: &'static str, entries: Option<u16>) -> Self {
        Self {
            kind,
            session: Some(session),
            entries,
            enters: (kind == ONCE).then(|| entries.map_or(1, u32::from)),
            counted: Counted::PerSession,
        }
    }

    fn of_pass(pass: Pass, entries: Option<u16>) -> Self {
        let enters = match pass.rule.mode {
            EntryMode::Single => Some(1),
            EntryMode::Times(most) => Some(u32::from(most)),
            EntryMode::Reentry => None,
        };
        Self {
            kind: pass.slug,
            session: None,
            entries,
            enters: entries.map(u32::from).or(enters),
            counted: pass.rule.counted,
        }
    }
}

impl World {
    /// What the next buyer wants, where there are two sessions.
    pub(super) fn wanted_of_two(&self) -> Option<Ware> {
        let mut two = self.two.as_ref()?.borrow_mut();
        let session = if two.dice.bool() { SESSION } else { LATE };
        Some(match two.dice.u8(..8) {
            0..3 => Ware::of(session, ONCE, None),
            3 => Ware::of(session, AGAIN, None),
            4 => Ware::of_pass(PASSES[0], Some(2)),
            _ => Ware::of_pass(PASSES[two.dice.usize(..PASSES.len())], None),
        })
    }

    /// The sessions that a ticket is for.
    pub(super) fn sessions_of(&self, ware: Ware) -> Vec<SessionId> {
        let fits = |session: &&Session| ware.session.is_none_or(|slug| slug == session.slug);
        let sessions = self.house.sessions().filter(fits);
        sessions.map(|session| session.id).collect()
    }

    /// One of the sessions.
    pub(super) fn any_session(&self) -> &'static Session {
        let late = self.house.late.as_ref();
        let drawn = self.two.as_ref().map(|two| two.borrow_mut().dice.bool());
        late.filter(|_| drawn == Some(true))
            .unwrap_or(&self.house.session)
    }

    /// The other one.
    fn other_session(&self, session: &Session) -> Option<&'static Session> {
        let mut sessions = self.house.sessions();
        sessions.find(|other| other.id != session.id)
    }

    /// The session that a person at the gate names, now and then.
    pub(super) fn named_session(&self) -> Option<SessionId> {
        let is_named = self.two.as_ref()?.borrow_mut().dice.u8(..6) == 0;
        is_named.then(|| self.any_session().id)
    }

    /// Where there are two sessions, somebody chooses the one that a gate serves, or lets people of the one
    /// into the other for a time.
    pub(super) async fn attend_to_two_sessions(&self) {
        let Some(two) = &self.two else { return };
        let what = two.borrow_mut().dice.u8(..40);
        match what {
            0..4 => self.choose_session(),
            4..7 if two.borrow().honours => self.honour().await,
            7 if two.borrow().honours => self.honour_no_more().await,
            _ => {}
        }
    }

    fn choose_session(&self) {
        let Some(two) = &self.two else { return };
        let number = two.borrow_mut().dice.usize(..self.devices.len());
        let by_timetable = two.borrow_mut().dice.u8(..3) == 0;
        let session = (!by_timetable).then(|| self.any_session());
        let device = &self.devices[number];
        let Some(program) = device.program() else {
            return;
        };
        let id = session.map(|session| session.id);
        let done = program.at_gate(device, |gate, means| gate.choose(means, id));
        let name = session.map_or("as the timetable says", |session| &session.slug);
        match done {
            Ok(()) => self
                .story
                .tell(device.name, format_args!("serves {name} from now on")),
            Err(error) => self
                .story
                .tell(device.name, format_args!("cannot serve {name}: {error}")),
        }
    }

    /// A session lets in tickets of the other one for some seconds or minutes.
    async fn honour(&self) {
        let (Some(two), Some(service)) = (&self.two, self.server.service()) else {
            return;
        };
        let session = self.any_session();
        let Some(other) = self.other_session(session) else {
            return;
        };
        let long = {
            let mut two = two.borrow_mut();
            let most = if two.dice.bool() { 20_000 } else { 600_000 };
            two.dice.u64(1_000..most)
        };
        let from = self.time.now();
        let until = UnixMillis::new(from.get() + long);
        let new = NewHonour {
            tickets_of: other.slug.clone(),
            from: None,
            until: Timestamp::from_millisecond(i64::try_from(until.get()).unwrap()).unwrap(),
        };
        two.borrow_mut().said.push(Honour {
            session: session.id,
            tickets_of: other.id,
            from,
            until,
        });
        let organizer = self.house.organizer.id;
        let said = service.honour(organizer, EVENT.to_owned(), session.slug.clone(), new);
        match said.await {
            Ok(()) => self.story.tell(
                "office",
                format_args!(
                    "{} lets in tickets of {} for {long} ms",
                    session.slug, other.slug
                ),
            ),
            Err(error) => self.story.tell(
                "office",
                format_args!("{} lets in nobody of {}: {error}", session.slug, other.slug),
            ),
        }
        self.seal_soon();
    }

    async fn honour_no_more(&self) {
        let Some(service) = self.server.service() else {
            return;
        };
        let session = self.any_session();
        let Some(other) = self.other_session(session) else {
            return;
        };
        let organizer = self.house.organizer.id;
        let (event, slug, of) = (EVENT.to_owned(), session.slug.clone(), other.slug.clone());
        match service.honour_no_more(organizer, event, slug, of).await {
            Ok(()) => self.story.tell(
                "office",
                format_args!(
                    "{} lets in tickets of {} no longer",
                    session.slug, other.slug
                ),
            ),
            Err(error) => self.story.tell(
                "office",
                format_args!("{} goes on with {}: {error}", session.slug, other.slug),
            ),
        }
    }

    /// Whether anybody ever ordered a session to let in tickets of another one whose time covers a moment, or
    /// comes within `margin` of it.
    fn was_honoured(
        &self,
        (session, tickets_of): (SessionId, SessionId),
        at: UnixMillis,
        margin: i64,
    ) -> bool {
        let Some(two) = &self.two else { return false };
        let two = two.borrow();
        let mut said = two.said.iter();
        said.any(|honour| {
            (honour.session, honour.tickets_of) == (session, tickets_of)
                && honour.from.shifted(-margin) <= at
                && at <= honour.until.shifted(margin)
        })
    }

    /// What a stolen device writes where there are two sessions: that a ticket is the other one's and let in, which
    /// may have been ordered.
    pub(super) fn as_of_two_sessions(
        &self,
        session: &Session,
        body: Body,
        is_lie: bool,
    ) -> (Body, bool) {
        let (Some(two), Some(other)) = (&self.two, self.other_session(session)) else {
            return (body, is_lie);
        };
        match body {
            Body::Scan(scan) if scan.honours.is_some() && two.borrow_mut().dice.u8(..4) != 0 => {
                let honours = Some(other.id);
                (Body::Scan(Scan { honours, ..scan }), false)
            }
            body => (body, is_lie),
        }
    }

    /// What must hold of an answer where there are two sessions: a ticket of the other one is let in only where
    /// that was ordered, and is told where it belongs; one of this session counts here.
    pub(super) fn judge_session(
        &self,
        device: &Device,
        program: &Program,
        bought: &Bought,
        (line, answer): (&Line, &Answer),
    ) {
        let Some(scan) = line.record.body.as_scan().filter(|_| self.two.is_some()) else {
            return;
        };
        if scan.direction == Direction::Exit || line.record.log.device != device.id {
            return;
        }
        let (name, ticket) = (device.name, &bought.name);
        let is_here = bought.valid_at.contains(&scan.session);
        if let Verdict::Refuse(Refusal::WrongSession { right }) = &answer.verdict {
            let right: BTreeSet<SessionId> = right.iter().map(|(session, _)| *session).collect();
            let own: BTreeSet<SessionId> = bought.valid_at.iter().copied().collect();
            self.story.check(
                "a ticket is told which session it is for, and only if it is not this one",
                !is_here && right == own,
                format_args!("{name} told {ticket} of {own:?} to be of {right:?}"),
            );
        }
        let counted = scan.outcome == Outcome::Admit
            && !matches!(scan.reason, Reason::FreeFlow | Reason::Override);
        if !counted {
            return;
        }
        self.story.check(
            "a ticket of the session that is served counts there",
            !is_here || scan.honours.is_none(),
            format_args!("{name} counted {ticket} at another one"),
        );
        if is_here {
            return;
        }
        let alone = matches!(
            answer.certainty,
            Certainty::Local { .. } | Certainty::Isolated { .. }
        );
        // A gate goes by its own clock.
        let margin = match (alone, device.clock.is_right()) {
            (false, _) => 1_000,
            (true, true) => 10_000,
            (true, false) => i64::MAX / 2,
        };
        let of = bought.valid_at.first().copied();
        self.story.check(
            "a ticket of another session is let in only while that is ordered",
            of.is_some_and(|of| {
                scan.honours == Some(of)
                    && self.was_honoured((scan.session, of), self.time.now(), margin)
            }),
            format_args!("{name} let {ticket} in as {:?}", scan.reason),
        );
        self.check_order_is_known(program, (line, name), bought, alone);
    }

    /// A gate that decides alone lets in by orders that it has read.
    fn check_order_is_known(
        &self,
        program: &Program,
        (line, name): (&Line, &str),
        bought: &Bought,
        alone: bool,
    ) {
        let known = self.knowledge(program, bought);
        let session = line.record.body.as_scan().map(|scan| scan.session);
        let is_known = known.lines().any(|said| {
            matches!(&said.record.body, Body::Honour(honour)
                if said.record.log.device == self.house.organizer.server
                    && Some(honour.session) == session
                    && bought.valid_at.contains(&honour.tickets_of))
        });
        self.story.check(
            "who decides alone has read the order",
            is_known || !alone,
            format_args!("{name} let {} in", bought.name),
        );
    }
}
