//! Cases of manifests and enrollment documents.

use super::case::{Case, ENROLLMENT};
use super::world::*;
use crate::cbor;
use crate::cose::{self, ContentType};
use crate::document::enrollment::Enrollment;
use crate::document::trust::Purpose;
use crate::document::{Age, VERSION_NUMBER_MAX, sign};
use crate::document::{TrustedKeys, verify_trust};
use crate::hash::Hash;
use crate::ids::{OrganizerId, SessionId};
use crate::table::{Digests, Manifest, TableId, TableMismatch, content_type_of, verify_manifest};
use proptest::prelude::*;

const SET: TableId = TableId::Set(SESSION);
const ROSTER: TableId = TableId::Roster(ORGANIZER);
const DIRECTORY: TableId = TableId::Directory(SESSION);

fn offering(change: impl FnOnce(&mut Manifest)) -> Case {
    let mut manifest = set();
    change(&mut manifest);
    Case::offering(SET, sign(&manifest, &set_key()))
}

#[test]
fn manifests_of_all_tables_are_taken_in() {
    offering(|_| {}).gives("new", "set-accepted", "a first ticket set");
    Case::offering(ROSTER, sign(&manifest(ROSTER), &roster_key())).gives(
        "new",
        "roster-accepted",
        "a first roster",
    );
    Case::offering(DIRECTORY, sign(&manifest(DIRECTORY), &set_key())).gives(
        "new",
        "directory-accepted",
        "a first directory",
    );
}

#[test]
fn a_newer_set_replaces_the_one_held() {
    offering(|m| m.version = version(0, 500))
        .holding(held(&set(), &set_key()))
        .gives("new", "set-newer", "a later version, many in between");
}

#[test]
fn an_older_set_is_refused() {
    offering(|m| m.version = version(0, 6))
        .holding(held(&set(), &set_key()))
        .gives("rollback", "set-rollback", "a version before the one held");
}

#[test]
fn a_set_of_an_older_epoch_is_refused() {
    let mut restored = set();
    restored.version = version(1, 1);
    offering(|m| m.version = version(0, 900))
        .holding(held(&restored, &set_key()))
        .gives(
            "rollback",
            "set-rollback-across-epochs",
            "a higher number, but of the epoch before a backup was restored",
        );
}

#[test]
fn a_set_of_a_new_epoch_may_count_from_the_start() {
    offering(|m| m.version = version(1, 1))
        .holding(held(&set(), &set_key()))
        .gives(
            "new",
            "set-new-epoch",
            "the server was restored from a backup",
        );
}

#[test]
fn a_second_set_of_one_version_is_refused() {
    offering(|m| m.rows = 1)
        .holding(held(&set(), &set_key()))
        .gives(
            "same_version_other_bytes",
            "set-same-version-other-bytes",
            "the version held, with other content",
        );
}

#[test]
fn a_frozen_set_is_kept_and_turns_amber() {
    let later = NOW.shifted(8 * DAY_MS);
    offering(|_| {})
        .holding(held(&set(), &set_key()))
        .at(later)
        .gives(
            "same",
            "set-freeze-held",
            "freeze: the server shows the same set long after it expired",
        );
    let expired = set().expires_at;
    assert_eq!(Age::of(expired, later), Age::Expired { at: expired });
    assert_eq!(
        Age::of(expired, expired),
        Age::Expired { at: expired },
        "the moment itself is past"
    );
    assert_eq!(Age::of(expired, NOW), Age::Fresh);
}

#[test]
fn a_frozen_set_is_refused_by_a_new_device() {
    offering(|_| {}).at(NOW.shifted(8 * DAY_MS)).gives(
        "expired",
        "set-freeze-new",
        "freeze: a new device is shown a set that expired",
    );
}

#[test]
fn an_expired_set_is_taken_in_under_an_unproved_clock() {
    offering(|_| {})
        .at(NOW.shifted(8 * DAY_MS))
        .with_unproved_clock()
        .gives(
            "new",
            "set-expired-under-unproved-clock",
            "expired by a clock that may be years off",
        );
}

#[test]
fn a_set_that_leaps_out_of_reach_is_refused() {
    offering(|m| m.version.number = u64::MAX)
        .holding(held(&set(), &set_key()))
        .gives(
            "fast_forward",
            "set-fast-forward",
            "a number that no counting reaches",
        );
    offering(|m| m.version.epoch = u32::MAX)
        .holding(held(&set(), &set_key()))
        .gives(
            "fast_forward",
            "set-fast-forward-epoch",
            "an epoch that no restoring of backups reaches",
        );
}

#[test]
fn revoking_a_stolen_key_undoes_its_leap() {
    let mut leapt = set();
    leapt.version = version(900, VERSION_NUMBER_MAX);
    let mut next = set();
    next.version = version(0, 8);
    next.issued_at = NOW;
    Case::offering(SET, sign(&next, &next_set_key()))
        .trusting(sign(&trust_after_revocation(), &root()))
        .holding(held(&leapt, &set_key()))
        .gives(
            "new",
            "set-fast-forward-recovered",
            "a thief signed the highest version there is; the key was revoked since",
        );
}

#[test]
fn after_a_revocation_no_older_set_of_a_good_key_comes_back() {
    let mut after_theft = trust();
    let mut stolen = delegation(next_set_key().public(), Purpose::Set);
    stolen.revoked_at = Some(NOW);
    after_theft.delegations.push(stolen);
    let mut latest = set();
    latest.version.number += 1;
    offering(|_| {})
        .trusting(sign(&after_theft, &root()))
        .holding(held(&latest, &next_set_key()))
        .gives(
            "issued_before_revocation",
            "set-rollback-after-revocation",
            "an older set of another key, after the key of the one held was revoked",
        );
}

#[test]
fn a_set_of_another_session_is_refused() {
    let other = SessionId::from_bytes([8; 16]);
    let mut both = set();
    both.table = TableId::Set(other);
    if let Some(terms) = &mut both.terms {
        terms.session.id = other;
    }
    Case::offering(SET, sign(&both, &set_key())).gives(
        "other_table",
        "set-other-session",
        "mix-up: another session's set",
    );
    offering(|m| {
        if let Some(terms) = &mut m.terms {
            terms.session.id = other;
        }
    })
    .gives(
        "other_table",
        "set-terms-of-another-session",
        "mix-up: this session's set with another session's terms",
    );
}

#[test]
fn a_table_of_another_organizer_is_refused() {
    let other = OrganizerId::from_bytes([8; 16]);
    offering(|m| {
        if let Some(terms) = &mut m.terms {
            terms.organizer = other;
        }
    })
    .gives(
        "other_organizer",
        "set-other-organizer",
        "mix-up: a set that speaks of another organizer",
    );
    let table = TableId::Roster(other);
    Case::offering(table, sign(&manifest(table), &roster_key())).gives(
        "other_organizer",
        "roster-other-organizer",
        "mix-up: another organizer's roster",
    );
}

#[test]
fn a_manifest_of_another_kind_is_refused() {
    Case::offering(SET, sign(&manifest(DIRECTORY), &set_key())).gives(
        "bad_signature",
        "set-wrong-content-type",
        "a directory of the same session, signed by the same key",
    );
    let bytes = cose::sign(
        &set_key(),
        ContentType::SET,
        &cbor::encode(&manifest(DIRECTORY)),
    );
    Case::offering(SET, bytes).gives(
        "inconsistent",
        "set-signed-directory",
        "a directory's manifest, signed as a set",
    );
}

#[test]
fn terms_stand_in_sets_alone() {
    offering(|m| m.terms = None).gives(
        "inconsistent",
        "set-without-terms",
        "a set that does not say its rules",
    );
    let mut directory = manifest(DIRECTORY);
    directory.terms = Some(terms());
    Case::offering(DIRECTORY, sign(&directory, &set_key())).gives(
        "inconsistent",
        "directory-with-terms",
        "a directory that carries a session's rules",
    );
}

#[test]
fn bytes_after_a_manifest_are_refused() {
    let bytes = [&sign(&set(), &set_key())[..], b"garbage"].concat();
    Case::offering(SET, bytes).gives(
        "trailing_bytes",
        "set-trailing-garbage",
        "bytes after the signature",
    );
}

#[test]
fn a_manifest_of_a_newer_program_is_taken_in() {
    let mut content = cbor::encode(&set());
    content[0] += 1;
    content.push(0x01);
    Case::offering(SET, cose::sign(&set_key(), content_type_of(SET), &content)).gives(
        "new",
        "set-with-a-newer-field",
        "a field at the end that this program does not know",
    );
}

fn offering_enrollment(change: impl FnOnce(&mut Enrollment)) -> Case {
    let mut document = enrollment();
    change(&mut document);
    Case::offering(ENROLLMENT, sign(&document, &roster_key()))
}

#[test]
fn an_enrollment_is_for_one_device_of_one_organizer() {
    offering_enrollment(|_| {}).gives("new", "enrollment-accepted", "a device's enrollment");
    offering_enrollment(|e| e.key = stranger().public()).gives(
        "other_device",
        "enrollment-other-device",
        "mix-up: the enrollment of another device",
    );
    offering_enrollment(|e| e.organizer = OrganizerId::from_bytes([8; 16])).gives(
        "other_organizer",
        "enrollment-other-organizer",
        "mix-up: an enrollment with another organizer",
    );
    Case::offering(ENROLLMENT, sign(&enrollment(), &set_key())).gives(
        "wrong_purpose",
        "enrollment-by-set-key",
        "signed by a key that may sign ticket sets only",
    );
}

#[test]
fn a_copy_must_have_the_rows_and_the_count_of_its_manifest() {
    assert_eq!(set().check(&Digests::empty(), 0), Ok(()));
    assert_eq!(
        set().check(&Digests::empty(), 1),
        Err(TableMismatch::Count { held: 1, told: 0 })
    );
    let mut other = set();
    other.digest = Hash::ZERO;
    assert_eq!(
        other.check(&Digests::empty(), 0),
        Err(TableMismatch::Digest)
    );
}

fn keys() -> TrustedKeys {
    let trust = verify_trust(&sign(&trust(), &root()), &root().public(), None);
    TrustedKeys::from(&trust.unwrap())
}

proptest! {
    #[test]
    fn any_bytes_are_no_manifest(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(verify_manifest(&bytes, &keys(), SET).is_err());
    }

    #[test]
    fn a_signed_manifest_with_damage_is_a_manifest_or_an_error(
        at in 0..400_usize,
        byte: u8,
        cut in 0..400_usize,
    ) {
        let mut content = cbor::encode(&set());
        let at = at % content.len();
        content[at] = byte;
        let shorter = &content[..cut.min(content.len())];
        for content in [&content, shorter] {
            let bytes = cose::sign(&set_key(), ContentType::SET, content);
            let _ = verify_manifest(&bytes, &keys(), SET);
        }
    }
}
