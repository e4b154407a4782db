//! The box office: sells and changes tickets as a sales system does, and hands out badges.

use crate::venue::{EVENT, SESSION, TYPE, Venue};
use usher_domain::api::access::NewStaff;
use usher_domain::api::tickets::{NewTicket, Ticket, TicketChange};
use usher_domain::document::badge::{Badge, Pin};
use usher_domain::ids::TicketId;
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::{CancelReason, StaffRole};

/// A ticket that was sold, with what its buyer holds in hand.
#[derive(Debug, Clone)]
pub struct Sold {
    /// The ticket.
    pub id: TicketId,
    /// What is shown at the gate.
    pub code: Private,
}

impl From<Ticket> for Sold {
    fn from(ticket: Ticket) -> Self {
        Self {
            id: ticket.id,
            code: ticket.code.unwrap(),
        }
    }
}

/// A ticket of the usual type for the evening.
#[must_use]
pub fn usual() -> NewTicket {
    NewTicket {
        session: Some(SESSION.to_owned()),
        ..of_kind(TYPE)
    }
}

/// A ticket of a type for no single session: a pass.
#[must_use]
pub fn of_kind(kind: &str) -> NewTicket {
    NewTicket {
        kind: kind.to_owned(),
        session: None,
        external: None,
        order: None,
        channel: None,
        holder: None,
        media: Vec::new(),
        seat: None,
        zone: None,
        valid_from: None,
        valid_until: None,
        instruction: None,
        entries: None,
        home: None,
    }
}

/// A person with a badge, and a PIN where the role has one.
#[derive(Debug, Clone)]
pub struct Person {
    /// Text of the badge.
    pub badge: Private,
    /// The PIN.
    pub pin: Private,
}

impl Venue {
    /// Sells a ticket for the evening with a signed code.
    pub async fn sell(&self) -> Sold {
        self.sell_this(usual()).await
    }

    /// Sells so many tickets for the evening.
    pub async fn sell_many(&self, count: usize) -> Vec<Sold> {
        let mut sold = Vec::with_capacity(count);
        for _ in 0..count {
            sold.push(self.sell().await);
        }
        sold
    }

    /// Sells a ticket of the event.
    pub async fn sell_this(&self, new: NewTicket) -> Sold {
        self.sell_of(EVENT, new).await
    }

    /// Sells a ticket of any event.
    pub async fn sell_of(&self, event: &str, new: NewTicket) -> Sold {
        let service = self.service();
        let created = service.create_ticket(self.organizer.id, event.to_owned(), new, None);
        created.await.unwrap().into()
    }

    /// Changes a ticket of the event.
    pub async fn change(&self, ticket: TicketId, change: TicketChange) -> Sold {
        let service = self.service();
        let (event, ticket) = (EVENT.to_owned(), ticket.to_string());
        let changed = service.change_ticket(self.organizer.id, event, ticket, change, None);
        changed.await.unwrap().into()
    }

    /// Cancels a ticket because the money went back.
    pub async fn cancel(&self, ticket: &Sold) {
        let reason = CancelReason::Refunded;
        self.change(
            ticket.id,
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await;
    }

    /// Gives a ticket a new code.
    pub async fn reissue(&self, ticket: &Sold) -> Sold {
        let media = Vec::new();
        self.change(ticket.id, TicketChange::Reissue { media })
            .await
    }

    /// Takes on a member of staff, who works at all gates.
    pub async fn employ(&self, number: u8, name: &str, role: StaffRole) -> Person {
        let badge = Badge::new(Seed::new([number; 32]));
        let digits = format!("{:06}", 271_828 + u32::from(number));
        let override_key = (role == StaffRole::Supervisor).then(|| {
            let key = badge.override_key(&Pin::new(&digits).unwrap()).unwrap();
            key.public()
        });
        let new = NewStaff {
            name: Private::new(name),
            role,
            gates: Vec::new(),
            badge: badge.key().public(),
            override_key,
            valid_from: None,
            valid_until: None,
        };
        self.service()
            .add_staff(self.organizer.id, new)
            .await
            .unwrap();
        Person {
            badge: badge.text(),
            pin: Private::new(digits),
        }
    }
}
