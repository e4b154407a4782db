//! Where a ticket is found.

use super::*;
use crate::code::MediumKey;
use crate::merge::Ground;
use std::convert::Infallible;

/// The sets of the evening and of the matinee, each with the one ticket it lists.
struct Sets {
    evening: Option<TicketRow>,
    matinee: Option<TicketRow>,
}

impl Holdings for Sets {
    type Set = SessionId;
    type Error = Infallible;

    fn served(&self) -> SessionId {
        EVENING
    }

    fn others(&self) -> impl Iterator<Item = SessionId> {
        std::iter::once(MATINEE)
    }

    fn enter_here(&self, access: AccessNumber) -> bool {
        terms().accepts(access)
    }

    fn place(&self, set: SessionId) -> Elsewhere {
        Elsewhere {
            session: set,
            name: "Matinee".into(),
            event: EVENT,
            event_name: "Festival".into(),
        }
    }

    fn ground(&self) -> Option<&Ground> {
        None
    }

    fn ticket(&self, set: SessionId, _: TicketId) -> Result<Option<TicketRow>, Infallible> {
        Ok(if set == EVENING {
            self.evening.clone()
        } else {
            self.matinee.clone()
        })
    }

    fn tickets_of_medium(&self, _: SessionId, _: MediumKey) -> Result<Vec<TicketId>, Infallible> {
        Ok(Vec::new())
    }
}

/// A ticket of an access number, and its code.
fn of(access: u32) -> (TicketRow, Shown) {
    let access = AccessNumber::new(access);
    let code = TicketCode { access, ..code() };
    let row = TicketRow { access, ..row() };
    (row, signed(code, Signer::Entitled))
}

/// The matinee's tickets are let in, passes for both among them.
fn matinee_is_honoured() -> [Honoured; 1] {
    [Honoured {
        session: MATINEE,
        accepts: vec![AccessNumber::new(2), AccessNumber::new(9)],
        dates: Vec::new(),
    }]
}

#[test]
fn a_pass_that_only_another_sessions_set_lists_yet_is_one_of_the_served_sessions_tickets() {
    let (row, shown) = of(9);
    let sets = Sets {
        evening: None,
        matinee: Some(row.clone()),
    };
    let looked = Looked::Here {
        row: Box::new(row),
        via: Via::Code,
    };
    assert_eq!(look(&sets, &shown), Ok(looked.clone()));
    let honoured = look_honoured(&sets, &shown, &matinee_is_honoured());
    assert_eq!(honoured, Ok((looked, None)));
}

#[test]
fn a_pass_that_no_set_lists_yet_counts_at_the_served_session_and_not_at_one_it_honours() {
    let sets = Sets {
        evening: None,
        matinee: None,
    };
    let (_, pass) = of(9);
    let looked = look_honoured(&sets, &pass, &matinee_is_honoured());
    assert_eq!(looked, Ok((Looked::Nowhere, None)));
    let (_, ticket) = of(2);
    let looked = look_honoured(&sets, &ticket, &matinee_is_honoured());
    assert_eq!(looked, Ok((Looked::Nowhere, Some(MATINEE))));
}

#[test]
fn a_ticket_of_another_session_alone_is_found_there() {
    let (row, shown) = of(2);
    let sets = Sets {
        evening: None,
        matinee: Some(row),
    };
    let there = look(&sets, &shown).unwrap();
    assert!(matches!(there, Looked::Elsewhere(places) if places.len() == 1));
    let (_, honours) = look_honoured(&sets, &shown, &matinee_is_honoured()).unwrap();
    assert_eq!(honours, Some(MATINEE));
}
