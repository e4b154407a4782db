use super::*;
use usher_domain::hash::Hash;
use usher_domain::ids::SessionId;
use usher_domain::numbers::IssueNumber;
use usher_domain::verdict::TroubleCode;

struct Venue;

impl Names for Venue {
    fn gate(&self, id: GateId) -> Option<String> {
        (id == NORTH).then(|| "north".to_owned())
    }
    fn device(&self, id: DeviceId) -> Option<String> {
        (id == TILL).then(|| "till-2".to_owned())
    }
    fn zone(&self, id: ZoneId) -> Option<String> {
        (id == FLOOR).then(|| "Floor".to_owned())
    }
    fn staff(&self, id: StaffId) -> Option<String> {
        (id == SAM).then(|| "Sam".to_owned())
    }
}

const NORTH: GateId = GateId::from_bytes([1; 16]);
const TILL: DeviceId = DeviceId::from_bytes([2; 16]);
const OWN: DeviceId = DeviceId::from_bytes([3; 16]);
const FLOOR: ZoneId = ZoneId::from_bytes([4; 16]);
const SAM: StaffId = StaffId::from_bytes([5; 16]);

/// 2027-05-01, 20:00 in Berlin.
const NOW: &str = "2027-05-01T20:00:00+02:00";

fn at(text: &str) -> UnixMillis {
    let at: Timestamp = text.parse().unwrap();
    UnixMillis::new(u64::try_from(at.as_millisecond()).unwrap())
}

/// An earlier scan on this very device is one of `OWN`.
fn is_own(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Refuse(Refusal::AlreadyInside(prior)) if prior.device == OWN)
}

fn said(verdict: &Verdict) -> Said {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let scene = Scene {
        names: &Venue,
        zone: &zone,
        now: at(NOW),
        here: is_own(verdict),
    };
    scene.verdict(verdict)
}

fn refused(refusal: Refusal) -> String {
    said(&Verdict::Refuse(refusal)).why
}

fn referred(referral: Referral) -> String {
    let said = said(&Verdict::Refer(referral));
    let lines: Vec<String> = std::iter::once(said.why).chain(said.more).collect();
    lines.join(" ")
}

/// An attempt at the gate north that is open.
fn walking(since: &str) -> OpenAdmission {
    OpenAdmission {
        attempt: None,
        device: TILL,
        gate: Some(NORTH),
        since: at(since),
    }
}

fn prior(time: &str, device: DeviceId) -> PriorScan {
    PriorScan {
        at: at(time),
        device,
        record: Hash::of(&[b"scan"]),
        gate: Some(NORTH),
        operator: Some(SAM),
        session: SessionId::from_bytes([6; 16]),
        zone: None,
    }
}

#[test]
fn a_clean_admission_needs_no_words() {
    let said = said(&Verdict::Admit(Admit {
        why: AdmitWhy::Listed,
        cautions: Vec::new(),
    }));
    assert!(said.why.is_empty() && said.more.is_empty());
}

#[test]
fn an_admission_with_a_caution_says_it() {
    let cautions = vec![
        Caution::Isolated {
            since: at("2027-05-01T19:30:00+02:00"),
        },
        Caution::StaleSet {
            issued_at: at("2027-04-30T08:05:00+02:00"),
        },
        Caution::ExpiredSet {
            expired_at: at("2027-05-01T06:00:00+02:00"),
        },
        Caution::ClockUnproved,
        Caution::OverCapacity {
            zone: FLOOR,
            inside: 500,
        },
        Caution::Quarantined(prior("2027-05-01T19:42:10+02:00", TILL)),
    ];
    let said = said(&Verdict::Admit(Admit {
        why: AdmitWhy::UnknownSigned,
        cautions,
    }));
    assert_eq!(
        said.more,
        [
            "This gate is alone since 19:30.",
            "The ticket list is old: it is of Fri 30 Apr 2027, 08:05.",
            "The ticket list expired at 06:00.",
            "This device's clock was not compared with the server's.",
            "Floor is full by this gate's count: 500 inside.",
            "A device that was revoked let this ticket in: 19:42, gate north, device till-2, by Sam. Look who \
             came in by it.",
        ]
    );
}

#[test]
fn someone_inside_is_refused_with_when_where_which_device_and_who() {
    assert_eq!(
        refused(Refusal::AlreadyInside(prior(
            "2027-05-01T19:42:10+02:00",
            TILL
        ))),
        "Already inside since 19:42, gate north, device till-2, by Sam."
    );
}

#[test]
fn a_ticket_admitted_here_a_moment_ago_says_how_long_ago() {
    assert_eq!(
        refused(Refusal::AlreadyInside(prior(
            "2027-05-01T19:59:48+02:00",
            OWN
        ))),
        "Admitted here 12 seconds ago."
    );
}

#[test]
fn what_happened_within_two_minutes_is_told_to_the_second() {
    let inside = |at, device| refused(Refusal::AlreadyInside(prior(at, device)));
    assert_eq!(
        inside("2027-05-01T19:58:01+02:00", OWN),
        "Admitted here 119 seconds ago."
    );
    assert_eq!(
        inside("2027-05-01T19:58:01+02:00", TILL),
        "Already inside since 19:58:01, gate north, device till-2, by Sam."
    );
    assert_eq!(
        inside("2027-05-01T19:58:00+02:00", TILL),
        "Already inside since 19:58, gate north, device till-2, by Sam."
    );
}

#[test]
fn times_of_another_day_carry_their_date_and_the_venues_zone() {
    assert_eq!(
        refused(Refusal::NotYetValid {
            from: at("2027-05-02T16:00:00Z")
        }),
        "Too early: valid from Sun 2 May 2027, 18:00."
    );
}

#[test]
fn every_refusal_is_a_sentence() {
    let used = prior("2027-05-01T19:42:10+02:00", TILL);
    let right = |names: &[&str]| {
        let named = |name: &&str| (SessionId::from_bytes([9; 16]), (*name).to_owned());
        Refusal::WrongSession {
            right: names.iter().map(named).collect(),
        }
    };
    let gates = |names: &[&str]| Refusal::WrongZone {
        gates: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let valid = IssueNumber::new(3);
    for (refusal, sentence) in [
        (
            Refusal::Malformed,
            "Not a readable ticket code: damaged, empty or too long.",
        ),
        (Refusal::Forged, "Forged: not signed by this organizer."),
        (Refusal::Unknown, "No such ticket."),
        (
            Refusal::WrongEvent {
                right: Some("Ball".to_owned()),
            },
            "A ticket for another event: Ball.",
        ),
        (
            Refusal::WrongEvent { right: None },
            "A ticket for another event.",
        ),
        (right(&[]), "A ticket for another session."),
        (
            right(&["Matinee"]),
            "A ticket for another session: Matinee.",
        ),
        (
            right(&["Fri", "Sat", "Sun"]),
            "A ticket for another session: Fri, Sat or Sun.",
        ),
        (
            Refusal::Superseded {
                shown: Some(IssueNumber::new(1)),
                valid,
            },
            "Replaced: this is issue 1, and only issue 3 is valid.",
        ),
        (
            Refusal::Superseded { shown: None, valid },
            "Replaced by a newer ticket: only issue 3 is valid.",
        ),
        (
            Refusal::Cancelled {
                reason: CancelReason::Refunded,
            },
            "Cancelled: the money was given back.",
        ),
        (
            Refusal::Blocked,
            "Held back by the seller, for example until it is paid.",
        ),
        (
            Refusal::NoLongerValid {
                until: at("2027-05-01T19:00:00+02:00"),
            },
            "Too late: it was valid until 19:00.",
        ),
        (gates(&[]), "Not valid for this zone."),
        (
            gates(&["south", "east"]),
            "Not valid for this zone: go to south or east.",
        ),
        (
            Refusal::ExitRequired(used),
            "Inside without an exit scan: came in at 19:42, gate north, device till-2, by Sam.",
        ),
        (
            Refusal::EntriesUsedUp {
                allowed: 3,
                last: used,
            },
            "All 3 entries are used, the last at 19:42, gate north, device till-2, by Sam.",
        ),
        (
            Refusal::EntriesUsedUp {
                allowed: 1,
                last: used,
            },
            "Its one entry is used: at 19:42, gate north, device till-2, by Sam.",
        ),
        (
            Refusal::BeingAdmitted(walking("2027-05-01T19:44:50+02:00")),
            "Gate north is letting it through at this moment.",
        ),
        (Refusal::NotInside, "Nobody is inside with this ticket."),
        (
            Refusal::Full {
                zone: FLOOR,
                inside: 500,
            },
            "Floor is full: 500 inside.",
        ),
    ] {
        assert_eq!(refused(refusal), sentence);
    }
}

#[test]
fn every_referral_is_a_sentence() {
    let since = at("2027-05-01T19:30:00+02:00");
    let refusal = Box::new(Refusal::NoLongerValid {
        until: at("2027-05-01T19:00:00+02:00"),
    });
    for (referral, sentence) in [
        (
            Referral::Instruction {
                texts: vec!["student ID".to_owned()],
            },
            "Check this first: » student ID",
        ),
        (
            Referral::ClockUnproved { refusal },
            "A question of time, and this device's clock was not compared with the server's. \
             By this clock: Too late: it was valid until 19:00.",
        ),
        (
            Referral::Isolated { since },
            "This gate is alone since 19:30; the rules say that a supervisor decides.",
        ),
        (
            Referral::Isolated {
                since: UnixMillis::new(0),
            },
            "This gate is alone: it never reached the server; the rules say that a supervisor decides.",
        ),
        (
            Referral::NotHome { home: Some(TILL) },
            "Without a network only till-2 may admit this ticket.",
        ),
        (
            Referral::NotHome { home: None },
            "Without a network no device here may admit this ticket.",
        ),
        (
            Referral::StaleSet { issued_at: since },
            "The ticket list is of 19:30; the rules say that a supervisor decides.",
        ),
        (
            Referral::UnknownSigned,
            "Genuine, but not in this gate's list: perhaps sold a moment ago.",
        ),
        (
            Referral::RevokedKey,
            "Signed by a key that was withdrawn, and not in this gate's list.",
        ),
        (
            Referral::DeviceTrouble {
                code: TroubleCode::new("disk_full"),
            },
            "This device's disk is full (disk_full): use another one.",
        ),
        (
            Referral::AdmissionOpen(walking("2027-05-01T19:42:10+02:00")),
            "Gate north began to let it through at 19:42 and never said how that ended. \
             Ask there, or let a supervisor decide.",
        ),
        (
            Referral::HomeSilent { home: TILL },
            "till-2 holds this ticket and did not answer; only it may admit it alone.",
        ),
        (
            Referral::PeerSilent {
                device: TILL,
                since,
            },
            "till-2 has been silent since 19:30 and may have admitted it; the rules say that a supervisor decides.",
        ),
        (Referral::NoSession, "This device serves no session now."),
    ] {
        assert_eq!(referred(referral), sentence);
    }
}

#[test]
fn an_unknown_gate_or_device_is_said_to_be_unknown() {
    let mut unknown = prior("2027-05-01T19:42:10+02:00", DeviceId::from_bytes([0; 16]));
    unknown.gate = Some(GateId::from_bytes([0; 16]));
    unknown.operator = None;
    assert_eq!(
        refused(Refusal::AlreadyInside(unknown)),
        "Already inside since 19:42, gate unknown, device unknown."
    );
}

#[test]
fn certainty_says_what_was_known_of_the_others() {
    let zone = TimeZone::UTC;
    let scene = Scene {
        names: &Venue,
        zone: &zone,
        now: at(NOW),
        here: false,
    };
    let peers_as_of = at("2027-05-01T17:59:00Z");
    assert_eq!(
        scene.certainty(&Certainty::Local { peers_as_of }),
        "decided here, with the other gates' scans until 17:59"
    );
    assert_eq!(
        scene.certainty(&Certainty::Isolated {
            since: UnixMillis::new(0)
        }),
        "alone: it never reached the server"
    );
    assert_eq!(
        scene.certainty(&Certainty::Confirmed),
        "confirmed with all gates"
    );
    let except = |others| Certainty::ConfirmedExcept {
        device: TILL,
        since: peers_as_of,
        others,
    };
    assert_eq!(
        scene.certainty(&except(0)),
        "confirmed, but nothing is known of till-2 since 17:59"
    );
    assert_eq!(
        scene.certainty(&except(2)),
        "confirmed, but nothing is known of till-2 since 17:59 (and of 2 more devices)"
    );
}

#[test]
fn a_span_names_its_two_largest_units() {
    let spans = [999, 59_999, 61_000, 3_661_000, 90_000_000].map(span);
    assert_eq!(spans, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
}
