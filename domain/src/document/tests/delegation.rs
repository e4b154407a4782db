//! Cases of delegated keys: which may sign what, and when.

use super::case::Case;
use super::world::*;
use crate::code::{KeyStanding, Limit};
use crate::cose::ContentType;
use crate::document::trust::{Purpose, Trust};
use crate::document::{TrustedKeys, Untrusted, sign, verify_trust};
use crate::numbers::AccessNumber;
use crate::table::TableId;
use std::collections::BTreeSet;

const SET: TableId = TableId::Set(SESSION);

fn keys(trust: &Trust) -> TrustedKeys {
    let verified = verify_trust(&sign(trust, &root()), &root().public(), None).unwrap();
    TrustedKeys::from(&verified)
}

fn under(change: impl FnOnce(&mut Trust)) -> Vec<u8> {
    let mut trust = trust();
    change(&mut trust);
    sign(&trust, &root())
}

#[test]
fn a_set_under_a_key_nobody_delegated_to_is_refused() {
    Case::offering(SET, sign(&set(), &stranger())).gives(
        "unknown_key",
        "set-unknown-key",
        "another organizer's key, or an invented one",
    );
}

#[test]
fn a_set_that_only_names_the_set_key_is_refused() {
    let mut forged = sign(&set(), &stranger());
    forged[7..15].copy_from_slice(set_key().kid().as_bytes());
    Case::offering(SET, forged).gives(
        "bad_signature",
        "set-forged",
        "names the set key, signed by another",
    );
}

#[test]
fn a_set_signed_for_another_purpose_is_refused() {
    for (name, key) in [
        ("set-by-roster-key", roster_key()),
        ("set-by-code-key", code_key()),
    ] {
        Case::offering(SET, sign(&set(), &key)).gives(
            "wrong_purpose",
            name,
            "signed by a key that may sign other things",
        );
    }
    Case::offering(SET, sign(&set(), &root())).gives(
        "unknown_key",
        "set-by-root-key",
        "the root delegates and signs no sets itself",
    );
}

#[test]
fn a_set_issued_after_its_keys_time_is_refused() {
    Case::offering(SET, sign(&set(), &set_key()))
        .trusting(under(|t| t.delegations[1].not_after = NOW.shifted(-DAY_MS)))
        .gives(
            "key_expired",
            "set-expired-delegation",
            "issued after the delegation ended",
        );
}

#[test]
fn a_set_issued_before_its_keys_time_is_refused() {
    Case::offering(SET, sign(&set(), &set_key()))
        .trusting(under(|t| t.delegations[1].not_before = NOW))
        .gives(
            "key_not_yet_valid",
            "set-early-delegation",
            "issued before the delegation began",
        );
}

#[test]
fn a_set_issued_within_its_keys_time_outlives_it() {
    let mut old = set();
    old.issued_at = NOW.shifted(-3 * DAY_MS);
    Case::offering(SET, sign(&old, &set_key()))
        .trusting(under(|t| t.delegations[1].not_after = NOW.shifted(-DAY_MS)))
        .gives(
            "new",
            "set-issued-before-delegation-ended",
            "the key's time is over, but the set was issued before",
        );
}

#[test]
fn nothing_counts_under_a_revoked_key_whatever_its_date() {
    let mut backdated = set();
    backdated.issued_at = NOW.shifted(-20 * DAY_MS);
    Case::offering(SET, sign(&backdated, &set_key()))
        .trusting(sign(&trust_after_revocation(), &root()))
        .gives(
            "key_revoked",
            "set-revoked-key",
            "a stolen key can write any date",
        );
}

#[test]
fn the_next_key_takes_over_from_the_one_before() {
    let mut next = set();
    next.version.number += 1;
    let rotated = under(|t| {
        t.delegations.push(super::world::delegation(
            next_set_key().public(),
            Purpose::Set,
        ));
    });
    Case::offering(SET, sign(&next, &next_set_key()))
        .trusting(rotated.clone())
        .holding(held(&set(), &set_key()))
        .gives(
            "new",
            "set-key-rotation",
            "the next key signs the next version",
        );
    Case::offering(SET, sign(&set(), &set_key()))
        .trusting(rotated)
        .holding(held(&next, &next_set_key()))
        .gives(
            "rollback",
            "set-key-rotation-rollback",
            "an older version of the key before, which is still good",
        );
}

#[test]
fn a_key_delegated_twice_is_good_in_either_window_and_revoked_in_both() {
    let mut trust = trust();
    let mut renewed = trust.delegations[1].clone();
    renewed.not_before = NOW.shifted(31 * DAY_MS);
    renewed.not_after = NOW.shifted(60 * DAY_MS);
    trust.delegations.push(renewed);
    let signer = |trust: &Trust, days| {
        keys(trust).signer(
            set_key().kid(),
            ContentType::SET,
            NOW.shifted(days * DAY_MS),
        )
    };
    assert_eq!(signer(&trust, 0), Ok(set_key().public()));
    assert_eq!(signer(&trust, 40), Ok(set_key().public()));
    assert!(matches!(
        signer(&trust, 61),
        Err(Untrusted::KeyExpired { .. })
    ));
    assert!(matches!(
        signer(&trust, -31),
        Err(Untrusted::KeyNotYetValid { .. })
    ));
    trust.delegations[1].revoked_at = Some(NOW);
    assert_eq!(
        signer(&trust, 40),
        Err(Untrusted::KeyRevoked(set_key().kid()))
    );
}

#[test]
fn the_servers_log_is_signed_by_set_keys_of_any_date_until_revoked() {
    let mut old = trust();
    old.delegations[1].not_after = NOW.shifted(-20 * DAY_MS);
    let kid = set_key().kid();
    assert_eq!(keys(&old).server_log_signer(kid), Ok(set_key().public()));
    assert_eq!(
        keys(&trust_after_revocation()).server_log_signer(kid),
        Err(Untrusted::KeyRevoked(kid))
    );
    assert_eq!(
        keys(&trust()).server_log_signer(roster_key().kid()),
        Err(Untrusted::WrongPurpose(roster_key().kid()))
    );
    assert_eq!(
        keys(&trust()).server_log_signer(stranger().kid()),
        Err(Untrusted::UnknownKey(stranger().kid()))
    );
}

#[test]
fn code_keys_keep_their_limits_and_outlive_their_window_but_not_revocation() {
    let mut trust = trust();
    let limit = Limit::Only(BTreeSet::from([AccessNumber::new(7)]));
    trust.delegations[2].purpose = Purpose::Code {
        accesses: limit.clone(),
        types: Limit::All,
    };
    trust.delegations[2].not_after = NOW.shifted(-20 * DAY_MS);
    let [key] = &keys(&trust).code_keys()[..] else {
        panic!("one code key");
    };
    assert_eq!(key.key, code_key().public());
    assert_eq!(key.accesses, limit);
    assert_eq!(key.standing, KeyStanding::Good);
    trust.delegations[2].revoked_at = Some(NOW);
    assert_eq!(keys(&trust).code_keys()[0].standing, KeyStanding::Revoked);
}
