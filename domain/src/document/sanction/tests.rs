use super::*;
use crate::cbor;
use crate::cose::{self, SigningKey};
use crate::document::sign;
use crate::ids::TicketId;
use crate::secret::{Private, Seed};
use proptest::prelude::*;

const AT: UnixMillis = UnixMillis::new(1_800_000_000_000);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Seed::new([seed; 32]))
}

fn supervisor() -> StaffEntry {
    StaffEntry {
        staff: StaffId::from_bytes([1; 16]),
        name: Private::new("Ada"),
        role: StaffRole::Supervisor,
        gates: vec![GateId::from_bytes([2; 16])],
        badge: key(1).public(),
        override_key: Some(key(2).public()),
        valid_from: Some(AT.shifted(-1000)),
        valid_until: Some(AT.shifted(1000)),
        revoked_at: None,
    }
}

fn used() -> SanctionUse {
    SanctionUse {
        session: SessionId::from_bytes([3; 16]),
        subject: Subject::Ticket(TicketId::from_bytes([4; 16])),
        attempt: AttemptId::from_bytes([6; 16]),
        device: DeviceId::from_bytes([7; 16]),
        gate: Some(GateId::from_bytes([2; 16])),
        at: AT,
    }
}

fn sanction() -> Sanction {
    Sanction {
        session: used().session,
        subject: used().subject,
        refused: AttemptId::from_bytes([5; 16]),
        attempt: used().attempt,
        device: used().device,
        supervisor: supervisor().staff,
        reason: SanctionReason::IdentityChecked,
        expires_at: AT.shifted(60_000),
        record: Hash::from_bytes([8; 32]),
    }
}

/// The answer to an override after `change`.
fn after(
    change: impl FnOnce(&mut Sanction, &mut StaffEntry, &mut SanctionUse),
) -> Result<Sanction, SanctionError> {
    let (mut sanction, mut supervisor, mut used) = (sanction(), supervisor(), used());
    change(&mut sanction, &mut supervisor, &mut used);
    verify_sanction(&sign(&sanction, &key(2)), &supervisor, &used).map(Verified::into_value)
}

#[test]
fn a_supervisors_override_holds_for_the_admission_it_names() {
    assert_eq!(after(|_, _, _| {}), Ok(sanction()));
    // At the edges of its time, and on a device that stands at no gate.
    assert!(after(|_, _, u| u.gate = None).is_ok());
    assert!(after(|s, _, _| s.expires_at = AT).is_ok());
    assert!(after(|s, _, _| s.expires_at = AT.shifted(SANCTION_LIFETIME_MS as i64)).is_ok());
    assert!(sign(&sanction(), &key(2)).len() <= SANCTION_BYTES_MAX);
}

#[test]
fn an_override_is_good_for_nothing_else() {
    let answers = [
        after(|s, _, _| s.session = SessionId::from_bytes([9; 16])),
        after(|s, _, _| s.subject = Subject::Nothing),
        after(|s, _, _| s.attempt = s.refused),
        after(|s, _, _| s.device = DeviceId::from_bytes([9; 16])),
        after(|s, _, _| s.supervisor = StaffId::from_bytes([9; 16])),
        after(|_, _, u| u.gate = Some(GateId::from_bytes([9; 16]))),
    ];
    assert_eq!(
        answers.map(|answer| answer.unwrap_err().code()),
        [
            "override_other_session",
            "override_other_subject",
            "override_other_attempt",
            "override_other_device",
            "override_other_supervisor",
            "override_other_gate",
        ]
    );
}

#[test]
fn an_override_is_good_for_a_short_time_only() {
    assert_eq!(
        after(|s, _, _| s.expires_at = AT.shifted(-1)),
        Err(SanctionError::Expired { at: AT.shifted(-1) })
    );
    assert_eq!(
        after(|s, _, _| s.expires_at = AT.shifted(SANCTION_LIFETIME_MS as i64 + 1)),
        Err(SanctionError::TooLongLived)
    );
}

#[test]
fn only_a_valid_supervisor_overrides() {
    for role in [StaffRole::Steward, StaffRole::BoxOffice] {
        assert_eq!(
            after(|_, who, _| who.role = role),
            Err(SanctionError::NotASupervisor)
        );
    }
    assert_eq!(
        after(|_, who, _| who.override_key = None),
        Err(SanctionError::NotASupervisor)
    );
    for change in [
        |who: &mut StaffEntry| who.valid_from = Some(AT.shifted(1)),
        |who: &mut StaffEntry| who.valid_until = Some(AT.shifted(-1)),
        |who: &mut StaffEntry| who.revoked_at = Some(AT),
    ] {
        assert_eq!(
            after(|_, who, _| change(who)),
            Err(SanctionError::BadgeNotValid)
        );
    }
    // An override before the revocation stays what it was.
    assert!(after(|_, who, _| who.revoked_at = Some(AT.shifted(1))).is_ok());
}

#[test]
fn the_badge_alone_cannot_override() {
    let by_badge = sign(&sanction(), &key(1));
    assert_eq!(
        verify_sanction(&by_badge, &supervisor(), &used()),
        Err(Untrusted::UnknownKey(key(1).kid()).into())
    );
    let other_kind = cose::sign(&key(2), ContentType::BATCH, &cbor::encode(&sanction()));
    assert_eq!(
        verify_sanction(&other_kind, &supervisor(), &used()),
        Err(Untrusted::BadSignature.into())
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(verify_sanction(&bytes, &supervisor(), &used()).is_err());
        let signed = cose::sign(&key(2), ContentType::OVERRIDE, &bytes);
        prop_assert!(verify_sanction(&signed, &supervisor(), &used()).is_err());
    }
}
