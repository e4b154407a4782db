//! Verdicts in plain words, the same on every shell: the one place where a gate's answers become sentences.
//!
//! Every variant has its own sentence; the matches have no wildcard, so a new reason cannot go without.

use super::Line;
use crate::gate::Moved;
use crate::store::SignOutReason;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use usher_domain::code::{Layout, Repair};
use usher_domain::ids::{DeviceId, GateId, StaffId, ZoneId};
use usher_domain::record::{Certainty, Direction, Outcome};
use usher_domain::table::rows::CancelReason;
use usher_domain::time::UnixMillis;
use usher_domain::verdict::{
    Admit, AdmitWhy, Caution, OpenAdmission, PriorScan, Referral, Refusal, Verdict,
};

mod above;

pub(super) use above::{order, over, said, taken_back, times};

/// Names behind ids, as far as the device knows them; what it does not know is left out or described.
pub(super) trait Names {
    /// A gate's name.
    fn gate(&self, id: GateId) -> Option<String>;
    /// A device's name.
    fn device(&self, id: DeviceId) -> Option<String>;
    /// A zone's name.
    fn zone(&self, id: ZoneId) -> Option<String>;
    /// The name of a member of staff.
    fn staff(&self, id: StaffId) -> Option<String>;
}

/// Where and when a sentence is read.
pub(super) struct Scene<'a> {
    /// Names behind ids.
    pub(super) names: &'a dyn Names,
    /// The session's time zone.
    pub(super) zone: &'a TimeZone,
    /// What time it is.
    pub(super) now: UnixMillis,
    /// Whether the earlier scan that the verdict rests on was on this device.
    pub(super) here: bool,
}

/// A verdict in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// The reason in a sentence.
    pub(super) why: String,
    /// What else a person should know, a sentence each.
    pub(super) more: Vec<String>,
}

/// How a device hears of what happens elsewhere.
#[must_use]
pub const fn line(line: Line) -> &'static str {
    match line {
        Line::Live => "live: what happens elsewhere is told at once",
        Line::Asking => "polling: the server is asked from time to time",
    }
}

/// How sure a gate is that could not decide at all.
pub(super) const NOTHING_ASKED: &str = "nothing was looked up";

/// What a copied device says.
pub(super) const COPIED: &str = "This device's folder is in use twice at once, here and in a copy. Nothing is \
     confirmed without naming it. Find the other one, enroll both anew, each with a code of its own, and have \
     this device revoked.";

/// Why a staff badge lets nobody in.
pub(super) const STAFF_BADGE: &str = "This is a staff badge, not a ticket. To sign in show it at a running gate (usher scan --stdin or --camera), or say usher sign-in.";

/// Why an enrollment code lets nobody in.
pub(super) const ENROLLMENT_CODE: &str =
    "This is the enrollment code of a device, not a ticket: usher enroll takes it.";

/// That somebody was signed out by the gate itself.
#[must_use]
pub fn signed_out(name: Option<&str>, why: SignOutReason) -> String {
    let who = name.unwrap_or("Whoever was signed in");
    let why = match why {
        SignOutReason::Revoked => "the badge was revoked",
        SignOutReason::NotValidNow => "the badge is not valid at this time",
        SignOutReason::OtherGate => "the badge is for other gates",
    };
    format!("{who} was signed out: {why}. Scan another badge.")
}

/// What to mend at a scanner that delivers codes changed in this way; none where nothing is wrong with it.
#[must_use]
pub const fn scanner(repair: Repair) -> Option<&'static str> {
    match repair {
        Repair::Unwrapped | Repair::Placed | Repair::UrlPart | Repair::JsonValue => None,
        Repair::Case => Some(
            "This scanner exchanges capitals and small letters: switch Caps Lock off, at the computer or in \
             the scanner.",
        ),
        Repair::Layout(Layout::German) => Some(
            "This scanner and this computer have different keyboard layouts, US and German: set both to the \
             same.",
        ),
        Repair::Layout(Layout::French) => Some(
            "This scanner and this computer have different keyboard layouts, US and French: set both to the \
             same.",
        ),
        Repair::Layout(Layout::British) => Some(
            "This scanner and this computer have different keyboard layouts, US and British: set both to the \
             same.",
        ),
        Repair::Zeros => {
            Some("The ticket list has this code with more or fewer zeros at the beginning.")
        }
    }
}

/// The word of an outcome, seen from afar.
#[must_use]
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Admit => "ADMIT",
        Outcome::Refuse => "REFUSE",
        Outcome::Refer => "REFER",
    }
}

/// A direction in words.
#[must_use]
pub const fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Entry => "in",
        Direction::Exit => "out",
    }
}

impl Scene<'_> {
    /// A verdict in words.
    #[must_use]
    pub(super) fn verdict(&self, verdict: &Verdict) -> Said {
        let (why, more) = match verdict {
            Verdict::Admit(Admit { why, cautions }) => {
                let more = cautions.iter().map(|caution| self.caution(caution));
                (admitted(why), more.collect())
            }
            Verdict::Refuse(refusal) => (self.refusal(refusal), Vec::new()),
            Verdict::Refer(referral) => self.referral(referral),
        };
        Said { why, more }
    }

    /// How sure the gate is, in words.
    #[must_use]
    pub(super) fn certainty(&self, certainty: &Certainty) -> String {
        match certainty {
            Certainty::Local { peers_as_of } if peers_as_of.get() == 0 => {
                "decided here; nothing is known of other gates yet".to_owned()
            }
            Certainty::Local { peers_as_of } => {
                format!(
                    "decided here, with the other gates' scans until {}",
                    self.time(*peers_as_of)
                )
            }
            Certainty::Isolated { since } => self.alone(*since),
            Certainty::Confirmed => "confirmed with all gates".to_owned(),
            Certainty::ConfirmedExcept {
                device,
                since,
                others,
            } => {
                let more = match others {
                    0 => String::new(),
                    1 => " (and of one more device)".to_owned(),
                    others => format!(" (and of {others} more devices)"),
                };
                format!(
                    "confirmed, but nothing is known of {} {}{more}",
                    self.device_name(*device),
                    self.silent_since(*since)
                )
            }
        }
    }

    /// Since when nothing is known of a device.
    fn silent_since(&self, since: UnixMillis) -> String {
        if since.get() == 0 {
            "so far".to_owned()
        } else {
            format!("since {}", self.time(since))
        }
    }

    /// Where somebody is being let through.
    fn elsewhere(&self, open: &OpenAdmission) -> String {
        match open.gate.and_then(|gate| self.names.gate(gate)) {
            Some(gate) => format!("Gate {gate}"),
            None => format!("Device {}", self.device_name(open.device)),
        }
    }

    fn caution(&self, caution: &Caution) -> String {
        match caution {
            Caution::Isolated { since } => format!("This gate is {}.", self.alone(*since)),
            Caution::StaleSet { issued_at } => {
                format!(
                    "The ticket list is old: it is of {}.",
                    self.time(*issued_at)
                )
            }
            Caution::ExpiredSet { expired_at } => {
                format!("The ticket list expired at {}.", self.time(*expired_at))
            }
            Caution::ClockUnproved => {
                "This device's clock was not compared with the server's.".to_owned()
            }
            Caution::OverCapacity { zone, inside } => {
                format!(
                    "{} is full by this gate's count: {inside} inside.",
                    self.zone_name(*zone)
                )
            }
            Caution::Quarantined(prior) => {
                format!(
                    "A device that was revoked let this ticket in: {}. Look who came in by it.",
                    self.prior(prior)
                )
            }
        }
    }

    fn refusal(&self, refusal: &Refusal) -> String {
        match refusal {
            Refusal::Malformed => {
                "Not a readable ticket code: damaged, empty or too long.".to_owned()
            }
            Refusal::Forged => "Forged: not signed by this organizer.".to_owned(),
            Refusal::Unknown => "No such ticket.".to_owned(),
            Refusal::WrongEvent { right: Some(right) } => {
                format!("A ticket for another event: {right}.")
            }
            Refusal::WrongEvent { right: None } => "A ticket for another event.".to_owned(),
            Refusal::WrongSession { right } if right.is_empty() => {
                "A ticket for another session.".to_owned()
            }
            Refusal::WrongSession { right } => {
                let names: Vec<&str> = right.iter().map(|(_, name)| name.as_str()).collect();
                format!("A ticket for another session: {}.", either(&names))
            }
            Refusal::Superseded {
                shown: Some(shown),
                valid,
            } => {
                format!("Replaced: this is issue {shown}, and only issue {valid} is valid.")
            }
            Refusal::Superseded { shown: None, valid } => {
                format!("Replaced by a newer ticket: only issue {valid} is valid.")
            }
            Refusal::Cancelled { reason } => format!("Cancelled: {}.", cancelled(*reason)),
            Refusal::Blocked => "Held back by the seller, for example until it is paid.".to_owned(),
            Refusal::NotYetValid { from } => format!("Too early: valid from {}.", self.time(*from)),
            Refusal::NoLongerValid { until } => {
                format!("Too late: it was valid until {}.", self.time(*until))
            }
            Refusal::WrongZone { gates } if gates.is_empty() => {
                "Not valid for this zone.".to_owned()
            }
            Refusal::WrongZone { gates } => {
                let names: Vec<&str> = gates.iter().map(String::as_str).collect();
                format!("Not valid for this zone: go to {}.", either(&names))
            }
            Refusal::AlreadyInside(prior) => self.already_inside(prior),
            Refusal::ExitRequired(prior) => {
                format!(
                    "Inside without an exit scan: came in at {}.",
                    self.prior(prior)
                )
            }
            Refusal::EntriesUsedUp { allowed: 1, last } => {
                format!("Its one entry is used: at {}.", self.prior(last))
            }
            Refusal::EntriesUsedUp { allowed, last } => {
                format!(
                    "All {allowed} entries are used, the last at {}.",
                    self.prior(last)
                )
            }
            Refusal::BeingAdmitted(open) => {
                format!(
                    "{} is letting it through at this moment.",
                    self.elsewhere(open)
                )
            }
            Refusal::NotInside => "Nobody is inside with this ticket.".to_owned(),
            Refusal::Full { zone, inside } => {
                format!("{} is full: {inside} inside.", self.zone_name(*zone))
            }
        }
    }

    fn referral(&self, referral: &Referral) -> (String, Vec<String>) {
        let alone = |why: &str| (why.to_owned(), Vec::new());
        match referral {
            Referral::Instruction { texts } => (
                "Check this first:".to_owned(),
                texts.iter().map(|text| format!("» {text}")).collect(),
            ),
            Referral::ClockUnproved { refusal } => (
                "A question of time, and this device's clock was not compared with the server's."
                    .to_owned(),
                vec![format!("By this clock: {}", self.refusal(refusal))],
            ),
            Referral::AdmissionOpen(open) => (
                format!(
                    "{} began to let it through at {} and never said how that ended.",
                    self.elsewhere(open),
                    self.time(open.since)
                ),
                vec!["Ask there, or let a supervisor decide.".to_owned()],
            ),
            Referral::HomeSilent { home } => (
                format!(
                    "{} holds this ticket and did not answer; only it may admit it alone.",
                    self.device_name(*home)
                ),
                Vec::new(),
            ),
            Referral::PeerSilent { device, since } => (
                format!(
                    "{} has been silent {} and may have admitted it; the rules say that a supervisor decides.",
                    self.device_name(*device),
                    self.silent_since(*since)
                ),
                Vec::new(),
            ),
            Referral::Isolated { since } => (
                format!(
                    "This gate is {}; the rules say that a supervisor decides.",
                    self.alone(*since)
                ),
                Vec::new(),
            ),
            Referral::NotHome { home: Some(home) } => (
                format!(
                    "Without a network only {} may admit this ticket.",
                    self.device_name(*home)
                ),
                Vec::new(),
            ),
            Referral::NotHome { home: None } => {
                alone("Without a network no device here may admit this ticket.")
            }
            Referral::StaleSet { issued_at } => (
                format!(
                    "The ticket list is of {}; the rules say that a supervisor decides.",
                    self.time(*issued_at)
                ),
                Vec::new(),
            ),
            Referral::TypeNotAllowed => alone(
                "A new type of ticket: nobody has said yet which zones it opens. Ask whoever looks after the tickets.",
            ),
            Referral::UnknownSigned => {
                alone("Genuine, but not in this gate's list: perhaps sold a moment ago.")
            }
            Referral::RevokedKey => {
                alone("Signed by a key that was withdrawn, and not in this gate's list.")
            }
            Referral::DeviceTrouble { code } => {
                let what = trouble(code.as_str());
                let instead = match code.as_str() {
                    "store_in_use" => "end it, or scan there",
                    _ => "use another one",
                };
                (format!("{what} ({code}): {instead}."), Vec::new())
            }
            Referral::NoSession => alone("This device serves no session now."),
            Referral::OperatorRequired => {
                alone("Nobody is signed in here: scan your badge, then the ticket again.")
            }
            Referral::NoGate => alone(
                "This ticket is for certain zones, and this device stands at no gate: have it moved to one, or \
                 send the guest to a gate.",
            ),
            Referral::DeviceRevoked { since } => (
                format!(
                    "This device was revoked (told {}) and decides nothing: use another one.",
                    self.time(*since)
                ),
                Vec::new(),
            ),
        }
    }

    fn already_inside(&self, prior: &PriorScan) -> String {
        let seconds = self.now.since(prior.at) / 1000;
        if self.here && self.is_recent(prior.at) {
            let ago = match seconds {
                0 => return "Admitted here just now.".to_owned(),
                1 => "1 second".to_owned(),
                seconds => format!("{seconds} seconds"),
            };
            return format!("Admitted here {ago} ago.");
        }
        format!("Already inside since {}.", self.prior(prior))
    }

    /// An earlier scan: when, where, on which device, by whom.
    fn prior(&self, prior: &PriorScan) -> String {
        let mut said = if self.is_recent(prior.at) {
            self.second(prior.at)
        } else {
            self.time(prior.at)
        };
        if let Some(gate) = prior.gate {
            let name = self.names.gate(gate);
            said.push_str(&format!(
                ", gate {}",
                name.unwrap_or_else(|| "unknown".to_owned())
            ));
        }
        said.push_str(&format!(", device {}", self.device_name(prior.device)));
        if let Some(name) = prior
            .operator
            .and_then(|operator| self.names.staff(operator))
        {
            said.push_str(&format!(", by {name}"));
        }
        said
    }

    fn alone(&self, since: UnixMillis) -> String {
        if since.get() == 0 {
            "alone: it never reached the server".to_owned()
        } else {
            format!("alone since {}", self.time(since))
        }
    }

    /// Whether a time is so near that people tell it by seconds.
    const fn is_recent(&self, at: UnixMillis) -> bool {
        self.now.since(at) < BY_SECONDS_MS
    }

    /// A time of today to the second.
    fn second(&self, at: UnixMillis) -> String {
        match local(at, self.zone) {
            Some(at) => at.strftime("%H:%M:%S").to_string(),
            None => self.time(at),
        }
    }

    fn device_name(&self, id: DeviceId) -> String {
        self.names
            .device(id)
            .unwrap_or_else(|| "unknown".to_owned())
    }

    fn zone_name(&self, id: ZoneId) -> String {
        self.names.zone(id).unwrap_or_else(|| "The zone".to_owned())
    }

    /// A time of the venue's clock; the date stands before it unless it is today's.
    #[must_use]
    pub(super) fn time(&self, at: UnixMillis) -> String {
        time(at, self.now, self.zone)
    }
}

/// What happened since is told to the second: it may be the person who stands there.
const BY_SECONDS_MS: u64 = 120_000;

/// A time by a zone's clock, if the calendar has it.
fn local(at: UnixMillis, zone: &TimeZone) -> Option<Zoned> {
    let ms = i64::try_from(at.get()).ok()?;
    let at = Timestamp::from_millisecond(ms).ok()?;
    Some(at.to_zoned(zone.clone()))
}

/// A time of a zone's clock to the second, without its date.
pub(super) fn second(at: UnixMillis, zone: &TimeZone) -> String {
    match local(at, zone) {
        Some(at) => at.strftime("%H:%M:%S").to_string(),
        None => at.to_string(),
    }
}

/// A time of a zone's clock; the date stands before it unless it is that of `now`.
fn time(at: UnixMillis, now: UnixMillis, zone: &TimeZone) -> String {
    match (local(at, zone), local(now, zone)) {
        (Some(at), Some(now)) if at.date() == now.date() => at.strftime("%H:%M").to_string(),
        (Some(at), _) => at.strftime("%a %-d %b %Y, %H:%M").to_string(),
        (None, _) => at.to_string(),
    }
}

fn admitted(why: &AdmitWhy) -> String {
    match why {
        AdmitWhy::Listed => "",
        AdmitWhy::UnknownSigned => {
            "Genuine, but not in this gate's list: perhaps sold a moment ago."
        }
        AdmitWhy::BackAfterEveryoneOut => "Back after everyone was sent out.",
        AdmitWhy::Override => "A supervisor decided.",
        AdmitWhy::FreeFlow => "The gate is open: counted, not checked.",
        AdmitWhy::Exit => "Leaving.",
        AdmitWhy::Honoured => "A ticket of another session that is let in here today.",
    }
    .to_owned()
}

/// Why a ticket is refused, in its seller's words; none where the verdict rests on something else.
#[must_use]
pub fn explained(verdict: &Verdict, explanation: &str) -> Option<String> {
    let why = explanation.trim_end_matches('.');
    match verdict {
        Verdict::Refuse(Refusal::Cancelled {
            reason: CancelReason::Other,
        }) => Some(format!("Cancelled: {why}.")),
        Verdict::Refuse(Refusal::Cancelled { reason }) => {
            let told = cancelled(*reason);
            Some(format!("Cancelled: {told} ({why})."))
        }
        Verdict::Refuse(Refusal::Blocked) => Some(format!("Held back: {why}.")),
        Verdict::Admit(_) | Verdict::Refuse(_) | Verdict::Refer(_) => None,
    }
}

/// That a ticket was moved, and what opens it now.
#[must_use]
pub fn moved(moved: Moved, verdict: &Verdict) -> String {
    let names: Vec<&str> = match verdict {
        Verdict::Refuse(Refusal::WrongSession { right }) => {
            right.iter().map(|(_, name)| name.as_str()).collect()
        }
        Verdict::Refuse(_) | Verdict::Admit(_) | Verdict::Refer(_) => Vec::new(),
    };
    let place = if names.is_empty() {
        "another session".to_owned()
    } else {
        either(&names)
    };
    match moved {
        Moved::Away => format!("Moved to {place}: this code is valid there."),
        Moved::AwayWithNewCode => format!("Moved to {place}: only its new code is valid there."),
        Moved::Here => {
            "An old code: the ticket was moved to this session and has a new one. Ask for the new code."
                .to_owned()
        }
    }
}

/// A reason of cancellation in words.
#[must_use]
pub const fn cancelled(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Refunded => "the money was given back",
        CancelReason::Exchanged => "exchanged for another ticket",
        CancelReason::ChargedBack => "the payment was charged back",
        CancelReason::Mistake => "made by mistake or twice",
        CancelReason::Withdrawn => "withdrawn by the organizer",
        CancelReason::Other => "no reason given",
    }
}

/// "a", "a or b", "a, b or c".
fn either(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

/// What troubles a device, by the code of its store.
fn trouble(code: &str) -> &'static str {
    match code {
        "disk_full" => "This device's disk is full",
        "store_read_only" => "This device's folder cannot be written",
        "store_in_use" => "Another program is using this device's folder",
        "store_damaged" => "This device's store is damaged",
        "sync_needed" => "This device lost its ticket lists and must sync",
        _ => "This device cannot decide",
    }
}

/// A span of time in its two largest units.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests;
