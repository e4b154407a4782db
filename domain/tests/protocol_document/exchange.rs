//! Bodies of requests and answers.

use crate::diagnostic::{cbor, notation, signed};
use crate::documents::{CONFIRMATION, enrollment, trust};
use crate::records::{batch, device_log};
use crate::tables::set_manifest;
use crate::world::{
    ATTEMPT, DEVICE, Examples, GATE, NOW, ORGANIZER, SCOPE, SESSION, TICKET, TOKEN, VERSION,
    device_key, root,
};
use usher_domain::cbor::encode;
use usher_domain::challenge::{check_device, check_enrollment, prove_device, prove_enrollment};
use usher_domain::protocol::claim::OpenReservation;
use usher_domain::protocol::{
    Assignment, Changes, EnrollAnswer, EnrollRequest, FeedBatch, FeedEnd, FeedPage, HandBackAnswer,
    HeadsAnswer, Heard, Heartbeat, HeartbeatAnswer, PushAnswer, TableVersion,
};
use usher_domain::record::Subject;
use usher_domain::secret::Private;
use usher_domain::table::TableId;
use usher_domain::wire::{Challenge, DeviceToken, EnrollBody, TokenRequest};

const NONCE: [u8; 56] = [0x18; 56];

pub(crate) fn examples() -> Examples {
    let mut all = signing_in();
    all.extend(reading());
    all.extend(writing());
    all
}

fn signing_in() -> Examples {
    let proof = prove_enrollment(&TOKEN, &device_key());
    check_enrollment(&proof, &TOKEN, &device_key().public()).unwrap();
    let enroll = EnrollBody::from(EnrollRequest {
        token: TOKEN,
        key: device_key().public(),
        name: "north 1".to_owned(),
        proof: proof.clone(),
    });
    let enrolled = EnrollAnswer::Enrolled {
        document: enrollment().into(),
        trust: trust().into(),
        root: root().public(),
    };
    let waiting = EnrollAnswer::Waiting {
        retry_ms: 2000,
        nonce: CONFIRMATION,
    };
    let challenge = Challenge {
        nonce: NONCE.to_vec().into(),
        server_time: NOW,
    };
    let answer = prove_device(DEVICE, &NONCE, &device_key());
    check_device(&answer, DEVICE, &NONCE, &device_key().public()).unwrap();
    let request = TokenRequest {
        device: DEVICE,
        signed: answer.clone().into(),
    };
    let token = DeviceToken {
        token: Private::new("ud1.example"),
        expires_at: NOW.shifted(900_000),
        server_time: NOW,
    };
    vec![
        ("enrollment-proof", signed_hash(&proof)),
        (
            "enroll-request",
            cbor(&encode(&enroll), "token key name proof"),
        ),
        (
            "enroll-answer",
            notation(&encode(&enrolled), "kind document trust root_key")
                + &cbor(&encode(&waiting), "kind retry_ms nonce"),
        ),
        ("challenge", cbor(&encode(&challenge), "nonce server_time")),
        ("device-proof", signed(&answer, "device nonce")),
        (
            "token-request",
            cbor(&encode(&request), "device signed_proof"),
        ),
        (
            "token",
            cbor(&encode(&token), "token expires_at server_time"),
        ),
    ]
}

/// The content of an enrollment's proof is a bare byte string.
fn signed_hash(proof: &[u8]) -> String {
    signed(proof, "")
}

fn versions() -> Vec<TableVersion> {
    [TableId::Roster(ORGANIZER), TableId::Set(SESSION)]
        .map(|table| TableVersion {
            table,
            version: VERSION,
        })
        .to_vec()
}

fn reading() -> Examples {
    let assignment = Assignment {
        trust: vec![0x84].into(),
        tables: versions(),
        scopes: vec![SCOPE],
        gate: Some(GATE),
        server_time: NOW,
        epoch: 0,
    };
    let segment = Changes::Segment {
        manifest: set_manifest()[..4].to_vec().into(),
        rows: vec![0x28, 0xb5, 0x2f, 0xfd].into(),
    };
    let changes = [Changes::UpToDate, segment, Changes::TakeSnapshot];
    let page = FeedPage {
        epoch: 0,
        batches: vec![FeedBatch {
            position: 41,
            batch: batch(),
        }],
        end: 41,
    };
    vec![
        (
            "assignment",
            cbor(
                &encode(&assignment),
                "trust tables[*[table version]] scopes gate server_time epoch",
            ),
        ),
        (
            "changes",
            changes
                .iter()
                .map(|changes| notation(&encode(changes), "kind manifest rows"))
                .collect(),
        ),
        (
            "feed-page",
            notation(
                &encode(&page),
                "epoch batches[*[position batch[head records]]] end",
            ),
        ),
    ]
}

fn writing() -> Examples {
    let head = device_log()[2].head();
    let answers = [
        PushAnswer::Stored(3),
        PushAnswer::Known(3),
        PushAnswer::Gap(1),
        PushAnswer::Forked(3),
    ];
    let heartbeat = Heartbeat {
        device_time: NOW.shifted(-1500),
        heads: vec![head],
        tables: versions(),
        program: "0.1.0".to_owned(),
        clock_offset_ms: Some(1500),
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: Some(Heard {
            at: NOW.shifted(-500),
            epoch: 0,
        }),
        trust: Some(VERSION),
        instance: None,
    };
    let answer = HeartbeatAnswer {
        server_time: NOW,
        epoch: 0,
        tables: versions(),
        feeds: vec![FeedEnd {
            scope: SCOPE,
            position: 41,
        }],
        trust: VERSION,
        device: DEVICE,
        open: Some(vec![OpenReservation {
            scope: SCOPE,
            session: SESSION,
            subject: Subject::Ticket(TICKET),
            attempt: ATTEMPT,
        }]),
        yields: None,
        waited_ms: None,
        instance: None,
        copied: None,
    };
    vec![
        (
            "push-answer",
            answers
                .iter()
                .map(|answer| cbor(&encode(answer), "kind sequence"))
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        (
            "heads",
            cbor(
                &encode(&HeadsAnswer {
                    heads: vec![head],
                    epoch: 2,
                }),
                "heads[*[log[device log] sequence hash]] epoch",
            ),
        ),
        (
            "hand-back-answer",
            cbor(
                &encode(&HandBackAnswer {
                    taken: 4,
                    waiting: Some(2),
                }),
                "taken waiting",
            ),
        ),
        (
            "heartbeat",
            cbor(
                &encode(&heartbeat),
                "device_time heads[*[log sequence hash]] tables program clock_offset_ms",
            ),
        ),
        (
            "heartbeat-answer",
            cbor(
                &encode(&answer),
                "server_time epoch tables feeds[*[scope position]] trust device",
            ),
        ),
    ]
}
