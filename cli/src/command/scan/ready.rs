//! The line with which a gate that goes on begins: whether it is ready, and for which session.

use super::door::Door;
use crate::error::CliError;
use crate::output::{Colour, Page};
use crate::shell::Shell;
use serde::Serialize;
use usher_core::app::{ApiError, RecordedView, SessionView, words};

/// How a gate begins.
#[derive(Serialize)]
pub(super) struct Ready {
    /// Whether there is a device that decides; else every showing is referred until there is.
    ready: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<ApiError>,
    session: Option<SessionView>,
    /// Sessions that are open too and not served, if nobody chose.
    also_open: Vec<SessionView>,
    /// The last scan that this device recorded, maybe before it was started anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_scan: Option<RecordedView>,
}

impl Ready {
    /// What the device behind the door serves.
    pub(super) fn of(door: &Door) -> Result<Self, CliError> {
        let served = door.open()?.and_then(|open| match open.session {
            Some(named) => {
                let mut sessions = open.app.sessions()?.into_iter();
                Ok((sessions.find(|held| held.id == named), Vec::new()))
            }
            None => {
                let status = open.app.status()?;
                Ok((status.serving, status.also_open))
            }
        });
        let (served, trouble) = match served {
            Ok(served) => (served, None),
            Err(trouble) => (Default::default(), Some(trouble)),
        };
        let (session, also_open) = served;
        let last_scan = match door.open()? {
            Ok(open) => open.app.last_scan().unwrap_or_default(),
            Err(_) => None,
        };
        Ok(Self {
            last_scan,
            ready: trouble.is_none(),
            trouble,
            session,
            also_open,
        })
    }

    /// Shows it, and `how` to go on.
    pub(super) fn show(&self, shell: &mut Shell, how: &str) -> Result<(), CliError> {
        let session = self.session.as_ref();
        let serves = session.map_or("no session", |session| &session.name);
        shell.output.show(self, |page| {
            if self.ready {
                page.line(format_args!("Ready, serving {serves}. {how}"));
            } else {
                page.line(format_args!(
                    "Not ready: every ticket is referred until this is over. {how}"
                ));
            }
            if let Some(choice) = choice(session, &self.also_open) {
                page.line(choice);
            }
            if let Some(last) = &self.last_scan {
                last_page(page, last);
            }
        })?;
        Ok(())
    }
}

/// What the device did last, and whether anybody saw it.
fn last_page(page: &mut Page, last: &RecordedView) {
    let outcome = words::outcome(last.outcome);
    if last.shown {
        page.line(format_args!(
            "The last scan here: {outcome}, {}.",
            last.message
        ));
    } else {
        page.headline(
            Colour::Amber,
            "NOT SHOWN",
            &format!(
                "The last scan here was {outcome}, {}, and nobody saw it: look whether somebody went through.",
                last.message
            ),
        );
    }
}

/// Says that the gate could serve another session, and how; none if it could not.
#[must_use]
pub fn choice(serving: Option<&SessionView>, also_open: &[SessionView]) -> Option<String> {
    if also_open.is_empty() {
        return None;
    }
    let name = |session: &SessionView| format!("{}, {}", session.name, session.event);
    let others: Vec<String> = also_open.iter().map(name).collect();
    Some(format!(
        "Several sessions are open: this gate serves {}, not {}. Choose by usher scan --session, or enroll the device with a code made by usher enrollment create --event.",
        serving.map_or_else(|| "none".to_owned(), name),
        others.join("; ")
    ))
}
