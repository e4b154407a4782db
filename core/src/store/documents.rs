//! Signed documents: of each, the highest version ever accepted.

use super::error::Doing as _;
use super::identity::signed_value;
use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use usher_domain::cose::{self, KeyId};
use usher_domain::document::trust::Trust;
use usher_domain::document::{Accepted, Held, TrustedKeys, Verified, verify_trust};
use usher_domain::hash::Hash;
use usher_domain::table::{Manifest, TableId, Version};

/// Name of a document or table in the file: its kind and the id that it belongs to.
pub(super) type Name = [u8; 17];

/// The trust document; there is one.
pub(super) const TRUST: Name = [0; 17];

/// The name of a table and of its manifest.
pub(super) fn name_of(table: TableId) -> Name {
    let (kind, id) = match &table {
        TableId::Set(session) => (1, session.as_bytes()),
        TableId::Roster(organizer) => (2, organizer.as_bytes()),
        TableId::Directory(session) => (3, session.as_bytes()),
    };
    let mut name = [kind; 17];
    name.iter_mut()
        .skip(1)
        .zip(id)
        .for_each(|(to, from)| *to = *from);
    name
}

/// The table of a name.
pub(super) fn table_of(name: &[u8]) -> Option<TableId> {
    let (&kind, id) = name.split_first()?;
    let id = <[u8; 16]>::try_from(id).ok()?;
    match kind {
        1 => Some(TableId::Set(usher_domain::ids::SessionId::from_bytes(id))),
        2 => Some(TableId::Roster(usher_domain::ids::OrganizerId::from_bytes(
            id,
        ))),
        3 => Some(TableId::Directory(
            usher_domain::ids::SessionId::from_bytes(id),
        )),
        _ => None,
    }
}

/// Writes a document over the one held.
pub(super) fn put(
    conn: &Connection,
    name: Name,
    bytes: &[u8],
    held: Held,
) -> Result<(), StoreError> {
    conn.prepare_cached(
        "INSERT INTO documents (name, epoch, number, hash, bytes) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (name) DO UPDATE SET
           epoch = excluded.epoch, number = excluded.number, hash = excluded.hash, bytes = excluded.bytes",
    )
    .and_then(|mut statement| {
        statement.execute((
            name,
            held.version.epoch,
            held.version.number,
            held.hash.as_bytes(),
            bytes,
        ))
    })
    .doing("writing a document")?;
    Ok(())
}

/// The bytes of a document as received.
pub(super) fn bytes(conn: &Connection, name: Name) -> Result<Option<Vec<u8>>, StoreError> {
    conn.prepare_cached("SELECT bytes FROM documents WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .doing("reading a document")
}

/// Empties the document of a name: its version and who signed it are remembered, so that nothing older is
/// taken in later, and nothing of what it says.
pub(super) fn empty(conn: &Connection, name: Name) -> Result<(), StoreError> {
    let doing = "emptying a document";
    let Some(bytes) = bytes(conn, name)? else {
        return Ok(());
    };
    let emptied = cose::parse(&bytes).map_or_else(|_| Vec::new(), |envelope| envelope.emptied());
    conn.prepare_cached("UPDATE documents SET bytes = ?2 WHERE name = ?1")
        .and_then(|mut statement| statement.execute((name, emptied)))
        .doing(doing)?;
    Ok(())
}

/// Empties the manifests of all tables.
pub(super) fn empty_all_manifests(conn: &Connection) -> Result<(), StoreError> {
    let doing = "listing documents";
    let names: Vec<Name> = conn
        .prepare_cached("SELECT name FROM documents WHERE name <> ?1 ORDER BY name")
        .and_then(|mut statement| {
            let rows = statement.query_map([TRUST], |row| row.get(0))?;
            rows.collect()
        })
        .doing(doing)?;
    names.into_iter().try_for_each(|name| empty(conn, name))
}

/// Forgets which versions of tables were ever accepted.
pub(super) fn forget_all_manifests(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("DELETE FROM documents WHERE name <> ?1", [TRUST])
        .doing("forgetting documents")?;
    Ok(())
}

/// What is remembered of a document.
pub(super) fn held(conn: &Connection, name: Name) -> Result<Option<Held>, StoreError> {
    let unreadable = StoreError::Unreadable { what: "a document" };
    let row: Option<(u32, u64, [u8; 32], Vec<u8>)> = conn
        .prepare_cached("SELECT epoch, number, hash, bytes FROM documents WHERE name = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
                .optional()
        })
        .doing("reading a document")?;
    row.map(|(epoch, number, hash, bytes)| {
        Ok(Held {
            version: Version { epoch, number },
            hash: Hash::from_bytes(hash),
            signer: signer(&bytes).ok_or(unreadable)?,
        })
    })
    .transpose()
}

/// Whether nothing is left of what a document said.
fn is_emptied(bytes: &[u8]) -> bool {
    cose::parse(bytes).is_ok_and(|envelope| envelope.unverified_payload().is_empty())
}

/// The key that signed a document.
pub(super) fn signer(bytes: &[u8]) -> Option<KeyId> {
    cose::parse(bytes).ok().map(|envelope| envelope.kid())
}

impl Store {
    /// The trust document held, checked once more under the pinned root; none before enrollment.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] if it does not verify any more: the file was tampered with.
    pub fn trust(&self) -> Result<Option<Verified<Trust>>, StoreError> {
        let Some(root) = self.identity()?.and_then(|identity| identity.root_key) else {
            return Ok(None);
        };
        bytes(&self.conn, TRUST)?
            .map(|bytes| {
                verify_trust(&bytes, &root, None).map_err(|_| StoreError::Unreadable {
                    what: "the trust document",
                })
            })
            .transpose()
    }

    /// The keys to believe.
    ///
    /// # Errors
    /// [`StoreError::NotEnrolled`] before enrollment, [`StoreError::SyncNeeded`] where the document was
    /// lost with a damaged file.
    pub fn trusted_keys(&self) -> Result<TrustedKeys, StoreError> {
        self.enrolled()?;
        let trust = self.trust()?.ok_or(StoreError::SyncNeeded)?;
        Ok(TrustedKeys::from(&trust))
    }

    /// What is remembered of the trust document.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn held_trust(&self) -> Result<Option<Held>, StoreError> {
        held(&self.conn, TRUST)
    }

    /// Takes a trust document in.
    ///
    /// # Errors
    /// What writing the file says.
    pub fn accept_trust(&mut self, trust: &Accepted<Trust>) -> Result<(), StoreError> {
        self.learn("accepting a trust document", |tx| {
            put(tx, TRUST, trust.document().bytes(), trust.held())
        })
    }

    /// What is remembered of a table's manifest: the highest version ever accepted with its rows.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn held_manifest(&self, table: TableId) -> Result<Option<Held>, StoreError> {
        held(&self.conn, name_of(table))
    }

    /// The manifest of a table's rows as they stand.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn manifest(&self, table: TableId) -> Result<Option<Manifest>, StoreError> {
        self.signed_manifest(table)?
            .map(|bytes| signed_value(&bytes, "a manifest"))
            .transpose()
    }

    /// The manifest of a table's rows, as it was received; none of a table that was dropped.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn signed_manifest(&self, table: TableId) -> Result<Option<Vec<u8>>, StoreError> {
        let signed = bytes(&self.conn, name_of(table))?;
        Ok(signed.filter(|bytes| !is_emptied(bytes)))
    }
}
