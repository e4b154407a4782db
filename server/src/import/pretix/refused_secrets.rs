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

/// Secrets that stand in lists of their own.
pub(super) struct Secrets {
    revoked: Vec<String>,
    pub(super) is_revoked: HashSet<String>,
    pub(super) blocked: HashSet<String>,
}

impl Secrets {
    pub(super) fn new(files: &Files<'_>) -> Self {
        let revoked: Vec<String> = files
            .revoked
            .iter()
            .filter_map(|entry| serde_json::from_str::<Revoked>(entry.json.get()).ok())
            .map(|revoked| revoked.secret)
            .collect();
        let blocked = files
            .blocked
            .iter()
            .filter_map(|entry| serde_json::from_str::<Blocked>(entry.json.get()).ok())
            .filter(|entry| entry.blocked)
            .map(|entry| entry.secret)
            .collect();
        Self {
            is_revoked: revoked.iter().cloned().collect(),
            revoked,
            blocked,
        }
    }

    /// The revoked secrets that are no ticket's current one.
    pub(super) fn not_among(&self, tickets: &[ImportedTicket]) -> Vec<TicketCodeText> {
        let current: HashSet<&str> = tickets
            .iter()
            .filter_map(|ticket| ticket.code.as_ref())
            .map(TicketCodeText::reveal)
            .collect();
        self.revoked
            .iter()
            .filter(|secret| !current.contains(secret.as_str()))
            .filter_map(|secret| TicketCodeText::new(secret).ok())
            .collect()
    }
}
