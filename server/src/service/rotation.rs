//! New keys for an organizer.
//!
//! The server makes the next keys and goes on signing with those in use. The organizer's root delegates to
//! the next ones in a trust document, and with that document they come into use: everything that devices
//! copy is sealed anew, and what the server said in its own log is signed anew where the document no longer
//! lets the key speak that signed it. All of it happens in the transaction that takes the document in, so
//! no device that knows the document is ever shown a signature that it does not accept.

use super::error::{Error, Result};
use super::organizers::{StoredOrganizer, TrustInForce};
use super::things::{self, Loaded};
use super::{DEVICE_TOKENS, Service, sessions};
use crate::keys::{self, KeyUse};
use crate::storage::Transaction;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usher_domain::api::venue::{NewTrust, OrganizerKeys};
use usher_domain::cbor;
use usher_domain::cose::{self, ContentType, PublicKey};
use usher_domain::document::TrustedKeys;
use usher_domain::document::batch::BatchHead;
use usher_domain::ids::OrganizerId;
use usher_domain::table::TableId;
use usher_domain::time::UnixMillis;

/// What tells that a document lets a key be used as the server would use it.
const fn proof_of(key_use: KeyUse) -> ContentType {
    match key_use {
        KeyUse::Roster => ContentType::ROSTER,
        KeyUse::Set => ContentType::SET,
        KeyUse::Code => ContentType::CODE,
    }
}

fn public(keys: &mut OrganizerKeys, key_use: KeyUse) -> &mut PublicKey {
    match key_use {
        KeyUse::Roster => &mut keys.roster,
        KeyUse::Set => &mut keys.set,
        KeyUse::Code => &mut keys.code,
    }
}

/// Puts those waiting keys into use that the document in force delegates to, and sees to it that whoever
/// believes the document believes what this server signed.
pub(crate) fn follow(
    txn: &mut dyn Transaction,
    stored: &mut Loaded<StoredOrganizer>,
    trust: &TrustInForce,
    now: UnixMillis,
) -> Result<()> {
    let organizer = OrganizerId::from_bytes(stored.id);
    let mut changed = false;
    for key_use in KeyUse::ALL {
        let Some(waiting) = keys::load_next(txn, organizer, key_use)? else {
            continue;
        };
        let kid = waiting.public().kid();
        if trust.keys.signer(kid, proof_of(key_use), now).is_ok() {
            keys::promote(txn, organizer, key_use, now)?;
            *public(&mut stored.value.keys, key_use) = waiting.public();
            changed = true;
        }
    }
    if changed {
        things::put(txn, stored)?;
        mark_directories(txn, organizer)?;
        // Whoever has the keys before may have the whole database of then.
        keys::renew_shared(txn, DEVICE_TOKENS, now)?;
    }
    sign_own_logs(txn, &stored.value, organizer, &trust.keys)
}

/// Directories tell nothing of the venue, so only another key makes them be signed anew.
fn mark_directories(txn: &mut dyn Transaction, organizer: OrganizerId) -> Result<()> {
    for session in sessions::of_organizer(txn, organizer)? {
        let table = TableId::Directory(session.value.id);
        if txn.table_head(table)?.is_some() {
            txn.mark_dirty(table)?;
        }
    }
    Ok(())
}

/// Signs the batches of the server's own logs anew whose key the document no longer lets speak. The ranges
/// and the records in them stay what they are.
fn sign_own_logs(
    txn: &mut dyn Transaction,
    stored: &StoredOrganizer,
    organizer: OrganizerId,
    trusted: &TrustedKeys,
) -> Result<()> {
    let key = keys::load(txn, organizer, KeyUse::Set)?;
    if trusted.server_log_signer(key.kid()).is_err() {
        return Ok(());
    }
    for (scope, position, signed) in txn.batch_heads(stored.server)? {
        let unreadable = Error::Internal("a batch of the server's own log is not readable");
        let Ok(envelope) = cose::parse(&signed) else {
            return Err(unreadable);
        };
        if trusted.server_log_signer(envelope.kid()).is_ok() {
            continue;
        }
        let Ok(head) = cbor::decode::<BatchHead>(envelope.unverified_payload()) else {
            return Err(unreadable);
        };
        let signed = cose::sign(&key, ContentType::BATCH, &cbor::encode(&head));
        txn.put_batch_head(scope, position, &signed)?;
    }
    Ok(())
}

impl Service {
    /// Makes the keys that follow those in use, to be delegated by the organizer's root. Until a trust
    /// document does so they sign nothing. Each time others are made: only the last ones come into use.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn make_next_keys(&self, organizer: OrganizerId) -> Result<OrganizerKeys> {
        self.write_quietly(move |txn, now| {
            things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
            let mut make =
                |key_use| keys::make_next(txn, organizer, key_use, now).map(|key| key.public());
            Ok(OrganizerKeys {
                roster: make(KeyUse::Roster)?,
                set: make(KeyUse::Set)?,
                code: make(KeyUse::Code)?,
            })
        })
        .await
    }

    /// The trust document in force as it was handed in, so that the next one can go on from it.
    ///
    /// # Errors
    /// [`Error::NotFound`] for the organizer, and before its first document.
    pub async fn trust_in_force(&self, organizer: OrganizerId) -> Result<NewTrust> {
        let document = self.trust_document(organizer).await?;
        let (root, bytes) = document.ok_or(Error::NotFound("trust document"))?;
        Ok(NewTrust {
            root,
            document: STANDARD.encode(bytes),
        })
    }
}
