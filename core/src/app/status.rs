//! How a device stands.

use super::above::AboveView;
use super::audit::{lines_of, scopes_of};
use super::words::{self, span};
use super::{ApiError, App, OperatorView, SessionView, Standing};
use crate::claims::Line;
use crate::gate::AtGate as _;
use crate::store::{Exposure, Notice, NoticeBody, Store, StoreError};
use crate::sync::Access as _;
use serde::Serialize;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, GateId, OrganizerId, ScopeId, SessionId};
use usher_domain::merge::{fold, state_digest};
use usher_domain::secret::Private;
use usher_domain::table::TableId;
use usher_domain::table::rows::DeviceRole;
use usher_domain::time::{ClockTrust, UnixMillis};

/// How a device stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Who it is; none before enrollment.
    pub device: Option<DeviceView>,
    /// Whether damage of the store was met and not repaired yet.
    pub damaged: bool,
    /// Since when the device knows that it was revoked; it then refers every scan.
    pub revoked_since: Option<UnixMillis>,
    /// Digits that an organizer must compare before the device counts; none if it does not wait for that.
    pub waiting_digits: Option<Private>,
    /// The gate it stands at; a spare stands nowhere.
    pub gate: Option<PlaceView>,
    /// The session it serves now.
    pub serving: Option<SessionView>,
    /// Sessions that are open for entry too, where nobody chose between them and the one served.
    pub also_open: Vec<SessionView>,
    /// The tables it holds.
    pub tables: Vec<TableView>,
    /// Records that the server does not have.
    pub unsent: u64,
    /// How it stands to the server and the other devices.
    pub connection: Option<ConnectionView>,
    /// Whether others rely on its word; none while it is off duty.
    pub duty: Option<DutyView>,
    /// How its clock stands.
    pub clock: ClockView,
    /// Who is signed in.
    pub operator: Option<OperatorView>,
    /// What comes to this gate from above.
    #[serde(flatten)]
    pub above: AboveView,
    /// What a person should hear of.
    pub notices: Vec<NoticeView>,
    /// IANA name of the time zone of the sessions held last, where none is held any more.
    pub last_zone: Option<String>,
}

/// Who a device is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: DeviceRole,
    /// The organizer.
    pub organizer: OrganizerId,
}

/// A gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceView {
    /// The gate.
    pub id: GateId,
    /// Its name, if a set held says it.
    pub name: Option<String>,
}

/// A table that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableView {
    /// The table by name.
    pub table: String,
    /// Its version.
    pub version: String,
    /// Its session, if it is a ticket set.
    pub session: Option<SessionView>,
    /// Rows, those of removed tickets included.
    pub rows: u64,
    /// When it was signed.
    pub issued_at: UnixMillis,
    /// When it expires; it serves on and says so.
    pub expires_at: UnixMillis,
    /// Milliseconds since it was signed.
    pub age_ms: u64,
}

/// How a device stands to the server and the other devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionView {
    /// The server's address.
    pub server: String,
    /// Up to when the other devices' scans are known; none for never.
    pub peers_as_of: Option<UnixMillis>,
    /// Since when the server does not answer; none while it does.
    pub lost_since: Option<UnixMillis>,
}

impl ConnectionView {
    /// Since when it is alone: since it last knew of the others, as its verdicts say. None while the server
    /// answers.
    #[must_use]
    pub fn alone_since(&self) -> Option<UnixMillis> {
        let lost = self.lost_since?;
        Some(self.peers_as_of.unwrap_or(lost))
    }
}

/// The duty of a device: others wait for its word before something is confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DutyView {
    /// Since when.
    pub since: UnixMillis,
    /// The server that may confirm what this device scans for the session served, if one may.
    pub authority: Option<AuthorityView>,
    /// Whether it is asked: of a process that scans this tells how the line to it stands.
    pub line: Line,
}

/// The one server that may confirm scans of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuthorityView {
    /// Its id.
    pub server: DeviceId,
    /// Its term of office.
    pub term: u32,
}

/// How a device's clock stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockView {
    /// The best knowledge of the time.
    pub now: UnixMillis,
    /// Whether it was compared with the server's since the device started or its clock jumped.
    pub proved: bool,
    /// Server time minus device time in milliseconds, if proved.
    pub offset_ms: Option<i64>,
}

/// What a person should hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeView {
    /// Its number, for [`App::heard`].
    pub number: u64,
    /// When it was noticed.
    pub at: UnixMillis,
    /// Stable code.
    pub code: &'static str,
    /// A sentence.
    pub message: String,
}

/// What a device makes of the scans of a scope: two devices, or device and server, agree if the digests of
/// equal heads are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeView {
    /// The scope.
    pub scope: ScopeId,
    /// Records held.
    pub records: u64,
    /// SHA-256 over the heads of all logs.
    pub heads: String,
    /// SHA-256 over heads and merged states.
    pub state: String,
}

impl App {
    /// How the device stands.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn status(&self) -> Result<Status, ApiError> {
        self.heeding(self.read_status())
    }

    /// What every command should say of this device, a sentence each, until somebody did something: that it
    /// is damaged, revoked, or lost something.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn alarms(&self) -> Result<Vec<String>, ApiError> {
        let alarms = self.device.with(|store| {
            let mut alarms = Vec::new();
            if store.is_suspect() {
                alarms.push("the store is damaged: run usher doctor repair".to_owned());
            }
            for notice in rescues(store)? {
                alarms.push(format!(
                    "{} (usher status --heard ends this)",
                    notice.message
                ));
            }
            Ok::<_, ApiError>(alarms)
        });
        self.heeding(alarms)
    }

    fn read_status(&self) -> Result<Status, ApiError> {
        let reading = self.clock.read();
        let standing = self.standing()?;
        let (serving, also_open, operator) = if standing == Standing::Enrolled {
            self.at_gate(|gate, means| {
                let (serving, also_open) = match gate.serving(means) {
                    // What it served was lost with a damaged store; the notices say so.
                    Err(StoreError::SyncNeeded) => (None, Vec::new()),
                    serving => (serving?.map(SessionView::from), gate.also_open(means)?),
                };
                let also_open = also_open.into_iter().map(SessionView::from).collect();
                let operator = gate.operator(means)?.map(OperatorView::from);
                Ok::<_, ApiError>((serving, also_open, operator))
            })?
        } else {
            (None, Vec::new(), None)
        };
        let above = match serving {
            Some(_) => self.above(None)?,
            None => AboveView::default(),
        };
        let served = serving.as_ref().map(|session| session.id);
        let line = self.claims.line(reading);
        self.device.with(|store| {
            let clock = store.observe_clock(reading)?;
            let now = clock.corrected(reading);
            Ok(Status {
                device: device(store)?,
                damaged: store.is_suspect(),
                revoked_since: store.revoked()?,
                waiting_digits: match standing {
                    Standing::Waiting { digits } => Some(digits),
                    Standing::New | Standing::Enrolled => None,
                },
                gate: place(store)?,
                serving,
                also_open,
                tables: tables(store, now)?,
                unsent: store.own_logs()?.iter().map(|log| log.unsent()).sum(),
                connection: connection(store)?,
                duty: duty(store, served, line)?,
                clock: ClockView {
                    now,
                    proved: clock.trust() == ClockTrust::Proved,
                    offset_ms: clock.offset_ms(),
                },
                operator,
                above,
                notices: store.notices()?.into_iter().map(notice).collect(),
                last_zone: store.last_zone()?,
            })
        })
    }

    /// Says that a person heard of everything up to this notice.
    ///
    /// # Errors
    /// What writing the store says.
    pub fn heard(&self, number: u64) -> Result<(), ApiError> {
        Ok(self.device.with(|store| store.heard(number))?)
    }

    /// What the device makes of the scans it knows. It folds them all, which takes a while for many.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn scopes(&self) -> Result<Vec<ScopeView>, ApiError> {
        self.device.with(|store| {
            let server = store.trusted_keys()?.server();
            let mut views = Vec::new();
            for scope in scopes_of(store)? {
                let lines = lines_of(store, scope)?;
                let ground = store.ground(scope, server)?;
                let heads = store.heads(scope)?;
                views.push(ScopeView {
                    scope,
                    records: lines.len() as u64,
                    heads: Hash::of(&[&usher_domain::cbor::encode(&heads)]).to_string(),
                    state: state_digest(scope, &heads, &fold(&ground, &lines)).to_string(),
                });
            }
            Ok(views)
        })
    }
}

fn device(store: &Store) -> Result<Option<DeviceView>, ApiError> {
    let enrollment = store.identity()?.and_then(|identity| identity.enrollment);
    Ok(enrollment.map(|enrollment| DeviceView {
        id: enrollment.device,
        name: enrollment.name,
        role: enrollment.role,
        organizer: enrollment.organizer,
    }))
}

fn place(store: &Store) -> Result<Option<PlaceView>, ApiError> {
    let Some(id) = store.gate()? else {
        return Ok(None);
    };
    let mut name = None;
    for held in store.tables()? {
        let terms = store
            .manifest(held.table)?
            .and_then(|manifest| manifest.terms);
        let gate = terms.as_ref().and_then(|terms| terms.gate(id));
        name = name.or_else(|| gate.map(|gate| gate.name.clone()));
    }
    Ok(Some(PlaceView { id, name }))
}

fn tables(store: &Store, now: UnixMillis) -> Result<Vec<TableView>, ApiError> {
    let mut views = Vec::new();
    for held in store.tables()? {
        let Some(manifest) = store.manifest(held.table)? else {
            continue;
        };
        let session = match (held.table, manifest.terms) {
            (TableId::Set(id), Some(terms)) => {
                let (event_slug, slug) = terms
                    .slugs
                    .map(|slugs| (slugs.event, slugs.session))
                    .unzip();
                Some(SessionView {
                    id,
                    name: terms.session.name,
                    event: terms.event_name,
                    time_zone: terms.time_zone,
                    slug,
                    event_slug,
                })
            }
            (TableId::Set(_) | TableId::Roster(_) | TableId::Directory(_), _) => None,
        };
        views.push(TableView {
            table: held.table.to_string(),
            version: held.version.to_string(),
            session,
            rows: manifest.rows,
            issued_at: manifest.issued_at,
            expires_at: manifest.expires_at,
            age_ms: now.since(manifest.issued_at),
        });
    }
    Ok(views)
}

fn connection(store: &Store) -> Result<Option<ConnectionView>, ApiError> {
    let Some(identity) = store.identity()? else {
        return Ok(None);
    };
    let reach = store.reach()?;
    Ok(Some(ConnectionView {
        server: identity.server.address,
        peers_as_of: reach.peers_as_of,
        lost_since: reach.lost_since,
    }))
}

fn duty(
    store: &Store,
    served: Option<SessionId>,
    line: Line,
) -> Result<Option<DutyView>, ApiError> {
    let Some(since) = store.on_duty()? else {
        return Ok(None);
    };
    let manifest = match served {
        Some(session) => store.manifest(TableId::Set(session))?,
        None => None,
    };
    let authority = manifest
        .and_then(|manifest| manifest.terms)
        .and_then(|terms| terms.authority);
    Ok(Some(DutyView {
        since,
        authority: authority.map(|authority| AuthorityView {
            server: authority.server,
            term: authority.term,
        }),
        line,
    }))
}

/// Notices of a store that was set aside.
pub(super) fn rescues(store: &Store) -> Result<Vec<NoticeView>, ApiError> {
    let notices = store.notices()?.into_iter();
    let rescues = notices.filter(|notice| matches!(notice.body, NoticeBody::StoreRescued { .. }));
    Ok(rescues.map(notice).collect())
}

fn notice(notice: Notice) -> NoticeView {
    let (code, message) = words(notice.body);
    NoticeView {
        number: notice.number,
        at: notice.at,
        code,
        message,
    }
}

fn words(body: NoticeBody) -> (&'static str, String) {
    match body {
        NoticeBody::ClockJumped { by_ms } => {
            let way = if by_ms < 0 { "back" } else { "forward" };
            let span = span(by_ms.unsigned_abs());
            (
                "clock_jumped",
                format!("the device's clock was set {way} by {span}"),
            )
        }
        NoticeBody::StoreRescued {
            file,
            records,
            missing,
        } => {
            let missing = match missing {
                Some(0) | None => String::new(),
                Some(missing) => format!(", {missing} between them are missing"),
            };
            (
                "store_rescued",
                format!(
                    "the store was damaged and is set aside as {file}: {records} scans of this device were rescued{missing}; whether later ones are lost is unknown"
                ),
            )
        }
        NoticeBody::DocumentRejected { code, detail } => (
            "document_rejected",
            format!("a signed document was not taken in: {detail} ({code})"),
        ),
        NoticeBody::TableDiffers { table } => (
            "table_differed",
            format!("{table} did not fit its signed digest and was repaired"),
        ),
        NoticeBody::RecordsParked { batches } => (
            "records_parked",
            format!("{batches} batches of scans wait until somebody vouches for them"),
        ),
        NoticeBody::LogForked => (
            "log_forked",
            "the server holds another branch of this device's log".to_owned(),
        ),
        NoticeBody::SignedOut { why } => ("signed_out", words::signed_out(None, why)),
        NoticeBody::DeviceCopied => ("device_copied", words::COPIED.to_owned()),
        NoticeBody::DeviceRevoked => ("device_revoked", "this device was revoked".to_owned()),
        NoticeBody::RecordsWrittenAnew { records } => (
            "records_written_anew",
            format!("scans before {records} others are lost: those were written anew, to be sent"),
        ),
        NoticeBody::Exposed { exposure } => exposed(exposure),
    }
}

fn exposed(exposure: Exposure) -> (&'static str, String) {
    let (code, message) = match exposure {
        Exposure::FilesWereReadable => (
            "files_were_readable",
            "other users of this computer could read this device's key and tickets until now: if one of them may have, revoke this device and enroll it anew",
        ),
        Exposure::FilesAreReadable => (
            "files_readable",
            "other users of this computer can read this device's key and tickets: move its folder to a disk with access rights, owned by you",
        ),
        Exposure::FolderIsWritable => (
            "folder_writable",
            "other users of this computer can replace this device's files: make its folder private (chmod 700)",
        ),
        Exposure::FolderIsReadable => (
            "folder_readable",
            "other users of this computer can list this device's files, but not read them: make its folder private (chmod 700)",
        ),
    };
    (code, message.to_owned())
}
