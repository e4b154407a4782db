//! Comparing what admissions claim of their tickets with what the server's rows say.
//!
//! A record names the ticket's type, its access number and its entries, for a gate that folds it may not
//! hold the ticket's row. Where no image of the ticket that the server ever held says the same, the server
//! writes a correction into its own log, in the transaction that stores the record, and everybody counts
//! by it. One record makes one correction at most. What a record leaves out is filled in.

use super::lines;
use crate::service::error::Result;
use crate::service::organizers::StoredOrganizer;
use crate::service::tickets::{Entitlement, entitlements};
use crate::service::{server_log, sessions, things};
use crate::storage::Transaction;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use usher_domain::api::venue::Session;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId, ScopeId, SessionId, TicketId};
use usher_domain::log::Line;
use usher_domain::merge::Claims;
use usher_domain::record::{Body, Correction, Outcome, Scan, Subject};
use usher_domain::time::UnixMillis;

/// What the images of tickets say, each read once.
type Images = BTreeMap<TicketId, Vec<Entitlement>>;

/// The corrections of these records, in their order.
pub(super) fn needed<'e>(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    entries: impl Iterator<Item = &'e usher_domain::log::Entry>,
) -> Result<Vec<Body>> {
    let mut corrections = Vec::new();
    let mut images = Images::new();
    for entry in entries {
        let Some(Body::Scan(scan)) = entry.record.as_ref().map(|record| &record.body) else {
            continue;
        };
        if scan.outcome == Outcome::Admit && scan.subject != Subject::Nothing {
            let covered = covered(txn, organizer, scan, &mut images)?;
            if covered != Claims::made_by(scan) {
                corrections.push(correction(entry.hash, scan, covered));
            }
        }
    }
    Ok(corrections)
}

const fn correction(of: Hash, scan: &Scan, covered: Claims) -> Body {
    Body::Correction(Correction {
        of,
        session: scan.session,
        subject: scan.subject,
        type_number: covered.type_number,
        access: covered.access,
        entries: covered.entries,
        honours: covered.honours,
    })
}

/// A gate may have gone by an image of the ticket that this server had lost: what was corrected by an older
/// one is corrected again once it is handed back.
pub(in crate::service) fn revise(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    (session, ticket): (SessionId, TicketId),
    now: UnixMillis,
) -> Result<()> {
    let scope = things::get::<Session>(txn, session.as_bytes())?.value.scope;
    let server = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
    let whose = (organizer, server.value.server);
    let revised = revised(txn, whose, scope, ticket)?;
    server_log::append(txn, organizer, scope, revised, now)?;
    Ok(())
}

/// Corrections that say something else now that an image of a ticket was handed back: after a restore a gate
/// may know of one that the server had lost.
fn revised(
    txn: &dyn Transaction,
    (organizer, server): (OrganizerId, DeviceId),
    scope: ScopeId,
    ticket: TicketId,
) -> Result<Vec<Body>> {
    let known = txn.records_about(scope, Some(&Subject::Ticket(ticket)))?;
    let known: Vec<Line> = lines::readable(known).map(|(_, line)| line).collect();
    let mut revised = Vec::new();
    let mut images = Images::new();
    for (of, last) in last_corrections(&known, server) {
        let scan = known.iter().find(|line| line.hash == of);
        if let Some(scan) = scan.and_then(|line| line.record.body.as_scan()) {
            let covered = covered(txn, organizer, scan, &mut images)?;
            if covered != last {
                revised.push(correction(of, scan, covered));
            }
        }
    }
    Ok(revised)
}

/// The last correction of each record, among the records of one ticket.
fn last_corrections(known: &[Line], server: DeviceId) -> BTreeMap<Hash, Claims> {
    let own = known.iter().filter(|line| line.record.log.device == server);
    let mut corrections: Vec<_> = own
        .filter_map(|line| {
            let Body::Correction(correction) = &line.record.body else {
                return None;
            };
            Some((line.record.stamp, line.hash, correction))
        })
        .collect();
    corrections.sort_by_key(|(stamp, hash, _)| (*stamp, *hash));
    corrections
        .into_iter()
        .map(|(_, _, correction)| (correction.of, Claims::of_correction(correction)))
        .collect()
}

/// The last corrections of the records of tickets, each ticket read once.
pub(super) struct Contradictions<'t> {
    txn: &'t dyn Transaction,
    scope: ScopeId,
    server: DeviceId,
    read: BTreeMap<Subject, BTreeMap<Hash, Claims>>,
}

impl<'t> Contradictions<'t> {
    pub(super) const fn new(txn: &'t dyn Transaction, scope: ScopeId, server: DeviceId) -> Self {
        Self {
            txn,
            scope,
            server,
            read: BTreeMap::new(),
        }
    }

    /// Whether the last correction of a scan contradicts what its record says. What was only left out is no
    /// contradiction.
    pub(super) fn has(&mut self, line: &Line) -> Result<bool> {
        let Some(scan) = line.record.body.as_scan() else {
            return Ok(false);
        };
        let of_ticket = match self.read.entry(scan.subject) {
            Entry::Occupied(read) => read.into_mut(),
            Entry::Vacant(unread) => {
                let known = self.txn.records_about(self.scope, Some(&scan.subject))?;
                let known: Vec<Line> = lines::readable(known).map(|(_, line)| line).collect();
                unread.insert(last_corrections(&known, self.server))
            }
        };
        let last = of_ticket.get(&line.hash);
        Ok(last.is_some_and(|last| contradicts(&Claims::made_by(scan), last)))
    }
}

fn contradicts(claimed: &Claims, covered: &Claims) -> bool {
    fn differs<T: PartialEq>(claimed: Option<T>, covered: Option<T>) -> bool {
        claimed.is_some() && claimed != covered
    }
    differs(claimed.type_number, covered.type_number)
        || differs(claimed.access, covered.access)
        || differs(claimed.entries, covered.entries)
        || differs(claimed.honours, covered.honours)
}

/// What the server's rows cover of a scan's claims.
fn covered(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    scan: &Scan,
    known: &mut Images,
) -> Result<Claims> {
    let ticket = match scan.subject {
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Medium(identity) => match sessions::event_of(txn, organizer, scan.session)? {
            Some(event) => txn.medium_owner(event, &identity.medium_key())?,
            None => None,
        },
        Subject::Nothing => None,
    };
    let images = match ticket {
        Some(ticket) => match known.entry(ticket) {
            Entry::Occupied(read) => read.into_mut().as_slice(),
            Entry::Vacant(unread) => unread.insert(entitlements(txn, scan.session, ticket)?),
        },
        None => &[],
    };
    let claimed = Claims::made_by(scan);
    let Some(current) = images.last() else {
        return Ok(Claims {
            // Type and access number of a ticket without a row stand in its code, and only a gate sees
            // that. Nothing but a row gives a ticket entries of its own, or a medium an access number.
            access: match scan.subject {
                Subject::Ticket(_) => claimed.access,
                Subject::Medium(_) | Subject::Nothing => None,
            },
            entries: None,
            ..claimed
        });
    };
    let any = |holds: &dyn Fn(&Entitlement) -> bool| images.iter().any(holds);
    let type_number = claimed.type_number;
    let type_number = type_number.filter(|of| any(&|image| image.type_number == *of));
    let access = claimed.access;
    let access = access.filter(|of| any(&|image| image.access == *of));
    let has_entries = any(&|image| image.entries == claimed.entries);
    let honours = claimed.honours;
    Ok(Claims {
        type_number: Some(type_number.unwrap_or(current.type_number)),
        access: Some(access.unwrap_or(current.access)),
        entries: if has_entries {
            claimed.entries
        } else {
            current.entries
        },
        honours: honours.filter(|of| any(&|image| image.sessions.contains(of))),
    })
}
