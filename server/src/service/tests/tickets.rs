use super::*;
use crate::service::Error;
use usher_domain::api::access::TokenRole;
use usher_domain::api::tickets::{NewTicket, Ticket, TicketChange, TicketDetails, TicketQuery};
use usher_domain::code::{Identity, Presented, TicketCodeText, read};
use usher_domain::ids::TicketId;
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, TicketRow, TicketState};
use usher_domain::table::{Bucket, RowKey, TableId, decode_row};

pub(super) const STRONG: &str = "q7ZkT2mV9xLp4RwYb8NcHd3F";

pub(super) fn new_ticket(external: &str, media: &[&str]) -> NewTicket {
    NewTicket {
        kind: "normal".to_owned(),
        session: Some("first".to_owned()),
        external: Some(external.to_owned()),
        order: Some(Private::new("ORDER-1")),
        channel: None,
        holder: Some(Private::new("Ada Lovelace")),
        media: media.iter().map(|&code| Private::new(code)).collect(),
        seat: None,
        zone: None,
        valid_from: None,
        valid_until: None,
        instruction: None,
        entries: None,
        home: None,
    }
}

impl House {
    pub(super) async fn with_types() -> Self {
        let house = Self::open().await;
        house
            .session("second", "2027-10-31 18:00", "2027-10-31 22:00")
            .await;
        house.kind("normal", &[]).await;
        house.kind("weekend", &["first", "second"]).await;
        house
    }

    pub(super) async fn sell(&self, new: NewTicket) -> Result<Ticket, Error> {
        let show = "show".to_owned();
        self.service
            .create_ticket(self.organizer, show, new, None)
            .await
    }

    pub(super) async fn new_ticket(&self, external: &str) -> String {
        let ticket = self.sell(new_ticket(external, &[])).await;
        ticket.unwrap().id.to_string()
    }

    pub(super) async fn change(&self, ticket: &str, what: TicketChange) -> Result<Ticket, Error> {
        let (show, ticket) = ("show".to_owned(), ticket.to_owned());
        self.service
            .change_ticket(self.organizer, show, ticket, what, None)
            .await
    }

    pub(super) async fn row(&self, session: &str, ticket: TicketId) -> Option<TicketRow> {
        let session = self
            .service
            .session(self.organizer, "show".to_owned(), session.to_owned())
            .await
            .unwrap();
        self.service
            .read(move |txn| {
                let bucket = Bucket::of(&RowKey::from(ticket)).get();
                let table = TableId::Set(session.id);
                Ok(txn.newest_row(table, bucket, ticket.as_bytes())?)
            })
            .await
            .unwrap()
            .map(|row| decode_row(&row.row).unwrap())
    }
}

#[tokio::test]
async fn a_ticket_without_a_medium_has_a_signed_code_of_ours() {
    let house = House::with_types().await;
    let ticket = house.sell(new_ticket("A-1", &[])).await.unwrap();
    let code = TicketCodeText::new(ticket.code.unwrap().reveal()).unwrap();
    let Presented::Usher(signed) = read(&code) else {
        panic!("not a code of ours");
    };
    let organizer = house.service.organizer("house".to_owned()).await.unwrap();
    let code = signed.verify(&organizer.keys.code).unwrap();
    assert_eq!((code.ticket, code.access), (ticket.id, ticket.access));
}

#[tokio::test]
async fn creating_a_ticket_again_answers_with_it_and_another_content_is_told() {
    let house = House::with_types().await;
    let one = house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    house.change("A-1", TicketChange::Block).await.unwrap();
    let again = house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    assert_eq!((again.id, again.state), (one.id, TicketState::Blocked));
    let other = NewTicket {
        seat: Some("7".to_owned()),
        ..new_ticket("A-1", &[STRONG])
    };
    assert!(matches!(
        house.sell(other).await,
        Err(Error::AlreadyExists { .. })
    ));
}

#[tokio::test]
async fn an_idempotency_key_is_good_for_one_request() {
    let house = House::with_types().await;
    let sell = |new: NewTicket| {
        house.service.create_ticket(
            house.organizer,
            "show".to_owned(),
            NewTicket {
                external: None,
                ..new
            },
            Some("key-1".to_owned()),
        )
    };
    let one = sell(new_ticket("", &[])).await.unwrap();
    assert_eq!(sell(new_ticket("", &[])).await.unwrap().id, one.id);
    let other = sell(new_ticket("", &[STRONG])).await;
    assert!(matches!(other, Err(Error::IdempotencyMismatch)));
}

#[tokio::test]
async fn a_medium_of_another_ticket_is_refused_and_nothing_is_left() {
    let house = House::with_types().await;
    house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    let stolen = house.sell(new_ticket("A-2", &[STRONG])).await;
    assert!(matches!(stolen, Err(Error::Conflict(_))));
    let all = house
        .service
        .tickets(
            house.organizer,
            "show".to_owned(),
            TicketQuery::default(),
            TokenRole::Viewer,
        )
        .await
        .unwrap();
    assert_eq!(all.items.len(), 1);
    assert_eq!((&all.items[0].holder, &all.items[0].code), (&None, &None));
}

#[tokio::test]
async fn a_pass_changes_in_the_sets_of_all_its_sessions_at_once() {
    let house = House::with_types().await;
    let pass = NewTicket {
        kind: "weekend".to_owned(),
        session: None,
        ..new_ticket("P-1", &[])
    };
    let pass = house.sell(pass).await.unwrap();
    let reason = CancelReason::Refunded;
    house
        .change(
            "P-1",
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    for session in ["first", "second"] {
        let row = house.row(session, pass.id).await.unwrap();
        assert_eq!(row.revision, 2);
        assert_eq!(row.state, TicketState::Cancelled(reason));
    }
}

#[tokio::test]
async fn cancelling_again_changes_the_reason_only_where_one_is_given() {
    let house = House::with_types().await;
    let ticket = house.sell(new_ticket("A-1", &[])).await.unwrap();
    let after = async |reason| {
        let again = TicketChange::Cancel { reason };
        house.change("A-1", again).await.unwrap();
        let row = house.row("first", ticket.id).await.unwrap();
        (row.state, row.revision)
    };
    let cancelled = TicketState::Cancelled;
    assert_eq!(after(None).await, (cancelled(CancelReason::Other), 2));
    let refunded = Some(CancelReason::Refunded);
    assert_eq!(
        after(refunded).await,
        (cancelled(CancelReason::Refunded), 3)
    );
    assert_eq!(after(None).await, (cancelled(CancelReason::Refunded), 3));
}

#[tokio::test]
async fn a_reissue_counts_up_and_remembers_the_former_medium() {
    let house = House::with_types().await;
    let ticket = house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    let new = format!("{STRONG}-2");
    let media = vec![Private::new(new.as_str())];
    house
        .change("A-1", TicketChange::Reissue { media })
        .await
        .unwrap();
    let row = house.row("first", ticket.id).await.unwrap();
    let key = |code: &str| {
        let text = TicketCodeText::new(code).unwrap();
        Identity::of(house.organizer, &text).medium_key()
    };
    assert_eq!(row.issue.get(), 2);
    assert_eq!(row.current_media(), [key(&new)]);
    assert!(row.is_former(&key(STRONG)));
    let medium = Private::new(STRONG);
    let again = house.change("A-1", TicketChange::Attach { medium }).await;
    assert!(matches!(again, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn holder_data_open_with_the_code_and_weak_codes_get_none() {
    let house = House::with_types().await;
    let first = house
        .service
        .session(house.organizer, "show".to_owned(), "first".to_owned())
        .await
        .unwrap();
    let strong = house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    let sealed = house.row("first", strong.id).await.unwrap().sealed.unwrap();
    let code = TicketCodeText::new(STRONG).unwrap();
    let candidates = sealed.iter().map(|bytes| bytes.as_slice());
    let holder = usher_domain::seal::open(candidates, &code, first.id, strong.id).unwrap();
    assert_eq!(holder.name.reveal(), "Ada Lovelace");
    let weak = house.sell(new_ticket("A-2", &["1234567"])).await.unwrap();
    assert_eq!(house.row("first", weak.id).await.unwrap().sealed, None);
}

#[tokio::test]
async fn what_changes_nothing_raises_no_revision() {
    let house = House::with_types().await;
    let ticket = house.sell(new_ticket("A-1", &[])).await.unwrap();
    house.change("A-1", TicketChange::Unblock).await.unwrap();
    let details = TicketDetails {
        holder: Some(Private::new("Ada Lovelace")),
        ..TicketDetails::default()
    };
    let same = house
        .change("A-1", TicketChange::Update(details))
        .await
        .unwrap();
    assert_eq!(same.revision, ticket.revision);
}

#[tokio::test]
async fn a_cancelled_ticket_is_neither_blocked_nor_reissued() {
    let house = House::with_types().await;
    house.sell(new_ticket("A-1", &[])).await.unwrap();
    let reason = CancelReason::Mistake;
    house
        .change(
            "A-1",
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    let media = Vec::new();
    for what in [
        TicketChange::Block,
        TicketChange::Unblock,
        TicketChange::Reissue { media },
    ] {
        assert!(matches!(
            house.change("A-1", what).await,
            Err(Error::Conflict(_))
        ));
    }
}

#[tokio::test]
async fn a_ticket_is_found_by_the_barcode_that_its_holder_shows() {
    let house = House::with_types().await;
    let sold = house.sell(new_ticket("A-1", &[STRONG])).await.unwrap();
    let reason = CancelReason::Refunded;
    let cancelled = house
        .change(
            STRONG,
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
        .unwrap();
    assert_eq!(cancelled.id, sold.id);
    let unknown = house
        .change("SOME-OTHER-BARCODE", TicketChange::Block)
        .await;
    assert!(matches!(unknown, Err(Error::NotFound(_))));
}

async fn restores(house: &House, reason: &str, although_refunded: bool) -> Result<Ticket, Error> {
    let change = TicketChange::Restore {
        reason: reason.to_owned(),
        although_refunded,
    };
    house.change("A-1", change).await
}

#[tokio::test]
async fn a_ticket_cancelled_by_mistake_or_held_back_is_let_live_again_with_a_reason() {
    let house = House::with_types().await;
    house.sell(new_ticket("A-1", &[])).await.unwrap();
    let mistake = TicketChange::Cancel {
        reason: Some(CancelReason::Mistake),
    };
    for change in [mistake, TicketChange::Block] {
        house.change("A-1", change).await.unwrap();
        let empty = restores(&house, " ", false).await;
        assert!(matches!(empty, Err(Error::Invalid { .. })));
        let restored = restores(&house, "wrong row", false).await.unwrap();
        assert_eq!(restored.state, TicketState::Valid);
        assert_eq!(restored.restored.as_deref(), Some("wrong row"));
        let again = restores(&house, "once more", false).await.unwrap();
        assert_eq!(again.revision, restored.revision);
        assert_eq!(again.restored.as_deref(), Some("wrong row"));
    }
    let cancelled = house.change("A-1", TicketChange::Block).await.unwrap();
    assert_eq!(cancelled.restored, None);
}

#[tokio::test]
async fn no_ticket_whose_money_went_back_lives_again_unless_somebody_says_so() {
    let house = House::with_types().await;
    house.sell(new_ticket("A-1", &[])).await.unwrap();
    for reason in [
        CancelReason::Refunded,
        CancelReason::ChargedBack,
        CancelReason::Exchanged,
    ] {
        let reason = Some(reason);
        let cancel = TicketChange::Cancel { reason };
        house.change("A-1", cancel).await.unwrap();
        let refused = restores(&house, "wrong row", false).await;
        assert!(matches!(refused, Err(Error::Conflict(_))), "{reason:?}");
        let restored = restores(&house, "invited", true).await.unwrap();
        assert_eq!(restored.state, TicketState::Valid);
    }
}
