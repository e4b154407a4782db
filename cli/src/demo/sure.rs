//! How sure a gate is: with all others, with one of them silent, alone, and after everyone was sent out.

use super::gate::Seen;
use super::play::{At, Play};
use super::process::ending;
use super::story::verdicts;
use super::tickets::Tickets;
use crate::error::CliError;
use crate::values::word;
use std::time::Duration;
use usher_domain::record::Certainty;
use usher_domain::secret::Private;

/// A verdict with how sure it was, in the words of their stable codes.
fn sure(seen: &Seen) -> String {
    let certainty = match seen.certainty {
        Certainty::Confirmed => "confirmed",
        Certainty::ConfirmedExcept { .. } => "confirmed except one",
        Certainty::Local { .. } => "decided here",
        Certainty::Isolated { .. } => "alone",
    };
    format!("{}, {certainty}", verdicts([seen]))
}

/// Between an admission and the alarm after it.
const APART: Duration = Duration::from_secs(1);

impl Play<'_> {
    /// Gates ask the server first, and say what its answer is worth.
    pub(super) async fn sure(&mut self, tickets: &Tickets) -> Result<(), CliError> {
        self.story.scene(
            "How sure a gate is",
            "With a network a gate asks the server before it lets anybody in, and says whether all other gates\n\
             were heard of.",
        )?;
        let [both, silent, alone] = &tickets.sure;
        self.north.open().await?;
        self.south.open().await?;
        self.house.heard_of(&["north-1", "south-1"]).await?;
        self.sure_of(
            "with both gates online",
            both,
            "with_all_gates_online_an_admission_is_confirmed",
            "admit listed, confirmed",
        )
        .await?;
        let again = self
            .show(At::South, "the same a moment later", both)
            .await?;
        self.refused_by_now("the_other_gate_refuses_at_once", &again);

        let ended = ending(self.south.kill().await?);
        self.house.server.kill().await?;
        self.house.start_again().await?;
        self.house.cable.plug(self.house.server.address()?);
        self.story.tell(&format!(
            "the south gate goes dark ({ended}); the server starts anew and has not heard of it since"
        ))?;
        self.house.heard_of(&["north-1"]).await?;
        self.sure_of(
            "with the south gate silent",
            silent,
            "with_a_silent_gate_the_exception_is_named",
            "admit listed, confirmed except one",
        )
        .await?;

        self.house.cable.pull();
        self.north.close().await?;
        let reached = self.north.try_sync().await?;
        self.story
            .tell(&format!("the cable is pulled: the server is {reached}"))?;
        self.north.open().await?;
        self.sure_of(
            "with no network",
            alone,
            "without_a_network_the_gate_says_that_it_is_alone",
            "admit listed, alone",
        )
        .await?;
        self.house.cable.plug(self.house.server.address()?);
        self.everyone_out(both).await
    }

    /// One person at the north gate, and how sure it is.
    async fn sure_of(
        &mut self,
        shown: &str,
        code: &Private,
        name: &'static str,
        wanted: &str,
    ) -> Result<(), CliError> {
        let seen = self.show(At::North, shown, code).await?;
        self.story.tell(&seen.known)?;
        self.expect.compare(name, sure(&seen), wanted);
        Ok(())
    }

    /// Whom the other gate let in a moment ago: inside already, or still on the way, as fast as its record
    /// reached the server.
    fn refused_by_now(&mut self, name: &'static str, seen: &Seen) {
        self.expect.compare(name, word(&seen.outcome), "refuse");
    }

    /// A false alarm: everybody leaves without a scan and comes back.
    async fn everyone_out(&mut self, inside: &Private) -> Result<(), CliError> {
        // Clocks agree to within the way to the server and back: an alarm in the instant of an admission may
        // be told to have been before it.
        tokio::time::sleep(APART).await;
        self.house.everyone_out().await?;
        self.south.open().await?;
        self.story.tell("a false alarm: everyone was sent out")?;
        let back = self.show(At::South, "back after the alarm", inside).await?;
        self.expect_all(
            "after_an_alarm_each_comes_in_once_more",
            &[back],
            "admit back_after_everyone_out",
        );
        let again = self.show(At::North, "and a second time", inside).await?;
        self.refused_by_now("but_only_once", &again);
        self.north.close().await?;
        self.south.close().await?;
        self.exchange().await
    }
}
