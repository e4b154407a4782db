//! Cases of trust documents.

use super::case::{Case, TRUST};
use super::world::*;
use crate::cbor;
use crate::cose::{self, ContentType};
use crate::document::trust::Trust;
use crate::document::{
    EPOCH_STEP_MAX, Untrusted, VERSION_NUMBER_MAX, pinned_root, sign, verify_trust,
};
use crate::hash::Hash;
use crate::ids::OrganizerId;
use proptest::prelude::*;

fn signed(change: impl FnOnce(&mut Trust)) -> Vec<u8> {
    let mut trust = trust();
    change(&mut trust);
    sign(&trust, &root())
}

fn offering(change: impl FnOnce(&mut Trust)) -> Case {
    Case::offering(TRUST, signed(change))
}

#[test]
fn a_trust_document_of_the_pinned_root_is_taken_in() {
    offering(|_| {}).gives("new", "trust-accepted", "a first trust document");
}

#[test]
fn a_newer_trust_document_replaces_the_one_held() {
    offering(|t| t.version = version(0, 4))
        .holding(held(&trust(), &root()))
        .gives("new", "trust-newer", "the next version");
}

#[test]
fn the_trust_document_that_is_held_is_no_news() {
    offering(|_| {}).holding(held(&trust(), &root())).gives(
        "same",
        "trust-same",
        "the very bytes that are held",
    );
}

#[test]
fn an_older_trust_document_is_refused() {
    offering(|t| t.version = version(0, 2))
        .holding(held(&trust(), &root()))
        .gives(
            "rollback",
            "trust-rollback",
            "a version before the one held",
        );
}

#[test]
fn a_higher_number_of_an_older_epoch_is_refused() {
    let mut restored = trust();
    restored.version = version(1, 1);
    offering(|t| t.version = version(0, 900))
        .holding(held(&restored, &root()))
        .gives(
            "rollback",
            "trust-rollback-across-epochs",
            "a higher number, but of the epoch before a backup was restored",
        );
}

#[test]
fn a_second_trust_document_of_one_version_is_refused() {
    offering(|t| t.delegations.truncate(1))
        .holding(held(&trust(), &root()))
        .gives(
            "same_version_other_bytes",
            "trust-same-version-other-bytes",
            "the version held, with other content",
        );
}

#[test]
fn a_trust_document_of_another_root_is_refused() {
    Case::offering(TRUST, sign(&trust(), &stranger())).gives(
        "other_root",
        "trust-other-root",
        "signed by a root key that was not pinned",
    );
}

#[test]
fn a_trust_document_that_only_names_the_root_is_refused() {
    let mut forged = sign(&trust(), &stranger());
    forged[7..15].copy_from_slice(root().kid().as_bytes());
    Case::offering(TRUST, forged).gives(
        "bad_signature",
        "trust-forged",
        "names the pinned root, signed by another key",
    );
}

#[test]
fn a_trust_document_of_another_organizer_is_refused() {
    offering(|t| t.organizer = OrganizerId::from_bytes([8; 16])).gives(
        "other_organizer",
        "trust-other-organizer",
        "mix-up: another organizer's document",
    );
}

#[test]
fn a_trust_document_signed_as_another_kind_is_refused() {
    let bytes = cose::sign(&root(), ContentType::SET, &cbor::encode(&trust()));
    Case::offering(TRUST, bytes).gives(
        "bad_signature",
        "trust-wrong-content-type",
        "the right content under the right key, signed as a ticket set",
    );
}

#[test]
fn bytes_after_a_trust_document_are_refused() {
    let bytes = [&signed(|_| {})[..], &[0]].concat();
    Case::offering(TRUST, bytes).gives(
        "trailing_bytes",
        "trust-trailing-garbage",
        "one byte after the signature",
    );
}

#[test]
fn bytes_after_the_signed_content_are_refused() {
    let content = [&cbor::encode(&trust())[..], &[0]].concat();
    Case::offering(TRUST, cose::sign(&root(), ContentType::TRUST, &content)).gives(
        "malformed_content",
        "trust-trailing-content",
        "one byte after the content, signed along",
    );
}

#[test]
fn another_encoding_of_the_content_is_refused() {
    let mut content = cbor::encode(&trust());
    // The outer array with a length of one more byte.
    content.splice(0..1, [0x98, content[0] & 0x1f]);
    Case::offering(TRUST, cose::sign(&root(), ContentType::TRUST, &content)).gives(
        "malformed_content",
        "trust-other-encoding",
        "the content in an encoding that is not the shortest",
    );
}

#[test]
fn a_truncated_trust_document_is_refused() {
    let mut bytes = signed(|_| {});
    bytes.pop();
    Case::offering(TRUST, bytes).gives(
        "malformed_envelope",
        "trust-truncated",
        "the last byte of the signature is missing",
    );
}

#[test]
fn a_new_trust_document_that_has_expired_is_refused() {
    offering(|t| t.expires_at = NOW).gives(
        "expired",
        "trust-expired",
        "freeze: expired before it was first seen",
    );
}

#[test]
fn an_expired_trust_document_that_is_held_stays() {
    let expired = |t: &mut Trust| t.expires_at = NOW;
    let mut document = trust();
    expired(&mut document);
    offering(expired).holding(held(&document, &root())).gives(
        "same",
        "trust-expired-but-held",
        "expired, and held already",
    );
}

#[test]
fn an_unproved_clock_expires_nothing() {
    offering(|t| t.expires_at = NOW)
        .with_unproved_clock()
        .gives(
            "new",
            "trust-expired-under-unproved-clock",
            "expired by a clock that may be years off",
        );
}

#[test]
fn a_version_that_leaps_out_of_reach_is_refused() {
    offering(|t| t.version = version(0, VERSION_NUMBER_MAX + 1)).gives(
        "fast_forward",
        "trust-fast-forward",
        "a number that no counting reaches",
    );
    offering(|t| t.version = version(EPOCH_STEP_MAX + 1, 1))
        .holding(held(&trust(), &root()))
        .gives(
            "fast_forward",
            "trust-fast-forward-epoch",
            "an epoch that no restoring of backups reaches",
        );
}

#[test]
fn the_next_epoch_recovers_from_the_highest_number() {
    let mut last = trust();
    last.version = version(0, VERSION_NUMBER_MAX);
    offering(|t| t.version = version(1, 1))
        .holding(held(&last, &root()))
        .gives(
            "new",
            "trust-fast-forward-recovered",
            "the first version of the next epoch, after the highest number was used up",
        );
}

#[test]
fn a_root_key_must_be_the_one_that_was_pinned() {
    let fingerprint = Hash::of(&[root().public().as_bytes()]);
    assert_eq!(
        pinned_root(root().public(), &fingerprint),
        Ok(root().public())
    );
    assert_eq!(
        pinned_root(stranger().public(), &fingerprint),
        Err(Untrusted::OtherRoot)
    );
}

#[test]
fn a_document_beyond_the_limit_is_refused_before_it_is_read() {
    assert_eq!(
        verify_trust(
            &vec![0; crate::document::DOCUMENT_BYTES_MAX + 1],
            &root().public(),
            None
        ),
        Err(Untrusted::TooLarge)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify_trust(&bytes, &root().public(), None).is_err());
    }

    #[test]
    fn any_signed_content_is_a_trust_document_or_an_error(
        content in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let bytes = cose::sign(&root(), ContentType::TRUST, &content);
        prop_assert!(verify_trust(&bytes, &root().public(), None).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused(at in 0..400_usize, flip in 1..=255_u8) {
        let mut bytes = signed(|_| {});
        let at = at % bytes.len();
        bytes[at] ^= flip;
        prop_assert!(verify_trust(&bytes, &root().public(), None).is_err());
    }
}
