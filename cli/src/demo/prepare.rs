//! Before the doors open: sales, enrollment, and the loss of the network.

use super::house::{FIRST, SECOND};
use super::play::{At, BOTH, Play};
use super::process::{KILLED, ending};
use super::tickets::{Counts, Tickets};
use crate::error::CliError;
use std::collections::BTreeSet;
use usher_domain::api::access::Device;

impl Play<'_> {
    /// The shop's lists come in, and the box office sells.
    pub(super) async fn sales(&mut self) -> Result<(Tickets, Counts), CliError> {
        self.story.scene(
            "The shop's lists and the box office",
            "A ticket shop sends its attendee lists, one for each night, with its own barcodes. The box\n\
             office sells some more, as signed codes.",
        )?;
        let second_tickets = self.size.tickets / 5;
        let both = self.shop.list(self.size.tickets - second_tickets, true)?;
        let second = self.shop.list(second_tickets, false)?;
        let mut read = [0; 3];
        for (list, session) in [(&both, FIRST), (&second, SECOND)] {
            let report = self.house.import(list, session).await?;
            self.story.tell(&format!(
                "{session}: {} tickets imported from \"{}\"",
                report.created, report.format
            ))?;
            read = [
                read[0] + report.created,
                read[1] + report.bad_count,
                read[2] + report.weak_barcodes,
            ];
        }
        self.expect.compare(
            "the_shops_tickets_are_imported",
            format!("{} new, {} bad, {} weak", read[0], read[1], read[2]),
            &format!("{} new, 0 bad, 0 weak", self.size.tickets),
        );
        let again = self.house.import(&second, SECOND).await?;
        self.expect.compare(
            "importing_again_changes_nothing",
            format!(
                "{} new, {} changed, {} unchanged",
                again.created, again.updated, again.unchanged
            ),
            &format!("0 new, 0 changed, {second_tickets} unchanged"),
        );
        let lists = [&both, &second];
        let sold = Tickets::sell(&self.house, &mut self.shop, lists, &mut self.rng).await?;
        self.story.tell(&format!(
            "box office: {} signed tickets sold, one of them cancelled and one replaced",
            sold.1.box_office
        ))?;
        Ok(sold)
    }

    /// Devices come in by enrollment codes and download what they need.
    pub(super) async fn enrollment(&mut self, counts: Counts) -> Result<(), CliError> {
        self.story.scene(
            "Two gates",
            "A device at each gate takes an enrollment code, checks the server by its key, and downloads\n\
             the signed ticket sets of both nights.",
        )?;
        let sets = [
            self.house.sealed(FIRST, counts.first).await?,
            self.house.sealed(SECOND, counts.second).await?,
        ];
        let wanted: BTreeSet<String> = sets
            .iter()
            .map(|set| format!("{} rows at {}.{}", set.tickets, set.epoch, set.number))
            .collect();
        let wanted = Vec::from_iter(wanted).join(" and ");
        let mut held = Vec::new();
        for at in BOTH {
            let gate = match at {
                At::North => &self.north,
                At::South => &self.south,
            };
            gate.enroll(self.house.enrollment(gate.name).await?).await?;
            let exchange = gate.sync().await?;
            self.story.tell(&format!(
                "{}: {} rows in {} kB",
                gate.name,
                exchange.rows,
                exchange.table_bytes / 1000
            ))?;
            let status = gate.device()?.status()?;
            let sets: BTreeSet<String> = status
                .tables
                .iter()
                .filter(|table| table.session.is_some())
                .map(|table| format!("{} rows at {}", table.rows, table.version))
                .collect();
            held.push(Vec::from_iter(sets).join(" and "));
        }
        let devices: Vec<Device> = self.house.list("devices").await?;
        let mut known: Vec<String> = devices
            .iter()
            .filter_map(|device| device.gate_slug.clone())
            .collect();
        known.sort();
        self.expect.compare(
            "both_devices_are_enrolled",
            known.join(", "),
            "north, south",
        );
        self.expect.compare(
            "both_hold_the_servers_ticket_sets",
            held.join("; "),
            &format!("{wanted}; {wanted}"),
        );
        Ok(())
    }

    /// The server dies, and both devices notice.
    pub(super) async fn cut(&mut self) -> Result<(), CliError> {
        self.story.scene(
            "The network is gone",
            "The server's process is killed and the cable pulled. Both devices try to reach it and cannot.",
        )?;
        let address = self.house.server.address()?;
        let ended = self.house.server.kill().await?;
        self.house.cable.pull();
        let tried = [
            ending(ended),
            format!("organizer {}", self.house.ask(address).await?),
            format!("north {}", self.north.try_sync().await?),
            format!("south {}", self.south.try_sync().await?),
        ];
        self.expect.compare(
            "the_server_is_really_gone",
            tried.join(", "),
            &format!("{KILLED}, organizer unreachable, north unreachable, south unreachable"),
        );
        Ok(())
    }
}
