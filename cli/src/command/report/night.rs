//! What the server tells of the sessions that a report is about.

use super::About;
use super::silent::{self, Silent};
use crate::client::Client;
use crate::error::CliError;
use jiff::Timestamp;
use serde::Serialize;
use usher_domain::api::reports::Statistics;
use usher_domain::api::venue::{Event, Session};

/// The sessions of a report.
#[derive(Debug, Serialize)]
pub(super) struct Night {
    /// The event.
    pub(super) event: Event,
    /// When it was asked for.
    pub(super) at: Timestamp,
    /// What happened, by session in the order of their doors.
    pub(super) sessions: Vec<Told>,
    /// All of them together.
    pub(super) total: Total,
}

/// What happened at one session.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    /// The session as EVENT/SESSION.
    pub(super) name: String,
    /// What was counted.
    #[serde(flatten)]
    pub(super) statistics: Statistics,
    /// Devices of which scans may be missing.
    pub(super) missing: Vec<Silent>,
    #[serde(skip)]
    pub(super) session: Session,
}

/// Sums over sessions. Tickets are no part of it: a pass is in several.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Total {
    /// People inside now.
    pub(super) inside: u64,
    /// Entries that count.
    pub(super) entries: u64,
    /// Exits that count.
    pub(super) exits: u64,
    /// Refusals.
    pub(super) refused: u64,
    /// People whom a supervisor let in whatever the rules said.
    pub(super) overrides: u64,
    /// Scans that were taken back.
    pub(super) undos: u64,
}

impl Total {
    pub(super) fn of<'a>(all: impl IntoIterator<Item = &'a Statistics>) -> Self {
        let mut total = Self::default();
        for one in all {
            total.inside += one.inside;
            total.entries += one.entries;
            total.exits += one.exits;
            total.refused += one.refused.iter().map(|(_, count)| count).sum::<u64>();
            total.overrides += one.overrides.iter().map(|by| by.count).sum::<u64>();
            total.undos += one.undos.iter().map(|by| by.count).sum::<u64>();
        }
        total
    }
}

impl Night {
    /// Asks the server. Of an event, retired sessions are left out.
    ///
    /// # Errors
    /// [`CliError`].
    pub(super) async fn read(
        client: &Client,
        about: &About,
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let named = match about {
            About::Event(event) => event,
            About::Session(session) => &session.event,
        };
        let event: Event = client.get(&["events", named]).await?;
        let chosen = match about {
            About::Event(event) => {
                let mut all: Vec<Session> = client.list(&["events", event, "sessions"]).await?;
                all.retain(|session| !session.retired);
                all.sort_by_key(|session| session.doors);
                all
            }
            About::Session(session) => vec![client.get(&session.path("sessions")).await?],
        };
        let devices = silent::devices(client).await?;
        let mut sessions = Vec::new();
        for session in chosen {
            let slug = session.slug.clone();
            let id = session.id.to_string();
            let path = ["events", named, "sessions", &id, "statistics"];
            sessions.push(Told {
                name: format!("{}/{slug}", event.slug),
                statistics: client.get(&path).await?,
                missing: silent::of(&devices, &session, now),
                session,
            });
        }
        let total = Total::of(sessions.iter().map(|told| &told.statistics));
        Ok(Self {
            event,
            at: now,
            sessions,
            total,
        })
    }
}
