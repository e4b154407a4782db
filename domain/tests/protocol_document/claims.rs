//! Claims and their answers.

use crate::diagnostic::cbor;
use crate::media::{identity, ticket_code};
use crate::world::{ATTEMPT, DEVICE, Examples, GATE, NOW, SERVER, SESSION, STAFF, VERSION};
use usher_domain::decide::{Shown, Signer};
use usher_domain::hash::Hash;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, Decided};
use usher_domain::record::{Certainty, Direction};
use usher_domain::session::Authority;
use usher_domain::verdict::{Admit, AdmitWhy, OpenAdmission, Refusal, Verdict};

pub(crate) fn examples() -> Examples {
    let authority = Authority {
        server: SERVER,
        term: 1,
    };
    let request = ClaimRequest {
        attempt: ATTEMPT,
        session: SESSION,
        authority,
        epoch: 1,
        set: VERSION,
        trust: VERSION,
        shown: Shown::Code {
            code: ticket_code(),
            signer: Signer::Entitled,
            identity: identity(),
        },
        direction: Direction::Entry,
        gate: Some(GATE),
        operator: Some(STAFF),
        confirmed: None,
        unsent: Vec::new(),
        last_entry: Some(Hash::of(&[b"an entry"])),
    };
    let granted = ClaimAnswer::Decided(Decided {
        verdict: Verdict::Admit(Admit {
            why: AdmitWhy::Listed,
            cautions: Vec::new(),
        }),
        certainty: Certainty::ConfirmedExcept {
            device: DEVICE,
            since: NOW.shifted(-60_000),
            others: 2,
        },
        at: NOW,
        after: None,
    });
    let refused = ClaimAnswer::Decided(Decided {
        verdict: Verdict::Refuse(Refusal::BeingAdmitted(OpenAdmission {
            attempt: None,
            device: DEVICE,
            gate: Some(GATE),
            since: NOW.shifted(-800),
        })),
        certainty: Certainty::Confirmed,
        at: NOW,
        after: None,
    });
    let other = ClaimAnswer::NotAuthority {
        authority: Some(authority),
    };
    let fields = "attempt session authority[server term] epoch set trust shown direction gate \
                  operator confirmed unsent last_entry";
    vec![
        ("claim-request", cbor(&encode(&request), fields)),
        (
            "claim-granted",
            cbor(
                &encode(&granted),
                "kind decided[verdict certainty at after]",
            ),
        ),
        (
            "claim-refused",
            cbor(
                &encode(&refused),
                "kind decided[verdict certainty at after]",
            ),
        ),
        ("claim-behind", cbor(&encode(&ClaimAnswer::Behind), "kind")),
        (
            "claim-not-authority",
            cbor(&encode(&other), "kind authority[server term]"),
        ),
    ]
}

fn encode<T: minicbor::Encode<()>>(value: &T) -> Vec<u8> {
    usher_domain::cbor::encode(value)
}
