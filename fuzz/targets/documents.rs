//! Trust, enrollment and override documents, as received and as signed by the right key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use usher_domain::cbor::{check_canonical, encode};
use usher_domain::cose::{ContentType, sign};
use usher_domain::document::approval::{ApprovalUse, verify_approval};
use usher_domain::document::sanction::Sanction;
use usher_domain::document::undo::UndoApproval;
use usher_domain::document::{TrustedKeys, accept_trust, verify_enrollment};
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, StaffId};
use usher_domain::record::Subject;
use usher_domain::time::ClockTrust;
use usher_fuzz::{NOW, ORGANIZER, SESSION, device_key, key, keys, root, roster_key};

fuzz_target!(|data: &[u8]| {
    for bytes in [data.to_vec(), sign(&root(), ContentType::TRUST, data)] {
        let trust = accept_trust(
            &bytes,
            &root().public(),
            Some(ORGANIZER),
            None,
            NOW,
            ClockTrust::Proved,
        );
        if let Ok(trust) = trust {
            let trust = trust.into_accepted();
            assert_eq!(check_canonical(&encode(trust.value())), Ok(()));
            let keys = TrustedKeys::from(trust.document());
            let _ = keys.code_keys();
        }
    }
    for bytes in [
        data.to_vec(),
        sign(&roster_key(), ContentType::ENROLLMENT, data),
    ] {
        if let Ok(enrollment) = verify_enrollment(&bytes, &keys(), &device_key()) {
            assert_eq!(check_canonical(&encode(enrollment.value())), Ok(()));
        }
    }
    let supervisor = StaffId::from_bytes([3; 16]);
    let public = key(6).public();
    let used = ApprovalUse {
        session: SESSION,
        subject: Subject::Nothing,
        device: DeviceId::from_bytes([5; 16]),
        at: NOW,
        act: AttemptId::from_bytes([4; 16]),
    };
    for bytes in [data.to_vec(), sign(&key(6), ContentType::OVERRIDE, data)] {
        let _ = verify_approval::<Sanction>(&bytes, (&public, supervisor), &used);
    }
    let used = ApprovalUse {
        session: used.session,
        subject: used.subject,
        device: used.device,
        at: used.at,
        act: Hash::ZERO,
    };
    for bytes in [data.to_vec(), sign(&key(6), ContentType::UNDO, data)] {
        let _ = verify_approval::<UndoApproval>(&bytes, (&public, supervisor), &used);
    }
});
