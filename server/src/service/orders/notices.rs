//! What somebody in charge says to gates. The words stand in the sealed terms of the session, so that they
//! travel and are trusted as those; a record of the server's log says by their hash that they were said.

use super::{Said, moment};
use crate::service::error::{Error, Result};
use crate::service::things::check_text;
use crate::service::{Service, places};
use crate::storage::{Space, Transaction};
use usher_domain::api::orders::NewNotice;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, SessionId};
use usher_domain::record::{Body, Notice};
use usher_domain::session::GateNotice;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// Bytes of what is said at most: it is read at a glance.
const TEXT_BYTES_MAX: usize = 300;
/// Notices of a session that hold at the same time.
const NOTICES_MAX: usize = 16;
/// Longest time for which a notice is shown.
const SHOWN_MAX_MS: u64 = 7 * 24 * 3_600_000;

fn place(session: SessionId) -> Vec<u8> {
    [b"notices ".as_slice(), session.as_bytes()].concat()
}

/// What is said to the gates of a session; what is over may be among it.
pub(crate) fn of_session(txn: &dyn Transaction, session: SessionId) -> Result<Vec<GateNotice>> {
    match txn.value(Space::Event, &place(session))? {
        None => Ok(Vec::new()),
        Some(bytes) => {
            cbor::decode(&bytes).map_err(|_| Error::Internal("stored notices are not readable"))
        }
    }
}

/// Where the words of a notice stand for the trail, whose records hold their hash only.
fn words_place(session: SessionId, text: &Hash) -> Vec<u8> {
    [b"said ".as_slice(), session.as_bytes(), text.as_bytes()].concat()
}

/// What was once said to the gates of a session, by the hash of its words; none if it was said before words
/// were kept and is over.
pub(super) fn once_said(
    txn: &dyn Transaction,
    session: SessionId,
    text: &Hash,
) -> Result<Option<GateNotice>> {
    match txn.value(Space::Event, &words_place(session, text))? {
        Some(bytes) => cbor::decode(&bytes)
            .map(Some)
            .map_err(|_| Error::Internal("a stored notice is not readable")),
        None => {
            let mut held = of_session(txn, session)?.into_iter();
            Ok(held.find(|notice| notice.hash() == *text))
        }
    }
}

fn keep_words(
    txn: &mut dyn Transaction,
    session: SessionId,
    notice: &GateNotice,
    now: UnixMillis,
) -> Result<()> {
    let place = words_place(session, &notice.hash());
    txn.put_value(Space::Event, &place, &cbor::encode(notice), now)?;
    Ok(())
}

fn put(
    txn: &mut dyn Transaction,
    session: SessionId,
    notices: &Vec<GateNotice>,
    now: UnixMillis,
) -> Result<()> {
    txn.put_value(Space::Event, &place(session), &cbor::encode(notices), now)?;
    txn.mark_dirty(TableId::Set(session))?;
    Ok(())
}

fn record(session: SessionId, notice: &GateNotice, until: UnixMillis) -> Body {
    Body::Notice(Notice {
        session: Some(session),
        gate: notice.gate,
        text: notice.hash(),
        until,
    })
}

/// Whether a character shows others in another order than they stand (Unicode Standard Annex #9, section
/// 2): a screen would say other words than were sent.
const fn turns_lines(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Service {
    /// Says something to the gates of a session, or to one of them, for a time.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or gate, [`Error::Invalid`] for text and time, [`Error::Conflict`] if
    /// too much is said at once.
    pub async fn say_to_gates(
        &self,
        organizer: OrganizerId,
        by: String,
        event: String,
        session: String,
        new: NewNotice,
    ) -> Result<()> {
        self.order(organizer, event, session, move |txn, session, now| {
            check_text("text", &new.text, TEXT_BYTES_MAX)?;
            if new.text.chars().any(turns_lines) {
                return Err(Error::invalid(
                    "text",
                    "without marks that turn the direction",
                ));
            }
            let until = moment("until", Some(new.until), now)?;
            if until <= now || until.since(now) > SHOWN_MAX_MS {
                return Err(Error::invalid(
                    "until",
                    "must be still to come, within seven days",
                ));
            }
            let gate = new.gate.as_deref();
            let gate = gate.map(|gate| places::find_gate(txn, organizer, gate));
            let notice = GateNotice {
                text: new.text,
                by,
                gate: gate.transpose()?,
                at: now,
                until,
            };
            let mut notices = of_session(txn, session.id)?;
            // The same words to the same gate again hold until the new time.
            notices.retain(|held| {
                held.until > now && (held.hash(), held.gate) != (notice.hash(), notice.gate)
            });
            if notices.len() >= NOTICES_MAX {
                return Err(Error::Conflict(
                    "the gates are told 16 things already: take one back first",
                ));
            }
            let body = record(session.id, &notice, until);
            keep_words(txn, session.id, &notice, now)?;
            notices.push(notice);
            put(txn, session.id, &notices, now)?;
            Ok(Said::from(vec![body]))
        })
        .await
    }

    /// Takes back what was said: `notice` is the SHA-256 of its text in hex.
    ///
    /// # Errors
    /// [`Error::NotFound`] for session or notice.
    pub async fn take_notice_back(
        &self,
        organizer: OrganizerId,
        event: String,
        session: String,
        notice: String,
    ) -> Result<()> {
        self.order(organizer, event, session, move |txn, session, now| {
            let hash: Hash = notice.parse().map_err(|_| Error::NotFound("notice"))?;
            let held = of_session(txn, session.id)?;
            let (gone, stay): (Vec<_>, Vec<_>) =
                held.into_iter().partition(|held| held.hash() == hash);
            if gone.is_empty() {
                return Err(Error::NotFound("notice"));
            }
            put(txn, session.id, &stay, now)?;
            for notice in &gone {
                keep_words(txn, session.id, notice, now)?;
            }
            let bodies: Vec<_> = gone
                .iter()
                .map(|notice| record(session.id, notice, now))
                .collect();
            Ok(Said::from(bodies))
        })
        .await
    }
}
