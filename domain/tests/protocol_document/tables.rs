//! Rows, digests and manifests.

use crate::diagnostic::{cbor, hex, signed};
use crate::documents::{VERSION_NAMES, keys};
use crate::media::{code_text, identity};
use crate::world::{
    BADGE, DEVICE, EVENT, Examples, GATE, HOUR_MS, LOG, NOW, ORGANIZER, SCOPE, SERVER, SESSION,
    STAFF, TICKET, VERSION, ZONE, device_key, pretix_key, roster_key, set_key,
};
use usher_domain::document::badge::{Badge, Pin};
use usher_domain::document::sign;
use usher_domain::ids::{OrderId, TicketId};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::rules::{
    CodePlace, Counted, EntryMode, EntryRule, OperatorRule, Rules, TypeRule, ZoneCapacity,
};
use usher_domain::seal::{Holder, seal};
use usher_domain::secret::Private;
use usher_domain::session::{
    Authority, ChannelCount, GateName, GateNotice, PretixDate, PretixItem, PretixTerms,
    SessionSummary, SessionTerms, Slugs, TypeName, ZoneName,
};
use usher_domain::table::rows::{
    AcceptedUpTo, CancelReason, DeviceEntry, DeviceRole, DirectoryRow, Revocation, RosterEntry,
    RosterRow, StaffEntry, StaffRole, TicketRow, TicketState,
};
use usher_domain::table::{
    Digests, Manifest, Row, SnapshotDigest, TableId, encode_row, verify_manifest, write_row,
};

const TICKET_NAMES: &str = "ticket revision state issue type access_number channel media \
                            current_media valid_from valid_until order zone seat home instruction \
                            entries sealed explanation";
const MANIFEST_NAMES: &str = "table rows digest issued_at expires_at";

pub(crate) fn examples() -> Examples {
    vec![
        (
            "ticket-row",
            cbor(&encode_row(&ticket_row()).unwrap(), TICKET_NAMES),
        ),
        (
            "cancelled-row",
            cbor(&encode_row(&cancelled_row()).unwrap(), TICKET_NAMES),
        ),
        (
            "blocked-row",
            cbor(&encode_row(&blocked_row()).unwrap(), TICKET_NAMES),
        ),
        ("directory-row", directory_row()),
        ("device-row", device_row()),
        ("staff-row", staff_row()),
        ("row-stream", hex(&stream())),
        ("digests", digests_example()),
        ("set-manifest", set_manifest_example()),
        ("roster-manifest", roster_manifest()),
    ]
}

fn ticket_row() -> TicketRow {
    let holder = Holder {
        name: Private::new("Ada Example"),
        lines: vec![Private::new("with one guest")],
    };
    TicketRow {
        ticket: TICKET,
        revision: 3,
        state: TicketState::Valid,
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(2),
        access: AccessNumber::new(1),
        channel: 0,
        media: vec![identity().medium_key()],
        current: 1,
        valid_from: None,
        valid_until: None,
        order: Some(OrderId::from_bytes([0x15; 16])),
        zone: None,
        seat: Some("12 F".to_owned()),
        home: None,
        instruction: None,
        entries: None,
        sealed: Some(vec![
            seal(&code_text(), SESSION, TICKET, &holder).unwrap().into(),
        ]),
        explanation: None,
    }
}

fn cancelled_row() -> TicketRow {
    TicketRow {
        ticket: TicketId::from_bytes([0x16; 16]),
        revision: 2,
        state: TicketState::Cancelled(CancelReason::Refunded),
        media: Vec::new(),
        current: 0,
        order: None,
        seat: None,
        sealed: None,
        explanation: None,
        ..ticket_row()
    }
}

fn blocked_row() -> TicketRow {
    TicketRow {
        state: TicketState::Blocked,
        explanation: Some("not paid yet".to_owned()),
        ..cancelled_row()
    }
}

fn directory_row() -> String {
    let row = DirectoryRow {
        ticket: TICKET,
        revision: 1,
        holder: Some(Private::new("Ada Example")),
        order: Some(Private::new("ORDER-7")),
    };
    cbor(&encode_row(&row).unwrap(), "ticket revision holder order")
}

fn device_row() -> String {
    let row = RosterRow {
        key: (*DEVICE.as_bytes()).into(),
        revision: 2,
        entry: RosterEntry::Device(DeviceEntry {
            device: DEVICE,
            key: device_key().public(),
            name: "north 1".to_owned(),
            role: DeviceRole::Gate,
            gate: Some(GATE),
            revoked: Some(Revocation {
                at: NOW,
                accepted: vec![AcceptedUpTo {
                    log: LOG.log,
                    sequence: 120,
                }],
            }),
        }),
    };
    cbor(
        &encode_row(&row).unwrap(),
        "row_key revision entry[kind device[device key name role gate \
         revoked[at accepted[*[log sequence]]]]]",
    )
}

fn staff_row() -> String {
    let badge = Badge::new(BADGE);
    let override_key = badge.override_key(&Pin::new("271828").unwrap()).unwrap();
    let row = RosterRow {
        key: (*STAFF.as_bytes()).into(),
        revision: 1,
        entry: RosterEntry::Staff(StaffEntry {
            staff: STAFF,
            name: Private::new("Sam Example"),
            role: StaffRole::Supervisor,
            gates: vec![GATE],
            badge: badge.key().public(),
            override_key: Some(override_key.public()),
            valid_from: None,
            valid_until: Some(NOW.shifted(24 * HOUR_MS)),
            revoked_at: None,
        }),
    };
    cbor(
        &encode_row(&row).unwrap(),
        "row_key revision entry[kind staff[staff name role gates badge_key override_key \
         valid_from valid_until]]",
    )
}

/// Both ticket rows in the order of bucket and key.
fn rows() -> Vec<Vec<u8>> {
    let mut rows = vec![
        encode_row(&ticket_row()).unwrap(),
        encode_row(&cancelled_row()).unwrap(),
    ];
    rows.sort_by_key(|bytes| {
        let row = Row::parse(bytes).unwrap();
        (row.bucket(), row.key())
    });
    rows
}

fn stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for row in rows() {
        write_row(&mut stream, &row);
    }
    stream
}

fn digests() -> Digests {
    let mut digest = SnapshotDigest::default();
    for row in rows() {
        digest.push(&Row::parse(&row).unwrap()).unwrap();
    }
    digest.finish().0
}

fn digests_example() -> String {
    let digests = digests();
    let mut out = String::new();
    for row in rows() {
        let row = Row::parse(&row).unwrap();
        let key = hex(row.key().as_bytes());
        let (bucket, digest) = (row.bucket(), digests.get(row.bucket()));
        out += &format!(
            "key {}  bucket {:4}  bucket digest\n    {digest}\n",
            key.trim_end(),
            bucket.get(),
        );
    }
    let bare = Digests::empty();
    let empty = usher_domain::table::bucket_digest([]);
    out + &format!(
        "bucket without rows\n    {empty}\ntable digest\n    {}\ntable digest without rows\n    {}\n",
        digests.table_digest(),
        bare.table_digest()
    )
}

fn terms() -> SessionTerms {
    let session = SessionSummary {
        id: SESSION,
        name: "Friday".to_owned(),
        doors: NOW.shifted(10 * HOUR_MS),
        starts: NOW.shifted(11 * HOUR_MS),
        ends: NOW.shifted(14 * HOUR_MS),
        accepts: vec![AccessNumber::new(1), AccessNumber::new(5)],
        event: EVENT,
    };
    SessionTerms {
        organizer: ORGANIZER,
        event: EVENT,
        event_name: "Winter Nights".to_owned(),
        session,
        scope: SCOPE,
        time_zone: "Europe/Berlin".to_owned(),
        rules: Rules {
            entry: EntryRule {
                mode: EntryMode::Reentry,
                counted: Counted::PerSession,
            },
            types: vec![TypeRule {
                number: TypeNumber::new(2),
                entry: Some(EntryRule {
                    mode: EntryMode::Times(3),
                    counted: Counted::PerPass,
                }),
                zones: vec![ZONE],
                instruction: Some("check student ID".to_owned()),
            }],
            capacity: vec![ZoneCapacity {
                zone: ZONE,
                people: 800,
            }],
            code_place: Some(CodePlace {
                after: "/check-in/".to_owned(),
                before: Some("?".to_owned()),
            }),
            operator: OperatorRule::Required,
            leaving_minutes: Some(240),
            ..Rules::default()
        },
        types: vec![TypeName {
            number: TypeNumber::new(2),
            name: "Student".to_owned(),
        }],
        zones: vec![ZoneName {
            id: ZONE,
            name: "Hall".to_owned(),
        }],
        gates: vec![GateName {
            id: GATE,
            name: "north".to_owned(),
            zone: Some(ZONE),
        }],
        others: Vec::new(),
        pretix: Some(PretixTerms {
            keys: vec![pretix_key().public()],
            items: vec![PretixItem {
                item: 12,
                type_number: TypeNumber::new(2),
                variation: Some(3),
                instruction: Some("check student ID".to_owned()),
            }],
            dates: Some(vec![PretixDate {
                subevent: 40,
                session: SESSION,
                name: "Friday".to_owned(),
            }]),
        }),
        channels: vec!["box office".to_owned()],
        counts: vec![ChannelCount {
            channel: 0,
            valid: 1,
            cancelled: 1,
            blocked: 0,
        }],
        authority: Some(Authority {
            server: SERVER,
            term: 1,
        }),
        notices: Some(vec![GateNotice {
            text: "Bags are searched outside.".to_owned(),
            by: "office".to_owned(),
            gate: None,
            at: NOW,
            until: NOW.shifted(HOUR_MS),
        }]),
        slugs: Some(Slugs {
            event: "winter".to_owned(),
            session: "friday".to_owned(),
        }),
    }
}

/// The manifest of a ticket set, signed.
pub(crate) fn set_manifest() -> Vec<u8> {
    let manifest = Manifest {
        table: TableId::Set(SESSION),
        version: VERSION,
        rows: 2,
        digest: digests().table_digest(),
        issued_at: NOW,
        expires_at: NOW.shifted(72 * HOUR_MS),
        terms: Some(terms()),
    };
    sign(&manifest, &set_key())
}

fn set_manifest_example() -> String {
    let bytes = set_manifest();
    verify_manifest(&bytes, &keys(), TableId::Set(SESSION)).unwrap();
    let names = MANIFEST_NAMES.replacen("table ", &format!("table {VERSION_NAMES} "), 1);
    signed(
        &bytes,
        &format!(
            "{names} terms[organizer event event_name \
             session[id name doors starts ends accepts event] scope time_zone \
             rules[entry[mode counted] types[*[number entry zones instruction]] early_minutes \
             late_minutes capacity[*[zone people]] isolated unknown_signed stale[after_minutes then] \
             silent code_place[after before] operator leaving_minutes] \
             types zones gates other_sessions pretix[keys items] channels \
             counts[*[channel valid cancelled blocked]] authority[server term] \
             notices[*[text by gate at until]] slugs[event session]]"
        ),
    )
}

fn roster_manifest() -> String {
    let manifest = Manifest {
        table: TableId::Roster(ORGANIZER),
        version: VERSION,
        rows: 0,
        digest: Digests::empty().table_digest(),
        issued_at: NOW,
        expires_at: NOW.shifted(72 * HOUR_MS),
        terms: None,
    };
    let bytes = sign(&manifest, &roster_key());
    verify_manifest(&bytes, &keys(), TableId::Roster(ORGANIZER)).unwrap();
    let names = MANIFEST_NAMES.replacen("table ", &format!("table {VERSION_NAMES} "), 1);
    signed(&bytes, &names)
}
