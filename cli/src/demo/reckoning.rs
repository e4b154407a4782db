//! The last scene: what was shown at the gates, compared with what devices and server hold.

use super::camera::Camera;
use super::gate::Seen;
use super::play::Play;
use crate::error::CliError;
use std::collections::BTreeSet;
use usher_core::app::{App, ScopeView};
use usher_core::sync::TokioTimer;
use usher_domain::api::reports::{Audit, Incident, IncidentKind, Statistics};
use usher_domain::ids::TicketId;
use usher_domain::record::Outcome;

impl Play<'_> {
    /// Everything is counted.
    pub(super) async fn reckoning(&mut self) -> Result<(), CliError> {
        self.story.scene(
            "The reckoning",
            "Everything that was shown is compared with what the server has.",
        )?;
        self.pictures()?;
        let (north, south) = (self.north.device()?, self.south.device()?);
        self.expect.compare(
            "nothing_waits_to_be_sent",
            format!(
                "north {}, south {}",
                north.status()?.unsent,
                south.status()?.unsent
            ),
            "north 0, south 0",
        );
        self.nothing_lost().await?;
        self.doubles().await?;
        self.counts().await?;
        self.agreement(&north, &south).await
    }

    fn all_seen(&self) -> impl Iterator<Item = &Seen> {
        self.north.seen.iter().chain(&self.south.seen)
    }

    /// What was scanned is what was read from pictures.
    fn pictures(&mut self) -> Result<(), CliError> {
        let cameras = [&self.north.camera, &self.south.camera];
        let sum = |of: fn(&Camera) -> u64| cameras.iter().map(|one| of(one)).sum::<u64>();
        let (shown, exact) = (sum(|camera| camera.shown), sum(|camera| camera.exact));
        let pictures = shown + sum(|camera| camera.blind);
        self.story
            .tell(&format!("{shown} codes were read from {pictures} pictures"))?;
        self.expect.compare(
            "every_code_was_read_from_its_picture",
            format!("{exact} of {shown}"),
            &format!("{shown} of {shown}"),
        );
        Ok(())
    }

    /// Every verdict that was shown is a record at the server, and there are no others.
    async fn nothing_lost(&mut self) -> Result<(), CliError> {
        let csv = self.house.scans_csv().await?;
        let exported = csv.lines().skip(1);
        let held: BTreeSet<&str> = exported.filter_map(|line| line.split(',').next()).collect();
        let is_held = |seen: &&Seen| seen.record.as_deref().is_some_and(|it| held.contains(it));
        let (shown, found) = (
            self.all_seen().count(),
            self.all_seen().filter(is_held).count(),
        );
        self.expect.compare(
            "nothing_is_lost",
            format!(
                "{shown} verdicts shown, {found} found at the server among {}",
                held.len()
            ),
            &format!("{shown} verdicts shown, {shown} found at the server among {shown}"),
        );
        Ok(())
    }

    /// Tickets that both gates admitted are incidents, so is the refunded one that a gate let in alone, and
    /// nothing else is.
    async fn doubles(&mut self) -> Result<(), CliError> {
        let here: BTreeSet<TicketId> = self.north.admitted().collect();
        let twice: BTreeSet<TicketId> = self
            .south
            .admitted()
            .filter(|ticket| here.contains(ticket))
            .collect();
        let incidents: Vec<Incident> = self.house.list("incidents").await?;
        for incident in &incidents {
            let scans = incident.allowed.len() + incident.scans.len();
            let tell = if scans == 1 {
                "1 scan tells"
            } else {
                &*format!("{scans} scans tell")
            };
            self.story.tell(&format!(
                "incident: {}; {tell} when and where",
                incident.detail
            ))?;
        }
        let count = |kind| {
            let of_kind = incidents.iter().filter(|incident| incident.kind == kind);
            of_kind.count()
        };
        let excess = count(IncidentKind::ExcessAdmission);
        let forbidden = count(IncidentKind::ForbiddenAdmission);
        let of_tickets: BTreeSet<TicketId> = incidents
            .iter()
            .filter(|incident| incident.kind == IncidentKind::ExcessAdmission)
            .filter_map(|incident| incident.ticket)
            .collect();
        self.expect.compare(
            "every_double_admission_is_an_incident",
            format!(
                "{} tickets admitted twice, {excess} incidents, {} of them theirs",
                twice.len(),
                twice.intersection(&of_tickets).count()
            ),
            "3 tickets admitted twice, 3 incidents, 3 of them theirs",
        );
        self.expect.compare(
            "a_refund_that_came_in_is_an_incident",
            format!(
                "{forbidden} of {} other incidents",
                incidents.len() - excess
            ),
            "1 of 1 other incidents",
        );
        Ok(())
    }

    /// The server counts what the gates said.
    async fn counts(&mut self) -> Result<(), CliError> {
        let people: BTreeSet<TicketId> =
            self.north.admitted().chain(self.south.admitted()).collect();
        let back: BTreeSet<TicketId> = self.north.back().chain(self.south.back()).collect();
        let refused = self
            .all_seen()
            .filter(|seen| seen.outcome == Outcome::Refuse)
            .count();
        let counted: Statistics = self.house.report("statistics").await?;
        let refusals: u64 = counted.refused.iter().map(|(_, count)| count).sum();
        self.expect.compare(
            "the_server_counts_what_the_gates_said",
            format!(
                "{} arrived, {} inside, {refusals} refused",
                counted.arrived, counted.inside
            ),
            &format!(
                "{} arrived, {} inside, {refused} refused",
                people.len(),
                back.len()
            ),
        );
        Ok(())
    }

    /// Devices and server make the same of it, and everything is signed and chained.
    async fn agreement(&mut self, north: &App, south: &App) -> Result<(), CliError> {
        let audit: Audit = self.house.report("audit").await?;
        let digest = |states: Vec<ScopeView>| {
            let of = states.into_iter().find(|view| view.scope == audit.scope);
            of.map_or_else(|| "none".to_owned(), |view| view.state)
        };
        let digests = [digest(north.scopes()?), digest(south.scopes()?)];
        let equal = digests.iter().all(|digest| *digest == audit.state_digest);
        let [north_digest, south_digest] = digests.map(|digest| short(&digest));
        let server = short(&audit.state_digest);
        self.expect.compare(
            "both_devices_and_the_server_have_the_same_state",
            format!("{north_digest} {south_digest} {server}, equal in full: {equal}"),
            &format!("{server} {server} {server}, equal in full: true"),
        );
        self.expect.compare(
            "all_chains_and_signatures_hold",
            format!(
                "server {} faults, north {}, south {}",
                audit.faults.len(),
                north.audit_with_server(&TokioTimer).await?.ok,
                south.audit_with_server(&TokioTimer).await?.ok
            ),
            "server 0 faults, north true, south true",
        );
        Ok(())
    }
}

/// The beginning of a digest, for comparing by eye.
fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}
