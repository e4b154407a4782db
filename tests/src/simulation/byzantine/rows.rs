//! Rows that a stolen device hands back: cancelled tickets that live again, rights that nobody gave, other
//! things under the same id, numbers beyond all bounds; signed by its own key, by none, or by the server's
//! own, a copy of which somebody has.

use crate::simulation::world::World;
use usher_domain::cbor;
use usher_domain::cose::{self, SigningKey};
use usher_domain::document::sign;
use usher_domain::ids::{StaffId, TicketId};
use usher_domain::protocol::HandBack;
use usher_domain::secret::Private;
use usher_domain::table::rows::{
    DeviceEntry, DeviceRole, RosterEntry, RosterRow, StaffEntry, StaffRole, TicketRow, TicketState,
};
use usher_domain::table::{
    Bucket, Digests, Manifest, REVISION_MAX, REVISIONS_LOST_MAX, RowKey, TableId, TableRow,
    bucket_digest, decode_row, encode_row, write_row,
};
use usher_server::keys::{self, KeyUse};
use usher_server::service::{Error, Service};
use usher_server::storage::StoredRow;

/// What the thief handed in of rows.
#[derive(Debug, Default)]
pub(super) struct HandedIn {
    /// When it last handed in a row that cannot be, in milliseconds of the true time.
    impossible_at: Option<u64>,
}

/// Who signs for a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signer {
    Thief,
    Nobody,
    /// The server, with a key of which somebody has a copy.
    Server,
}

/// Whether a row may be taken by anybody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A person must say.
    GivesRights,
    /// It cannot be.
    Impossible,
}

/// What is known of the table and row of which the thief makes another one.
struct Found {
    manifest: Manifest,
    key: SigningKey,
    held: Option<StoredRow>,
}

fn stored<R: TableRow>(row: &R) -> StoredRow {
    let head = row.head();
    StoredRow {
        bucket: Bucket::of(&head.key).get(),
        key: *head.key.as_bytes(),
        revision: head.revision,
        row: encode_row(row).unwrap(),
    }
}

/// A row under a manifest that fits it.
fn hand_back(like: &Manifest, row: &StoredRow, key: &SigningKey) -> HandBack {
    let mut digests = Digests::empty();
    let bucket = Bucket::new(row.bucket).unwrap();
    digests.set(bucket, bucket_digest([row.row.as_slice()]));
    let mut stream = Vec::new();
    write_row(&mut stream, &row.row);
    let manifest = Manifest {
        version: usher_domain::table::Version {
            number: like.version.number + 3,
            ..like.version
        },
        rows: 1,
        digest: digests.table_digest(),
        ..like.clone()
    };
    HandBack {
        table: manifest.table,
        manifest: sign(&manifest, key).into(),
        digests: digests.hashes().to_vec(),
        buckets: vec![row.bucket],
        rows: zstd::bulk::compress(&stream, 3).unwrap().into(),
    }
}

fn key_of(ticket: TicketId) -> RowKey {
    RowKey::from_bytes(*ticket.as_bytes())
}

/// Another image of a ticket.
fn other_ticket(held: &TicketRow, dice: &mut fastrand::Rng) -> (TicketRow, Kind) {
    let next = TicketRow {
        revision: held.revision + dice.u64(1..1_000),
        ..held.clone()
    };
    match dice.u8(..6) {
        0 | 1 if matches!(held.state, TicketState::Cancelled(_)) => (
            TicketRow {
                state: TicketState::Valid,
                ..next
            },
            Kind::GivesRights,
        ),
        0 | 1 => (
            TicketRow {
                entries: Some(9_000),
                state: TicketState::Valid,
                ..next
            },
            Kind::GivesRights,
        ),
        2 => (
            TicketRow {
                zone: None,
                home: None,
                instruction: None,
                type_number: usher_domain::numbers::TypeNumber::new(9_999),
                state: TicketState::Valid,
                ..next
            },
            Kind::GivesRights,
        ),
        3 => {
            let mut id = [0; 16];
            dice.fill(&mut id);
            let new = TicketRow {
                ticket: TicketId::from_bytes(id),
                state: TicketState::Valid,
                ..next
            };
            (new, Kind::GivesRights)
        }
        4 => (
            TicketRow {
                revision: held.revision + REVISIONS_LOST_MAX + 1,
                ..next
            },
            Kind::Impossible,
        ),
        _ => {
            let revision = [REVISION_MAX + 1, i64::MAX as u64, u64::MAX][dice.usize(..3)];
            (TicketRow { revision, ..next }, Kind::Impossible)
        }
    }
}

/// A row of the roster that nobody in charge wrote.
fn other_roster_row(
    of: &DeviceEntry,
    revision: u64,
    dice: &mut fastrand::Rng,
) -> (RosterRow, Kind) {
    let id = *of.device.as_bytes();
    let staff = |id: [u8; 16]| StaffEntry {
        staff: StaffId::from_bytes(id),
        name: Private::new("Mallory"),
        role: StaffRole::Supervisor,
        gates: Vec::new(),
        badge: of.key,
        override_key: Some(of.key),
        valid_from: None,
        valid_until: None,
        revoked_at: None,
    };
    let (key, entry, kind) = match dice.u8(..4) {
        0 => {
            let mut new = [0; 16];
            dice.fill(&mut new);
            (new, RosterEntry::Staff(staff(new)), Kind::GivesRights)
        }
        // Another kind of thing under the same id.
        1 => (id, RosterEntry::Staff(staff(id)), Kind::Impossible),
        2 => {
            let other = SigningKey::from_seed(&usher_domain::secret::Seed::new([77; 32]));
            let entry = DeviceEntry {
                key: other.public(),
                ..of.clone()
            };
            (id, RosterEntry::Device(entry), Kind::Impossible)
        }
        _ => {
            let entry = DeviceEntry {
                revoked: None,
                gate: None,
                role: DeviceRole::Desk,
                ..of.clone()
            };
            (id, RosterEntry::Device(entry), Kind::GivesRights)
        }
    };
    let row = RosterRow {
        key: key.into(),
        revision: revision + 1,
        entry,
    };
    (row, kind)
}

impl World {
    async fn find_row(
        &self,
        service: &Service,
        table: TableId,
        key: RowKey,
        key_use: KeyUse,
    ) -> Option<Found> {
        let organizer = self.house.organizer.id;
        let read = service.store().read(move |txn| {
            let Some(head) = txn.table_head(table)? else {
                return Ok(None);
            };
            let signed = cose::parse(&head.manifest).unwrap();
            let manifest = cbor::decode(signed.unverified_payload()).unwrap();
            let held = txn.newest_row(table, Bucket::of(&key).get(), key.as_bytes())?;
            let key = keys::load(txn, organizer, key_use).ok();
            Ok::<_, Error>(key.map(|key| Found {
                manifest,
                key,
                held,
            }))
        });
        read.await.ok().flatten()
    }

    async fn row_at_server(
        &self,
        service: &Service,
        table: TableId,
        row: &StoredRow,
    ) -> Option<Option<Vec<u8>>> {
        let (bucket, key) = (row.bucket, row.key);
        let read = service.store().read(move |txn| {
            let held = txn.newest_row(table, bucket, &key)?;
            Ok::<_, Error>(held.map(|held| held.row))
        });
        read.await.ok()
    }

    /// The thief hands back a row that nobody in charge wrote.
    pub(super) async fn thief_hands_back(&self, service: &Service) {
        let Some(thief) = &self.thief else { return };
        let (id, is_roster, ticket, signer) = {
            let mut thief = thief.borrow_mut();
            let id = thief.id;
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            let ticket = self.ticket_for_thief(&mut conduct.dice);
            let signer = match conduct.dice.u8(..6) {
                0 => Signer::Thief,
                1 => Signer::Nobody,
                // Where a careless person must take rows back, nobody can tell these from others.
                _ if self.habits.careless => Signer::Thief,
                _ => Signer::Server,
            };
            (id, conduct.dice.u8(..3) == 0, ticket, signer)
        };
        let (table, key, key_use) = if is_roster {
            let roster = TableId::Roster(self.house.organizer.id);
            (roster, RowKey::from_bytes(*id.as_bytes()), KeyUse::Roster)
        } else {
            let set = TableId::Set(self.house.session.id);
            (set, key_of(ticket), KeyUse::Set)
        };
        let Some(found) = self.find_row(service, table, key, key_use).await else {
            return;
        };
        let Some(held) = found.held else { return };
        // What was signed in an earlier epoch than a declared restore is what the server lost: nobody can tell
        // a forgery under its key from that.
        if service
            .epoch()
            .await
            .is_ok_and(|epoch| found.manifest.version.epoch < epoch)
        {
            return;
        }
        let (row, kind) = {
            let mut thief = thief.borrow_mut();
            let Some(conduct) = &mut thief.conduct else {
                return;
            };
            if is_roster {
                let row: RosterRow = decode_row(&held.row).unwrap();
                let RosterEntry::Device(entry) = &row.entry else {
                    return;
                };
                let (row, kind) = other_roster_row(entry, row.revision, &mut conduct.dice);
                (stored(&row), kind)
            } else {
                let row: TicketRow = decode_row(&held.row).unwrap();
                let (row, kind) = other_ticket(&row, &mut conduct.dice);
                (stored(&row), kind)
            }
        };
        let request = match signer {
            Signer::Server => hand_back(&found.manifest, &row, &found.key),
            Signer::Thief => hand_back(&found.manifest, &row, &thief.borrow().key),
            Signer::Nobody => HandBack {
                manifest: cbor::encode(&found.manifest).into(),
                ..hand_back(&found.manifest, &row, &thief.borrow().key)
            },
        };
        self.try_row(service, (table, &row, kind), signer, request)
            .await;
    }

    /// The row is handed in, and is not taken.
    async fn try_row(
        &self,
        service: &Service,
        (table, row, kind): (TableId, &StoredRow, Kind),
        signer: Signer,
        request: HandBack,
    ) {
        let Some(thief) = &self.thief else { return };
        let id = thief.borrow().id;
        let Some(before) = self.row_at_server(service, table, row).await else {
            return;
        };
        if signer == Signer::Server
            && kind == Kind::GivesRights
            && let Some(conduct) = &mut thief.borrow_mut().conduct
        {
            conduct.has_rows_waiting = true;
        }
        let answer = service.hand_back(id, request).await;
        self.story.tell(
            "thief",
            format_args!(
                "hands back a row of {table} ({kind:?}, by {signer:?}): {}",
                answer
                    .as_ref()
                    .map_or_else(ToString::to_string, |_| "is heard".to_owned())
            ),
        );
        self.story.check(
            "rows that nobody signed are not heard",
            signer == Signer::Server || answer.is_err(),
            format_args!("{table}"),
        );
        if let Some(after) = self.row_at_server(service, table, row).await {
            // Others may hand back meanwhile what the server lost.
            let is_taken = before != after && after.as_ref() == Some(&row.row);
            self.story.check(
                "a row that gives rights waits for a person",
                !is_taken,
                format_args!("{table}, {kind:?}, by {signer:?}"),
            );
        }
        if kind == Kind::Impossible
            && signer == Signer::Server
            && answer.is_ok()
            && let Some(conduct) = &mut thief.borrow_mut().conduct
        {
            conduct.handed_in.impossible_at = Some(self.time.passed_ms());
        }
    }

    /// Whether the thief handed in a row that cannot be, and the server was not put back since.
    pub(super) fn thief_handed_in_impossible(&self) -> bool {
        let thief = self.thief.as_ref().map(|thief| thief.borrow());
        let conduct = thief.as_ref().and_then(|thief| thief.conduct.as_ref());
        let at = conduct.and_then(|conduct| conduct.handed_in.impossible_at);
        let restored_at = self.memory.borrow().restored_at;
        at.is_some_and(|at| restored_at.is_none_or(|restored| restored < at))
    }

    /// Whether rows of the thief wait, which nobody must take.
    pub(in crate::simulation) fn has_thief_rows_waiting(&self) -> bool {
        let thief = self.thief.as_ref().map(|thief| thief.borrow());
        let conduct = thief.as_ref().and_then(|thief| thief.conduct.as_ref());
        conduct.is_some_and(|conduct| conduct.has_rows_waiting)
    }
}
