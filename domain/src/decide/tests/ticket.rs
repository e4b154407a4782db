//! Whether it is a ticket, whose, and in what state.

use super::*;
use crate::rules::UnknownSignedRule;
use crate::table::rows::CancelReason;

fn verdict(shown: &Shown, found: &Found<'_>) -> Verdict {
    decide(shown, found, &fresh(), &terms(), &context())
}

fn for_row(row: &TicketRow) -> Verdict {
    verdict(&good_code(), &here(row))
}

#[test]
fn a_listed_ticket_is_admitted() {
    assert_eq!(for_row(&row()), admit(AdmitWhy::Listed, vec![]));
}

#[test]
fn a_listed_medium_is_admitted_whatever_it_looks_like() {
    let row = row();
    let found = Found::Here {
        row: &row,
        via: Via::CurrentMedium,
    };
    let identity = identity();
    for shown in [
        opaque(),
        Shown::Malformed { identity },
        Shown::Forged { identity },
    ] {
        assert_eq!(verdict(&shown, &found), admit(AdmitWhy::Listed, vec![]));
    }
}

#[test]
fn a_malformed_code_is_refused() {
    let identity = identity();
    for shown in [Shown::Unreadable, Shown::Malformed { identity }] {
        assert_eq!(verdict(&shown, &Found::Nowhere), refuse(Refusal::Malformed));
    }
}

#[test]
fn a_forged_code_is_refused() {
    let shown = Shown::Forged {
        identity: identity(),
    };
    assert_eq!(verdict(&shown, &Found::Nowhere), refuse(Refusal::Forged));
}

#[test]
fn an_opaque_code_outside_the_set_is_unknown() {
    assert_eq!(
        verdict(&opaque(), &Found::Nowhere),
        refuse(Refusal::Unknown)
    );
}

#[test]
fn only_a_signed_code_names_a_row_by_its_ticket() {
    assert_eq!(verdict(&opaque(), &here(&row())), refuse(Refusal::Unknown));
}

#[test]
fn a_ticket_of_another_event_is_told_which() {
    let found = Found::Elsewhere(vec![Elsewhere {
        session: SessionId::from_bytes([12; 16]),
        name: "Gala".into(),
        event: EventId::from_bytes([6; 16]),
        event_name: "Charity".into(),
    }]);
    let right = Some("Charity, Gala".to_owned());
    assert_eq!(
        verdict(&opaque(), &found),
        refuse(Refusal::WrongEvent { right })
    );
    let foreign = TicketCode {
        access: AccessNumber::new(3),
        ..code()
    };
    let right = Some("Gala".to_owned());
    assert_eq!(
        verdict(&signed(foreign, Signer::Entitled), &Found::Nowhere),
        refuse(Refusal::WrongEvent { right })
    );
}

#[test]
fn a_ticket_of_another_session_is_told_the_right_one() {
    let right = vec![(MATINEE, "Matinee".to_owned())];
    let matinee = TicketCode {
        access: AccessNumber::new(2),
        ..code()
    };
    let found = Found::Elsewhere(vec![Elsewhere {
        session: MATINEE,
        name: "Matinee".into(),
        event: EVENT,
        event_name: "Festival".into(),
    }]);
    let shown = signed(matinee, Signer::Entitled);
    for found in [Found::Nowhere, found] {
        assert_eq!(
            verdict(&shown, &found),
            refuse(Refusal::WrongSession {
                right: right.clone()
            })
        );
    }
}

#[test]
fn a_ticket_that_was_moved_to_another_session_is_told_the_right_one() {
    let moved = TicketRow {
        access: AccessNumber::new(2),
        ..row()
    };
    assert_eq!(
        for_row(&moved),
        refuse(Refusal::WrongSession {
            right: vec![(MATINEE, "Matinee".to_owned())]
        })
    );
}

#[test]
fn a_code_outside_what_its_key_may_sign_is_a_wrong_session() {
    let shown = signed(code(), Signer::OutsideLimits);
    for found in [Found::Nowhere, here(&row())] {
        assert_eq!(
            verdict(&shown, &found),
            refuse(Refusal::WrongSession { right: vec![] })
        );
    }
}

#[test]
fn a_pass_enters_every_session_of_its_kind() {
    let pass = TicketRow {
        access: AccessNumber::new(9),
        ..row()
    };
    let shown = TicketCode {
        access: AccessNumber::new(9),
        ..code()
    };
    assert_eq!(
        verdict(&signed(shown, Signer::Entitled), &here(&pass)),
        admit(AdmitWhy::Listed, vec![])
    );
}

#[test]
fn a_superseded_issue_is_told_the_valid_one() {
    let old = TicketCode {
        issue: IssueNumber::new(1),
        ..code()
    };
    assert_eq!(
        verdict(&signed(old, Signer::Entitled), &here(&row())),
        refuse(Refusal::Superseded {
            shown: Some(IssueNumber::new(1)),
            valid: IssueNumber::new(2)
        })
    );
}

#[test]
fn a_former_medium_is_superseded() {
    let row = row();
    let found = Found::Here {
        row: &row,
        via: Via::FormerMedium,
    };
    assert_eq!(
        verdict(&opaque(), &found),
        refuse(Refusal::Superseded {
            shown: None,
            valid: IssueNumber::new(2)
        })
    );
}

#[test]
fn a_cancelled_ticket_is_refused_with_its_reason() {
    let reason = CancelReason::Refunded;
    let cancelled = TicketRow {
        state: TicketState::Cancelled(reason),
        ..row()
    };
    assert_eq!(for_row(&cancelled), refuse(Refusal::Cancelled { reason }));
    // An older and a newer issue of it are no better.
    for issue in [1, 3] {
        let shown = TicketCode {
            issue: IssueNumber::new(issue),
            ..code()
        };
        assert_eq!(
            verdict(&signed(shown, Signer::Entitled), &here(&cancelled)),
            refuse(Refusal::Cancelled { reason })
        );
    }
}

#[test]
fn a_blocked_ticket_is_refused() {
    let blocked = TicketRow {
        state: TicketState::Blocked,
        ..row()
    };
    assert_eq!(for_row(&blocked), refuse(Refusal::Blocked));
}

#[test]
fn an_old_issue_of_a_blocked_ticket_is_told_of_the_newer_one() {
    let blocked = TicketRow {
        state: TicketState::Blocked,
        ..row()
    };
    let old = TicketCode {
        issue: IssueNumber::new(1),
        ..code()
    };
    let verdict = decide(
        &signed(old, Signer::Entitled),
        &here(&blocked),
        &fresh(),
        &terms(),
        &context(),
    );
    assert_eq!(verdict.reason(), crate::verdict::Reason::Superseded);
}

fn unlisted_under(rule: UnknownSignedRule, shown: &Shown, found: &Found<'_>) -> Verdict {
    let terms = ruled(|rules| rules.unknown_signed = rule);
    decide(shown, found, &fresh(), &terms, &context())
}

#[test]
fn a_signed_code_outside_the_set_follows_the_rule() {
    let newer = signed(
        TicketCode {
            issue: IssueNumber::new(3),
            ..code()
        },
        Signer::Entitled,
    );
    let pretix = Shown::Pretix {
        identity: identity(),
        type_number: Some(STANDARD),
        valid_from: None,
        valid_until: None,
        date: None,
    };
    let row = row();
    for (shown, found) in [
        (good_code(), Found::Nowhere),
        (pretix, Found::Nowhere),
        (newer, here(&row)),
    ] {
        let under = |rule| unlisted_under(rule, &shown, &found);
        assert_eq!(
            under(UnknownSignedRule::Admit),
            admit(AdmitWhy::UnknownSigned, vec![])
        );
        assert_eq!(
            under(UnknownSignedRule::Refer),
            refer(Referral::UnknownSigned)
        );
        assert_eq!(under(UnknownSignedRule::Refuse), refuse(Refusal::Unknown));
    }
}

#[test]
fn a_signed_code_of_no_type_of_the_session_is_a_wrong_session() {
    let shown = TicketCode {
        type_number: TypeNumber::new(99),
        ..code()
    };
    let pretix = Shown::Pretix {
        identity: identity(),
        type_number: None,
        valid_from: None,
        valid_until: None,
        date: None,
    };
    for shown in [signed(shown, Signer::Entitled), pretix] {
        assert_eq!(
            verdict(&shown, &Found::Nowhere),
            refuse(Refusal::WrongSession { right: vec![] })
        );
    }
}

#[test]
fn a_listed_code_under_a_revoked_key_is_admitted() {
    assert_eq!(
        verdict(&signed(code(), Signer::Revoked), &here(&row())),
        admit(AdmitWhy::Listed, vec![])
    );
}

#[test]
fn an_unlisted_code_under_a_revoked_key_is_referred() {
    let newer = TicketCode {
        issue: IssueNumber::new(3),
        ..code()
    };
    assert_eq!(
        verdict(&signed(code(), Signer::Revoked), &Found::Nowhere),
        refer(Referral::RevokedKey)
    );
    assert_eq!(
        verdict(&signed(newer, Signer::Revoked), &here(&row())),
        refer(Referral::RevokedKey)
    );
}

#[test]
fn an_old_code_of_a_ticket_that_was_moved_here_is_replaced_and_no_wrong_session() {
    let of_matinee = TicketCode {
        access: AccessNumber::new(2),
        issue: IssueNumber::new(1),
        ..code()
    };
    let at_evening = |signer| verdict(&signed(of_matinee, signer), &here(&row()));
    assert_eq!(
        at_evening(Signer::Entitled),
        refuse(Refusal::Superseded {
            shown: Some(IssueNumber::new(1)),
            valid: IssueNumber::new(2)
        })
    );
    // A key that may not sign for anything here says nothing of its own tickets either.
    assert!(matches!(
        at_evening(Signer::OutsideLimits),
        Verdict::Refuse(Refusal::WrongSession { .. })
    ));
    // At the session that it left, the old code and the new one are told where the ticket is valid.
    let moved = TicketRow {
        access: AccessNumber::new(2),
        state: TicketState::Cancelled(CancelReason::Exchanged),
        issue: IssueNumber::new(3),
        ..row()
    };
    let right = vec![(MATINEE, "Matinee".to_owned())];
    for shown in [
        code(),
        TicketCode {
            access: AccessNumber::new(2),
            issue: IssueNumber::new(3),
            ..code()
        },
    ] {
        assert_eq!(
            verdict(&signed(shown, Signer::Entitled), &here(&moved)),
            refuse(Refusal::WrongSession {
                right: right.clone()
            })
        );
    }
}
