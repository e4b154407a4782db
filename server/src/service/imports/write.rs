//! The writing part of an import: some thousand lines a transaction.

use super::apply::{self, Effect};
use super::report::{is_fatal, note_fault};
use super::{Step, Whole, check_in, journal, missing, refused, shop};
use crate::import::Place;
use crate::service::Service;
use crate::service::error::{Error, Result};
use crate::service::tickets::desk::Desk;
use crate::storage::{Space, StorageError, Transaction};
use std::sync::Arc;
use std::time::Duration;
use usher_domain::api::imports::{BadLines, ImportReport};
use usher_domain::ids::EventId;
use usher_domain::time::UnixMillis;

/// While the writer's queue is full, an import stands back this long before it asks again: others have
/// somebody waiting at a door.
const STAND_BACK: Duration = Duration::from_millis(100);
/// So often it asks at most.
const ASK_MAX: usize = 600;

/// What one transaction did.
#[derive(Default)]
struct Written {
    effects: Vec<Effect>,
    types: Vec<String>,
    /// Lines that do not fit any more, since something was changed after the check.
    late: Vec<(Place, Error)>,
}

/// Steps that are written in one transaction.
struct Chunk {
    steps: Vec<Step>,
    place: PlaceInAll,
}

/// Where a chunk stands among all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PlaceInAll {
    /// Others follow.
    Before,
    /// The last one.
    Last,
}

/// Writes all steps and completes the report of the check.
pub(super) async fn write(
    service: &Service,
    whole: Arc<Whole>,
    steps: Vec<Step>,
    mut report: ImportReport,
) -> Result<ImportReport> {
    (report.created, report.updated) = (0, 0);
    report.types_created.clear();
    let most = service.settings().import_lines_max.max(1);
    let mut late = 0;
    let mut steps = steps.into_iter().peekable();
    while steps.peek().is_some() {
        let chunk = Arc::new(Chunk {
            steps: steps.by_ref().take(most).collect(),
            place: if steps.peek().is_some() {
                PlaceInAll::Before
            } else {
                PlaceInAll::Last
            },
        });
        let written = write_chunk(service, &whole, &chunk).await?;
        for effect in written.effects {
            apply::count(&mut report, effect);
        }
        report.types_created.extend(written.types);
        late += written.late.len();
        for (place, error) in &written.late {
            note_fault(&mut report, place, error);
        }
    }
    report.written = true;
    if late > 0 && whole.options.bad_lines == BadLines::Refuse {
        report.warnings.push(format!(
            "{late} lines did not fit any more when they were written, because something else was changed meanwhile: they are left out, all others are imported"
        ));
    }
    Ok(report)
}

async fn write_chunk(service: &Service, whole: &Arc<Whole>, chunk: &Arc<Chunk>) -> Result<Written> {
    for _ in 1..ASK_MAX {
        let (whole, chunk) = (Arc::clone(whole), Arc::clone(chunk));
        let written = service
            .write_quietly(move |txn, now| write_steps(txn, &whole, &chunk, now))
            .await;
        match written {
            Err(Error::Storage(StorageError::Busy)) => tokio::time::sleep(STAND_BACK).await,
            other => return other,
        }
    }
    Err(StorageError::Busy.into())
}

fn write_steps(
    txn: &mut dyn Transaction,
    whole: &Whole,
    chunk: &Chunk,
    now: UnixMillis,
) -> Result<Written> {
    let mut desk = Desk::open(txn, whole.organizer, &whole.event, now)?;
    note_end(txn, desk.event.id, chunk.place, now)?;
    let around = whole.surroundings();
    let mut written = Written::default();
    for step in &chunk.steps {
        match step {
            Step::CheckInLists => {
                if let Some(facts) = whole.pretix() {
                    check_in::take_over(txn, &mut desk, whole, facts, &mut written.types)?;
                }
            }
            Step::Ticket(line, new) => {
                match apply::line(txn, &mut desk, line, *new, &around, &mut written.types) {
                    Ok(outcome) => written.effects.push(outcome.effect),
                    Err(error) if is_fatal(&error) => return Err(error),
                    Err(error) => written.late.push((line.place.clone(), error)),
                }
            }
            Step::Refused(secret, why) => {
                refused::refuse(txn, &mut desk, whole, secret, *why)?;
            }
            Step::Gone(ticket) => missing::cancel(txn, &mut desk, whole, *ticket)?,
            Step::Note => {
                journal::note(txn, desk.event.id, whole.list(&desk)?, whole.digest, now)?;
            }
            Step::Keys => {
                if let Some(facts) = whole.pretix() {
                    shop::keep(txn, &mut desk, whole, facts, &mut written.types)?;
                }
            }
        }
    }
    Ok(written)
}

const CUT_OFF: &[u8] = b"x";

fn mark(event: EventId) -> Vec<u8> {
    [b"import ", event.as_bytes().as_slice()].concat()
}

/// Notes that an import is under way while its chunks follow each other.
fn note_end(
    txn: &mut dyn Transaction,
    event: EventId,
    place: PlaceInAll,
    now: UnixMillis,
) -> Result<()> {
    let noted = was_cut_off(txn, event)?;
    let value: &[u8] = match (place, noted) {
        (PlaceInAll::Before, false) => CUT_OFF,
        (PlaceInAll::Last, true) => &[],
        (PlaceInAll::Before, true) | (PlaceInAll::Last, false) => return Ok(()),
    };
    txn.put_value(Space::Event, &mark(event), value, now)?;
    Ok(())
}

/// Whether an import into the event began and did not end.
pub(super) fn was_cut_off(txn: &dyn Transaction, event: EventId) -> Result<bool> {
    let value = txn.value(Space::Event, &mark(event))?;
    Ok(value.is_some_and(|value| !value.is_empty()))
}
