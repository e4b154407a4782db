//! Trust documents that are handed back before one of a higher epoch is taken.

use super::*;
use usher_domain::problem::Code;

fn version_held(gate: &Gate) -> u32 {
    gate.with(|store| store.held_trust().unwrap().unwrap().version.epoch)
}

#[test]
fn the_document_held_is_given_once_before_one_of_a_higher_epoch_is_taken() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    let before = server.renew_trust();
    gate.sync(&server);
    gate.sync(&server);
    assert_eq!(*server.trust_given.borrow(), [before]);
    assert_eq!(version_held(&gate), 1);
}

#[test]
fn a_server_that_never_takes_the_document_held_keeps_no_newer_one_from_the_device() {
    for code in [
        Code::NotFound,
        Code::NotAuthentic,
        Code::Conflict,
        Code::TooLarge,
    ] {
        let server = venue();
        let gate = Gate::new(&server, 20);
        prepared(&server);
        gate.sync(&server);
        server.refuses_trust.set(Some(code));
        server.renew_trust();
        gate.sync(&server);
        assert_eq!(version_held(&gate), 1, "{code}");
    }
}

#[test]
fn while_the_server_cannot_take_the_document_held_it_stays() {
    let server = venue();
    let gate = Gate::new(&server, 20);
    prepared(&server);
    gate.sync(&server);
    server.refuses_trust.set(Some(Code::Unavailable));
    let before = server.renew_trust();
    assert!(gate.exchange(&server).unwrap().is_err());
    assert_eq!(version_held(&gate), 0);
    server.refuses_trust.set(None);
    gate.clock.pass(60_000);
    gate.sync(&server);
    assert_eq!(*server.trust_given.borrow(), [before]);
    assert_eq!(version_held(&gate), 1);
}
