//! What happens meanwhile at the office, and how the gates come together again.

use super::gate::Seen;
use super::house::{FIRST, Offer, code};
use super::play::{At, INSIDE, Play};
use super::tickets::{Counts, Tickets};
use crate::error::CliError;
use usher_domain::api::tickets::Ticket;
use usher_domain::record::Certainty;
use usher_domain::table::rows::TicketState;

/// Exchanges of each device after which all must know all.
const EXCHANGES: usize = 3;

impl Play<'_> {
    /// The server is back, but not for the gates.
    pub(super) async fn meanwhile(
        &mut self,
        tickets: &Tickets,
        counts: Counts,
    ) -> Result<Ticket, CliError> {
        self.story.scene(
            "Meanwhile at the office",
            "The server starts again from its disk, but the gates' cable is still pulled. The box office\n\
             refunds two tickets and sells one.",
        )?;
        self.house.start_again().await?;
        let cancelled = [
            self.house.cancel(&tickets.leaver).await?,
            self.house.cancel(&tickets.quick).await?,
        ];
        let late = self.house.sell(Offer::Night(FIRST), "B-LATE").await?;
        self.house.sealed(FIRST, counts.first + 1).await?;
        let cancelled = cancelled
            .iter()
            .filter(|ticket| matches!(ticket.state, TicketState::Cancelled(_)));
        self.expect.compare(
            "the_office_works_while_the_gates_are_cut_off",
            format!(
                "{} cancelled, by the gates' cable {}",
                cancelled.count(),
                self.house.ask(self.house.cable.address()).await?
            ),
            "2 cancelled, by the gates' cable unreachable",
        );
        let quick = self
            .show(
                At::South,
                "refunded a minute ago, which no gate can know",
                &code(&tickets.quick)?,
            )
            .await?;
        self.expect_all(
            "a_refund_that_no_gate_heard_of_is_admitted",
            &[quick],
            "admit listed",
        );
        let seen = self
            .show(At::North, "sold a minute ago", &code(&late)?)
            .await?;
        self.expect_all(
            "a_code_newer_than_the_set_is_admitted_and_said_so",
            &[seen],
            "admit unknown_signed",
        );
        let alone = |seen: &&Seen| matches!(seen.certainty, Certainty::Isolated { .. });
        let all = || self.north.seen.iter().chain(&self.south.seen);
        self.expect.compare(
            "every_verdict_says_that_the_gate_is_alone",
            format!("{} of {}", all().filter(alone).count(), all().count()),
            &format!("{0} of {0}", all().count()),
        );
        Ok(late)
    }

    /// The gates reach the server, and tell each other everything.
    pub(super) async fn network_back(&mut self) -> Result<(), CliError> {
        self.story.scene(
            "The network is back",
            "The cable is plugged in. The gates send their scans and take what changed.",
        )?;
        self.house.cable.plug(self.house.server.address()?);
        self.north.close().await?;
        self.south.close().await?;
        self.exchange().await
    }

    /// Both devices exchange until each has what the other sent.
    pub(super) async fn exchange(&mut self) -> Result<(), CliError> {
        for gate in [&self.north, &self.south]
            .iter()
            .cycle()
            .take(2 * EXCHANGES)
        {
            let exchange = gate.sync().await?;
            if let Some(trouble) = exchange.troubles.first() {
                self.story
                    .tell(&format!("{}: {}", gate.name, trouble.message))?;
            }
        }
        Ok(())
    }

    /// With the network, each gate knows what the other did and what the office changed.
    pub(super) async fn together(
        &mut self,
        tickets: &Tickets,
        late: &Ticket,
    ) -> Result<(), CliError> {
        self.story.scene(
            "Together again",
            "The refunded ticket comes at last, and others try the gate they were not at before.",
        )?;
        self.north.open().await?;
        self.south.open().await?;
        let leaver = self
            .show_both(
                "refunded while the gates were cut off",
                &code(&tickets.leaver)?,
            )
            .await?;
        self.expect_all(
            "the_refunded_ticket_is_refused_now",
            &leaver,
            "refuse cancelled",
        );
        let other = [
            self.show(At::South, "admitted at the north gate", &tickets.north)
                .await?,
            self.show(At::North, "admitted at the south gate", &tickets.south)
                .await?,
            self.show(
                At::South,
                "sold late, admitted at the north gate",
                &code(late)?,
            )
            .await?,
        ];
        self.expect_all("each_gate_knows_whom_the_other_admitted", &other, INSIDE);
        self.north.close().await?;
        self.south.close().await?;
        self.exchange().await
    }
}
