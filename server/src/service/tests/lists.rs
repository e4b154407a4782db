//! What is told of tickets: their media, their times, and which of them a list holds.

use super::tickets::{STRONG, new_ticket};
use super::*;
use crate::service::Error;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{
    MediumKind, MediumStanding, NewTicket, StateWord, Ticket, TicketChange, TicketDetails,
    TicketQuery,
};
use usher_domain::secret::Private;
use usher_domain::table::rows::CancelReason;

impl House {
    async fn list(&self, query: TicketQuery, role: TokenRole) -> Vec<String> {
        let show = "show".to_owned();
        let page = self.service.tickets(self.organizer, show, query, role);
        let page = page.await.unwrap();
        assert_eq!(page.next, None);
        let mut numbers: Vec<_> = page.items.into_iter().flat_map(|t| t.external).collect();
        numbers.sort();
        numbers
    }
}

fn media(ticket: &Ticket) -> Vec<(MediumKind, MediumStanding)> {
    let media = ticket.media.iter();
    media.map(|medium| (medium.kind, medium.standing)).collect()
}

fn attach(code: &str) -> TicketChange {
    TicketChange::Attach {
        medium: Private::new(code),
    }
}

#[tokio::test]
async fn a_wristband_stands_beside_the_signed_code_and_not_before_it() {
    use MediumKind::{Barcode, Signed};
    use MediumStanding::{Current, Former};
    let house = House::with_types().await;
    let sold = house.sell(new_ticket("A-1", &[])).await.unwrap();
    let code = sold.code.clone().unwrap();
    assert!(code.reveal().starts_with("USH1:"));
    let worn = house.change("A-1", attach("wristband-17")).await.unwrap();
    assert_eq!(worn.code, Some(code.clone()));
    assert_eq!(media(&worn), [(Signed, Current), (Barcode, Current)]);
    assert_eq!(worn.media[0].code, Some(code));
    assert_eq!(worn.media[1].code, Some(Private::new("wristband-17")));
    assert_eq!(worn.sessions, ["first"]);

    let again = TicketChange::Reissue {
        media: vec![Private::new(STRONG)],
    };
    let reissued = house.change("A-1", again).await.unwrap();
    assert_eq!(reissued.code, Some(Private::new(STRONG)));
    assert_eq!(media(&reissued), [(Barcode, Current), (Barcode, Former)]);
    let show = "show".to_owned();
    let (organizer, role) = (house.organizer, TokenRole::Viewer);
    let seen = house
        .service
        .ticket(organizer, show, "A-1".to_owned(), role);
    let seen = seen.await.unwrap();
    assert!(seen.code.is_none() && seen.media.iter().all(|medium| medium.code.is_none()));
    assert_eq!(media(&seen), media(&reissued));
}

#[tokio::test]
async fn a_barcode_of_a_shop_stays_the_code_of_its_ticket() {
    let house = House::with_types().await;
    house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    let worn = house.change("A-1", attach("wristband-17")).await.unwrap();
    assert_eq!(worn.code, Some(Private::new(STRONG)));
    assert!(
        worn.media
            .iter()
            .all(|medium| medium.kind == MediumKind::Barcode)
    );
    let stolen = house.sell(new_ticket("A-2", &[STRONG])).await.unwrap_err();
    assert_eq!(stolen.to_string(), "this barcode belongs to another ticket");
}

#[tokio::test]
async fn a_list_holds_the_tickets_of_a_session_state_type_and_text() {
    let house = House::with_types().await;
    for number in ["A-1", "A-2", "B-1"] {
        house.sell(new_ticket(number, &[])).await.unwrap();
    }
    let pass = NewTicket {
        kind: "weekend".to_owned(),
        session: None,
        holder: Some(Private::new("Grace Hopper")),
        order: None,
        ..new_ticket("P-1", &[STRONG])
    };
    house.sell(pass).await.unwrap();
    let reason = CancelReason::Refunded;
    house
        .change(
            "A-2",
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    let sales = TokenRole::Sales;
    let all = TicketQuery::default();
    assert_eq!(house.list(all.clone(), sales).await.len(), 4);
    let session = TicketQuery {
        session: Some("second".to_owned()),
        ..all.clone()
    };
    assert_eq!(house.list(session, sales).await, ["P-1"]);
    let state = TicketQuery {
        state: Some(StateWord::Cancelled),
        ..all.clone()
    };
    assert_eq!(house.list(state, sales).await, ["A-2"]);
    let kind = TicketQuery {
        kind: Some("normal".to_owned()),
        ..all.clone()
    };
    assert_eq!(house.list(kind, sales).await, ["A-1", "A-2", "B-1"]);
    for (text, found, seen) in [
        ("a-", &["A-1", "A-2"][..], &["A-1", "A-2"][..]),
        ("hopper", &["P-1"], &[]),
        ("order-1", &["A-1", "A-2", "B-1"], &[]),
        (STRONG, &["P-1"], &[]),
        ("nobody", &[], &[]),
    ] {
        let query = TicketQuery {
            text: Some(Private::new(text)),
            ..all.clone()
        };
        assert_eq!(house.list(query.clone(), sales).await, found, "{text}");
        assert_eq!(house.list(query, TokenRole::Viewer).await, seen, "{text}");
    }
}

#[tokio::test]
async fn pages_of_a_list_follow_each_other_without_gaps() {
    let house = House::with_types().await;
    for number in 0..5 {
        house
            .sell(new_ticket(&format!("A-{number}"), &[]))
            .await
            .unwrap();
    }
    let mut query = TicketQuery {
        limit: Some(2),
        ..TicketQuery::default()
    };
    let mut seen = Vec::new();
    for _ in 0..4 {
        let show = "show".to_owned();
        let role = TokenRole::Viewer;
        let page = house
            .service
            .tickets(house.organizer, show, query.clone(), role);
        let page = page.await.unwrap();
        seen.extend(page.items.into_iter().flat_map(|ticket| ticket.external));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, ["A-0", "A-1", "A-2", "A-3", "A-4"]);
}

#[tokio::test]
async fn a_ticket_is_valid_by_the_clock_of_its_event() {
    let house = House::with_types().await;
    let new = NewTicket {
        valid_from: Some("2027-10-30 20:00".to_owned()),
        ..new_ticket("A-1", &[])
    };
    let sold = house.sell(new).await.unwrap();
    let at = |text: &str| Some(text.parse().unwrap());
    assert_eq!(sold.valid_from, at("2027-10-30T18:00:00Z"));
    let until = |text: &str| {
        TicketChange::Update(TicketDetails {
            valid_until: Some(text.to_owned()),
            ..TicketDetails::default()
        })
    };
    let changed = house
        .change("A-1", until("2027-10-31T00:30:00+02:00"))
        .await;
    assert_eq!(changed.unwrap().valid_until, at("2027-10-30T22:30:00Z"));
    let twice = house.change("A-1", until("2027-10-31 02:30")).await;
    let Err(Error::Invalid { field, why }) = twice else {
        panic!("taken silently");
    };
    assert_eq!(field, "valid_until");
    assert!(why.contains("+02:00") && why.contains("+01:00"), "{why}");
    let word = house.change("A-1", until("tomorrow")).await.unwrap_err();
    assert!(word.to_string().contains("2027-10-30 22:00"), "{word}");
}
