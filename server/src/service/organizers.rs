//! Organizers, their keys, and the trust documents that let those keys sign.

use super::error::{Error, Result};
use super::things::{self, Loaded, Thing};
use super::times;
use super::{Service, handed_trust, revoked_keys, rotation, things::check_names};
use crate::keys::{self, KeyUse};
use crate::storage::{Id, Kind, Space, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use usher_domain::api::venue::{
    NewOrganizer, NewTrust, Organizer, OrganizerChange, OrganizerKeys, TrustStatus,
};
use usher_domain::cose::{KeyId, PublicKey};
use usher_domain::document::badge::PinLength;
use usher_domain::document::{Acceptance, Held, Rejected, TrustedKeys, accept_trust, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::table::TableId;
use usher_domain::time::{ClockTrust, UnixMillis};

/// What organizers and administrators' tokens belong to.
pub(crate) const NOBODY: Id = [0; 16];

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredOrganizer {
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) server: DeviceId,
    pub(crate) keys: OrganizerKeys,
    /// The root key, pinned with the first trust document.
    #[serde(default)]
    pub(crate) root: Option<PublicKey>,
    /// How many digits new PINs have at least.
    #[serde(default)]
    pub(crate) pin_digits: PinLength,
}

impl Thing for StoredOrganizer {
    const KIND: Kind = Kind::Organizer;
    const WORD: &'static str = "organizer";

    fn slug(&self) -> Option<&str> {
        Some(&self.slug)
    }
}

/// The trust document in force, with the root key that signed it.
pub(crate) struct TrustInForce {
    pub(crate) root: PublicKey,
    pub(crate) bytes: Vec<u8>,
    pub(crate) keys: TrustedKeys,
    held: Held,
}

/// The trust document in force, if the organizer handed one in.
pub(crate) fn trust(txn: &dyn Transaction, organizer: OrganizerId) -> Result<Option<TrustInForce>> {
    let stored = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?.value;
    let Some((root, bytes)) = stored
        .root
        .zip(txn.value(Space::Document, organizer.as_bytes())?)
    else {
        return Ok(None);
    };
    let verified = verify_trust(&bytes, &root, Some(organizer))
        .map_err(|_| Error::Internal("the stored trust document does not verify"))?;
    Ok(Some(TrustInForce {
        root,
        held: Held {
            version: verified.value().version,
            hash: verified.hash(),
            signer: verified.signer(),
        },
        keys: TrustedKeys::from(&verified),
        bytes,
    }))
}

fn describe(txn: &dyn Transaction, stored: &Loaded<StoredOrganizer>) -> Result<Organizer> {
    let id = OrganizerId::from_bytes(stored.id);
    let status = trust(txn, id)?
        .map(|trust| -> Result<TrustStatus> {
            let document = trust.keys.trust();
            let fingerprint = Hash::of(&[trust.root.as_bytes()]).to_string();
            Ok(TrustStatus {
                epoch: document.version.epoch,
                number: document.version.number,
                expires_at: times::timestamp(document.expires_at)?,
                root: fingerprint.chars().take(16).collect(),
            })
        })
        .transpose()?;
    Ok(Organizer {
        id,
        slug: stored.value.slug.clone(),
        name: stored.value.name.clone(),
        keys: stored.value.keys.clone(),
        server: stored.value.server,
        trust: status,
        pin_digits: stored.value.pin_digits,
    })
}

fn create(txn: &mut dyn Transaction, new: NewOrganizer, now: UnixMillis) -> Result<Organizer> {
    check_names(&new.slug, &new.name)?;
    if let Some(there) = things::named::<StoredOrganizer>(txn, &NOBODY, &new.slug)? {
        if there.value.name == new.name {
            return describe(txn, &there);
        }
        return Err(Error::slug_taken("organizer"));
    }
    let id = things::new_id()?;
    let organizer = OrganizerId::from_bytes(id);
    let mut make = |key_use| keys::make(txn, organizer, key_use, now).map(|key| key.public());
    let stored = Loaded {
        id,
        parent: NOBODY,
        value: StoredOrganizer {
            slug: new.slug,
            name: new.name,
            server: DeviceId::from_bytes(things::new_id()?),
            keys: OrganizerKeys {
                roster: make(KeyUse::Roster)?,
                set: make(KeyUse::Set)?,
                code: make(KeyUse::Code)?,
            },
            root: None,
            pin_digits: PinLength::default(),
        },
    };
    things::put(txn, &stored)?;
    txn.mark_dirty(TableId::Roster(organizer))?;
    describe(txn, &stored)
}

fn take_trust(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    new: &NewTrust,
    now: UnixMillis,
) -> Result<Organizer> {
    let mut stored = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
    if stored.value.root.is_some_and(|pinned| pinned != new.root) {
        return Err(Error::NotAuthentic(
            "another root key was pinned with the first document".to_owned(),
        ));
    }
    let bytes = STANDARD
        .decode(&new.document)
        .map_err(|_| Error::invalid("document", "not base64"))?;
    let held = trust(txn, organizer)?.map(|trust| trust.held);
    let clock = ClockTrust::Proved;
    match accept_trust(&bytes, &new.root, Some(organizer), held, now, clock) {
        Ok(Acceptance::Same(_)) => {}
        Ok(Acceptance::New(accepted)) => {
            let document = accepted.document();
            handed_trust::check(txn, organizer, document.value())?;
            if document.value().server != stored.value.server {
                return Err(Error::invalid(
                    "document",
                    "names another device id for the server's own log",
                ));
            }
            txn.put_value(Space::Document, organizer.as_bytes(), document.bytes(), now)?;
            stored.value.root = Some(new.root);
            things::put(txn, &stored)?;
            let Some(in_force) = trust(txn, organizer)? else {
                return Err(Error::Internal("the document just taken in is not there"));
            };
            revoked_keys::note(txn, organizer, &in_force.keys, now)?;
            rotation::follow(txn, &mut stored, &in_force, now)?;
            handed_trust::settle(txn, organizer, &in_force, now)?;
            super::sessions::mark_sets(txn, organizer, now)?;
            txn.mark_dirty(TableId::Roster(organizer))?;
        }
        Err(Rejected::Rollback { .. } | Rejected::SameVersionOtherBytes(_)) => {
            return Err(Error::Conflict(
                "a trust document of this or a newer version is in force",
            ));
        }
        Err(
            rejected @ (Rejected::Untrusted(_)
            | Rejected::FastForward(_)
            | Rejected::BeforeRevocation { .. }
            | Rejected::Expired { .. }),
        ) => return Err(Error::NotAuthentic(rejected.to_string())),
    }
    describe(txn, &stored)
}

/// Which key the server would sign with, and whether the trust document lets it now.
pub(crate) fn may_sign(
    trust: &TrustInForce,
    kid: KeyId,
    content_type: usher_domain::cose::ContentType,
    now: UnixMillis,
) -> Result<()> {
    trust
        .keys
        .signer(kid, content_type, now)
        .map(drop)
        .map_err(|untrusted| Error::KeyExpired(untrusted.to_string()))
}

impl Service {
    /// Creates an organizer with its keys. The same again answers with the one that is there.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`], [`Error::Invalid`].
    pub async fn create_organizer(&self, new: NewOrganizer) -> Result<Organizer> {
        self.write(move |txn, now| create(txn, new, now)).await
    }

    /// Changes an organizer's rules.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn change_organizer(
        &self,
        organizer: OrganizerId,
        change: OrganizerChange,
    ) -> Result<Organizer> {
        self.write(move |txn, _| {
            let mut stored = things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
            if let Some(digits) = change.pin_digits {
                stored.value.pin_digits = digits;
            }
            things::put(txn, &stored)?;
            describe(txn, &stored)
        })
        .await
    }

    /// All organizers.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn organizers(&self) -> Result<Vec<Organizer>> {
        self.read(|txn| {
            let all = things::all::<StoredOrganizer>(txn, &NOBODY)?;
            all.iter().map(|one| describe(txn, one)).collect()
        })
        .await
    }

    /// The organizer that a path names, by id or slug.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn organizer(&self, name: String) -> Result<Organizer> {
        self.read(move |txn| describe(txn, &things::find(txn, &NOBODY, &name)?))
            .await
    }

    /// Takes in a trust document: the first one pins the root key, later ones must be newer.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::Conflict`] for an older one, [`Error::Invalid`].
    pub async fn take_trust(&self, organizer: OrganizerId, new: NewTrust) -> Result<Organizer> {
        let taken = self
            .write(move |txn, now| take_trust(txn, organizer, &new, now))
            .await?;
        self.follow_device_token_secret().await?;
        self.live().trust_changed(organizer);
        Ok(taken)
    }

    /// The organizer's root key and trust document, signed, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn trust_document(
        &self,
        organizer: OrganizerId,
    ) -> Result<Option<(PublicKey, Vec<u8>)>> {
        self.read(move |txn| Ok(trust(txn, organizer)?.map(|trust| (trust.root, trust.bytes))))
            .await
    }
}
