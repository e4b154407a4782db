//! Records, batches, heads and the state digest.

use crate::diagnostic::{cbor, notation, signed};
use crate::documents::{override_key, sanction};
use crate::media::identity;
use crate::world::{
    ATTEMPT, ATTEMPT_2, DEVICE, Examples, GATE, HOUR_MS, LOG, NOW, SCOPE, SERVER, SERVER_LOG,
    SESSION, STAFF, TICKET, ZONE, device_key, set_key,
};
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::SessionId;
use usher_domain::log::{Entry, Line, LogEnd, sign_batch, verify_batch};
use usher_domain::merge::{FOLD, Ground, fold, heads, state_digest};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::record::{
    Arrival, Body, Certainty, Correction, Cut, CutBy, Delay, Direction, EveryoneOut, FreeFlow,
    Honour, Link, Notice, OutTakenBack, Outcome, OverrideKey, RuleChange, Ruling, RulingWord, Scan,
    StandDown, Subject, Undo,
};
use usher_domain::rules::{Counted, EntryMode, EntryRule};
use usher_domain::verdict::Reason;

const FRAME: &str = "log[device log] sequence previous scope stamp";
const SCAN: &str = "session gate operator subject direction outcome reason certainty attempt issue \
                    type access_number zone entries sanction confirmed takes_over honours key";

pub(crate) fn examples() -> Examples {
    let device = device_log();
    let server = server_log();
    let named = |entry: &Entry, body: &str| {
        let text = cbor(&entry.encoded, &format!("{FRAME} body[kind {body}]"));
        format!("{text}hash {}\n", entry.hash)
    };
    vec![
        ("record-scan", named(&device[0], &format!("scan[{SCAN}]"))),
        (
            "record-scan-signed",
            named(&signed_log()[0], &format!("scan[{SCAN}]")),
        ),
        (
            "record-override",
            named(&device[1], &format!("scan[{SCAN}]")),
        ),
        (
            "record-undo",
            named(&device[2], "undo[of session subject operator]"),
        ),
        ("record-link", body(&server[0], "link[identity ticket]")),
        (
            "record-rule",
            body(&server[1], "rule[session type rule[mode counted]]"),
        ),
        ("record-cut", body(&server[2], "cut[log last heads by]")),
        ("record-ruling", body(&server[3], "ruling[of word]")),
        (
            "record-everyone-out",
            body(&server[4], "everyone_out[session zone at]"),
        ),
        (
            "record-free-flow",
            body(&server[5], "free_flow[session gate from until]"),
        ),
        (
            "record-stand-down",
            body(&server[6], "stand_down[device since]"),
        ),
        (
            "record-honour",
            body(&server[7], "honour[session tickets_of from until]"),
        ),
        (
            "record-notice",
            body(&server[8], "notice[session gate text until]"),
        ),
        (
            "record-delay",
            body(&server[9], "delay[session doors starts ends]"),
        ),
        (
            "record-arrival",
            body(&server[10], "arrival[log[device log] first last hash at]"),
        ),
        (
            "record-correction",
            body(
                &server[11],
                "correction[of session subject type access_number entries honours]",
            ),
        ),
        (
            "record-override-key",
            body(&server[12], "override_key[staff key until]"),
        ),
        (
            "record-everyone-out-taken-back",
            body(&server[13], "everyone_out_taken_back[of at]"),
        ),
        ("batch-head", batch_head()),
        ("state-digest", state_digest_example(&device, &server)),
    ]
}

/// What a record of the server says; its frame is like that of a device's.
fn body(entry: &Entry, names: &str) -> String {
    let encoded = usher_domain::cbor::encode(&entry.record.as_ref().unwrap().body);
    notation(&encoded, &format!("kind {names}"))
}

fn log(end: LogEnd, bodies: impl IntoIterator<Item = Body>) -> Vec<Entry> {
    let mut end = end;
    let mut at = NOW;
    let write = |body| {
        at = at.shifted(1000);
        end.append(at, body)
    };
    bodies.into_iter().map(write).collect()
}

fn scan() -> Scan {
    Scan {
        session: SESSION,
        gate: Some(GATE),
        operator: Some(STAFF),
        subject: Subject::Ticket(TICKET),
        direction: Direction::Entry,
        outcome: Outcome::Admit,
        reason: Reason::Listed,
        certainty: Certainty::Local { peers_as_of: NOW },
        attempt: ATTEMPT,
        issue: Some(IssueNumber::new(1)),
        type_number: Some(TypeNumber::new(2)),
        access: Some(AccessNumber::new(1)),
        zone: Some(ZONE),
        entries: None,
        sanction: None,
        confirmed: None,
        takes_over: None,
        honours: None,
        key: None,
    }
}

/// A device's log with an admission by a code of ours.
fn signed_log() -> Vec<Entry> {
    let by_code = Scan {
        reason: Reason::UnknownSigned,
        key: Some(set_key().public().kid()),
        ..scan()
    };
    log(LogEnd::empty(LOG, SCOPE), [Body::Scan(by_code)])
}

/// A device's log: an admission, one by override, and the first taken back.
pub(crate) fn device_log() -> Vec<Entry> {
    let overridden = Scan {
        reason: Reason::Override,
        attempt: ATTEMPT_2,
        certainty: Certainty::Isolated { since: NOW },
        sanction: Some(sanction().into()),
        ..scan()
    };
    let empty = LogEnd::empty(LOG, SCOPE);
    let first = log(empty, [Body::Scan(scan())]);
    let undo = Undo {
        of: first[0].hash,
        session: SESSION,
        subject: Subject::Ticket(TICKET),
        operator: Some(STAFF),
        approval: None,
    };
    log(
        empty,
        [Body::Scan(scan()), Body::Scan(overridden), Body::Undo(undo)],
    )
}

fn server_log() -> Vec<Entry> {
    let empty = LogEnd::empty(SERVER_LOG, SCOPE);
    log(
        empty,
        [
            Body::Link(Link {
                identity: identity(),
                ticket: TICKET,
            }),
            Body::Rule(RuleChange {
                session: SESSION,
                type_number: None,
                rule: Some(EntryRule {
                    mode: EntryMode::Reentry,
                    counted: Counted::PerSession,
                }),
            }),
            Body::Cut(Cut {
                log: LOG,
                last: 3,
                heads: Some(vec![device_log()[2].hash]),
                by: Some(CutBy::Person),
            }),
            Body::Ruling(Ruling {
                of: Hash::from_bytes([0x17; 32]),
                word: RulingWord::Void,
            }),
            Body::EveryoneOut(EveryoneOut {
                session: SESSION,
                zone: None,
                at: NOW,
            }),
            Body::FreeFlow(FreeFlow {
                session: SESSION,
                gate: GATE,
                from: NOW,
                until: NOW.shifted(HOUR_MS),
            }),
            Body::StandDown(StandDown {
                device: DEVICE,
                since: NOW,
            }),
            Body::Honour(Honour {
                session: SESSION,
                tickets_of: SessionId::from_bytes([0x13; 16]),
                from: NOW,
                until: NOW.shifted(HOUR_MS),
            }),
            Body::Notice(Notice {
                session: Some(SESSION),
                gate: None,
                text: Hash::of(&[b"Bags are searched outside."]),
                until: NOW.shifted(HOUR_MS),
            }),
            Body::Delay(Delay {
                session: SESSION,
                doors: NOW,
                starts: NOW.shifted(HOUR_MS),
                ends: NOW.shifted(4 * HOUR_MS),
            }),
            Body::Arrival(Arrival {
                log: LOG,
                first: 2,
                last: 3,
                hash: Hash::from_bytes([0x17; 32]),
                at: NOW,
            }),
            Body::Correction(Correction {
                of: device_log()[0].hash,
                session: SESSION,
                subject: Subject::Ticket(TICKET),
                type_number: Some(TypeNumber::new(2)),
                access: Some(AccessNumber::new(1)),
                entries: Some(2),
                honours: None,
            }),
            Body::OverrideKey(OverrideKey {
                staff: STAFF,
                key: override_key().public(),
                until: None,
            }),
            Body::OutTakenBack(OutTakenBack {
                of: Hash::from_bytes([0x17; 32]),
                at: NOW,
            }),
        ],
    )
}

/// The device's log as one batch.
pub(crate) fn batch() -> Batch {
    let records = device_log().into_iter().map(|entry| entry.encoded);
    let batch = sign_batch(&device_key(), records.collect()).unwrap();
    verify_batch(&batch, &device_key().public()).unwrap();
    batch
}

fn batch_head() -> String {
    signed(
        &batch().head,
        "log[device log] scope first count before last",
    )
}

fn state_digest_example(device: &[Entry], server: &[Entry]) -> String {
    let batch = sign_batch(&set_key(), vec![server[0].encoded.clone()]).unwrap();
    verify_batch(&batch, &set_key().public()).unwrap();
    let entries: Vec<&Entry> = device.iter().chain(server).collect();
    let lines: Vec<Line> = entries.iter().filter_map(|entry| entry.line()).collect();
    let ground = Ground::of(SCOPE, SERVER, &lines);
    let states = fold(&ground, &lines);
    let heads = heads(entries.iter().map(|entry| (&entry.frame, entry.hash)));
    // The digested array, put together from its parts.
    let mut digested = vec![0x84];
    digested.extend(usher_domain::cbor::encode(&FOLD));
    digested.extend(usher_domain::cbor::encode(&SCOPE));
    digested.extend(usher_domain::cbor::encode(&heads.heads));
    digested.push(0x80 | u8::try_from(states.len()).unwrap());
    for ((unit, subject), state) in &states {
        digested.push(0x83);
        digested.extend(usher_domain::cbor::encode(unit));
        digested.extend(usher_domain::cbor::encode(subject));
        digested.extend(usher_domain::cbor::encode(state));
    }
    let digest = state_digest(SCOPE, &heads, &states);
    assert_eq!(digest, Hash::of(&[&digested]));
    let names = "fold scope heads[*[log sequence hash]] \
                 states[*[unit subject state[entries excess inside last_entry last_exit may_return \
                 others_inside]]]";
    format!("{}state digest {digest}\n", notation(&digested, names))
}
