//! The device behind a scan, opened as soon as it can be.

use super::find_session;
use crate::error::CliError;
use crate::globals::Globals;
use crate::shell::Shell;
use std::cell::OnceCell;
use usher_core::app::{ApiError, App};
use usher_domain::ids::SessionId;

/// A device that may be in trouble: its disk full, its folder not writable or in use. As long as it is,
/// every look tries again, so that a gate goes on by itself once the trouble is over.
pub(super) struct Door {
    shell: Shell,
    /// The session to serve, by id or name.
    named: Option<String>,
    line: Line,
    open: OnceCell<Open>,
}

/// Whether a scan counts on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// It does.
    Server,
    /// The operator does without: the gate is isolated from the first scan on.
    Nobody,
}

/// A device that can scan.
pub(super) struct Open {
    /// The device.
    pub(super) app: App,
    /// The session that a person named.
    pub(super) session: Option<SessionId>,
}

impl Door {
    /// The device that the flags name.
    pub(super) fn new(globals: Globals, named: Option<String>, line: Line) -> Self {
        Self {
            shell: Shell::new(globals),
            named,
            line,
            open: OnceCell::new(),
        }
    }

    /// The device, or its trouble.
    ///
    /// # Errors
    /// [`CliError`] if the flags name no device, or no session of it.
    pub(super) fn open(&self) -> Result<Result<&Open, ApiError>, CliError> {
        if let Some(open) = self.open.get() {
            return Ok(Ok(open));
        }
        match self.try_open() {
            Ok(open) => Ok(Ok(self.open.get_or_init(|| open))),
            Err(CliError::Device(trouble)) => Ok(Err(trouble)),
            Err(error) => Err(error),
        }
    }

    fn try_open(&self) -> Result<Open, CliError> {
        let app = self.shell.device()?;
        if self.line == Line::Nobody {
            app.go_alone();
        }
        let session = self.named.as_deref();
        let session = session.map(|named| find_session(&app, named)).transpose()?;
        Ok(Open { app, session })
    }
}
