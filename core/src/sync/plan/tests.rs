//! Each difference between device and server has its action, and the actions have their order.

use super::*;
use usher_domain::ids::{OrganizerId, SessionId};

const SCOPE: ScopeId = ScopeId::from_bytes([1; 16]);
const SET: TableId = TableId::Set(SessionId::from_bytes([2; 16]));
const ROSTER: TableId = TableId::Roster(OrganizerId::from_bytes([3; 16]));

const fn v(epoch: u32, number: u64) -> Version {
    Version { epoch, number }
}

fn held(table: TableId, version: Version) -> LocalTable {
    LocalTable {
        table,
        version,
        when_unlisted: Unlisted::Stays,
    }
}

fn logs(unsent: u64, compared: Option<u32>) -> LocalLogs {
    LocalLogs {
        scope: SCOPE,
        unsent,
        compared,
    }
}

fn read(epoch: u32, position: u64) -> LocalFeed {
    LocalFeed {
        scope: SCOPE,
        epoch,
        position,
        refused_by: None,
    }
}

fn end(position: u64) -> FeedEnd {
    FeedEnd {
        scope: SCOPE,
        position,
    }
}

fn listed(table: TableId, version: Version) -> TableVersion {
    TableVersion { table, version }
}

fn in_step() -> (Local, Remote) {
    let local = Local {
        trust: v(0, 1),
        tables: vec![held(SET, v(0, 5)), held(ROSTER, v(0, 2))],
        logs: vec![logs(0, Some(0))],
        feeds: vec![read(0, 9)],
        parked: Parked::Settled,
    };
    let remote = Remote {
        epoch: 0,
        trust: v(0, 1),
        tables: vec![listed(SET, v(0, 5)), listed(ROSTER, v(0, 2))],
        feeds: vec![end(9)],
    };
    (local, remote)
}

#[test]
fn a_device_in_step_has_nothing_to_do() {
    let (local, remote) = in_step();
    assert_eq!(plan(&local, &remote), []);
}

#[test]
fn each_difference_has_its_action() {
    type Change = fn(&mut Local, &mut Remote);
    let cases: &[(&str, Change, &[Action])] = &[
        (
            "unsent records",
            |l, _| l.logs = vec![logs(3, Some(0))],
            &[Action::Upload(SCOPE)],
        ),
        (
            "a process that just started",
            |l, _| l.logs = vec![logs(0, None)],
            &[Action::CompareLogs(SCOPE), Action::Upload(SCOPE)],
        ),
        (
            "newer trust",
            |_, r| r.trust = v(0, 2),
            &[Action::RefreshTrust],
        ),
        (
            "older trust",
            |l, _| l.trust = v(0, 2),
            &[Action::Report(ServerBehind::Trust)],
        ),
        (
            "a set not held",
            |l, _| l.tables = vec![held(ROSTER, v(0, 2))],
            &[Action::Download(SET)],
        ),
        (
            "a newer set",
            |_, r| r.tables = vec![listed(SET, v(0, 6)), listed(ROSTER, v(0, 2))],
            &[Action::CatchUp(SET)],
        ),
        (
            "an older set of the same epoch",
            |l, _| l.tables = vec![held(SET, v(0, 6)), held(ROSTER, v(0, 2))],
            &[Action::Report(ServerBehind::Table(SET))],
        ),
        (
            "a set of a newer epoch",
            |_, r| r.tables = vec![listed(SET, v(1, 1)), listed(ROSTER, v(0, 2))],
            &[Action::HandBack(SET), Action::Repair(SET)],
        ),
        (
            "a set not listed any more stays while its session may run",
            |_, r| r.tables = vec![listed(ROSTER, v(0, 2))],
            &[],
        ),
        (
            "a set not listed any more goes after its session",
            |l, r| {
                l.tables = vec![
                    LocalTable {
                        when_unlisted: Unlisted::Goes,
                        ..held(SET, v(0, 5))
                    },
                    held(ROSTER, v(0, 2)),
                ];
                r.tables = vec![listed(ROSTER, v(0, 2))];
            },
            &[Action::Forget(SET)],
        ),
        (
            "a longer feed",
            |_, r| r.feeds = vec![end(10)],
            &[Action::ReadFeed(SCOPE, FeedStart::Held)],
        ),
        (
            "a shorter feed",
            |_, r| r.feeds = vec![end(8)],
            &[
                Action::CompareLogs(SCOPE),
                Action::Upload(SCOPE),
                Action::Report(ServerBehind::Feed(SCOPE)),
                Action::HandBackLogs(SCOPE),
                Action::ReadFeed(SCOPE, FeedStart::Beginning),
            ],
        ),
        (
            "a feed never read and empty",
            |l, r| {
                l.feeds = vec![];
                r.feeds = vec![end(0)];
            },
            &[],
        ),
        (
            "batches set aside",
            |l, _| l.parked = Parked::Retry,
            &[Action::RetryParked],
        ),
    ];
    for (name, change, expected) in cases {
        let (mut local, mut remote) = in_step();
        change(&mut local, &mut remote);
        assert_eq!(plan(&local, &remote), *expected, "{name}");
    }
}

#[test]
fn a_restored_server_is_helped_before_it_is_believed() {
    let (local, mut remote) = in_step();
    remote.epoch = 1;
    remote.tables = vec![listed(SET, v(1, 1)), listed(ROSTER, v(1, 1))];
    assert_eq!(
        plan(&local, &remote),
        [
            Action::CompareLogs(SCOPE),
            Action::Upload(SCOPE),
            Action::HandBack(ROSTER),
            Action::Repair(ROSTER),
            Action::HandBack(SET),
            Action::Repair(SET),
            Action::HandBackLogs(SCOPE),
            Action::ReadFeed(SCOPE, FeedStart::Beginning),
        ]
    );
}

#[test]
fn what_a_restored_server_refused_is_handed_back_again_once_its_documents_are_others() {
    let (mut local, mut remote) = in_step();
    let offer = Action::OfferLogsAgain(SCOPE);
    local.feeds[0].refused_by = Some(remote.recipient());
    assert_eq!(plan(&local, &remote), []);
    local.trust = v(0, 3);
    remote.trust = v(0, 3);
    assert_eq!(plan(&local, &remote), [offer]);
    // First the feed: what is only on its way here is not lacking there.
    remote.feeds = vec![end(10)];
    let read = Action::ReadFeed(SCOPE, FeedStart::Held);
    assert_eq!(plan(&local, &remote), [read]);
    local.feeds[0].position = 10;
    local.feeds[0].refused_by = Some(remote.recipient());
    assert_eq!(plan(&local, &remote), []);
    remote.tables = vec![listed(SET, v(0, 5)), listed(ROSTER, v(0, 3))];
    assert_eq!(plan(&local, &remote), [Action::CatchUp(ROSTER), offer]);
    local.feeds[0].refused_by = None;
    assert_eq!(plan(&local, &remote), [Action::CatchUp(ROSTER)]);
}

#[test]
fn a_restored_server_is_helped_before_it_has_signed_anything_anew() {
    let (local, mut remote) = in_step();
    remote.epoch = 1;
    remote.tables = vec![listed(SET, v(0, 3)), listed(ROSTER, v(0, 2))];
    assert_eq!(
        plan(&local, &remote),
        [
            Action::CompareLogs(SCOPE),
            Action::Upload(SCOPE),
            Action::HandBack(ROSTER),
            Action::HandBack(SET),
            Action::HandBackLogs(SCOPE),
            Action::ReadFeed(SCOPE, FeedStart::Beginning),
        ]
    );
}

#[test]
fn records_go_up_before_anything_comes_down_and_the_roster_before_the_feed() {
    let remote = Remote {
        epoch: 0,
        trust: v(0, 2),
        tables: vec![listed(SET, v(0, 1)), listed(ROSTER, v(0, 1))],
        feeds: vec![end(4)],
    };
    let local = Local {
        logs: vec![logs(7, Some(0))],
        ..Local::default()
    };
    assert_eq!(
        plan(&local, &remote),
        [
            Action::Upload(SCOPE),
            Action::RefreshTrust,
            Action::Download(ROSTER),
            Action::Download(SET),
            Action::ReadFeed(SCOPE, FeedStart::Held),
        ]
    );
}
