//! What a row that is handed back would change, and by whose word it may. Pure: no database, no clock.

use super::is_final;
use crate::service::error::{Error, Result};
use crate::storage::StoredRow;
use usher_domain::table::rows::{
    DeviceEntry, DirectoryRow, Revocation, RosterEntry, RosterRow, StaffEntry, TicketRow,
    TicketState,
};
use usher_domain::table::{TableId, TableRow, decode_row, may_be_handed_back};

/// By whose word a row is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// Nobody said anything: only what takes rights away is taken.
    Nobody,
    /// The server was restored, as somebody declared, and lost this: everything is taken but what would
    /// let a ticket, a device or a badge live again that ended here.
    Restore,
    /// A person looked at the row.
    Person,
}

/// What is known of the thing behind a row besides the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    Open,
    /// The ticket is cancelled, as another set of its pass told.
    Cancelled,
}

/// What is to be done with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is taken.
    Counts,
    /// A person must say.
    Waits,
    /// It never is: no honest history leads to it.
    Impossible,
}

/// What a row does to the rights that the held one gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// It takes rights away, or none.
    Restricts,
    /// It gives rights, or what it changes cannot be compared.
    Gives,
    /// It lets live again what had ended for good.
    Revives,
    /// It is another thing under the same id.
    Replaces,
}

fn read<R: TableRow>(row: &StoredRow) -> Result<R> {
    decode_row(&row.row).map_err(|_| Error::invalid("rows", "a row is not readable"))
}

fn read_held<R: TableRow>(held: Option<&StoredRow>) -> Result<Option<R>> {
    let read = |held: &StoredRow| decode_row(&held.row);
    held.map(read)
        .transpose()
        .map_err(|_| Error::Internal("a stored row is not readable"))
}

/// Judges a row that is newer than the one held.
pub(super) fn judge(
    table: TableId,
    held: Option<&StoredRow>,
    row: &StoredRow,
    ground: Ground,
    word: Word,
) -> Result<Change> {
    let revision = held.map_or(0, |held| held.revision);
    if !may_be_handed_back(revision, row.revision) {
        return Ok(Change::Impossible);
    }
    let effect = match table {
        TableId::Set(_) => {
            let held: Option<TicketRow> = read_held(held)?;
            of_ticket(held.as_ref(), &read(row)?, ground)
        }
        TableId::Directory(_) => {
            let held: Option<DirectoryRow> = read_held(held)?;
            of_names(held.as_ref(), &read(row)?)
        }
        TableId::Roster(_) => {
            let held: Option<RosterRow> = read_held(held)?;
            of_roster(held.as_ref(), &read(row)?)
        }
    };
    Ok(match (effect, word) {
        (Effect::Replaces, _) => Change::Impossible,
        (Effect::Restricts, _) | (_, Word::Person) => Change::Counts,
        (Effect::Gives, Word::Restore) => Change::Counts,
        (Effect::Gives | Effect::Revives, _) if usher_domain::mutated!(TakeWhatGivesRights) => {
            Change::Counts
        }
        (Effect::Gives | Effect::Revives, Word::Nobody) | (Effect::Revives, Word::Restore) => {
            Change::Waits
        }
    })
}

/// How little a state lets in.
const fn strictness(state: TicketState) -> u8 {
    match state {
        TicketState::Valid => 0,
        TicketState::Blocked => 1,
        TicketState::Cancelled(_) => 2,
    }
}

fn of_ticket(held: Option<&TicketRow>, row: &TicketRow, ground: Ground) -> Effect {
    if is_final(row.state) {
        return Effect::Restricts;
    }
    if ground == Ground::Cancelled || held.is_some_and(|held| is_final(held.state)) {
        return Effect::Revives;
    }
    match held {
        Some(held) if is_narrower(held, row) => Effect::Restricts,
        Some(_) | None => Effect::Gives,
    }
}

/// Whether a row lets in nobody and nothing that the held one does not.
fn is_narrower(held: &TicketRow, row: &TicketRow) -> bool {
    let current = held.current_media();
    let entries = match (held.entries, row.entries) {
        (Some(held), Some(entries)) => entries <= held,
        (held, entries) => held == entries,
    };
    strictness(row.state) >= strictness(held.state)
        && row.issue >= held.issue
        && row.current_media().iter().all(|key| current.contains(key))
        && (row.type_number, row.access) == (held.type_number, held.access)
        && row.valid_from >= held.valid_from
        && held
            .valid_until
            .is_none_or(|held| row.valid_until.is_some_and(|until| until <= held))
        && entries
        && (row.zone, row.home, row.order) == (held.zone, held.home, held.order)
        && (held.instruction.is_none() || row.instruction == held.instruction)
        && row.seat == held.seat
}

/// Names open no door, but who says a name at the box office gets a ticket.
fn of_names(held: Option<&DirectoryRow>, row: &DirectoryRow) -> Effect {
    let is_same = held.is_some_and(|held| held.holder == row.holder && held.order == row.order);
    if is_same {
        Effect::Restricts
    } else {
        Effect::Gives
    }
}

fn of_roster(held: Option<&RosterRow>, row: &RosterRow) -> Effect {
    let id = match &row.entry {
        RosterEntry::Device(entry) => entry.device.as_bytes(),
        RosterEntry::Staff(entry) => entry.staff.as_bytes(),
    };
    if row.key.as_slice() != id {
        return Effect::Replaces;
    }
    match (held.map(|held| &held.entry), &row.entry) {
        (None, RosterEntry::Device(entry)) => ends(entry.revoked.is_some()),
        (None, RosterEntry::Staff(entry)) => ends(entry.revoked_at.is_some()),
        (Some(RosterEntry::Device(held)), RosterEntry::Device(entry)) => of_device(held, entry),
        (Some(RosterEntry::Staff(held)), RosterEntry::Staff(entry)) => of_staff(held, entry),
        (Some(RosterEntry::Device(_)), RosterEntry::Staff(_))
        | (Some(RosterEntry::Staff(_)), RosterEntry::Device(_)) => Effect::Replaces,
    }
}

/// What is new here restricts only if it has ended already.
const fn ends(has_ended: bool) -> Effect {
    if has_ended {
        Effect::Restricts
    } else {
        Effect::Gives
    }
}

fn of_device(held: &DeviceEntry, entry: &DeviceEntry) -> Effect {
    if held.device != entry.device || held.key != entry.key {
        return Effect::Replaces;
    }
    match (&held.revoked, &entry.revoked) {
        (None, Some(_)) => Effect::Restricts,
        (Some(held), Some(revoked)) if shrinks(held, revoked) => Effect::Restricts,
        (Some(_), Some(_)) => Effect::Gives,
        (Some(_), None) => Effect::Revives,
        (None, None) if (held.role, held.gate) == (entry.role, entry.gate) => Effect::Restricts,
        (None, None) => Effect::Gives,
    }
}

/// Whether no record is accepted that was not before.
fn shrinks(held: &Revocation, revoked: &Revocation) -> bool {
    revoked.accepted.iter().all(|accepted| {
        let mut known = held.accepted.iter().filter(|held| held.log == accepted.log);
        known.any(|held| held.sequence >= accepted.sequence)
    })
}

fn of_staff(held: &StaffEntry, entry: &StaffEntry) -> Effect {
    if held.staff != entry.staff {
        return Effect::Replaces;
    }
    let is_same = (held.badge, held.role, &held.gates) == (entry.badge, entry.role, &entry.gates);
    let is_within = entry.valid_from >= held.valid_from
        && held
            .valid_until
            .is_none_or(|held| entry.valid_until.is_some_and(|until| until <= held));
    let has_no_other_key = entry.override_key.is_none() || entry.override_key == held.override_key;
    match (held.revoked_at, entry.revoked_at) {
        (Some(_), None) => Effect::Revives,
        (Some(held), Some(at)) if at > held => Effect::Gives,
        (None | Some(_), Some(_)) if held.badge == entry.badge => Effect::Restricts,
        (None, None) if is_same && is_within && has_no_other_key => Effect::Restricts,
        (None, None) | (None | Some(_), Some(_)) => Effect::Gives,
    }
}

#[cfg(test)]
mod tests;
