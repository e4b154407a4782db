//! Signed documents, and the codes that people carry to get or to make them.

use crate::diagnostic::{cbor, signed};
use crate::world::{
    ATTEMPT, ATTEMPT_2, BADGE, DEVICE, Examples, GATE, HOUR_MS, NOW, ORGANIZER, SERVER, SESSION,
    STAFF, TICKET, TOKEN, VERSION, code_key, device_key, root, roster_key, set_key,
};
use std::collections::BTreeSet;
use usher_domain::code::{Limit, base45};
use usher_domain::cose::SigningKey;
use usher_domain::document::badge::{Badge, Pin};
use usher_domain::document::enrollment::{
    self, ConfirmationNonce, Enrollment, EnrollmentCode, confirmation_digits, verify_enrollment,
};
use usher_domain::document::root_key::{Fresh, RootKeyFile};
use usher_domain::document::sanction::{Sanction, SanctionReason};
use usher_domain::document::trust::{Delegation, Purpose, Trust};
use usher_domain::document::undo::UndoApproval;
use usher_domain::document::{TrustedKeys, sign, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::numbers::AccessNumber;
use usher_domain::record::Subject;
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::DeviceRole;

pub(crate) const VERSION_NAMES: &str = "version[epoch number]";

pub(crate) fn examples() -> Examples {
    vec![
        ("root-key-file", root_key_file()),
        ("trust", trust_example()),
        ("enrollment-code", enrollment_code()),
        ("enrollment", enrollment_example()),
        ("badge", badge()),
        ("override", override_example()),
        ("undo-approval", undo_approval()),
    ]
}

fn root_key_file() -> String {
    let fresh = Fresh {
        salt: [0x11; 16],
        nonce: [0x12; 12],
    };
    let passphrase = Private::new("correct horse battery");
    let file = RootKeyFile::encrypt(&Seed::new([1; 32]), &passphrase, fresh).unwrap();
    let opened = file.decrypt(&passphrase).unwrap();
    assert_eq!(opened.public(), root().public());
    format!(
        "passphrase: {}\n\n{}\n{}",
        passphrase.reveal(),
        file.text(),
        cbor(
            &usher_domain::cbor::encode(&file),
            "format salt nonce public_key sealed_seed"
        )
    )
}

/// The trust document, signed.
pub(crate) fn trust() -> Vec<u8> {
    let delegation = |key: usher_domain::cose::SigningKey, purpose| Delegation {
        key: key.public(),
        purpose,
        not_before: NOW,
        not_after: NOW.shifted(8760 * HOUR_MS),
        revoked_at: None,
    };
    let trust = Trust {
        organizer: ORGANIZER,
        version: VERSION,
        issued_at: NOW,
        expires_at: NOW.shifted(8760 * HOUR_MS),
        server: SERVER,
        delegations: vec![
            delegation(roster_key(), Purpose::Roster),
            delegation(set_key(), Purpose::Set),
            delegation(
                code_key(),
                Purpose::Code {
                    accesses: Limit::Only(BTreeSet::from([
                        AccessNumber::new(1),
                        AccessNumber::new(5),
                    ])),
                    types: Limit::All,
                },
            ),
        ],
    };
    sign(&trust, &root())
}

/// The keys as a device knows them.
pub(crate) fn keys() -> TrustedKeys {
    let verified = verify_trust(&trust(), &root().public(), Some(ORGANIZER)).unwrap();
    TrustedKeys::from(&verified)
}

fn trust_example() -> String {
    assert_eq!(keys().organizer(), ORGANIZER);
    signed(
        &trust(),
        &format!(
            "organizer {VERSION_NAMES} issued_at expires_at server \
             delegations[*[key purpose not_before not_after]]"
        ),
    )
}

/// The nonce of the enrollment that waits.
pub(crate) const CONFIRMATION: ConfirmationNonce = ConfirmationNonce::from_bytes([0x17; 32]);

fn enrollment_code() -> String {
    let code = EnrollmentCode {
        server: "https://tickets.example:8443".to_owned(),
        root: Hash::of(&[root().public().as_bytes()]),
        spki: Some(Hash::from_bytes([0x13; 32])),
        token: TOKEN,
    };
    let text = code.text().unwrap();
    let bytes = base45::decode(text.reveal().strip_prefix(enrollment::PREFIX).unwrap()).unwrap();
    let digits = confirmation_digits(&TOKEN, &device_key().public(), &CONFIRMATION);
    format!(
        "{}\n\n{}\nconfirmation digits: {}\n",
        text.reveal(),
        cbor(&bytes, "server root_fingerprint spki token"),
        digits.reveal()
    )
}

/// The enrollment document, signed.
pub(crate) fn enrollment() -> Vec<u8> {
    let enrollment = Enrollment {
        organizer: ORGANIZER,
        device: DEVICE,
        key: device_key().public(),
        name: "north 1".to_owned(),
        role: DeviceRole::Gate,
        gate: Some(GATE),
        issued_at: NOW,
    };
    sign(&enrollment, &roster_key())
}

fn enrollment_example() -> String {
    let bytes = enrollment();
    verify_enrollment(&bytes, &keys(), &device_key().public()).unwrap();
    signed(&bytes, "organizer device key name role gate issued_at")
}

fn badge() -> String {
    let badge = Badge::new(BADGE);
    let pin = Pin::new("271828").unwrap();
    format!(
        "text          {}\nbadge key     {}\nPIN           271828\noverride key  {}\n",
        badge.text().reveal(),
        badge.key().public(),
        badge.override_key(&pin).unwrap().public()
    )
}

/// A supervisor's override, signed.
pub(crate) fn sanction() -> Vec<u8> {
    let sanction = Sanction {
        session: SESSION,
        subject: Subject::Ticket(TICKET),
        refused: ATTEMPT,
        attempt: ATTEMPT_2,
        device: DEVICE,
        supervisor: STAFF,
        reason: SanctionReason::IdentityChecked,
        expires_at: NOW.shifted(60_000),
        record: Hash::from_bytes([0x14; 32]),
    };
    sign(&sanction, &override_key())
}

/// The key that badge and PIN make.
pub(crate) fn override_key() -> SigningKey {
    let badge = Badge::new(BADGE);
    badge.override_key(&Pin::new("271828").unwrap()).unwrap()
}

fn undo_approval() -> String {
    let approval = UndoApproval {
        session: SESSION,
        subject: Subject::Ticket(TICKET),
        of: Hash::from_bytes([0x14; 32]),
        device: DEVICE,
        supervisor: STAFF,
        reason: SanctionReason::GateMistake,
        expires_at: NOW.shifted(60_000),
    };
    signed(
        &sign(&approval, &override_key()),
        "session subject[kind ticket] of device supervisor reason expires_at",
    )
}

fn override_example() -> String {
    signed(
        &sanction(),
        "session subject[kind ticket] refused_attempt new_attempt device supervisor reason \
         expires_at refusal",
    )
}
