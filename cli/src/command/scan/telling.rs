//! How a verdict is printed: a page for the operator, or JSON.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Colour, Ids, Output, Page};
use serde::Serialize;
use std::time::Duration;
use usher_core::app::{ScanView, words};
use usher_core::camera::Detection;
use usher_domain::record::Outcome;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

/// Shows a verdict.
///
/// # Errors
/// [`CliError`] if it cannot be written.
pub fn tell(output: &mut Output, view: &ScanView) -> Result<Exit, CliError> {
    tell_beside(
        output,
        view,
        &Beside {
            seen: None,
            confirming: Confirming::ByScanning,
            of_order: None,
        },
    )
}

/// How staff say that they checked what a verdict asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Confirming {
    /// By scanning once more with a flag.
    ByScanning,
    /// By a command at the gate that goes on.
    BySaying,
}

/// The place of a ticket among those of its order that are scanned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct OfOrder {
    /// From 1; the first is the one shown.
    pub(super) number: usize,
    /// How many there are.
    pub(super) of: usize,
}

/// What is told beside a verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside<'a> {
    /// Where a camera saw what it is about.
    pub(super) seen: Option<&'a Sighting>,
    /// How staff confirm an instruction.
    pub(super) confirming: Confirming,
    /// Which ticket of its order it is about, where all of them are scanned.
    pub(super) of_order: Option<OfOrder>,
}

/// A verdict, and what is told beside it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    view: &'a ScanView,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<&'a Sighting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    of_order: Option<OfOrder>,
}

/// Where and when a camera saw a code; never what the code says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Sighting {
    /// When the frame was captured: milliseconds on the clock of what was read.
    time_ms: u64,
    /// Width and height of the frame, upright.
    frame: [u32; 2],
    /// The code's own top left, top right, bottom right and bottom left corner, in pixels of that frame.
    corners: [[f32; 2]; 4],
}

impl Sighting {
    /// Of this code in a frame of this time and size.
    #[must_use]
    pub(super) fn of(detection: &Detection, time: Duration, (width, height): (u32, u32)) -> Self {
        Self {
            time_ms: u64::try_from(time.as_millis()).unwrap_or(u64::MAX),
            frame: [width, height],
            corners: detection.corners.map(|corner| [corner.x, corner.y]),
        }
    }
}

/// Shows a verdict with what is told beside it.
///
/// # Errors
/// [`CliError`] if it cannot be written.
pub(super) fn tell_beside(
    output: &mut Output,
    view: &ScanView,
    beside: &Beside<'_>,
) -> Result<Exit, CliError> {
    let told = Told {
        view,
        seen: beside.seen,
        of_order: beside.of_order,
    };
    let ids = output.ids();
    output.show(&told, |page| {
        let rest = match beside.of_order {
            Some(of_order) => of_group(view, of_order),
            None => view.message.clone(),
        };
        page.headline(colour(view), words::outcome(view.outcome), rest.trim_end());
        // How sure the gate is stands in the line below.
        let cautions = view.cautions.iter();
        for line in cautions.filter(|line| !line.contains(view.known.as_str())) {
            page.line(format_args!("  {line}"));
        }
        if view.reason == Reason::Instruction {
            page.line(match beside.confirming {
                Confirming::ByScanning => "  Then scan again with --confirm.",
                Confirming::BySaying => "  Then type !ok.",
            });
        }
        details(page, view, ids);
    })?;
    Ok(Exit::from(view.outcome))
}

/// What came of a group.
#[derive(Serialize)]
struct Total {
    group: Counted,
}

/// How many of a group were let through.
#[derive(Serialize)]
struct Counted {
    tickets: usize,
    admitted: usize,
}

/// Sums up a group after its verdicts.
///
/// # Errors
/// [`CliError`] if it cannot be written.
pub(super) fn tell_total(output: &mut Output, views: &[ScanView]) -> Result<(), CliError> {
    let admitted = views.iter().filter(|view| view.outcome == Outcome::Admit);
    let group = Counted {
        tickets: views.len(),
        admitted: admitted.count(),
    };
    output.show(&Total { group }, |page| {
        let admitted = views.iter().filter(|view| view.outcome == Outcome::Admit);
        page.line(format_args!(
            "{} of {} let through.",
            admitted.count(),
            views.len()
        ));
    })?;
    Ok(())
}

/// A verdict in a group, which says of whose ticket it is: people stand side by side.
fn of_group(view: &ScanView, OfOrder { number, of }: OfOrder) -> String {
    let ticket: Vec<&str> = [view.type_name.as_deref(), view.seat.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let ticket = match ticket.as_slice() {
        [] => String::new(),
        parts => format!(", {}", parts.join(", ")),
    };
    format!("Ticket {number} of {of}{ticket}. {}", view.message)
}

/// What the answer is from afar: an admission with a caution is amber.
const fn colour(view: &ScanView) -> Colour {
    match view.outcome {
        Outcome::Admit if view.cautions.is_empty() => Colour::Green,
        Outcome::Admit | Outcome::Refer => Colour::Amber,
        Outcome::Refuse => Colour::Red,
    }
}

/// Whose ticket it is, at which session, and how sure the gate is: one line. What people wrote about the holder
/// has lines of its own.
fn details(page: &mut Page, view: &ScanView, ids: Ids) {
    let ticket: Vec<&str> = [
        view.type_name.as_deref(),
        view.seat.as_deref(),
        view.holder.as_ref().map(Private::reveal),
    ]
    .into_iter()
    .flatten()
    .collect();
    let session = view.session.as_ref();
    let session = session.map(|session| format!("{}, {}", session.name, session.event));
    let parts: Vec<String> = [
        Some(ticket.join(", ")).filter(|ticket| !ticket.is_empty()),
        session,
        Some(view.known.clone()),
    ]
    .into_iter()
    .flatten()
    .collect();
    page.line(format_args!("  {}", parts.join("; ")));
    for line in &view.holder_lines {
        page.line(format_args!("  {}", line.reveal()));
    }
    if let Some(rather) = &view.rather {
        page.line(format_args!(
            "  Half of the last scans belong to {}: is this the right session?",
            rather.name
        ));
    }
    if let Some(unknown) = view.mostly_unknown {
        page.line(format_args!(
            "  {unknown} of the last 10 codes are unknown: is this the right list, the right scanner?"
        ));
    }
    if let Some(sentence) = view.scanner {
        page.line(format_args!("  {sentence}"));
    }
    if let (Some(other), Some(served)) = (&view.open_too, &view.session) {
        page.line(format_args!(
            "  This gate serves {}, {}; for {}, {} scan with --session {}.",
            served.name, served.event, other.name, other.event, other.id
        ));
    }
    if let (Some(record), Ids::Shown) = (&view.record, ids) {
        page.line(format_args!("  record {record}"));
    }
}
