use super::*;
use crate::service::tickets::stored::Medium;
use usher_domain::code::TicketCodeText;
use usher_domain::ids::{EventId, OrganizerId, SessionId, TicketId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::secret::Private;
use usher_domain::table::rows::CancelReason::{self, ChargedBack, Other, Refunded};
use usher_domain::table::rows::TicketState::{self, Blocked, Cancelled, Valid};

const SOURCE: u8 = 1;

fn medium(code: &str) -> Medium {
    let text = TicketCodeText::new(code).unwrap();
    Medium::new(OrganizerId::from_bytes([1; 16]), &text, 90)
}

/// A line about a guest.
fn line(name: &str, state: TicketState) -> Body {
    let mut body = Body {
        revision: 0,
        type_number: TypeNumber::new(1),
        access: AccessNumber::new(1),
        sessions: vec![SessionId::from_bytes([2; 16])],
        state,
        issue: IssueNumber::new(1),
        channel: 0,
        media: vec![medium("PA7Q2ZW9XR4TN8VBM3HP")],
        valid_from: None,
        valid_until: None,
        order: None,
        holder: Some(Private::new(name)),
        zone: None,
        seat: None,
        home: None,
        instruction: None,
        entries: None,
        request: None,
        group: None,
        signed: None,
        said: None,
        left: None,
        explanation: None,
        images: None,
        restored: None,
    };
    body.request = Some(said::fingerprint(&body));
    body
}

fn imported(line: Body) -> Loaded {
    let said = Said::by(Mark::of(&SOURCE), &line);
    Loaded {
        id: TicketId::from_bytes([3; 16]),
        event: EventId::from_bytes([4; 16]),
        external: None,
        body: Body {
            said: Some(said),
            ..line
        },
    }
}

fn merged(ticket: &mut Loaded, line: Body) -> Found {
    merge(ticket, line, Mark::of(&SOURCE)).unwrap()
}

const STATES: [TicketState; 6] = [
    Valid,
    Blocked,
    Cancelled(Other),
    Cancelled(Refunded),
    Cancelled(ChargedBack),
    Cancelled(CancelReason::Exchanged),
];

#[test]
fn no_list_whatever_it_says_lifts_a_refusal_that_was_said_here() {
    for last in STATES {
        for here in STATES
            .into_iter()
            .filter(|here| *here != Valid && *here != last)
        {
            for next in STATES {
                let mut ticket = imported(line("Ida", last));
                ticket.body.state = here;
                let found = merged(&mut ticket, line("Idah", next));
                assert_ne!(ticket.body.state, Valid, "{last:?} {here:?} {next:?}");
                assert_eq!(found.refused_here, next == Valid);
                // Nor does the list after the next.
                let found = merged(&mut ticket, line("Ida Lund", Valid));
                assert_ne!(ticket.body.state, Valid, "{last:?} {here:?} {next:?}");
                assert!(found.refused_here && !found.revived);
            }
        }
    }
}

#[test]
fn where_nobody_spoke_here_the_state_is_that_of_the_list() {
    for last in STATES {
        for next in STATES {
            let mut ticket = imported(line("Ida", last));
            let found = merged(&mut ticket, line("Idah", next));
            assert_eq!(ticket.body.state, next);
            assert!(!found.refused_here);
            assert_eq!(found.revived, matches!(last, Cancelled(_)) && next == Valid);
        }
    }
}

#[test]
fn a_ticket_of_an_older_program_keeps_what_was_said_here() {
    for last in [Valid, Blocked, Cancelled(Refunded)] {
        for here in STATES {
            let mut ticket = imported(line("Ida", last));
            ticket.body.said = None;
            ticket.body.state = here;
            merged(&mut ticket, line("Idah", Valid));
            let spoken = here != last && here != Valid;
            assert_eq!(
                ticket.body.state,
                if spoken { here } else { Valid },
                "{last:?} {here:?}"
            );
            assert_eq!(ticket.body.holder, Some(Private::new("Idah")));
        }
    }
    // Changed here in more than its state: what the list leaves empty stays, and so does a refusal.
    let mut ticket = imported(line("Ida", Valid));
    ticket.body.said = None;
    ticket.body.instruction = Some("check ID".to_owned());
    ticket.body.state = Cancelled(Refunded);
    merged(&mut ticket, line("Idah", Valid));
    assert_eq!(ticket.body.instruction.as_deref(), Some("check ID"));
    assert_eq!(ticket.body.state, Cancelled(Refunded));
}

#[test]
fn a_detail_that_only_one_side_changed_is_as_that_side_says() {
    let mut ticket = imported(line("Ida", Valid));
    ticket.body.seat = Some("Row 1".to_owned());
    ticket.body.entries = Some(3);
    let mut next = line("Idah", Valid);
    next.seat = None;
    let found = merged(&mut ticket, next);
    assert_eq!(ticket.body.seat.as_deref(), Some("Row 1"));
    assert_eq!((ticket.body.entries, found.kept_here), (Some(3), false));
    assert_eq!(ticket.body.holder, Some(Private::new("Idah")));
    // Both changed it: told, and as it was said here; the same change on both sides is no trouble.
    let mut next = line("Idah", Valid);
    next.seat = Some("Row 2".to_owned());
    assert!(merged(&mut ticket, next).kept_here);
    assert_eq!(ticket.body.seat.as_deref(), Some("Row 1"));
    let mut next = line("Idah", Valid);
    next.seat = Some("Row 1".to_owned());
    assert!(!merged(&mut ticket, next).kept_here);
}

#[test]
fn a_new_barcode_of_the_shop_is_an_issue_and_the_old_one_again_is_none() {
    let mut ticket = imported(line("Ida", Valid));
    let with = |code: &str, name: &str| {
        let mut line = line(name, Valid);
        line.media = vec![medium(code)];
        line
    };
    merged(&mut ticket, with("PB7Q2ZW9XR4TN8VBM3HQ", "Ida"));
    assert_eq!(ticket.body.issue.get(), 2);
    let current: Vec<_> = ticket.current().map(|medium| medium.key).collect();
    assert_eq!(current, [medium("PB7Q2ZW9XR4TN8VBM3HQ").key]);
    // Reissued here: the list's barcode, which stays the same, opens nothing any more.
    for known in &mut ticket.body.media {
        known.standing = Standing::Former;
    }
    ticket.body.media.push(medium("PC7Q2ZW9XR4TN8VBM3HR"));
    ticket.body.issue = IssueNumber::new(3);
    merged(&mut ticket, with("PB7Q2ZW9XR4TN8VBM3HQ", "Idah"));
    let current: Vec<_> = ticket.current().map(|medium| medium.key).collect();
    assert_eq!(current, [medium("PC7Q2ZW9XR4TN8VBM3HR").key]);
    assert_eq!(ticket.body.issue.get(), 3);
}

/// A ticket whose list gives a new barcode after something was said of its barcodes here.
fn with_new_barcode(said_here: impl FnOnce(&mut Vec<Medium>)) -> (Loaded, Found) {
    let mut ticket = imported(line("Ida", Valid));
    said_here(&mut ticket.body.media);
    let mut next = line("Ida", Valid);
    next.media = vec![medium("PB7Q2ZW9XR4TN8VBM3HQ")];
    let found = merged(&mut ticket, next);
    (ticket, found)
}

fn keys_of(ticket: &Loaded) -> Vec<usher_domain::code::MediumKey> {
    ticket.current().map(|medium| medium.key).collect()
}

#[test]
fn a_wristband_attached_here_stays_beside_a_new_barcode_of_the_list() {
    let band = medium("wristband-17");
    let (ticket, found) = with_new_barcode(|media| media.push(band.clone()));
    assert!(!found.kept_here);
    assert_eq!(
        keys_of(&ticket),
        [band.key, medium("PB7Q2ZW9XR4TN8VBM3HQ").key]
    );
    assert_eq!(ticket.body.issue.get(), 2);
}

#[test]
fn a_barcode_given_here_stays_and_the_new_one_of_the_list_opens_nothing() {
    let own = medium("PC7Q2ZW9XR4TN8VBM3HR");
    let (mut ticket, found) = with_new_barcode(|media| {
        for known in media.iter_mut() {
            known.standing = Standing::Former;
        }
        media.push(own.clone());
    });
    assert!(found.kept_here);
    assert_eq!(keys_of(&ticket), [own.key]);
    assert_eq!(ticket.body.issue.get(), 1);
    let listed = medium("PB7Q2ZW9XR4TN8VBM3HQ");
    let known = ticket.body.media.iter();
    let known = known.filter(|known| known.key == listed.key);
    let standings: Vec<_> = known.map(|known| known.standing).collect();
    assert_eq!(standings, [Standing::Former]);
    // So does the next one, and what the list said first.
    for code in ["PD7Q2ZW9XR4TN8VBM3HS", "PA7Q2ZW9XR4TN8VBM3HP"] {
        let mut next = line("Ida", Valid);
        next.media = vec![medium(code)];
        assert!(merged(&mut ticket, next).kept_here, "{code}");
        assert_eq!(keys_of(&ticket), [own.key], "{code}");
    }
}
