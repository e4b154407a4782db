//! Sessions: dated occurrences of an event, with doors, start, end and rules.

use super::error::{Error, Result};
use super::orders::delays;
use super::records::tally;
use super::server_log;
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_names, check_text};
use super::times;
use super::{Service, events, next_number, rules, statistics, tables, types};
use crate::storage::{Kind, Transaction};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_domain::api::venue::{Event, NewSession, Session, SessionChange, SetStatus};
use usher_domain::ids::{EventId, OrganizerId, ScopeId, SessionId};
use usher_domain::numbers::AccessNumber;
use usher_domain::rules::Rules;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// Longest session: what lasts longer is several sessions, perhaps with a pass.
const LONGEST_MS: i64 = 7 * 24 * 3_600_000;
/// Sets of sessions that ended longer ago are not signed anew when the venue changes.
const OVER_MS: i64 = 7 * 24 * 3_600_000;

impl Thing for Session {
    const KIND: Kind = Kind::Session;
    const WORD: &'static str = "session";

    fn slug(&self) -> Option<&str> {
        (!self.retired).then_some(&self.slug)
    }

    fn is_retired(&self) -> bool {
        self.retired
    }
}

/// All sessions of an event.
pub(crate) fn of_event(txn: &dyn Transaction, event: &Event) -> Result<Vec<Loaded<Session>>> {
    things::all(txn, event.id.as_bytes())
}

/// The event of an organizer's session, if it is known.
pub(crate) fn event_of(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: SessionId,
) -> Result<Option<EventId>> {
    match things::get_of::<Session>(txn, organizer, id.as_bytes()) {
        Ok(session) => Ok(Some(session.value.event)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// All sessions of an organizer.
pub(crate) fn of_organizer(
    txn: &dyn Transaction,
    organizer: OrganizerId,
) -> Result<Vec<Loaded<Session>>> {
    let mut sessions = Vec::new();
    for event in things::all::<Event>(txn, organizer.as_bytes())? {
        sessions.extend(of_event(txn, &event.value)?);
    }
    Ok(sessions)
}

/// The session of this id, if it is this organizer's.
pub(crate) fn of_id(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    id: SessionId,
) -> Result<Loaded<Session>> {
    things::get_of(txn, organizer, id.as_bytes())
}

/// Has the ticket sets of all sessions that are not long over signed anew: their terms name things of
/// the whole venue and each other.
pub(crate) fn mark_sets(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    now: UnixMillis,
) -> Result<()> {
    let oldest = times::timestamp(now.shifted(-OVER_MS))?;
    for session in of_organizer(txn, organizer)? {
        if session.value.ends > oldest && !session.value.retired {
            txn.mark_dirty(TableId::Set(session.value.id))?;
        }
    }
    Ok(())
}

/// Fills in the newest version of the session's set.
fn with_set(txn: &dyn Transaction, mut session: Session) -> Result<Session> {
    if let Some(head) = txn.table_head(TableId::Set(session.id))? {
        let manifest = tables::manifest(&head)?;
        session.set = Some(SetStatus {
            epoch: manifest.version.epoch,
            number: manifest.version.number,
            tickets: manifest.rows,
            digest: manifest.digest.to_string(),
        });
    }
    Ok(session)
}

/// Doors, start and end.
struct Times {
    doors: Timestamp,
    starts: Timestamp,
    ends: Timestamp,
}

impl Times {
    fn check(self) -> Result<Self> {
        let length_ms = self.ends.as_millisecond() - self.doors.as_millisecond();
        if self.doors > self.starts || self.starts >= self.ends {
            Err(Error::invalid(
                "ends",
                "doors, start and end must follow each other",
            ))
        } else if length_ms > LONGEST_MS {
            Err(Error::invalid(
                "ends",
                "longer than seven days: make several sessions",
            ))
        } else {
            Ok(self)
        }
    }

    fn of_new(new: &NewSession, zone: &TimeZone) -> Result<Self> {
        let doors = times::read("doors", &new.doors, zone)?;
        let starts = match &new.starts {
            Some(starts) => times::read("starts", starts, zone)?,
            None => doors,
        };
        let ends = times::read("ends", &new.ends, zone)?;
        Self {
            doors,
            starts,
            ends,
        }
        .check()
    }

    fn changed(session: &Session, change: &SessionChange, zone: &TimeZone) -> Result<Self> {
        let or = |field, text: &Option<String>, before| match text {
            Some(text) => times::read(field, text, zone),
            None => Ok(before),
        };
        Self {
            doors: or("doors", &change.doors, session.doors)?,
            starts: or("starts", &change.starts, session.starts)?,
            ends: or("ends", &change.ends, session.ends)?,
        }
        .check()
    }
}

fn create(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    new: NewSession,
    now: UnixMillis,
) -> Result<Session> {
    check_names(&new.slug, &new.name)?;
    let event = events::find_current(txn, organizer, event)?.value;
    let Times {
        doors,
        starts,
        ends,
    } = Times::of_new(&new, &times::zone(&event.time_zone)?)?;
    let mut rules = Rules::default();
    rules::change(txn, organizer, &event, &mut rules, new.rules)?;
    if let Some(there) = things::named::<Session>(txn, event.id.as_bytes(), &new.slug)? {
        let there = there.value;
        let same = (there.doors, there.starts, there.ends) == (doors, starts, ends)
            && there.name == new.name
            && there.rules == rules;
        return if same {
            with_set(txn, there)
        } else {
            Err(Error::slug_taken(Session::WORD))
        };
    }
    let id = things::new_id()?;
    let session = Session {
        id: SessionId::from_bytes(id),
        event: event.id,
        slug: new.slug,
        name: new.name,
        doors,
        starts,
        ends,
        access: next_access(txn, organizer, now)?,
        scope: ScopeId::from_bytes(things::new_id()?),
        rules,
        revision: 1,
        set: None,
        retired: false,
    };
    let loaded = Loaded {
        id,
        parent: *event.id.as_bytes(),
        value: session,
    };
    things::put(txn, &loaded)?;
    let session = loaded.value;
    server_log::append(
        txn,
        organizer,
        session.scope,
        rules::from_nothing(&session),
        now,
    )?;
    txn.mark_dirty(TableId::Directory(session.id))?;
    mark_sets(txn, organizer, now)?;
    txn.mark_dirty(TableId::Set(session.id))?;
    Ok(session)
}

/// The next access number: they are unique over all sessions and passes of an organizer.
pub(crate) fn next_access(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    now: UnixMillis,
) -> Result<AccessNumber> {
    let series = [b"access ".as_slice(), organizer.as_bytes()].concat();
    next_number(txn, &series, now).map(AccessNumber::new)
}

fn change(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    session: &str,
    change: SessionChange,
    now: UnixMillis,
) -> Result<Session> {
    let event = events::find(txn, organizer, event)?.value;
    let mut session: Loaded<Session> = things::find_current(txn, event.id.as_bytes(), session)?;
    let zone = times::zone(&event.time_zone)?;
    delays::as_expected(&session.value, change.expects, &zone)?;
    let revision = session.value.revision;
    if change.revision.is_some_and(|meant| meant != revision) {
        return Err(Error::ChangedMeanwhile { revision });
    }
    let Times {
        doors,
        starts,
        ends,
    } = Times::changed(&session.value, &change, &zone)?;
    let before = session.value.clone();
    if let Some(slug) = change.slug {
        things::check_new_slug(txn, &session, &slug)?;
        session.value.slug = slug;
    }
    let value = &mut session.value;
    (value.doors, value.starts, value.ends) = (doors, starts, ends);
    if let Some(name) = change.name {
        check_text("name", &name, NAME_BYTES_MAX)?;
        value.name = name;
    }
    rules::change(txn, organizer, &event, &mut value.rules, change.rules)?;
    if *value == before {
        return with_set(txn, before);
    }
    put_changed(txn, organizer, &mut session, &before, now)?;
    with_set(txn, session.value)
}

/// Gives a session other rules.
pub(crate) fn put_rules(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    session: &mut Loaded<Session>,
    rules: Rules,
    now: UnixMillis,
) -> Result<()> {
    let before = session.value.clone();
    session.value.rules = rules;
    put_changed(txn, organizer, session, &before, now)
}

/// Stores a changed session, with the records that tell merging of it.
fn put_changed(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    session: &mut Loaded<Session>,
    before: &Session,
    now: UnixMillis,
) -> Result<()> {
    let value = &mut session.value;
    value.revision = before.revision.saturating_add(1);
    let mut records = rules::records(value.id, &before.rules, &value.rules);
    records.extend(delays::record(before, value)?);
    things::put(txn, session)?;
    server_log::append(txn, organizer, session.value.scope, records, now)?;
    txn.mark_dirty(TableId::Set(session.value.id))?;
    mark_sets(txn, organizer, now)
}

/// What stands in the way of retiring a session: passes for it, tickets that may enter it, and scans.
fn in_use(txn: &dyn Transaction, event: &Event, session: &Session) -> Result<()> {
    let types = types::of_event(txn, event.id)?;
    let passes = types
        .iter()
        .map(|kind| &kind.value)
        .filter(|kind| !kind.retired && kind.sessions.contains(&session.id));
    let slugs: Vec<&str> = passes.map(|kind| kind.slug.as_str()).collect();
    if !slugs.is_empty() {
        let passes = things::listed(&slugs);
        return Err(Error::InUse(format!(
            "it is a session of these passes, retire them first: {passes}"
        )));
    }
    if !tally::load(txn, session.scope, session.id)?.is_empty() {
        return Err(Error::InUse(
            "scans were made at this session: it stays for its reports".to_owned(),
        ));
    }
    if txn.dirty_tables()?.contains(&TableId::Set(session.id)) {
        return Err(Error::InUse(
            "its tickets are just being changed: try again in a moment".to_owned(),
        ));
    }
    match statistics::tickets_left(txn, session.id)? {
        0 => Ok(()),
        left => Err(Error::InUse(format!(
            "{left} tickets are for this session: cancel them, or move them by usher ticket update --session"
        ))),
    }
}

fn retire(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    event: &str,
    session: &str,
    now: UnixMillis,
) -> Result<Session> {
    let event = events::find(txn, organizer, event)?.value;
    let mut session: Loaded<Session> = things::find(txn, event.id.as_bytes(), session)?;
    if session.value.retired {
        return with_set(txn, session.value);
    }
    in_use(txn, &event, &session.value)?;
    session.value.retired = true;
    session.value.revision = session.value.revision.saturating_add(1);
    things::put(txn, &session)?;
    mark_sets(txn, organizer, now)?;
    with_set(txn, session.value)
}

impl Service {
    /// Retires a session that was created by mistake: nobody scanned at it, and no ticket is for it. Devices
    /// are given it no longer. Again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InUse`].
    pub async fn retire_session(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Session> {
        let (of, named) = (event.clone(), session.clone());
        // What was changed before counts, so it must be in the set.
        self.settle_for(move |txn| {
            let event = events::find(txn, organizer, &of)?.value;
            let session: Loaded<Session> = things::find(txn, event.id.as_bytes(), &named)?;
            Ok(vec![TableId::Set(session.value.id)])
        })
        .await?;
        self.write(move |txn, now| retire(txn, organizer, &event, &session, now))
            .await
    }

    /// Creates a session. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`], [`Error::NotFound`] for the event.
    pub async fn create_session(
        &self,
        organizer: OrganizerId,
        event: String,
        new: NewSession,
    ) -> Result<Session> {
        self.write(move |txn, now| create(txn, organizer, &event, new, now))
            .await
    }

    /// Changes a session. Changed entry rules and times become records of the server's own log.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`].
    pub async fn change_session(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        new: SessionChange,
    ) -> Result<Session> {
        self.write(move |txn, now| change(txn, organizer, &event, &session, new, now))
            .await
    }

    /// All sessions of an event, by doors.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the event.
    pub async fn sessions(&self, organizer: OrganizerId, event: String) -> Result<Vec<Session>> {
        self.read(move |txn| {
            let event = events::find(txn, organizer, &event)?.value;
            let mut sessions = of_event(txn, &event)?
                .into_iter()
                .map(|session| with_set(txn, session.value))
                .collect::<Result<Vec<_>>>()?;
            sessions.sort_by_key(|session| (session.doors, session.id));
            Ok(sessions)
        })
        .await
    }

    /// The session that a path names, by id or slug.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn session(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
    ) -> Result<Session> {
        self.read(move |txn| {
            let event = events::find(txn, organizer, &event)?.value;
            with_set(txn, things::find(txn, event.id.as_bytes(), &session)?.value)
        })
        .await
    }
}
