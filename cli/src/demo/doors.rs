//! The doors are open and the gates alone: good tickets, bad ones, and a power failure.

use super::house::SECOND_NAME;
use super::play::{At, INSIDE, Play};
use super::process::{KILLED, ending};
use super::story::verdicts;
use super::tickets::Tickets;
use crate::error::CliError;

impl Play<'_> {
    /// People come, good tickets and bad ones.
    pub(super) async fn doors(&mut self, tickets: &Tickets) -> Result<(), CliError> {
        self.story.scene(
            "Doors open",
            "Every code is drawn, photographed at a slant, out of focus and with noise, and read back from\n\
             that picture. Each verdict is on the disk before it shows.",
        )?;
        self.north.open().await?;
        self.south.open().await?;
        let mut good = Vec::new();
        for (at, crowd) in [
            (At::North, &tickets.north_crowd),
            (At::South, &tickets.south_crowd),
        ] {
            let gate = self.gate(at);
            let (name, before) = (gate.name, gate.admitted().count());
            for code in crowd {
                good.push(gate.show(code).await?);
            }
            let admitted = gate.admitted().count() - before;
            self.story.tell(&format!(
                "{name}: {} people with the shop's barcodes, {admitted} admitted",
                crowd.len()
            ))?;
        }
        good.push(
            self.show(At::North, "a signed code", &tickets.north)
                .await?,
        );
        good.push(
            self.show(At::South, "a signed code", &tickets.south)
                .await?,
        );
        good.push(self.show(At::North, "a pass", &tickets.pass).await?);
        self.expect_all("good_tickets_are_admitted", &good, "admit listed");

        let wrong = [
            (
                "forged_codes_are_refused",
                "signed by a stranger",
                &tickets.forged,
                "refuse forged",
            ),
            (
                "tampered_codes_are_refused",
                "one bit changed",
                &tickets.tampered,
                "refuse forged",
            ),
            (
                "invented_barcodes_are_refused",
                "an invented barcode",
                &tickets.invented,
                "refuse unknown",
            ),
            (
                "cancelled_tickets_are_refused",
                "cancelled yesterday",
                &tickets.cancelled,
                "refuse cancelled",
            ),
            (
                "tickets_given_back_to_the_shop_are_refused",
                "given back",
                &tickets.given_back,
                "refuse cancelled",
            ),
            (
                "replaced_codes_are_refused",
                "the code that was replaced",
                &tickets.replaced,
                "refuse superseded",
            ),
        ];
        for (name, shown, code, wanted) in wrong {
            let seen = self.show_both(shown, code).await?;
            self.expect_all(name, &seen, wanted);
        }
        let seen = self
            .show(At::North, "the code in its place", &tickets.replacing)
            .await?;
        self.expect_all("the_code_in_its_place_is_admitted", &[seen], "admit listed");

        let elsewhere = self
            .show_both("a ticket for tomorrow", &tickets.second_night)
            .await?;
        let named = elsewhere
            .iter()
            .filter(|seen| seen.message.contains(SECOND_NAME))
            .count();
        self.expect.compare(
            "tickets_for_another_night_are_refused_and_told_which",
            format!("{}; {named} told", verdicts(&elsewhere)),
            "refuse wrong_session, refuse wrong_session; 2 told",
        );
        let lost = [
            self.show(At::South, "a ticket for the hall", &tickets.hall)
                .await?,
            self.show(At::North, "a ticket for the balcony", &tickets.balcony)
                .await?,
        ];
        let told = lost.iter().zip(["North", "South"]);
        let told = told
            .filter(|(seen, gate)| seen.message.contains(gate))
            .count();
        let found = [
            self.show(At::North, "the same at the hall's gate", &tickets.hall)
                .await?,
            self.show(
                At::South,
                "the same at the balcony's gate",
                &tickets.balcony,
            )
            .await?,
        ];
        self.expect.compare(
            "wrong_zones_are_sent_to_the_right_gate",
            format!("{}; {told} told; {}", verdicts(&lost), verdicts(&found)),
            "refuse wrong_zone, refuse wrong_zone; 2 told; admit listed, admit listed",
        );
        let again = [
            self.show(At::North, "once more at the same gate", &tickets.north)
                .await?,
            self.show(At::South, "once more at the same gate", &tickets.south)
                .await?,
        ];
        self.expect_all("duplicates_at_the_same_gate_are_refused", &again, INSIDE);
        Ok(())
    }

    /// The south gate's process is killed.
    pub(super) async fn power_failure(&mut self, tickets: &Tickets) -> Result<(), CliError> {
        self.story.scene(
            "The south gate loses power",
            "Its process is killed right after a verdict, with nothing sent to anybody. It starts again.",
        )?;
        let ended = self.south.kill().await?;
        self.expect
            .compare("the_south_gate_was_killed", ending(ended), KILLED);
        let (unsent, sound) = {
            let device = self.south.device()?;
            (device.status()?.unsent, device.audit()?.ok)
        };
        let shown = self.south.seen.len();
        self.story.tell(&format!(
            "{unsent} scans are on its disk, {shown} were shown"
        ))?;
        self.expect.compare(
            "its_scans_survived",
            format!("{unsent} scans, sound chain: {sound}"),
            &format!("{shown} scans, sound chain: true"),
        );
        self.south.open().await?;
        let again = self
            .show(At::South, "admitted before the power went", &tickets.south)
            .await?;
        self.expect_all("it_remembers_whom_it_admitted", &[again], INSIDE);
        Ok(())
    }

    /// What two gates that cannot speak to each other cannot know.
    pub(super) async fn apart(&mut self, tickets: &Tickets) -> Result<(), CliError> {
        self.story.scene(
            "The same ticket at both gates",
            "Three people lent their tickets to friends. Apart, no gate can know; both admit, and both write\n\
             it down.",
        )?;
        let mut seen = Vec::new();
        for (shown, code) in ["a signed code", "a barcode", "a pass"]
            .iter()
            .zip(&tickets.shared)
        {
            seen.extend(self.show_both(shown, code).await?);
        }
        self.expect_all(
            "apart_both_gates_admit_the_same_ticket",
            &seen,
            "admit listed",
        );
        Ok(())
    }
}
