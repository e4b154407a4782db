//! Somebody behind the same address as all gates.

use crate::stranger::{ask_again, get, post};
use crate::target::Target;
use usher_domain::cbor;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::paths;
use usher_domain::wire::TokenRequest;

#[tokio::test]
async fn a_gate_claims_and_signs_in_while_its_neighbour_fails_all_the_time() {
    let mut target = Target::start().await;
    let proof = TokenRequest {
        device: DeviceId::from_bytes([9; 16]),
        signed: vec![0; 100].into(),
    };
    let guesses = [
        get(paths::ASSIGNMENT, "ud1.AAAA"),
        get(paths::ASSIGNMENT, &format!("ud1.{}", "A".repeat(75))),
        get("/api/v1/events", "x.y"),
        post(paths::TOKEN, "", &cbor::encode(&proof)),
    ];
    let mut refused = 0;
    for guess in &guesses {
        let statuses = ask_again(target.address, guess, 200).await;
        refused += statuses.iter().filter(|status| **status == 429).count();
        assert!(
            statuses.iter().all(|status| [401, 429].contains(status)),
            "{statuses:?}"
        );
    }
    assert!(
        refused > 500,
        "failures are limited, and only {refused} were"
    );
    // A gate that is started now must sign in, and one that is signed in goes on.
    target.gate.restart();
    target.gate.sync().await;
    for _ in 0..20 {
        target.claim().await;
        ask_again(target.address, &guesses[0], 20).await;
    }
    target.finish().await;
}
