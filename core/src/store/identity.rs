//! Who this device is: its key, the server it belongs to, and what the server said at enrollment.
//!
//! All of it is one value behind a [`MARK`], so that it is found even in a file whose structure is lost.

use super::error::Doing as _;
use super::{NoticeBody, Store, StoreError, documents, notices, settings};
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cbor;
use usher_domain::cose::{self, PublicKey, SigningKey};
use usher_domain::document::enrollment::Enrollment;
use usher_domain::document::trust::Trust;
use usher_domain::document::{Accepted, Verified};
use usher_domain::hash::Hash;
use usher_domain::ids::DeviceId;
use usher_domain::secret::{Private, Seed};
use usher_domain::time::UnixMillis;

/// Stands in front of the stored identity.
pub(super) const MARK: &str = "usher/identity/1";

/// Where the server is and how to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPin {
    /// Base address, such as `https://tickets.example:8443`.
    pub address: String,
    /// SHA-256 of the organizer's root public key.
    pub root: Hash,
    /// SHA-256 of the server certificate's SubjectPublicKeyInfo; none for plain HTTP on loopback.
    pub spki: Option<Hash>,
}

/// Who this device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// The seed of the device's key.
    pub seed: Seed,
    /// The server it belongs to.
    pub server: ServerPin,
    /// The organizer's root key, once the server told it and its fingerprint fitted.
    pub root_key: Option<PublicKey>,
    /// What the server said; none while enrollment is under way.
    pub enrollment: Option<Enrollment>,
    /// Digits that an organizer must compare before the device counts; none if nobody must.
    pub waiting: Option<Private>,
}

impl DeviceIdentity {
    /// The device's signing key.
    #[must_use]
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.seed)
    }
}

/// [`DeviceIdentity`] as it is stored.
#[derive(Clone, Encode, Decode)]
pub(super) struct Stored {
    #[n(0)]
    mark: String,
    #[n(1)]
    seed: ByteArray<32>,
    #[n(2)]
    address: String,
    #[n(3)]
    root: Hash,
    #[n(4)]
    spki: Option<Hash>,
    #[n(5)]
    root_key: Option<PublicKey>,
    /// The signed [`Enrollment`] as received.
    #[n(6)]
    enrollment: Option<ByteVec>,
    #[n(7)]
    waiting: Option<Private>,
}

impl Stored {
    pub(super) fn is_marked(&self) -> bool {
        self.mark == MARK
    }

    pub(super) fn is_enrolled(&self) -> bool {
        self.enrollment.is_some()
    }

    /// The organizer's root key, once the server told it.
    pub(super) const fn root_key(&self) -> Option<PublicKey> {
        self.root_key
    }

    /// The id that the device got at enrollment.
    pub(super) fn device(&self) -> Option<DeviceId> {
        let enrollment: Enrollment =
            signed_value(self.enrollment.as_ref()?, "the enrollment").ok()?;
        Some(enrollment.device)
    }

    fn read(self) -> Result<DeviceIdentity, StoreError> {
        let enrollment = self
            .enrollment
            .map(|bytes| signed_value(&bytes, "the enrollment"))
            .transpose()?;
        Ok(DeviceIdentity {
            seed: Seed::new(*self.seed),
            server: ServerPin {
                address: self.address,
                root: self.root,
                spki: self.spki,
            },
            root_key: self.root_key,
            enrollment,
            waiting: self.waiting,
        })
    }
}

/// What a signed document says that was verified when it was taken in.
pub(super) fn signed_value<T: for<'b> Decode<'b, ()>>(
    bytes: &[u8],
    what: &'static str,
) -> Result<T, StoreError> {
    let unreadable = StoreError::Unreadable { what };
    let Ok(envelope) = cose::parse(bytes) else {
        return Err(unreadable);
    };
    cbor::decode(envelope.unverified_payload()).map_err(|_| unreadable)
}

pub(super) fn load(conn: &Connection) -> Result<Option<Stored>, StoreError> {
    let body: Option<Vec<u8>> = conn
        .query_row("SELECT body FROM identity", [], |row| row.get(0))
        .optional()
        .doing("reading the identity")?;
    body.map(|body| {
        cbor::decode(&body).map_err(|_| StoreError::Unreadable {
            what: "the identity",
        })
    })
    .transpose()
}

pub(super) fn save(conn: &Connection, stored: &Stored) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO identity (only_one, body) VALUES (1, ?1)
         ON CONFLICT (only_one) DO UPDATE SET body = excluded.body",
        [cbor::encode(stored)],
    )
    .doing("writing the identity")?;
    Ok(())
}

impl Store {
    /// Who this device is; none before [`Store::begin_enrollment`].
    ///
    /// # Errors
    /// What reading the file says.
    pub fn identity(&self) -> Result<Option<DeviceIdentity>, StoreError> {
        load(&self.conn)?.map(Stored::read).transpose()
    }

    /// The identity of an enrolled device.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`].
    pub fn enrolled(&self) -> Result<(DeviceIdentity, Enrollment), StoreError> {
        let identity = self.identity()?.ok_or(StoreError::NotEnrolled)?;
        let enrollment = identity.enrollment.clone().ok_or(StoreError::NotEnrolled)?;
        Ok((identity, enrollment))
    }

    /// Keeps a key before the server is asked, so that a retry asks with the same one: a use of an
    /// enrollment code belongs to the key that took it. Returns the identity to ask with, which is the one
    /// begun before if that asked the same server.
    ///
    /// # Errors
    /// [`StoreError::EnrolledElsewhere`] if the device is enrolled with another organizer.
    pub fn begin_enrollment(
        &mut self,
        fresh: Seed,
        server: ServerPin,
    ) -> Result<DeviceIdentity, StoreError> {
        self.write("beginning an enrollment", |tx| {
            let seed = match load(tx)? {
                Some(held) if held.is_enrolled() && held.root != server.root => {
                    return Err(StoreError::EnrolledElsewhere);
                }
                // The same organizer again: the key stays, and so does everything signed with it.
                Some(held)
                    if held.root == server.root && !usher_domain::mutated!(ForgetEnrollmentKey) =>
                {
                    Seed::new(*held.seed)
                }
                Some(_) | None => fresh,
            };
            let held = load(tx)?.filter(|held| held.root == server.root);
            let stored = Stored {
                mark: MARK.to_owned(),
                seed: ByteArray::from(*seed.reveal()),
                address: server.address,
                root: server.root,
                spki: server.spki,
                root_key: held.as_ref().and_then(|held| held.root_key),
                enrollment: held.and_then(|held| held.enrollment),
                waiting: None,
            };
            save(tx, &stored)?;
            stored.read()
        })
    }

    /// Keeps the digits that an organizer must compare before this device counts.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`] if no enrollment was begun.
    pub fn wait_for_confirmation(&mut self, digits: Private) -> Result<(), StoreError> {
        self.write("waiting to be confirmed", |tx| {
            let mut stored = load(tx)?.ok_or(StoreError::NotEnrolled)?;
            stored.waiting = Some(digits);
            save(tx, &stored)
        })
    }

    /// Takes in what the server said at enrollment, together with the first trust document.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`] if no enrollment was begun.
    pub fn finish_enrollment(
        &mut self,
        root: PublicKey,
        trust: &Accepted<Trust>,
        enrollment: &Verified<Enrollment>,
    ) -> Result<(), StoreError> {
        self.learn("finishing an enrollment", |tx| {
            let mut stored = load(tx)?.ok_or(StoreError::NotEnrolled)?;
            stored.root_key = Some(root);
            stored.waiting = None;
            stored.enrollment = Some(enrollment.bytes().to_vec().into());
            save(tx, &stored)?;
            // It is another device from now on, which nobody revoked and of which there is no copy.
            settings::put_or_remove::<UnixMillis>(tx, settings::REVOKED, None)?;
            notices::forget(tx, &NoticeBody::DeviceRevoked)?;
            settings::put_or_remove::<UnixMillis>(tx, settings::COPIED, None)?;
            notices::forget(tx, &NoticeBody::DeviceCopied)?;
            documents::put(tx, documents::TRUST, trust.document().bytes(), trust.held())
        })
    }

    /// Points the device to another address of its server.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`].
    pub fn move_server(&mut self, address: &str, spki: Option<Hash>) -> Result<(), StoreError> {
        self.write("changing the server's address", |tx| {
            let mut stored = load(tx)?.ok_or(StoreError::NotEnrolled)?;
            address.clone_into(&mut stored.address);
            stored.spki = spki;
            save(tx, &stored)
        })
    }
}
