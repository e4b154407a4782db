//! What a gate is asked and what it answers.

use serde::Serialize;
use usher_domain::code::Repair;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, GateId, SessionId, TicketId};
use usher_domain::record::{Certainty, Confirmed, Direction};
use usher_domain::seal::Holder;
use usher_domain::secret::Private;
use usher_domain::session::Slugs;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{Referral, TroubleCode, Verdict};

/// One showing of something at the gate.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// The text that was scanned or typed.
    pub text: Private,
    /// In or out.
    pub direction: Direction,
    /// The session, if a person names it; else the one chosen, else the timetable's.
    pub session: Option<SessionId>,
    /// The attempt, where this asks again; none begins a new one. The same attempt repeats its verdict.
    pub attempt: Option<AttemptId>,
    /// What staff checked after a referral of the same attempt.
    pub confirmed: Option<Confirmed>,
}

impl ScanRequest {
    /// Somebody wants in.
    pub fn entry(text: impl Into<String>) -> Self {
        Self {
            text: Private::new(text),
            direction: Direction::Entry,
            session: None,
            attempt: None,
            confirmed: None,
        }
    }

    /// Somebody leaves.
    pub fn exit(text: impl Into<String>) -> Self {
        Self {
            direction: Direction::Exit,
            ..Self::entry(text)
        }
    }
}

/// The session that a gate serves, as it always says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The session.
    pub id: SessionId,
    /// Its name.
    pub name: String,
    /// Its event's name.
    pub event: String,
    /// IANA name of the venue's time zone, in which people are told times.
    pub time_zone: String,
    /// What event and session are called in commands, if the server told.
    pub slugs: Option<Slugs>,
}

/// An earlier scan with names, as a person explains a refusal by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// When.
    pub at: UnixMillis,
    /// How long ago in milliseconds.
    pub ago_ms: u64,
    /// Name of the gate, if it had one.
    pub gate: Option<String>,
    /// Name of the device.
    pub device: Option<String>,
    /// Name of who worked there.
    pub operator: Option<Private>,
    /// Whether it was this device.
    pub here: bool,
    /// Hash of its record, which an undo names.
    pub record: Hash,
}

/// Something the operator should hear of besides the verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// Half of the last scans belong to another session.
    OtherSession(Served),
    /// The ticket is for a session that this device holds and that is open too.
    OpenToo(Served),
    /// So many of the last ten codes are in no list: the list or the scanner may be the wrong one.
    MostlyUnknown(usize),
}

/// What came of asking the authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// It was not asked: the verdict depends on no other device, or nobody could be asked.
    Not,
    /// It answered, and the verdict is its.
    Answered,
    /// It knows newer documents than this device: the device decided alone and exchanges.
    Behind,
    /// The server is not the authority that the device takes it for: the device decided alone.
    NotAuthority,
    /// It did not answer in time: the device decided alone.
    Late,
    /// It could not be reached, or could not answer: the device decided alone.
    Failed,
    /// The server does not answer this device: it decided alone.
    Refused,
}

/// Names of the devices and gates that an answer speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NamesTold {
    /// Devices.
    pub devices: Vec<(DeviceId, String)>,
    /// Gates.
    pub gates: Vec<(GateId, String)>,
}

/// A gate's answer to one showing. Its record is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Admit, refuse or refer.
    pub verdict: Verdict,
    /// The session that was served; none if there is none.
    pub session: Option<Served>,
    /// The earlier scan that a refusal rests on.
    pub evidence: Option<Evidence>,
    /// Name of the zone that the verdict speaks of.
    pub zone: Option<String>,
    /// Name of the one device that may admit the ticket without a network, where the verdict speaks of it.
    pub home: Option<String>,
    /// The ticket, where one is known.
    pub ticket: Option<TicketId>,
    /// Name of the ticket type.
    pub type_name: Option<String>,
    /// The seat.
    pub seat: Option<String>,
    /// Why its seller lets it not enter, in the seller's words, where that is why it is refused.
    pub explanation: Option<String>,
    /// Whether the ticket was moved from one session to another, where it is refused for that.
    pub moved: Option<Moved>,
    /// Who holds the ticket; only the code shown opens it.
    pub holder: Option<Holder>,
    /// How sure the gate was.
    pub certainty: Certainty,
    /// What came of asking the authority.
    pub asked: Asked,
    /// Names of the other devices and gates that verdict and certainty speak of.
    pub names: NamesTold,
    /// The attempt; it also ties the log lines of this scan together.
    pub attempt: AttemptId,
    /// Hash of the record, which an undo or an override names. None where no record could be written: then
    /// the verdict refers.
    pub record: Option<Hash>,
    /// When, by the best knowledge of the time.
    pub at: UnixMillis,
    /// What the operator should hear of besides.
    pub advice: Option<Advice>,
    /// What was done to what was presented to read the code in it; of a signed code, what a scanner changed in
    /// it, for which it opens nothing.
    pub repair: Option<Repair>,
    /// IANA name of the time zone by which times are told where no session is served, if one was held before.
    pub last_zone: Option<String>,
}

/// How a ticket that is refused was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// To another session, where what was shown opens it.
    Away,
    /// To another session, where only its new code opens it.
    AwayWithNewCode,
    /// To this session, where only its new code opens it.
    Here,
}

impl Answer {
    /// The answer of a device that cannot decide, or cannot write its record: a person must. Also for
    /// shells whose store does not open.
    #[must_use]
    pub const fn trouble(code: &'static str, attempt: AttemptId, at: UnixMillis) -> Self {
        Self::refer(
            Referral::DeviceTrouble {
                code: TroubleCode::new(code),
            },
            attempt,
            at,
        )
    }

    pub(super) const fn refer(referral: Referral, attempt: AttemptId, at: UnixMillis) -> Self {
        Self {
            verdict: Verdict::Refer(referral),
            session: None,
            evidence: None,
            zone: None,
            home: None,
            ticket: None,
            type_name: None,
            seat: None,
            explanation: None,
            moved: None,
            holder: None,
            certainty: Certainty::Isolated {
                since: UnixMillis::new(0),
            },
            asked: Asked::Not,
            names: NamesTold {
                devices: Vec::new(),
                gates: Vec::new(),
            },
            attempt,
            record: None,
            at,
            advice: None,
            repair: None,
            last_zone: None,
        }
    }
}
