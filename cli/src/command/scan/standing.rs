//! How a gate that goes on stands, and what of it changed since it was looked at last: the line to the server,
//! the ticket list, the gate it stands at, and its duty.

use crate::command::inspect::say;
use crate::error::CliError;
use crate::output::Colour;
use crate::shell::Shell;
use crate::zone::Wall;
use serde::Serialize;
use std::cell::RefCell;
use usher_core::app::{ConnectionView, Status};
use usher_domain::ids::{GateId, SessionId};
use usher_domain::time::UnixMillis;

/// Lists change with every ticket that is sold: a new one is told after this time at the earliest.
const LISTS_EVERY_MS: u64 = 60_000;

/// How a gate stood when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Standing(RefCell<Option<Stood>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stood {
    gate: Option<GateId>,
    is_lost: bool,
    is_on_duty: bool,
    /// The list that was told last, or was there at first, and when that was.
    list: Option<(SessionId, String)>,
    list_told: UnixMillis,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Changed {
    ServerLost,
    ServerBack,
    List,
    Gate,
    OffDuty,
    OnDuty,
}

impl Changed {
    const fn word(self) -> &'static str {
        match self {
            Self::ServerLost => "NO SERVER",
            Self::ServerBack => "SERVER",
            Self::List => "NEW LIST",
            Self::Gate => "OTHER GATE",
            Self::OffDuty => "OFF DUTY",
            Self::OnDuty => "ON DUTY",
        }
    }

    const fn colour(self) -> Colour {
        match self {
            Self::ServerLost | Self::Gate | Self::OffDuty => Colour::Amber,
            Self::ServerBack | Self::List | Self::OnDuty => Colour::Green,
        }
    }
}

/// One change as it is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct News {
    changed: Changed,
    message: String,
}

impl Standing {
    /// Says what changed since the last look; at the first one nothing did.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub(super) fn show(&self, shell: &mut Shell, status: &Status) -> Result<(), CliError> {
        for news in self.take_in(status) {
            let (word, colour) = (news.changed.word(), news.changed.colour());
            shell
                .output
                .show(&news, |page| page.headline(colour, word, &news.message))?;
        }
        Ok(())
    }

    fn take_in(&self, status: &Status) -> Vec<News> {
        let mut stood = self.0.borrow_mut();
        let mut now = Stood::of(status);
        let Some(before) = stood.as_ref() else {
            *stood = Some(now);
            return Vec::new();
        };
        let mut news = Vec::new();
        let mut tell = |changed, message: String| news.push(News { changed, message });
        let wall = Wall::shared(status.serving.iter().map(|session| &session.time_zone));
        match (before.is_lost, now.is_lost) {
            (false, true) => {
                let since = status.connection.as_ref();
                let since = since.and_then(ConnectionView::alone_since);
                let since = since.filter(|since| since.get() > 0);
                let since =
                    since.map_or_else(String::new, |at| format!(" since {}", say(&wall, at)));
                tell(
                    Changed::ServerLost,
                    format!("Nothing is heard of the server{since}: this gate is alone."),
                );
            }
            (true, false) => tell(Changed::ServerBack, "The server answers again.".to_owned()),
            (true, true) | (false, false) => {}
        }
        if before.gate != now.gate {
            let gate = status.gate.as_ref();
            let name = gate.map(|gate| gate.name.clone().unwrap_or_else(|| gate.id.to_string()));
            tell(
                Changed::Gate,
                match name {
                    Some(name) => format!("This device stands at gate {name} from now on."),
                    None => "This device stands at no gate from now on.".to_owned(),
                },
            );
        }
        match (before.is_on_duty, now.is_on_duty) {
            (true, false) => tell(
                Changed::OffDuty,
                "Other gates wait for this device no longer.".to_owned(),
            ),
            (false, true) => tell(
                Changed::OnDuty,
                "Other gates wait for what this device scans.".to_owned(),
            ),
            (true, true) | (false, false) => {}
        }
        let session = |stood: &Stood| stood.list.as_ref().map(|(session, _)| *session);
        if before.list != now.list && session(before) == session(&now) {
            let is_due = status.clock.now.since(before.list_told) >= LISTS_EVERY_MS;
            if let (true, Some(told)) = (is_due, list_words(status, &wall)) {
                tell(Changed::List, told);
                now.list_told = status.clock.now;
            } else {
                // Told later.
                (now.list, now.list_told) = (before.list.clone(), before.list_told);
            }
        } else if before.list == now.list {
            now.list_told = before.list_told;
        }
        *stood = Some(now);
        news
    }
}

impl Stood {
    fn of(status: &Status) -> Self {
        let connection = status.connection.as_ref();
        let serving = status.serving.as_ref().map(|session| session.id);
        Self {
            gate: status.gate.as_ref().map(|gate| gate.id),
            is_lost: connection.is_some_and(|connection| connection.lost_since.is_some()),
            is_on_duty: status.duty.is_some(),
            list: serving.and_then(|id| {
                let mut tables = status.tables.iter();
                let of_session =
                    tables.find(|table| table.session.as_ref().is_some_and(|of| of.id == id))?;
                Some((id, of_session.version.clone()))
            }),
            list_told: UnixMillis::new(0),
        }
    }
}

fn list_words(status: &Status, wall: &Wall) -> Option<String> {
    let serving = status.serving.as_ref()?;
    let mut tables = status.tables.iter();
    let table =
        tables.find(|table| table.session.as_ref().is_some_and(|of| of.id == serving.id))?;
    Some(format!(
        "{}, {}: {} tickets, as of {}.",
        serving.name,
        serving.event,
        table.rows,
        say(wall, table.issued_at)
    ))
}

#[cfg(test)]
mod tests;
