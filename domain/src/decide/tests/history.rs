//! What earlier scans of the ticket say, and leaving.

use super::*;
use crate::merge::state::Unit;
use crate::record::Subject;
use crate::rules::Counted;

fn with(history: &SubjectState, terms: &SessionTerms, context: &Context) -> Verdict {
    listed(&row(), history, terms, context)
}

#[test]
fn a_ticket_already_inside_is_told_when_where_and_by_which_device() {
    assert_eq!(
        with(&inside(), &entering(EntryMode::Single), &context()),
        refuse(Refusal::AlreadyInside(entry()))
    );
}

#[test]
fn a_single_entry_is_used_up_after_leaving() {
    let used = Refusal::EntriesUsedUp {
        allowed: 1,
        last: entry(),
    };
    assert_eq!(
        with(&left(), &entering(EntryMode::Single), &context()),
        refuse(used)
    );
}

#[test]
fn re_entry_takes_an_exit_scan_first() {
    let terms = entering(EntryMode::Reentry);
    assert_eq!(
        with(&inside(), &terms, &context()),
        refuse(Refusal::ExitRequired(entry()))
    );
    assert!(passes(&with(&left(), &terms, &context())));
}

#[test]
fn a_ticket_of_several_entries_enters_until_they_are_used_up() {
    let terms = entering(EntryMode::Times(2));
    assert!(passes(&with(&inside(), &terms, &context())));
    let twice = SubjectState {
        entries: 2,
        ..inside()
    };
    let used = Refusal::EntriesUsedUp {
        allowed: 2,
        last: entry(),
    };
    assert_eq!(with(&twice, &terms, &context()), refuse(used));
}

#[test]
fn a_ticket_with_entries_of_its_own_goes_by_them() {
    let generous = TicketRow {
        entries: Some(3),
        ..row()
    };
    let answer = listed(
        &generous,
        &inside(),
        &entering(EntryMode::Single),
        &context(),
    );
    assert!(passes(&answer));
}

#[test]
fn a_ticket_of_no_entries_never_enters() {
    let none = TicketRow {
        entries: Some(0),
        ..row()
    };
    assert_eq!(
        listed(&none, &fresh(), &terms(), &context()),
        refuse(Refusal::Blocked)
    );
}

#[test]
fn a_person_sent_out_comes_back_once() {
    let sent_out = SubjectState {
        inside: None,
        may_return: Some(entry()),
        ..inside()
    };
    for mode in [EntryMode::Single, EntryMode::Reentry, EntryMode::Times(1)] {
        assert_eq!(
            with(&sent_out, &entering(mode), &context()),
            admit(AdmitWhy::BackAfterEveryoneOut, vec![])
        );
    }
}

#[test]
fn a_person_inside_leaves() {
    assert_eq!(
        with(&inside(), &terms(), &leaving()),
        admit(AdmitWhy::Exit, vec![])
    );
}

#[test]
fn a_person_let_in_by_override_leaves_with_what_they_have() {
    let verdict = decide(&opaque(), &Found::Nowhere, &inside(), &terms(), &leaving());
    assert_eq!(verdict, admit(AdmitWhy::Exit, vec![]));
}

#[test]
fn nobody_leaves_who_is_not_inside() {
    for history in [fresh(), left()] {
        assert_eq!(
            with(&history, &terms(), &leaving()),
            refuse(Refusal::NotInside)
        );
    }
}

#[test]
fn an_isolated_gate_believes_an_exit() {
    let context = Context {
        direction: Direction::Exit,
        ..isolated()
    };
    let since = at(18, 30);
    assert_eq!(
        with(&fresh(), &terms(), &context),
        admit(AdmitWhy::Exit, vec![Caution::Isolated { since }])
    );
    let stranger = decide(&opaque(), &Found::Nowhere, &fresh(), &terms(), &context);
    assert_eq!(stranger, Verdict::Refuse(Refusal::Unknown));
}

#[test]
fn an_entry_that_waits_for_a_person_bars_nobody_and_is_told() {
    let entry = PriorScan {
        at: at(19, 0),
        device: DeviceId::from_bytes([9; 16]),
        record: crate::hash::Hash::ZERO,
        session: terms().session.id,
        gate: None,
        zone: None,
        operator: None,
    };
    let context = Context {
        quarantined: Some(entry),
        ..context()
    };
    assert_eq!(
        with(&fresh(), &terms(), &context),
        admit(AdmitWhy::Listed, vec![Caution::Quarantined(entry)])
    );
    let context = Context {
        direction: Direction::Exit,
        ..context
    };
    let left = with(&inside(), &terms(), &context);
    assert!(matches!(left, Verdict::Admit(admit) if admit.cautions.is_empty()));
}

#[test]
fn a_person_leaves_after_the_end_and_through_any_gate() {
    let terms = type_rule(|rule| rule.zones = vec![BALCONY]);
    let context = Context {
        now: at(23, 59),
        ..leaving()
    };
    assert!(passes(&with(&inside(), &terms, &context)));
}

#[test]
fn what_is_known_names_the_state_to_look_up() {
    let row = TicketRow {
        access: AccessNumber::new(9),
        ..row()
    };
    let known = Known::of(&good_code(), &here(&row));
    assert_eq!(known.subject, Subject::Ticket(row.ticket));
    let per_pass = Rules {
        entry: EntryRule {
            mode: EntryMode::Single,
            counted: Counted::PerPass,
        },
        ..Rules::default()
    };
    assert_eq!(
        known.unit(EVENING, &per_pass),
        Unit::Pass(AccessNumber::new(9))
    );
    assert_eq!(
        known.unit(EVENING, &Rules::default()),
        Unit::Session(EVENING)
    );
    let unknown = Known::of(&opaque(), &Found::Nowhere);
    assert_eq!(unknown.subject, Subject::Medium(identity()));
    assert_eq!(
        Known::of(&Shown::Unreadable, &Found::Nowhere).subject,
        Subject::Nothing
    );
}

#[test]
fn a_newer_issue_than_the_rows_speaks_for_itself() {
    let newer = TicketCode {
        issue: IssueNumber::new(3),
        type_number: STUDENT,
        ..code()
    };
    let row = TicketRow {
        entries: Some(4),
        ..row()
    };
    let known = Known::of(&signed(newer, Signer::Entitled), &here(&row));
    assert_eq!(known.type_number, Some(STUDENT));
    assert_eq!(known.issue, Some(IssueNumber::new(3)));
    assert_eq!(known.entries, Some(4));
}
