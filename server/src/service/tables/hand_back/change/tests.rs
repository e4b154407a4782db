use super::*;
use usher_domain::code::MediumKey;
use usher_domain::cose::SigningKey;
use usher_domain::ids::{DeviceId, GateId, LogId, SessionId, StaffId, TicketId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::encode_row;
use usher_domain::table::rows::{AcceptedUpTo, CancelReason, DeviceRole, StaffRole};
use usher_domain::time::UnixMillis;

const SET: TableId = TableId::Set(SessionId::from_bytes([1; 16]));
const ROSTER: TableId = TableId::Roster(usher_domain::ids::OrganizerId::from_bytes([2; 16]));
const CANCELLED: TicketState = TicketState::Cancelled(CancelReason::Refunded);

fn ticket(revision: u64, change: impl FnOnce(&mut TicketRow)) -> StoredRow {
    let mut row = TicketRow {
        ticket: TicketId::from_bytes([9; 16]),
        revision,
        state: TicketState::Valid,
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(1),
        access: AccessNumber::new(1),
        channel: 0,
        media: vec![MediumKey::from_bytes([3; 16])],
        current: 1,
        valid_from: None,
        valid_until: Some(100),
        order: None,
        zone: None,
        seat: None,
        home: None,
        instruction: None,
        entries: Some(2),
        sealed: None,
        explanation: None,
    };
    change(&mut row);
    stored(&row)
}

fn stored<R: TableRow>(row: &R) -> StoredRow {
    let head = row.head();
    StoredRow {
        bucket: 0,
        key: *head.key.as_bytes(),
        revision: head.revision,
        row: encode_row(row).unwrap(),
    }
}

/// What becomes of a row by nobody's word, in a declared restore, and by a person's.
fn all(table: TableId, held: Option<&StoredRow>, row: &StoredRow) -> [Change; 3] {
    [Word::Nobody, Word::Restore, Word::Person]
        .map(|word| judge(table, held, row, Ground::Open, word).unwrap())
}

const RESTRICTS: [Change; 3] = [Change::Counts; 3];
const GIVES: [Change; 3] = [Change::Waits, Change::Counts, Change::Counts];
const REVIVES: [Change; 3] = [Change::Waits, Change::Waits, Change::Counts];
const NEVER: [Change; 3] = [Change::Impossible; 3];

#[test]
fn what_takes_rights_of_a_ticket_away_is_taken_by_nobodys_word() {
    let held = ticket(1, |_| {});
    let narrower: [fn(&mut TicketRow); 8] = [
        |row| row.state = CANCELLED,
        |row| row.state = TicketState::Blocked,
        |row| row.issue = IssueNumber::new(2),
        |row| row.current = 0,
        |row| row.valid_from = Some(5),
        |row| row.valid_until = Some(99),
        |row| row.entries = Some(1),
        |row| row.instruction = Some("student card".to_owned()),
    ];
    for change in narrower {
        let row = ticket(2, change);
        assert_eq!(all(SET, Some(&held), &row), RESTRICTS, "{row:?}");
    }
    assert_eq!(
        all(SET, None, &ticket(1, |row| row.state = CANCELLED)),
        RESTRICTS
    );
}

#[test]
fn what_gives_rights_to_a_ticket_waits_unless_the_server_lost_it() {
    let held = ticket(1, |_| {});
    let wider: [fn(&mut TicketRow); 9] = [
        |row| row.media.insert(0, MediumKey::from_bytes([4; 16])),
        |row| row.valid_until = Some(101),
        |row| row.valid_until = None,
        |row| row.entries = Some(3),
        |row| row.entries = None,
        |row| row.access = AccessNumber::new(2),
        |row| row.type_number = TypeNumber::new(2),
        |row| row.home = Some(DeviceId::from_bytes([5; 16])),
        |row| row.issue = IssueNumber::new(0),
    ];
    for change in wider {
        let row = ticket(2, change);
        assert_eq!(all(SET, Some(&held), &row), GIVES, "{row:?}");
    }
    assert_eq!(all(SET, None, &held), GIVES);
}

#[test]
fn a_cancelled_ticket_is_revived_by_a_person_alone() {
    let held = ticket(1, |row| row.state = CANCELLED);
    let row = ticket(2, |_| {});
    assert_eq!(all(SET, Some(&held), &row), REVIVES);
    let elsewhere = judge(SET, None, &row, Ground::Cancelled, Word::Restore).unwrap();
    assert_eq!(elsewhere, Change::Waits);
}

#[test]
fn revisions_out_of_all_bounds_are_never_taken() {
    let held = ticket(7, |_| {});
    for revision in [10_008, 1 << 53, i64::MAX as u64, u64::MAX] {
        let row = ticket(revision, |row| row.state = CANCELLED);
        assert_eq!(all(SET, Some(&held), &row), NEVER);
    }
    let row = ticket(10_007, |row| row.state = CANCELLED);
    assert_eq!(all(SET, Some(&held), &row), RESTRICTS);
}

fn device(revision: u64, change: impl FnOnce(&mut DeviceEntry)) -> StoredRow {
    let mut entry = DeviceEntry {
        device: DeviceId::from_bytes([5; 16]),
        key: SigningKey::from_seed(&Seed::new([5; 32])).public(),
        name: "north".to_owned(),
        role: DeviceRole::Gate,
        gate: None,
        revoked: None,
    };
    change(&mut entry);
    stored(&RosterRow {
        key: [5; 16].into(),
        revision,
        entry: RosterEntry::Device(entry),
    })
}

fn revoked(sequence: u64) -> Option<Revocation> {
    Some(Revocation {
        at: UnixMillis::new(1),
        accepted: vec![AcceptedUpTo {
            log: LogId::from_bytes([1; 16]),
            sequence,
        }],
    })
}

#[test]
fn a_device_keeps_its_key_and_stays_revoked() {
    let held = device(1, |_| {});
    let other_key = SigningKey::from_seed(&Seed::new([6; 32])).public();
    let of = |row: &StoredRow| all(ROSTER, Some(&held), row);
    assert_eq!(of(&device(2, |entry| entry.key = other_key)), NEVER);
    assert_eq!(
        of(&device(2, |entry| entry.revoked = revoked(3))),
        RESTRICTS
    );
    assert_eq!(of(&device(2, |entry| entry.role = DeviceRole::Desk)), GIVES);
    assert_eq!(
        of(&device(2, |entry| entry.name = "south".to_owned())),
        RESTRICTS
    );
    assert_eq!(all(ROSTER, None, &held), GIVES);
    let held = device(2, |entry| entry.revoked = revoked(3));
    let of = |row: &StoredRow| all(ROSTER, Some(&held), row);
    assert_eq!(of(&device(3, |_| {})), REVIVES);
    assert_eq!(of(&device(3, |entry| entry.revoked = revoked(4))), GIVES);
    assert_eq!(
        of(&device(3, |entry| entry.revoked = revoked(2))),
        RESTRICTS
    );
    // The key of the row is the id inside of it.
    let mut stolen = device(3, |entry| entry.device = DeviceId::from_bytes([6; 16]));
    assert_eq!(of(&stolen), NEVER);
    stolen.key = [6; 16];
    assert_eq!(all(ROSTER, None, &stolen), NEVER);
}

fn staff(revision: u64, change: impl FnOnce(&mut StaffEntry)) -> StoredRow {
    let mut entry = StaffEntry {
        staff: StaffId::from_bytes([5; 16]),
        name: Private::new("Ada"),
        role: StaffRole::Steward,
        gates: vec![GateId::from_bytes([1; 16])],
        badge: SigningKey::from_seed(&Seed::new([5; 32])).public(),
        override_key: None,
        valid_from: None,
        valid_until: Some(UnixMillis::new(100)),
        revoked_at: None,
    };
    change(&mut entry);
    stored(&RosterRow {
        key: [5; 16].into(),
        revision,
        entry: RosterEntry::Staff(entry),
    })
}

#[test]
fn a_badge_gets_no_rights_by_nobodys_word() {
    let held = staff(1, |_| {});
    let of = |row: &StoredRow| all(ROSTER, Some(&held), row);
    let key = SigningKey::from_seed(&Seed::new([6; 32])).public();
    assert_eq!(
        of(&staff(2, |entry| entry.role = StaffRole::Supervisor)),
        GIVES
    );
    assert_eq!(of(&staff(2, |entry| entry.override_key = Some(key))), GIVES);
    assert_eq!(of(&staff(2, |entry| entry.gates = Vec::new())), GIVES);
    assert_eq!(of(&staff(2, |entry| entry.valid_until = None)), GIVES);
    let at = Some(UnixMillis::new(9));
    assert_eq!(of(&staff(2, |entry| entry.revoked_at = at)), RESTRICTS);
    let held = staff(2, |entry| entry.revoked_at = at);
    assert_eq!(all(ROSTER, Some(&held), &staff(3, |_| {})), REVIVES);
    assert_eq!(all(ROSTER, Some(&held), &device(3, |_| {})), NEVER);
}
