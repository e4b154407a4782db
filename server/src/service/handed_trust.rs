//! Trust documents that devices hand back to a server that was restored from a backup.
//!
//! The root signs them, not the server, and whoever holds one proves it by that. They are kept until the
//! organizer signs a document that unites them (`usher organizer renew`): a key that was revoked after the
//! backup was made must not count again, and what was signed with a key that came after it stays good.

use super::devices;
use super::error::{Error, Result};
use super::incidents::{self, About};
use super::organizers::{self, TrustInForce};
use super::{Service, epoch};
use crate::storage::{Space, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usher_domain::api::venue::TrustHandedBack;
use usher_domain::cbor;
use usher_domain::document::trust::Trust;
use usher_domain::document::verify_trust;
use usher_domain::ids::{DeviceId, OrganizerId};
use usher_domain::protocol::TrustHandBack;
use usher_domain::time::UnixMillis;

/// Documents that are kept at most. The root signs one for each rotation or revocation of keys.
const KEPT_MAX: usize = 64;
/// Bytes of one at most.
const DOCUMENT_BYTES_MAX: usize = 64 << 10;

fn kept(txn: &dyn Transaction, organizer: OrganizerId) -> Result<Vec<Vec<u8>>> {
    let Some(bytes) = txn.value(Space::HandedTrust, organizer.as_bytes())? else {
        return Ok(Vec::new());
    };
    let kept: Vec<minicbor::bytes::ByteVec> = cbor::decode(&bytes)
        .map_err(|_| Error::Internal("trust documents that were handed back are not readable"))?;
    Ok(kept.into_iter().map(Into::into).collect())
}

fn keep(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    kept: Vec<Vec<u8>>,
    now: UnixMillis,
) -> Result<()> {
    let is_empty = kept.is_empty();
    let kept: Vec<minicbor::bytes::ByteVec> = kept.into_iter().map(Into::into).collect();
    let key = organizer.as_bytes();
    txn.put_value(Space::HandedTrust, key, &cbor::encode(&kept), now)?;
    if is_empty {
        return incidents::settle(txn, organizer, &About::trust());
    }
    let detail = "devices hold trust documents that this server does not have, maybe since it was restored: keys \
                  that were revoked may count here; sign one that unites all: usher organizer renew --root-key \
                  FILE";
    incidents::raise(txn, organizer, &About::trust(), detail, Vec::new(), now)
}

/// Whether a document that was handed back says something beside the one in force.
fn is_news(in_force: &Trust, other: &Trust) -> bool {
    other.version > in_force.version || in_force.lacks(other)
}

fn take_in(
    txn: &mut dyn Transaction,
    device: DeviceId,
    document: &[u8],
    now: UnixMillis,
) -> Result<()> {
    let organizer = devices::active(txn, device)?.value.organizer;
    let in_force = organizers::trust(txn, organizer)?
        .ok_or(Error::Conflict("the organizer has no trust document"))?;
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(Error::too_long(
            "a trust document",
            DOCUMENT_BYTES_MAX as u64,
        ));
    }
    let verified = verify_trust(document, &in_force.root, Some(organizer))
        .map_err(|untrusted| Error::NotAuthentic(untrusted.to_string()))?;
    if !is_news(in_force.keys.trust(), verified.value()) || in_force.bytes == document {
        return Ok(());
    }
    let mut all = kept(txn, organizer)?;
    if usher_domain::mutated!(IgnoreHandedTrust) || all.iter().any(|kept| kept == document) {
        return Ok(());
    }
    if all.len() >= KEPT_MAX {
        // For good: a device that would ask again later would not take the newer document meanwhile.
        return Err(Error::Conflict(
            "as many trust documents wait as are kept: run usher organizer renew",
        ));
    }
    all.push(document.to_vec());
    keep(txn, organizer, all, now)
}

fn read(kept: &[u8], in_force: &TrustInForce, organizer: OrganizerId) -> Result<Trust> {
    let verified = verify_trust(kept, &in_force.root, Some(organizer))
        .map_err(|_| Error::Internal("a trust document that was handed back does not verify"))?;
    Ok(verified.value().clone())
}

/// Refuses a document by which a key counts again that the one in force, or one that was handed back, revoked.
pub(crate) fn check(txn: &dyn Transaction, organizer: OrganizerId, new: &Trust) -> Result<()> {
    let Some(in_force) = organizers::trust(txn, organizer)? else {
        return Ok(());
    };
    let mut others = vec![in_force.keys.trust().clone()];
    for kept in kept(txn, organizer)? {
        others.push(read(&kept, &in_force, organizer)?);
    }
    if others.iter().any(|other| new.revives(other)) {
        return Err(Error::Conflict(
            "a key that was revoked would count again by this document: run usher organizer renew of this version",
        ));
    }
    Ok(())
}

/// Forgets those documents of which the one in force says everything.
pub(crate) fn settle(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    in_force: &TrustInForce,
    now: UnixMillis,
) -> Result<()> {
    let all = kept(txn, organizer)?;
    if all.is_empty() {
        return Ok(());
    }
    let mut left = Vec::new();
    for document in all {
        if is_news(
            in_force.keys.trust(),
            &read(&document, in_force, organizer)?,
        ) {
            left.push(document);
        }
    }
    keep(txn, organizer, left, now)
}

impl Service {
    /// Keeps a trust document that a device hands back, if it says something beside the one in force.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`] if the organizer's root did not sign it, [`Error::TooLarge`],
    /// [`Error::Conflict`] if too many wait.
    pub async fn hand_back_trust(&self, device: DeviceId, request: TrustHandBack) -> Result<()> {
        self.write_quietly(move |txn, now| take_in(txn, device, &request.document, now))
            .await
    }

    /// The trust documents that were handed back and that the one in force does not unite yet.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn trust_handed_back(&self, organizer: OrganizerId) -> Result<TrustHandedBack> {
        self.read(move |txn| {
            let kept = kept(txn, organizer)?;
            let documents = kept.iter().map(|kept| STANDARD.encode(kept));
            Ok(TrustHandedBack {
                epoch: epoch(txn)?,
                documents: documents.collect(),
            })
        })
        .await
    }
}
