//! Secrets that pretix revoked or blocked, in lists of their own.

use super::super::ticket::ImportedTicket;
use super::files::Files;
use serde::Deserialize;
use std::collections::HashSet;
use usher_domain::code::TicketCodeText;

#[derive(Deserialize)]
struct Revoked {
    secret: String,
}

#[derive(Deserialize)]
struct Blocked {
    secret: String,
    #[serde(default)]
    blocked: bool,
}

/// Secrets that pretix refuses and that no position of the files has. It does not say of which ticket they are.
#[derive(Debug, Default)]
pub struct RefusedSecrets {
    /// They were replaced or belong to cancelled positions.
    pub revoked: Vec<TicketCodeText>,
    /// They are held back for a time.
    pub blocked: Vec<TicketCodeText>,
    /// They were held back once and are no longer.
    pub unblocked: Vec<TicketCodeText>,
}

/// Secrets that stand in lists of their own.
pub(super) struct Secrets {
    revoked: Vec<String>,
    pub(super) is_revoked: HashSet<String>,
    pub(super) blocked: HashSet<String>,
    /// Secrets that were blocked once and are no longer.
    unblocked: Vec<String>,
}

impl Secrets {
    pub(super) fn new(files: &Files<'_>) -> Self {
        let revoked: Vec<String> = files
            .revoked
            .iter()
            .filter_map(|entry| serde_json::from_str::<Revoked>(entry.json.get()).ok())
            .map(|revoked| revoked.secret)
            .collect();
        let (blocked, unblocked): (Vec<_>, Vec<_>) = files
            .blocked
            .iter()
            .filter_map(|entry| serde_json::from_str::<Blocked>(entry.json.get()).ok())
            .partition(|entry| entry.blocked);
        let secrets = |entries: Vec<Blocked>| entries.into_iter().map(|entry| entry.secret);
        let blocked = secrets(blocked).collect();
        let unblocked = secrets(unblocked).collect();
        Self {
            unblocked,
            is_revoked: revoked.iter().cloned().collect(),
            revoked,
            blocked,
        }
    }

    /// The secrets that are no ticket's current one.
    pub(super) fn not_among(&self, tickets: &[ImportedTicket]) -> RefusedSecrets {
        let current: HashSet<&str> = tickets
            .iter()
            .filter_map(|ticket| ticket.code.as_ref())
            .map(TicketCodeText::reveal)
            .collect();
        let rest = |secrets: &mut dyn Iterator<Item = &String>| -> Vec<TicketCodeText> {
            secrets
                .filter(|secret| !current.contains(secret.as_str()))
                .filter_map(|secret| TicketCodeText::new(secret).ok())
                .collect()
        };
        let revoked = |secret: &&String| self.is_revoked.contains(secret.as_str());
        let mut blocked: Vec<&String> = self.blocked.iter().filter(|s| !revoked(s)).collect();
        blocked.sort_unstable();
        RefusedSecrets {
            revoked: rest(&mut self.revoked.iter()),
            blocked: rest(&mut blocked.into_iter()),
            unblocked: rest(&mut self.unblocked.iter()),
        }
    }
}
