//! What a gate must say between two verdicts, each once in a run: what somebody in charge says to it, and
//! that it serves another session than before.

use super::door::Open;
use crate::error::CliError;
use crate::output::Colour;
use crate::shell::Shell;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeSet;
use usher_core::app::{App, SaidView, SessionView};

/// What this run has shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    said: RefCell<BTreeSet<(String, u64)>>,
    /// The session served when this looked last; none before it looked.
    serving: RefCell<Option<Option<SessionView>>>,
}

#[derive(Serialize)]
struct Told<'a> {
    said: &'a SaidView,
}

#[derive(Serialize)]
struct Moved<'a> {
    session_changed: Change<'a>,
}

/// Another session is served because of the timetable.
#[derive(Serialize)]
struct Change<'a> {
    from: Option<&'a SessionView>,
    to: Option<&'a SessionView>,
    message: String,
}

impl Shown {
    /// Remembers what was said to be served.
    pub(super) fn begins_with(&self, session: SessionView) {
        self.serving.replace(Some(Some(session)));
    }

    /// Shows what is news. A device that cannot tell has a verdict that says why.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub(super) fn show(&self, shell: &mut Shell, open: &Open) -> Result<(), CliError> {
        self.show_session(shell, open)?;
        self.show_said(shell, &open.app)
    }

    fn show_session(&self, shell: &mut Shell, open: &Open) -> Result<(), CliError> {
        // A session that a person named stays.
        let (None, Ok(now)) = (open.session, open.app.serving()) else {
            return Ok(());
        };
        let Some(before) = self.serving.replace(Some(now.clone())) else {
            return Ok(());
        };
        let id = |session: &Option<SessionView>| session.as_ref().map(|session| session.id);
        if id(&before) == id(&now) {
            return Ok(());
        }
        let name = |session: &SessionView| format!("{}, {}", session.name, session.event);
        let (word, rest) = match (&before, &now) {
            (Some(old), Some(new)) => (
                "ANOTHER SESSION",
                format!("Now serving {}, not {} any more.", name(new), name(old)),
            ),
            (Some(old), None) => (
                "NO SESSION",
                format!("{} is not served any more.", name(old)),
            ),
            (None, Some(new)) => ("SESSION", format!("Now serving {}.", name(new))),
            (None, None) => return Ok(()),
        };
        let moved = Moved {
            session_changed: Change {
                from: before.as_ref(),
                to: now.as_ref(),
                message: rest.clone(),
            },
        };
        shell
            .output
            .show(&moved, |page| page.headline(Colour::Amber, word, &rest))?;
        Ok(())
    }

    fn show_said(&self, shell: &mut Shell, app: &App) -> Result<(), CliError> {
        for said in app.said().unwrap_or_default() {
            let key = (said.text.clone(), said.until.get());
            if self.said.borrow_mut().insert(key) {
                shell
                    .output
                    .show(&Told { said: &said }, |page| page.line(&said.message))?;
            }
        }
        Ok(())
    }
}
