//! Codes that another shop signed: what its own offline check asks of them holds here too, listed or not.

use super::*;
use crate::rules::UnknownSignedRule;
use crate::session::{PretixDate, PretixItem, PretixTerms};
use crate::table::rows::CancelReason;

/// The shop's numbers of the matinee and of the evening.
const MATINEE_DATE: u64 = 40;
const EVENING_DATE: u64 = 41;
/// A date that became no session here.
const UNKNOWN_DATE: u64 = 99;

/// The evening of a series, with one product whose holders show something.
fn series() -> SessionTerms {
    let date = |subevent, session, name: &str| PretixDate {
        subevent,
        session,
        name: name.into(),
    };
    let product = |item, type_number, instruction: Option<&str>| PretixItem {
        item,
        type_number,
        variation: None,
        instruction: instruction.map(str::to_owned),
    };
    SessionTerms {
        pretix: Some(PretixTerms {
            keys: Vec::new(),
            items: vec![
                product(11, STANDARD, None),
                product(12, STUDENT, Some("check student ID")),
            ],
            dates: Some(vec![
                date(EVENING_DATE, EVENING, "Evening"),
                date(MATINEE_DATE, MATINEE, "Matinee"),
            ]),
        }),
        ..terms()
    }
}

/// The same shop without a series.
fn single() -> SessionTerms {
    let mut terms = series();
    if let Some(pretix) = &mut terms.pretix {
        pretix.dates = Some(Vec::new());
    }
    terms
}

fn secret(type_number: TypeNumber, date: Option<SignedDate>) -> Shown {
    Shown::Pretix {
        identity: identity(),
        type_number: Some(type_number),
        valid_from: None,
        valid_until: None,
        date,
    }
}

const fn dated(number: u64) -> Option<SignedDate> {
    Some(SignedDate::Subevent(number))
}

fn unlisted(date: Option<SignedDate>, terms: &SessionTerms) -> Verdict {
    let shown = secret(STANDARD, date);
    decide(&shown, &Found::Nowhere, &fresh(), terms, &context())
}

fn is_unknown_signed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Admit(admit) if admit.why == AdmitWhy::UnknownSigned)
}

#[test]
fn an_unlisted_secret_of_another_date_is_told_its_own() {
    assert!(is_unknown_signed(&unlisted(dated(EVENING_DATE), &series())));
    let right = vec![(MATINEE, "Matinee".to_owned())];
    assert_eq!(
        unlisted(dated(MATINEE_DATE), &series()),
        refuse(Refusal::WrongSession { right })
    );
    for stranger in [dated(UNKNOWN_DATE), Some(SignedDate::Unnamed)] {
        assert_eq!(
            unlisted(stranger, &series()),
            refuse(Refusal::WrongSession { right: vec![] })
        );
    }
}

#[test]
fn an_unlisted_secret_of_a_date_that_nobody_placed_is_referred() {
    assert_eq!(
        unlisted(dated(UNKNOWN_DATE), &single()),
        refer(Referral::UnknownSigned)
    );
    // A manifest of an older server tells no dates, and an older gate does not tell that of the secret.
    let mut older = single();
    if let Some(pretix) = &mut older.pretix {
        pretix.dates = None;
    }
    assert_eq!(
        unlisted(dated(EVENING_DATE), &older),
        refer(Referral::UnknownSigned)
    );
    assert_eq!(unlisted(None, &series()), refer(Referral::UnknownSigned));
    for terms in [single(), older] {
        assert!(is_unknown_signed(&unlisted(
            Some(SignedDate::Unnamed),
            &terms
        )));
        assert!(is_unknown_signed(&unlisted(None, &terms)));
    }
}

#[test]
fn an_unlisted_secret_of_an_honoured_date_is_let_in() {
    let context = Context {
        honours: Some(MATINEE),
        ..context()
    };
    let shown = secret(STANDARD, dated(MATINEE_DATE));
    let verdict = decide(&shown, &Found::Nowhere, &fresh(), &series(), &context);
    assert!(is_unknown_signed(&verdict), "{verdict:?}");
}

#[test]
fn what_a_product_asks_of_staff_is_asked_of_unlisted_secrets() {
    let shown = secret(STUDENT, dated(EVENING_DATE));
    let texts = vec!["check student ID".to_owned()];
    assert_eq!(
        decide(&shown, &Found::Nowhere, &fresh(), &series(), &context()),
        refer(Referral::Instruction { texts })
    );
}

#[test]
fn a_revoked_or_blocked_secret_of_every_session_is_refused_as_such_at_each() {
    let shown = secret(STANDARD, dated(MATINEE_DATE));
    for (state, refusal) in [
        (
            TicketState::Cancelled(CancelReason::Other),
            Refusal::Cancelled {
                reason: CancelReason::Other,
            },
        ),
        (TicketState::Blocked, Refusal::Blocked),
    ] {
        let row = TicketRow {
            access: AccessNumber::EVERY_SESSION,
            state,
            ..row()
        };
        let found = Found::Here {
            row: &row,
            via: Via::CurrentMedium,
        };
        let verdict = decide(&shown, &found, &fresh(), &series(), &context());
        assert_eq!(verdict, refuse(refusal));
    }
}

#[test]
fn a_bound_that_the_shop_signed_holds_where_the_row_tells_none() {
    let shown = |until| Shown::Pretix {
        identity: identity(),
        type_number: Some(STANDARD),
        valid_from: None,
        valid_until: Some(until),
        date: Some(SignedDate::Unnamed),
    };
    let under = |row: &TicketRow, until| {
        let found = Found::Here {
            row,
            via: Via::CurrentMedium,
        };
        decide(&shown(until), &found, &fresh(), &single(), &context())
    };
    let past = at(18, 30);
    assert_eq!(
        under(&row(), past),
        refuse(Refusal::NoLongerValid { until: past })
    );
    // What the organizer says of the ticket counts more.
    let extended = TicketRow {
        valid_until: Some(seconds(at(22, 0))),
        ..row()
    };
    assert!(passes(&under(&extended, past)));
}

#[test]
fn the_rule_for_unknown_codes_comes_after_the_date() {
    let mut terms = series();
    terms.rules.unknown_signed = UnknownSignedRule::Refuse;
    let right = vec![(MATINEE, "Matinee".to_owned())];
    assert_eq!(
        unlisted(dated(MATINEE_DATE), &terms),
        refuse(Refusal::WrongSession { right })
    );
    assert_eq!(
        unlisted(dated(EVENING_DATE), &terms),
        refuse(Refusal::Unknown)
    );
}
