use super::*;
use crate::cbor;
use crate::cose::{self, SigningKey};
use crate::document::approval::{
    APPROVAL_BYTES_MAX, APPROVAL_LIFETIME_MS, ApprovalError, ApprovalUse, verify_approval,
};
use crate::document::{Untrusted, Verified, sign};
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

const NORTH: Option<GateId> = Some(GateId::from_bytes([2; 16]));

fn used() -> ApprovalUse<AttemptId> {
    ApprovalUse {
        session: SessionId::from_bytes([3; 16]),
        subject: Subject::Ticket(TicketId::from_bytes([4; 16])),
        device: DeviceId::from_bytes([7; 16]),
        at: AT,
        act: AttemptId::from_bytes([6; 16]),
    }
}

fn verify(
    bytes: &[u8],
    supervisor: &StaffEntry,
    used: &ApprovalUse<AttemptId>,
) -> Result<Sanction, ApprovalError> {
    let key = supervisor.override_key.unwrap();
    verify_approval(bytes, (&key, supervisor.staff), used).map(Verified::into_value)
}

fn sanction() -> Sanction {
    Sanction {
        session: used().session,
        subject: used().subject,
        refused: AttemptId::from_bytes([5; 16]),
        attempt: used().act,
        device: used().device,
        supervisor: supervisor().staff,
        reason: SanctionReason::IdentityChecked,
        expires_at: AT.shifted(60_000),
        record: Hash::from_bytes([8; 32]),
    }
}

/// The answer to an override after `change`.
fn after(
    change: impl FnOnce(&mut Sanction, &mut ApprovalUse<AttemptId>),
) -> Result<Sanction, ApprovalError> {
    let (mut sanction, mut used) = (sanction(), used());
    change(&mut sanction, &mut used);
    verify(&sign(&sanction, &key(2)), &supervisor(), &used)
}

#[test]
fn a_supervisors_override_holds_for_the_admission_it_names() {
    assert_eq!(after(|_, _| {}), Ok(sanction()));
    // At the edges of its time.
    assert!(after(|s, _| s.expires_at = AT).is_ok());
    assert!(after(|s, _| s.expires_at = AT.shifted(APPROVAL_LIFETIME_MS as i64)).is_ok());
    assert!(sign(&sanction(), &key(2)).len() <= APPROVAL_BYTES_MAX);
}

#[test]
fn an_override_is_good_for_nothing_else() {
    let answers = [
        after(|s, _| s.session = SessionId::from_bytes([9; 16])),
        after(|s, _| s.subject = Subject::Nothing),
        after(|s, _| s.attempt = s.refused),
        after(|s, _| s.device = DeviceId::from_bytes([9; 16])),
        after(|s, _| s.supervisor = StaffId::from_bytes([9; 16])),
    ];
    assert_eq!(
        answers.map(|answer| answer.unwrap_err().code()),
        [
            "approval_other_session",
            "approval_other_subject",
            "approval_other_act",
            "approval_other_device",
            "approval_other_supervisor",
        ]
    );
}

#[test]
fn an_override_is_good_for_a_short_time_only() {
    assert_eq!(
        after(|s, _| s.expires_at = AT.shifted(-1)),
        Err(ApprovalError::Expired { at: AT.shifted(-1) })
    );
    assert_eq!(
        after(|s, _| s.expires_at = AT.shifted(APPROVAL_LIFETIME_MS as i64 + 1)),
        Err(ApprovalError::TooLongLived)
    );
}

#[test]
fn only_a_valid_supervisor_may_override_at_a_gate() {
    let after = |change: &dyn Fn(&mut StaffEntry)| {
        let mut supervisor = supervisor();
        change(&mut supervisor);
        supervisor.may_approve(NORTH, AT)
    };
    assert_eq!(after(&|_| {}), Ok(()));
    // A device that stands at no gate is for everybody.
    assert_eq!(supervisor().may_approve(None, AT), Ok(()));
    let south = Some(GateId::from_bytes([9; 16]));
    assert_eq!(
        supervisor().may_approve(south, AT),
        Err(MayNotApprove::OtherGate)
    );
    for role in [StaffRole::Steward, StaffRole::BoxOffice] {
        assert_eq!(
            after(&|who| who.role = role),
            Err(MayNotApprove::NotASupervisor)
        );
    }
    assert_eq!(
        after(&|who| who.override_key = None),
        Err(MayNotApprove::NotASupervisor)
    );
    for change in [
        |who: &mut StaffEntry| who.valid_from = Some(AT.shifted(1)),
        |who: &mut StaffEntry| who.valid_until = Some(AT.shifted(-1)),
        |who: &mut StaffEntry| who.revoked_at = Some(AT),
    ] {
        assert_eq!(after(&change), Err(MayNotApprove::BadgeNotValid));
    }
    // An override before the revocation stays what it was.
    assert_eq!(after(&|who| who.revoked_at = Some(AT.shifted(1))), Ok(()));
}

#[test]
fn the_badge_alone_cannot_override() {
    let by_badge = sign(&sanction(), &key(1));
    assert_eq!(
        verify(&by_badge, &supervisor(), &used()),
        Err(Untrusted::UnknownKey(key(1).kid()).into())
    );
    let other_kind = cose::sign(&key(2), ContentType::BATCH, &cbor::encode(&sanction()));
    assert_eq!(
        verify(&other_kind, &supervisor(), &used()),
        Err(Untrusted::BadSignature.into())
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(verify(&bytes, &supervisor(), &used()).is_err());
        let signed = cose::sign(&key(2), ContentType::OVERRIDE, &bytes);
        prop_assert!(verify(&signed, &supervisor(), &used()).is_err());
    }
}
