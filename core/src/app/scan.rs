//! Scanning and taking back.

use super::present::Kind;
use super::words::{self, Names, Scene};
use super::{ApiError, App};
use crate::gate::{
    Advice, Answer, Asked, AtGate as _, Evidence, Moved, ScanRequest, Served, UndoRequest,
};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use usher_domain::code::Repair;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, GateId, SessionId, StaffId, TicketId, ZoneId};
use usher_domain::record::{Certainty, Confirmed, Direction, Outcome};
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{Reason, Refusal, Verdict};

/// What was shown, and how it is meant.
#[derive(Debug, Clone, Deserialize)]
pub struct ScanInput {
    /// The text that was scanned or typed.
    pub text: Private,
    /// In or out.
    pub direction: Direction,
    /// The session, if a person names it.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// The attempt, where this asks again after an instruction or a lost answer.
    #[serde(default)]
    pub attempt: Option<AttemptId>,
    /// Whether staff checked what the instruction of that attempt asks.
    #[serde(default)]
    pub instruction_checked: bool,
}

/// A session by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// Its event's name.
    pub event: String,
    /// IANA name of the venue's time zone.
    pub time_zone: String,
    /// What it is called in commands, if the server told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<String>,
    /// What its event is called in commands, if the server told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_slug: Option<String>,
}

impl From<Served> for SessionView {
    fn from(served: Served) -> Self {
        let (event_slug, slug) = served
            .slugs
            .map(|slugs| (slugs.event, slugs.session))
            .unzip();
        Self {
            id: served.id,
            name: served.name,
            event: served.event,
            time_zone: served.time_zone,
            slug,
            event_slug,
        }
    }
}

/// An earlier scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    /// When.
    pub at: UnixMillis,
    /// How long ago in milliseconds.
    pub ago_ms: u64,
    /// Name of the gate.
    pub gate: Option<String>,
    /// Name of the device.
    pub device: Option<String>,
    /// Name of who worked there.
    pub operator: Option<Private>,
    /// Whether it was this device.
    pub here: bool,
    /// Its record, which an undo names.
    pub record: String,
}

impl From<Evidence> for EvidenceView {
    fn from(evidence: Evidence) -> Self {
        Self {
            at: evidence.at,
            ago_ms: evidence.ago_ms,
            gate: evidence.gate,
            device: evidence.device,
            operator: evidence.operator,
            here: evidence.here,
            record: evidence.record.to_string(),
        }
    }
}

/// The answer to one showing. Its record is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanView {
    /// Admit, refuse or refer.
    pub outcome: Outcome,
    /// Why, as a stable code.
    pub reason: Reason,
    /// All of the verdict, for shells that say it in their own words.
    #[serde(skip)]
    pub verdict: Verdict,
    /// Why, as a sentence.
    pub message: String,
    /// What else a person should know, a sentence each: cautions of an admission, what staff must check.
    pub cautions: Vec<String>,
    /// How sure the gate was, in words.
    pub known: String,
    /// Where the ticket may go instead, if that is known.
    pub right: RightView,
    /// How the ticket was moved to another session, where it is refused for that.
    pub moved: Option<Moved>,
    /// Name of the zone that the verdict speaks of.
    pub zone: Option<String>,
    /// Name of the one device that may admit the ticket without a network, where the verdict speaks of it.
    pub home: Option<String>,
    /// The session that was served.
    pub session: Option<SessionView>,
    /// The earlier scan that a refusal rests on.
    pub evidence: Option<EvidenceView>,
    /// The ticket, where one is known.
    pub ticket: Option<TicketId>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// The seat.
    pub seat: Option<String>,
    /// Who holds the ticket.
    pub holder: Option<Private>,
    /// More about the holder, for the operator.
    pub holder_lines: Vec<Private>,
    /// How sure the gate was.
    pub certainty: Certainty,
    /// What came of asking the authority.
    pub asked: Asked,
    /// The attempt; it ties log lines together.
    pub attempt: AttemptId,
    /// The record, which an undo or an override names; none where none could be written.
    pub record: Option<String>,
    /// When.
    pub at: UnixMillis,
    /// The session that most of the last scans belong to, if it is another than the one served.
    pub rather: Option<SessionView>,
    /// The session of the ticket, if this device holds it and it is open too: a person may choose it.
    pub open_too: Option<SessionView>,
    /// How many of the last ten codes are in no list, if they are so many that list or scanner may be wrong.
    pub mostly_unknown: Option<usize>,
    /// What was done to what was presented to read the code in it.
    pub repair: Option<Repair>,
    /// What to mend at the scanner, as a sentence.
    pub scanner: Option<&'static str>,
}

/// Where a ticket may go instead of here, by name; empty where it is of no concern or unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RightView {
    /// The event.
    pub event: Option<String>,
    /// The sessions; a pass has several.
    pub sessions: Vec<String>,
    /// Gates that lead where it may go.
    pub gates: Vec<String>,
}

impl From<&Verdict> for RightView {
    fn from(verdict: &Verdict) -> Self {
        let Verdict::Refuse(refusal) = verdict else {
            return Self::default();
        };
        if let Refusal::WrongEvent { right } = refusal {
            let event = right.clone();
            Self {
                event,
                ..Self::default()
            }
        } else if let Refusal::WrongSession { right } = refusal {
            let sessions = right.iter().map(|(_, name)| name.clone()).collect();
            Self {
                sessions,
                ..Self::default()
            }
        } else if let Refusal::WrongZone { gates } = refusal {
            let gates = gates.clone();
            Self {
                gates,
                ..Self::default()
            }
        } else {
            Self::default()
        }
    }
}

/// The names behind a verdict: those told with it, and those of the one earlier scan that it speaks of.
impl Names for Answer {
    fn gate(&self, id: GateId) -> Option<String> {
        let told = self.names.gates.iter().find(|(gate, _)| *gate == id);
        match told {
            Some((_, name)) => Some(name.clone()),
            None => self.evidence.as_ref()?.gate.clone(),
        }
    }

    fn device(&self, id: DeviceId) -> Option<String> {
        let told = self.names.devices.iter().find(|(device, _)| *device == id);
        match told {
            Some((_, name)) => Some(name.clone()),
            None => self.evidence.as_ref()?.device.clone(),
        }
    }

    fn zone(&self, _: ZoneId) -> Option<String> {
        self.zone.clone()
    }

    fn staff(&self, _: StaffId) -> Option<String> {
        let name = self.evidence.as_ref()?.operator.as_ref()?;
        Some(name.reveal().to_owned())
    }
}

impl From<Answer> for ScanView {
    fn from(answer: Answer) -> Self {
        let served = answer.session.as_ref();
        let zone = served.and_then(|served| TimeZone::get(&served.time_zone).ok());
        let last_zone = answer.last_zone.as_deref();
        let last_zone = last_zone.and_then(|zone| TimeZone::get(zone).ok());
        let scene = Scene {
            names: &answer,
            zone: &zone.or(last_zone).unwrap_or(TimeZone::UTC),
            now: answer.at,
            here: answer.evidence.as_ref().is_some_and(|earlier| earlier.here),
        };
        let said = scene.verdict(&answer.verdict);
        let explanation = answer.explanation.as_deref();
        let explained = explanation
            .and_then(|why| words::explained(&answer.verdict, why))
            .or_else(|| Some(words::moved(answer.moved?, &answer.verdict)));
        let known = match answer.session {
            Some(_) => scene.certainty(&answer.certainty),
            None => words::NOTHING_ASKED.to_owned(),
        };
        let (holder, holder_lines) = answer.holder.map_or((None, Vec::new()), |holder| {
            (Some(holder.name), holder.lines)
        });
        let (rather, open_too, mostly_unknown) = match answer.advice {
            Some(Advice::OtherSession(served)) => (Some(served.into()), None, None),
            Some(Advice::OpenToo(served)) => (None, Some(served.into()), None),
            Some(Advice::MostlyUnknown(unknown)) => (None, None, Some(unknown)),
            None => (None, None, None),
        };
        Self {
            outcome: answer.verdict.outcome(),
            reason: answer.verdict.reason(),
            message: explained.unwrap_or(said.why),
            cautions: said.more,
            known,
            right: RightView::from(&answer.verdict),
            moved: answer.moved,
            zone: answer.zone,
            home: answer.home,
            session: answer.session.map(Into::into),
            evidence: answer.evidence.map(Into::into),
            ticket: answer.ticket,
            type_name: answer.type_name,
            seat: answer.seat,
            holder,
            holder_lines,
            certainty: answer.certainty,
            asked: answer.asked,
            attempt: answer.attempt,
            record: answer.record.map(|hash| hash.to_string()),
            at: answer.at,
            verdict: answer.verdict,
            rather,
            open_too,
            mostly_unknown,
            repair: answer.repair,
            scanner: answer.repair.and_then(words::scanner),
        }
    }
}

impl ScanView {
    /// The answer to the showing of this text. A staff badge that is shown as a ticket is told as what it
    /// is; its record is that of any text that is no ticket.
    pub(super) fn of(answer: Answer, text: &Private) -> Self {
        let is_no_ticket = matches!(
            answer.verdict,
            Verdict::Refuse(Refusal::Unknown | Refusal::Malformed)
        );
        let mut view = Self::from(answer);
        match Kind::of(text) {
            Kind::Badge if is_no_ticket => view.message = words::STAFF_BADGE.to_owned(),
            Kind::EnrollmentCode if is_no_ticket => {
                view.message = words::ENROLLMENT_CODE.to_owned();
            }
            Kind::Badge | Kind::EnrollmentCode | Kind::Ticket => {}
        }
        view
    }
}

/// What a supervisor has taken back that another device recorded.
#[derive(Debug, Clone, Deserialize)]
pub struct UndoInput {
    /// The record of the admission, as [`ScanView::record`] says it.
    pub record: String,
    /// Text of the supervisor's badge.
    pub badge: Private,
    /// The supervisor's PIN.
    pub pin: Private,
    /// Why.
    pub reason: SanctionReason,
}

/// A scan that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UndoneView {
    /// The record that says so.
    pub record: String,
}

impl From<ScanInput> for ScanRequest {
    fn from(input: ScanInput) -> Self {
        Self {
            text: input.text,
            direction: input.direction,
            session: input.session,
            attempt: input.attempt,
            confirmed: input.instruction_checked.then_some(Confirmed::Instruction),
        }
    }
}

impl App {
    /// Answers one showing. There is always a verdict; what goes wrong inside refers to a supervisor.
    #[must_use]
    pub fn scan(&self, input: ScanInput) -> ScanView {
        let request = ScanRequest::from(input);
        let answer = self.at_gate(|gate, means| gate.scan(means, &request));
        ScanView::of(answer, &request.text)
    }

    /// Answers the showing of one ticket for all tickets of its order, the one shown first.
    #[must_use]
    pub fn scan_order(&self, input: ScanInput) -> Vec<ScanView> {
        let request = ScanRequest::from(input);
        let answers = self.at_gate(|gate, means| gate.scan_order(means, &request));
        let tell = |answer| ScanView::of(answer, &request.text);
        answers.into_iter().map(tell).collect()
    }

    /// Counts as isolated from now on, because a person does without the server: the session's rule for
    /// isolated gates applies at once.
    pub fn go_alone(&self) {
        self.at_gate(|gate, _| gate.go_alone());
    }

    /// The session that is served now, unless a scan names another.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn serving(&self) -> Result<Option<SessionView>, ApiError> {
        let serving = self.heeding(self.at_gate(|gate, means| gate.serving(means)))?;
        Ok(serving.map(Into::into))
    }

    /// Takes an admission of this device back, by the hash of its record as [`ScanView::record`] says it, or by
    /// the first digits of it.
    ///
    /// # Errors
    /// `no_such_scan`, `wrong_kind`, `done_before`; `needs_supervisor` for what another device recorded.
    pub fn undo(&self, record: &str) -> Result<UndoneView, ApiError> {
        let hash = self.record_named(record)?;
        let record = self.at_gate(|gate, means| gate.undo(means, hash))?;
        Ok(UndoneView {
            record: record.to_string(),
        })
    }

    /// Takes an admission of any device back, by a supervisor's badge and PIN.
    ///
    /// # Errors
    /// `no_such_scan`, `wrong_kind`, `done_before`, `forbidden`, `wrong_pin`, `pin_locked`.
    pub fn undo_approved(&self, input: UndoInput) -> Result<UndoneView, ApiError> {
        let request = UndoRequest {
            record: self.record_named(&input.record)?,
            badge: input.badge,
            pin: input.pin,
            reason: input.reason,
        };
        let record = self.at_gate(|gate, means| gate.undo_approved(means, &request))?;
        Ok(UndoneView {
            record: record.to_string(),
        })
    }

    /// The sessions that this device could serve, by the time their doors open.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn sessions(&self) -> Result<Vec<SessionView>, ApiError> {
        let sessions = self.heeding(self.at_gate(|gate, means| gate.sessions(means)))?;
        Ok(sessions.into_iter().map(Into::into).collect())
    }

    /// Serves a session against the timetable; with none, follows the timetable again.
    ///
    /// # Errors
    /// `no_such_session`.
    pub fn choose_session(&self, session: Option<SessionId>) -> Result<(), ApiError> {
        Ok(self.at_gate(|gate, means| gate.choose(means, session))?)
    }
}

pub(super) fn read_record(text: &str) -> Result<Hash, ApiError> {
    text.parse().map_err(|_| {
        ApiError::never(
            "invalid_record",
            "a record is named by 64 hexadecimal digits",
        )
    })
}
