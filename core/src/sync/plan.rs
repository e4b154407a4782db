//! What is to be done, from what the device and the server have. Pure: the same facts give the same plan.

use crate::store::Recipient;
use usher_domain::ids::ScopeId;
use usher_domain::protocol::{FeedEnd, TableVersion};
use usher_domain::table::{TableId, Version};

/// What the device has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Local {
    /// Version of the trust document held.
    pub trust: Version,
    /// Tables held.
    pub tables: Vec<LocalTable>,
    /// The device's own logs by scope.
    pub logs: Vec<LocalLogs>,
    /// How far the feeds were read.
    pub feeds: Vec<LocalFeed>,
    /// Batches set aside until the roster or the trust document is newer, and whether one became newer
    /// since they were last tried.
    pub parked: Parked,
}

/// A table held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTable {
    /// The table.
    pub table: TableId,
    /// Its version.
    pub version: Version,
    /// Whether it may go once the server does not list it any more.
    pub when_unlisted: Unlisted,
}

/// What becomes of a table that the server does not list any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// It stays: a mistake of the server must not stop a gate.
    Stays,
    /// It goes: its session ended long ago, by a proved clock.
    Goes,
}

/// The device's logs in a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalLogs {
    /// The scope.
    pub scope: ScopeId,
    /// Records that the server is not known to have.
    pub unsent: u64,
    /// The epoch in which the ends of these logs were last compared with the server's, by this process.
    pub compared: Option<u32>,
}

/// How far a feed was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalFeed {
    /// The scope.
    pub scope: ScopeId,
    /// The epoch of the position.
    pub epoch: u32,
    /// The last position read.
    pub position: u64,
    /// Who last refused something of others' logs that was handed back.
    pub refused_by: Option<Recipient>,
}

/// Batches set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parked {
    /// None, or none that could be verified now.
    #[default]
    Settled,
    /// Some, and a document is newer than when they were last tried.
    Retry,
}

/// What the server has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Remote {
    /// Its epoch.
    pub epoch: u32,
    /// Version of its trust document.
    pub trust: Version,
    /// Tables this device should hold.
    pub tables: Vec<TableVersion>,
    /// Feeds this device should follow.
    pub feeds: Vec<FeedEnd>,
}

impl Remote {
    /// Who would take logs that are handed back now.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        let rosters = self.tables.iter();
        Recipient {
            epoch: self.epoch,
            trust: self.trust,
            roster: rosters
                .filter(|entry| matches!(entry.table, TableId::Roster(_)))
                .map(|entry| entry.version)
                .max(),
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask how much of this device's logs the server has.
    CompareLogs(ScopeId),
    /// Send what the server lacks of them.
    Upload(ScopeId),
    /// Take the newer trust document.
    RefreshTrust,
    /// Give a restored server what it may have lost of a table.
    HandBack(TableId),
    /// Take the whole table.
    Download(TableId),
    /// Take what changed.
    CatchUp(TableId),
    /// Compare digests and take what differs.
    Repair(TableId),
    /// Try the batches set aside once more.
    RetryParked,
    /// Give a server that lost records what was read of others' logs.
    HandBackLogs(ScopeId),
    /// Give a server what it did not take of others' logs when they were handed back.
    OfferLogsAgain(ScopeId),
    /// Read a feed from where it was left, or from its start.
    ReadFeed(ScopeId, FeedStart),
    /// Stop holding a table.
    Forget(TableId),
    /// Tell a person that the server is behind what it signed or said before.
    Report(ServerBehind),
}

/// Where reading a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedStart {
    /// After the last position read.
    Held,
    /// From its start: positions of another history mean nothing.
    Beginning,
}

/// The server is behind what it signed or said before, in the same epoch: a backup was restored without
/// raising the epoch, or somebody replays old answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerBehind {
    /// The trust document.
    Trust,
    /// A table.
    Table(TableId),
    /// A feed.
    Feed(ScopeId),
}

/// What is to be done, in order:
///
/// 1. Records go up first: they exist on this device alone, and its battery may die.
/// 2. Then the documents that say whom to believe, then the roster, because it verifies the feed.
/// 3. A restored server gets back what it lost before its tables are taken.
/// 4. Ticket sets and directories, then feeds: what was read of a feed is handed back before it is read
///    anew, and after the roster, which tells a restored server whose logs these are.
#[must_use]
pub fn plan(local: &Local, remote: &Remote) -> Vec<Action> {
    let mut actions = Vec::new();
    logs(local, remote, &mut actions);
    trust(local, remote, &mut actions);
    let (rosters, others): (Vec<&TableVersion>, Vec<&TableVersion>) = remote
        .tables
        .iter()
        .partition(|entry| matches!(entry.table, TableId::Roster(_)));
    for entry in rosters.into_iter().chain(others) {
        table(local, remote.epoch, *entry, &mut actions);
    }
    if local.parked == Parked::Retry {
        actions.push(Action::RetryParked);
    }
    for end in &remote.feeds {
        feed(local, remote, *end, &mut actions);
    }
    let listed = |table| remote.tables.iter().any(|entry| entry.table == table);
    let gone = local
        .tables
        .iter()
        .filter(|held| held.when_unlisted == Unlisted::Goes && !listed(held.table));
    actions.extend(gone.map(|held| Action::Forget(held.table)));
    actions
}

fn logs(local: &Local, remote: &Remote, actions: &mut Vec<Action>) {
    let strange = |logs: &&LocalLogs| {
        let other_epoch = logs.compared != Some(remote.epoch)
            && !(usher_domain::mutated!(IgnoreEpoch) && logs.compared.is_some());
        other_epoch || has_lost(local, remote, logs.scope)
    };
    actions.extend(
        local
            .logs
            .iter()
            .filter(strange)
            .map(|logs| Action::CompareLogs(logs.scope)),
    );
    // What comparing finds may make more unsent, so a log that is compared is also uploaded.
    actions.extend(
        local
            .logs
            .iter()
            .filter(|logs| logs.unsent > 0 || strange(logs))
            .map(|logs| Action::Upload(logs.scope)),
    );
}

/// Whether the server's feed ends before what was read of it, in the same epoch.
fn has_lost(local: &Local, remote: &Remote, scope: ScopeId) -> bool {
    let held = local.feeds.iter().find(|held| held.scope == scope);
    let end = remote.feeds.iter().find(|end| end.scope == scope);
    held.zip(end)
        .is_some_and(|(held, end)| held.epoch == remote.epoch && held.position > end.position)
}

fn trust(local: &Local, remote: &Remote, actions: &mut Vec<Action>) {
    match remote.trust.cmp(&local.trust) {
        std::cmp::Ordering::Greater => actions.push(Action::RefreshTrust),
        std::cmp::Ordering::Equal => {}
        // The root signs trust documents, not the server: a restored server has an older one until the
        // organizer renews it, and the epoch says nothing of it.
        std::cmp::Ordering::Less => actions.push(Action::Report(ServerBehind::Trust)),
    }
}

fn table(local: &Local, epoch: u32, entry: TableVersion, actions: &mut Vec<Action>) {
    let TableVersion { table, version } = entry;
    let Some(held) = local.tables.iter().find(|held| held.table == table) else {
        actions.push(Action::Download(table));
        return;
    };
    if held.version.epoch < epoch.max(version.epoch) {
        actions.push(Action::HandBack(table));
        // Until it has signed anew, a restored server has nothing that this device could take.
        if held.version < version {
            actions.push(Action::Repair(table));
        }
    } else if held.version < version {
        actions.push(Action::CatchUp(table));
    } else if held.version > version {
        actions.push(Action::Report(ServerBehind::Table(table)));
    }
}

fn feed(local: &Local, remote: &Remote, end: FeedEnd, actions: &mut Vec<Action>) {
    let scope = end.scope;
    let held = local.feeds.iter().find(|held| held.scope == scope);
    let (held_epoch, position) = held.map_or((0, 0), |held| (held.epoch, held.position));
    let lost = has_lost(local, remote, scope);
    if held_epoch == remote.epoch && !lost {
        // A restored server refuses logs of those whom it does not know any more, such as its own under a key
        // that came after its backup. With other documents it may take them.
        let refused_by = held.and_then(|held| held.refused_by);
        if position < end.position {
            actions.push(Action::ReadFeed(scope, FeedStart::Held));
        } else if refused_by.is_some_and(|by| by != remote.recipient()) {
            actions.push(Action::OfferLogsAgain(scope));
        }
        return;
    }
    if lost || held_epoch > remote.epoch {
        actions.push(Action::Report(ServerBehind::Feed(scope)));
    }
    let was_refused = held.is_some_and(|held| held.refused_by.is_some());
    if position > 0 || was_refused {
        actions.push(Action::HandBackLogs(scope));
    }
    actions.push(Action::ReadFeed(scope, FeedStart::Beginning));
}

#[cfg(test)]
mod tests;
