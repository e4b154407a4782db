//! One line against the ticket that is there: the last import, this one, and what was said here since.
//!
//! What the list changed since its last import is taken, what was said here stays. A refusal that was said
//! here ends only by a person: a list that says something else is reported.

mod media;

use crate::service::error::Result;
use crate::service::tickets::said::{self, Detail, Mark, Said};
use crate::service::tickets::stored::{Body, Loaded, Standing};
use media::know;
use minicbor::Encode;
use usher_domain::table::rows::TicketState;

/// What merging found, for the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// The list lets the ticket in, and it stays refused by what was said here.
    pub(super) refused_here: bool,
    /// A detail was changed here and in the list, and stays as it was said here.
    pub(super) kept_here: bool,
    /// The list had cancelled it and lets it in again.
    pub(super) revived: bool,
    /// The line says what a list before the last one said.
    pub(super) said_before: bool,
    /// The ticket is for other sessions now.
    pub(super) moved: bool,
}

impl Found {
    /// What an unchanged line tells of a ticket.
    pub(super) fn unchanged(here: TicketState, line: TicketState) -> Self {
        Self {
            refused_here: line == TicketState::Valid && here != TicketState::Valid,
            ..Self::default()
        }
    }
}

/// How strictly a state keeps people out.
const fn severity(state: TicketState) -> u8 {
    match state {
        TicketState::Valid => 0,
        TicketState::Blocked => 1,
        TicketState::Cancelled(_) => 2,
    }
}

/// Lets a ticket be as a changed line of a list says, as far as nobody here said otherwise.
pub(super) fn merge(ticket: &mut Loaded, line: Body, source: Mark) -> Result<Found> {
    let here = &mut ticket.body;
    let before = match here.said.take() {
        Some(said) => Some(said),
        None => said::of_older_program(source, here),
    };
    let mut next = Said::by(source, &line);
    next.follow(before.as_ref(), here.request.as_ref());
    let mut merging = Merging {
        before: before.as_ref(),
        found: Found::default(),
    };
    let line_mark = line.request.as_ref().map(Mark::of_hash);
    merging.found.said_before = before
        .as_ref()
        .is_some_and(|before| line_mark.is_some_and(|line| before.earlier.contains(&line)));
    next.refused_here = merging.state(&mut here.state, line.state);
    if here.state == line.state {
        here.explanation = line.explanation;
    }
    merging.detail(Detail::Type, &mut here.type_number, line.type_number);
    let mut entrance = (here.sessions.clone(), here.access);
    merging.detail(
        Detail::Entrance,
        &mut entrance,
        (line.sessions, line.access),
    );
    merging.found.moved = here.move_to(entrance.0, entrance.1)?;
    merging.detail(Detail::Channel, &mut here.channel, line.channel);
    merging.detail(Detail::ValidFrom, &mut here.valid_from, line.valid_from);
    merging.detail(Detail::ValidUntil, &mut here.valid_until, line.valid_until);
    merging.detail(Detail::Order, &mut here.order, line.order);
    merging.detail(Detail::Holder, &mut here.holder, line.holder);
    merging.detail(Detail::Zone, &mut here.zone, line.zone);
    merging.detail(Detail::Seat, &mut here.seat, line.seat);
    merging.detail(Detail::Instruction, &mut here.instruction, line.instruction);
    merging.detail(Detail::Entries, &mut here.entries, line.entries);
    let said_before = merging
        .before
        .and_then(|before| before.detail(Detail::Media));
    if said_before == next.detail(Detail::Media) {
        know(&mut here.media, line.media, Standing::Current);
    } else {
        let kept = media::merge(here, line.media, said_before)?;
        merging.found.kept_here |= kept == media::Kept::Here;
    }
    here.request = line.request;
    here.said = Some(next);
    Ok(merging.found)
}

struct Merging<'a> {
    before: Option<&'a Said>,
    found: Found,
}

impl Merging<'_> {
    /// Lets a detail be as the list says, if the list changed it and nobody here did.
    fn detail<T: Encode<()> + PartialEq>(&mut self, which: Detail, here: &mut T, line: T) {
        let said = Mark::of(&line);
        match self.before.and_then(|before| before.detail(which)) {
            // The list says nothing new.
            Some(before) if before == said => {}
            Some(before) if before == Mark::of(here) => *here = line,
            Some(_) => self.found.kept_here |= *here != line,
            // Nobody knows who said what: what the list leaves empty stays as it is.
            None if said == Mark::nothing() => {}
            None => *here = line,
        }
    }

    /// The state, and whether the ticket is refused by what was said here.
    fn state(&mut self, here: &mut TicketState, line: TicketState) -> bool {
        let last = self.before.map(|before| before.state);
        let spoken = self.before.is_some_and(|before| before.refused_here)
            || last.is_some_and(|last| last != *here)
            || (last.is_none() && *here != TicketState::Valid);
        let is_news = last != Some(line);
        let takes = is_news && (!spoken || severity(line) > severity(*here));
        let was_cancelled = matches!(here, TicketState::Cancelled(_));
        let refused_here = spoken && *here != TicketState::Valid;
        if takes {
            *here = line;
        }
        self.found.revived = was_cancelled && *here == TicketState::Valid;
        self.found.refused_here = line == TicketState::Valid && *here != TicketState::Valid;
        refused_here
    }
}

#[cfg(test)]
mod tests;
