//! Small facts that survive a restart.

use super::error::Doing as _;
use super::{Store, StoreError};
use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{EventId, GateId, ScopeId, SessionId, StaffId};
use usher_domain::table::Version;
use usher_domain::time::UnixMillis;

/// Who is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Operator {
    /// The member of staff.
    #[n(0)]
    pub staff: StaffId,
    /// Since when.
    #[n(1)]
    pub since: UnixMillis,
}

/// What this device knows of the others, and since when it knows nothing new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Reach {
    /// Up to when all feeds were read to their ends.
    #[n(0)]
    pub peers_as_of: Option<UnixMillis>,
    /// Since when the server does not answer; none while it does.
    #[n(1)]
    pub lost_since: Option<UnixMillis>,
}

/// A server in one of its epochs, with the documents by which it knows whose logs to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Recipient {
    /// Its epoch.
    #[n(0)]
    pub epoch: u32,
    /// Version of its trust document.
    #[n(1)]
    pub trust: Version,
    /// Version of its roster; none before it signed one.
    #[n(2)]
    pub roster: Option<Version>,
}

impl Recipient {
    /// No server that there is: whatever its documents are, what was refused is offered again.
    pub const NOBODY: Self = Self {
        epoch: u32::MAX,
        trust: Version {
            epoch: 0,
            number: 0,
        },
        roster: None,
    };
}

/// Something of others' logs in a scope was refused when it was handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct Refusal {
    #[n(0)]
    scope: ScopeId,
    #[n(1)]
    by: Recipient,
}

/// How often the PIN of one badge was wrong in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PinFailures {
    /// How often.
    pub failures: u32,
    /// No PIN is tried before this time.
    pub wait_to: UnixMillis,
}

const GATE: &str = "gate";
pub(super) const OPERATOR: &str = "operator";
const REACH: &str = "reach";
const SERVER_TIME: &str = "server_time";
const SESSION: &str = "session";
const EVENT: &str = "event";
const DUTY: &str = "duty";
const AWAY: &str = "away";
const SHOWN: &str = "shown";
const REFUSALS: &str = "refusals";
pub(super) const REVOKED: &str = "revoked";
pub(super) const COPIED: &str = "copied";
const ZONE: &str = "zone";
/// Whether tables are being wiped.
pub(super) const WIPING: &str = "wiping";

pub(super) fn get<T: for<'b> Decode<'b, ()>>(
    conn: &Connection,
    name: &'static str,
) -> Result<Option<T>, StoreError> {
    let value: Option<Vec<u8>> = conn
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .doing("reading a setting")?;
    value
        .map(|bytes| cbor::decode(&bytes).map_err(|_| StoreError::Unreadable { what: "a setting" }))
        .transpose()
}

pub(super) fn put<T: Encode<()>>(
    conn: &Connection,
    name: &'static str,
    value: &T,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .and_then(|mut statement| statement.execute((name, cbor::encode(value))))
    .doing("writing a setting")?;
    Ok(())
}

pub(super) fn put_or_remove<T: Encode<()>>(
    conn: &Connection,
    name: &'static str,
    value: Option<&T>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => put(conn, name, value),
        None => conn
            .execute("DELETE FROM settings WHERE name = ?1", [name])
            .doing("removing a setting")
            .map(drop),
    }
}

macro_rules! optional_setting {
    ($(#[$doc:meta])* $get:ident, $set:ident, $name:ident, $type:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// What reading the file says.
        pub fn $get(&self) -> Result<Option<$type>, StoreError> {
            get(&self.conn, $name)
        }

        /// Writes it, or removes it.
        ///
        /// # Errors
        /// What writing the file says.
        pub fn $set(&mut self, value: Option<$type>) -> Result<(), StoreError> {
            self.learn("writing a setting", |tx| put_or_remove(tx, $name, value.as_ref()))
        }
    };
}

impl Store {
    /// The record whose verdict was shown last.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn shown_verdict(&self) -> Result<Option<Hash>, StoreError> {
        get(&self.conn, SHOWN)
    }

    /// Notes that the verdict of a record was shown. It changes nothing of what the device knows.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn note_shown_verdict(&mut self, record: Hash) -> Result<(), StoreError> {
        self.write("noting that a verdict was shown", |tx| {
            put(tx, SHOWN, &record)
        })
    }

    optional_setting!(
        /// Where the device stands; none for a spare.
        gate, set_gate, GATE, GateId
    );
    optional_setting!(
        /// Who is signed in.
        operator, set_operator, OPERATOR, Operator
    );
    optional_setting!(
        /// The session that a person chose, against the timetable.
        chosen_session, choose_session, SESSION, SessionId
    );
    optional_setting!(
        /// The event of the open session that was served last.
        served_event, set_served_event, EVENT, EventId
    );
    optional_setting!(
        /// Since when this device knows that it was revoked: its server said so, or a roster that it
        /// accepted. Only a newer roster or another enrollment takes it back.
        revoked, set_revoked, REVOKED, UnixMillis
    );
    optional_setting!(
        /// IANA name of the time zone of the sessions that were held before the tables were wiped.
        last_zone, set_last_zone, ZONE, String
    );
    optional_setting!(
        /// Since when the server knows that this folder is in use twice at once, as it last said.
        copied, set_copied, COPIED, UnixMillis
    );

    optional_setting!(
        /// Since when the device is on duty: it said to the server that it holds a session's set, and did
        /// not sign off since.
        on_duty, set_on_duty, DUTY, UnixMillis
    );
    optional_setting!(
        /// Since when the device may be off duty at its own word: it said so, or was about to, and was not
        /// put on duty since. Nobody asks it about the tickets whose home it is.
        away, set_away, AWAY, UnixMillis
    );

    /// Who last refused something of others' logs in a scope that was handed back; none if everything was
    /// taken.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn refused_by(&self, scope: ScopeId) -> Result<Option<Recipient>, StoreError> {
        let refusals = self.refusals()?;
        let refusal = refusals.iter().find(|refusal| refusal.scope == scope);
        Ok(refusal.map(|refusal| refusal.by))
    }

    /// Says who refused something of others' logs in a scope, or that everything was taken.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn set_refused_by(
        &mut self,
        scope: ScopeId,
        by: Option<Recipient>,
    ) -> Result<(), StoreError> {
        let before = self.refusals()?;
        let others = before.iter().filter(|refusal| refusal.scope != scope);
        let own = by.map(|by| Refusal { scope, by });
        let refusals: Vec<Refusal> = others.copied().chain(own).collect();
        if refusals == before {
            return Ok(());
        }
        self.write("writing what was refused", |tx| {
            put(tx, REFUSALS, &refusals)
        })
    }

    fn refusals(&self) -> Result<Vec<Refusal>, StoreError> {
        Ok(get(&self.conn, REFUSALS)?.unwrap_or_default())
    }

    /// What this device knows of the others.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn reach(&self) -> Result<Reach, StoreError> {
        Ok(get(&self.conn, REACH)?.unwrap_or_default())
    }

    /// Says that the server was reached and all feeds were read to their ends at `now`. A device that signed
    /// off is on duty again then, and knows of whoever was let in meanwhile.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn reached(&mut self, now: UnixMillis) -> Result<(), StoreError> {
        let reach = Reach {
            peers_as_of: Some(now),
            lost_since: None,
        };
        self.learn("writing what was reached", |tx| {
            put(tx, REACH, &reach)?;
            put_or_remove(tx, AWAY, None::<&UnixMillis>)
        })
    }

    /// Says that the server did not answer at `now`. Only the first time counts.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn lost(&mut self, now: UnixMillis) -> Result<(), StoreError> {
        let reach = self.reach()?;
        if reach.lost_since.is_some() {
            return Ok(());
        }
        let reach = Reach {
            lost_since: Some(now),
            ..reach
        };
        self.learn("writing what was lost", |tx| put(tx, REACH, &reach))
    }

    /// The latest server time seen.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn server_time(&self) -> Result<UnixMillis, StoreError> {
        Ok(get(&self.conn, SERVER_TIME)?.unwrap_or_default())
    }

    /// Takes in a time that the server said; an earlier one changes nothing.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn saw_server_time(&mut self, time: UnixMillis) -> Result<(), StoreError> {
        if time <= self.server_time()? {
            return Ok(());
        }
        self.learn("writing the server's time", |tx| {
            put(tx, SERVER_TIME, &time)
        })
    }

    /// How often a badge's PIN was wrong in a row.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn pin_failures(&self, staff: StaffId) -> Result<PinFailures, StoreError> {
        let found = self
            .conn
            .query_row(
                "SELECT failures, wait_to FROM pin_failures WHERE staff = ?1",
                [staff.as_bytes()],
                |row| {
                    Ok(PinFailures {
                        failures: row.get(0)?,
                        wait_to: UnixMillis::new(row.get(1)?),
                    })
                },
            )
            .optional()
            .doing("reading the count of wrong PINs")?;
        Ok(found.unwrap_or_default())
    }

    /// Counts wrong PINs; written before the PIN is tried, so that pulling the plug gains no try.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn set_pin_failures(
        &mut self,
        staff: StaffId,
        failures: PinFailures,
    ) -> Result<(), StoreError> {
        self.write("counting a wrong PIN", |tx| {
            tx.execute(
                "INSERT INTO pin_failures (staff, failures, wait_to) VALUES (?1, ?2, ?3)
                 ON CONFLICT (staff) DO UPDATE SET
                   failures = excluded.failures, wait_to = excluded.wait_to",
                (staff.as_bytes(), failures.failures, failures.wait_to.get()),
            )
            .doing("counting a wrong PIN")?;
            Ok(())
        })
    }
}
