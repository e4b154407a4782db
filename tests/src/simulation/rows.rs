//! Rows of tickets never go back: not at devices, and not at a server that was put back.

use super::device::Device;
use super::world::{Bought, World};
use crate::venue::EVENT;
use usher_domain::api::access::TokenRole;

impl World {
    /// Remembers the highest revision that a device held of every ticket.
    pub(super) fn watch_rows(&self, device: &Device) {
        for (bought, revision) in self.revisions_at(device) {
            let mut memory = self.memory.borrow_mut();
            let highest = memory
                .revisions
                .entry((device.name, bought.id))
                .or_default();
            *highest = (*highest).max(revision);
        }
    }

    /// A ticket's revision never goes back on the server, whoever hands back what.
    pub(super) async fn watch_server_rows(&self) {
        if !self.memory.borrow().was_restored {
            return;
        }
        let tickets = self.memory.borrow().tickets.clone();
        for bought in tickets {
            let Some(revision) = self.revision_at_server(&bought).await else {
                continue;
            };
            let mut memory = self.memory.borrow_mut();
            let before = memory.at_server.insert(bought.id, revision);
            self.story.check(
                "a server takes no older row back",
                before.is_none_or(|before| revision >= before),
                format_args!("{}: from {before:?} to {revision}", bought.name),
            );
        }
    }

    /// The revision of a ticket on the server; nothing if it does not know the ticket or cannot tell.
    async fn revision_at_server(&self, bought: &Bought) -> Option<u64> {
        let service = self.server.service()?;
        let (event, id) = (EVENT.to_owned(), bought.id.to_string());
        let organizer = self.house.organizer.id;
        let ticket = service.ticket(organizer, event, id, TokenRole::Viewer);
        ticket.await.ok().map(|ticket| ticket.revision)
    }

    /// In the end no row has gone back, neither at the device nor at the server, to which the device hands
    /// back what a restored server lost.
    pub(super) async fn check_rows(&self, device: &Device) {
        let held = self.revisions_at(device);
        let tickets = self.memory.borrow().tickets.clone();
        for bought in tickets {
            let (highest, excused) = {
                let memory = self.memory.borrow();
                let highest = memory.revisions.get(&(device.name, bought.id));
                // Two changes with one count: the server's stands, see docs/simulation.md.
                let excused = memory.two_ways.contains(&bought.id);
                (highest.copied().unwrap_or_default(), excused)
            };
            let mut here = held.iter().filter(|(of, _)| of.id == bought.id);
            let here = here.next().map_or(0, |(_, revision)| *revision);
            let there = self.revision_at_server(&bought).await.unwrap_or_default();
            for (who, revision) in [(device.name, here), ("the server", there)] {
                self.story.check(
                    "a row never goes back",
                    revision >= highest || excused,
                    format_args!(
                        "{who}: {} from {highest} of {} to {revision}",
                        bought.name, device.name
                    ),
                );
            }
        }
    }

    fn revisions_at(&self, device: &Device) -> Vec<(Bought, u64)> {
        let Some(program) = device.program() else {
            return Vec::new();
        };
        let tickets = self.memory.borrow().tickets.clone();
        let held = tickets.into_iter().filter_map(|bought| {
            let row = self.knowledge(&program, &bought).row?;
            Some((bought, row.revision))
        });
        held.collect()
    }
}
