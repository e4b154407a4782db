//! Checking the chains of all logs here, and the signatures of all batches at the server.

use super::status::rescues;
use super::{ApiError, App, NoticeView};
use crate::store::Store;
use crate::sync::{Access as _, FeedAudit, Timer, audit_feed};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, LogId, ScopeId};
use usher_domain::log::Line;
use usher_domain::record::LogRef;
use usher_domain::table::TableId;

/// Records read at once.
const PAGE: u32 = 4_096;

/// What the logs of a device say of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditView {
    /// Scope by scope.
    pub scopes: Vec<ScopeAudit>,
    /// What this device lost: a store that was set aside holds the log before.
    pub losses: Vec<NoticeView>,
    /// Whether damage of the store was met and not repaired yet.
    pub damaged: bool,
    /// Whether nothing was lost, all chains hold, and all signatures that were checked.
    pub ok: bool,
}

/// The logs of one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeAudit {
    /// The scope.
    pub scope: ScopeId,
    /// Its logs.
    pub logs: Vec<LogView>,
    /// Batches whose signatures hold; none if the server was not asked.
    pub verified_batches: Option<u64>,
    /// Batches that nobody vouches for.
    pub unverified_batches: Option<u64>,
    /// Records that the server has and this device lacks.
    pub missing_here: Option<u64>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// Who writes it.
    pub device: DeviceId,
    /// The log.
    pub log: LogId,
    /// Records held.
    pub records: u64,
    /// The highest sequence held.
    pub last: u64,
    /// Ends of it: more than one if it forked.
    pub branches: u64,
    /// Records whose predecessor is not held.
    pub gaps: u64,
    /// Records whose bytes do not make their hash.
    pub altered: u64,
}

impl App {
    /// Checks the chains of all logs on this device.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn audit(&self) -> Result<AuditView, ApiError> {
        let audit = self.device.with(|store| {
            let mut scopes = Vec::new();
            for scope in scopes_of(store)? {
                scopes.push(ScopeAudit {
                    scope,
                    logs: chains(store, scope)?,
                    verified_batches: None,
                    unverified_batches: None,
                    missing_here: None,
                });
            }
            Ok::<_, ApiError>(AuditView::of(scopes, rescues(store)?, store.is_suspect()))
        });
        self.heeding(audit)
    }

    /// The same, and checks the signatures of everything that the server's feeds hold.
    ///
    /// # Errors
    /// What ended it early.
    pub async fn audit_with_server(&self, timer: &impl Timer) -> Result<AuditView, ApiError> {
        let connection = self.connection()?;
        let parts = self.parts(&connection, timer, &|_| {});
        let AuditView {
            mut scopes,
            losses,
            damaged,
            ..
        } = self.audit()?;
        for audit in &mut scopes {
            let FeedAudit {
                verified,
                unverified,
                missing_here,
            } = self.heeding(audit_feed(&parts, audit.scope).await)?;
            audit.verified_batches = Some(verified);
            audit.unverified_batches = Some(unverified);
            audit.missing_here = Some(missing_here);
        }
        Ok(AuditView::of(scopes, losses, damaged))
    }
}

impl AuditView {
    fn of(scopes: Vec<ScopeAudit>, losses: Vec<NoticeView>, damaged: bool) -> Self {
        let good = |log: &LogView| log.gaps == 0 && log.altered == 0;
        let holds = scopes
            .iter()
            .all(|scope| scope.logs.iter().all(good) && scope.unverified_batches.unwrap_or(0) == 0);
        Self {
            ok: holds && losses.is_empty() && !damaged,
            scopes,
            losses,
            damaged,
        }
    }
}

/// The scopes of all sets held and of all logs of this device.
pub(super) fn scopes_of(store: &Store) -> Result<BTreeSet<ScopeId>, ApiError> {
    let mut scopes: BTreeSet<_> = store.own_logs()?.iter().map(|log| log.end.scope).collect();
    for held in store.tables()? {
        if let TableId::Set(_) = held.table
            && let Some(manifest) = store.manifest(held.table)?
        {
            scopes.extend(manifest.terms.map(|terms| terms.scope));
        }
    }
    Ok(scopes)
}

/// All records of a scope that this program can read, in the order in which they came.
pub(super) fn lines_of(store: &Store, scope: ScopeId) -> Result<Vec<Line>, ApiError> {
    let mut lines = Vec::new();
    let mut place = 0;
    loop {
        let page = store.records_after(scope, place, PAGE)?;
        let Some(last) = page.read_to else {
            return Ok(lines);
        };
        place = last;
        lines.extend(page.lines.into_iter().map(|(_, line)| line));
    }
}

fn chains(store: &Store, scope: ScopeId) -> Result<Vec<LogView>, ApiError> {
    let mut by_log: BTreeMap<LogRef, Vec<Line>> = BTreeMap::new();
    for line in lines_of(store, scope)? {
        by_log.entry(line.record.log).or_default().push(line);
    }
    Ok(by_log
        .into_iter()
        .map(|(log, lines)| chain(log, &lines))
        .collect())
}

fn chain(log: LogRef, lines: &[Line]) -> LogView {
    let held: BTreeSet<Hash> = lines.iter().map(|line| line.hash).collect();
    let followed: BTreeSet<Hash> = lines.iter().map(|line| line.record.previous).collect();
    let count = |found: &dyn Fn(&&Line) -> bool| lines.iter().filter(found).count() as u64;
    LogView {
        device: log.device,
        log: log.log,
        records: lines.len() as u64,
        last: lines
            .iter()
            .map(|line| line.record.sequence)
            .max()
            .unwrap_or(0),
        branches: count(&|line| !followed.contains(&line.hash)),
        gaps: count(&|line| line.record.sequence > 1 && !held.contains(&line.record.previous)),
        altered: count(&|line| line.record.hash() != line.hash),
    }
}
