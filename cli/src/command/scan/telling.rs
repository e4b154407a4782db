//! How a verdict is printed: a page for the operator, or JSON.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Page};
use crate::say::{Names, Scene};
use jiff::tz::TimeZone;
use serde::Serialize;
use usher_core::app::{App, EvidenceView, ScanView};
use usher_domain::ids::{DeviceId, GateId, StaffId, ZoneId};
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;

/// How verdicts are told on this device.
#[derive(Debug)]
pub struct Telling {
    own: Option<DeviceId>,
    now: UnixMillis,
}

/// A verdict as it is printed: the gate's answer, with the sentences of this page.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    view: ScanView,
    /// How sure the gate is, in words.
    known: String,
}

impl Telling {
    /// For verdicts of this device at this time.
    ///
    /// # Errors
    /// [`CliError`] if the device cannot be read.
    pub fn of(app: &App, now: UnixMillis) -> Result<Self, CliError> {
        let own = app.status()?.device.map(|device| device.id);
        Ok(Self::by(own, now))
    }

    /// For verdicts of the device `own` at this time; none is a device that could not be read.
    #[must_use]
    pub const fn by(own: Option<DeviceId>, now: UnixMillis) -> Self {
        Self { own, now }
    }

    /// Shows a verdict.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub fn show(&self, output: &mut Output, mut view: ScanView) -> Result<Exit, CliError> {
        let named = view
            .session
            .as_ref()
            .and_then(|session| TimeZone::get(&session.time_zone).ok());
        let zone = named.unwrap_or(TimeZone::UTC);
        let names = Evidence(view.evidence.as_ref());
        // A device that could not tell the time says its own.
        let now = if view.at.get() == 0 {
            self.now
        } else {
            view.at
        };
        let scene = Scene {
            names: &names,
            zone: &zone,
            now,
            own: self.own,
        };
        let said = scene.verdict(&view.verdict);
        let known = scene.certainty(&view.certainty);
        view.message.clone_from(&said.why);
        view.cautions.clone_from(&said.more);
        let exit = Exit::from(view.outcome);
        let told = Told { view, known };
        output.show(&told, |page| {
            page.headline(said.colour, said.word, &said.why);
            for line in &said.more {
                page.line(format_args!("  {line}"));
            }
            details(page, &told);
        })?;
        Ok(exit)
    }
}

fn details(page: &mut Page, told: &Told) {
    let view = &told.view;
    let ticket: Vec<&str> = [
        view.type_name.as_deref(),
        view.seat.as_deref(),
        view.holder.as_ref().map(Private::reveal),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !ticket.is_empty() {
        page.line(format_args!("  {}", ticket.join(", ")));
    }
    for line in &view.holder_lines {
        page.line(format_args!("  {}", line.reveal()));
    }
    match &view.session {
        Some(session) => page.line(format_args!(
            "  {}, {}; {}",
            session.name, session.event, told.known
        )),
        None => page.line(format_args!("  {}", told.known)),
    }
    if let Some(rather) = &view.rather {
        page.line(format_args!(
            "  Half of the last scans belong to {}: is this the right session?",
            rather.name
        ));
    }
    if let Some(record) = &view.record {
        page.line(format_args!("  record {record}"));
    }
}

/// Names of the earlier scan that a verdict rests on: the only one that its sentence speaks of.
struct Evidence<'a>(Option<&'a EvidenceView>);

impl Names for Evidence<'_> {
    fn gate(&self, _: GateId) -> Option<String> {
        self.0.and_then(|evidence| evidence.gate.clone())
    }

    fn device(&self, _: DeviceId) -> Option<String> {
        self.0.and_then(|evidence| evidence.device.clone())
    }

    fn zone(&self, _: ZoneId) -> Option<String> {
        None
    }

    fn staff(&self, _: StaffId) -> Option<String> {
        None
    }
}
