//! What the authority's log says of a scope, with the logs that it cuts followed back.

use super::super::error::Doing as _;
use super::{Store, StoreError};
use std::collections::BTreeMap;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::Frame;
use usher_domain::merge::{Ancestors, Ground};
use usher_domain::record::LogRef;

impl Store {
    /// The ground of a scope whose authority writes its log under this device id.
    ///
    /// # Errors
    /// What reading the file says.
    pub fn ground(&self, scope: ScopeId, authority: DeviceId) -> Result<Ground, StoreError> {
        let lines = self.scope_wide_records(scope, authority)?;
        let mut ground = Ground::of(scope, authority, &lines);
        for open in ground.open_cuts() {
            let known = self.cut_extents.borrow().get(&open.cut).cloned();
            let found = match known {
                Some(found) => found,
                None => {
                    let chain = self.chain(open.log)?;
                    Ancestors::follow(&open.heads, |hash| -> Result<Option<Hash>, StoreError> {
                        Ok(chain.get(hash).copied())
                    })?
                }
            };
            if found.is_complete() {
                let mut extents = self.cut_extents.borrow_mut();
                extents.insert(open.cut, found.clone());
            }
            ground.followed(&open, found);
        }
        Ok(ground)
    }

    /// The record before each record of a log.
    fn chain(&self, log: LogRef) -> Result<BTreeMap<Hash, Hash>, StoreError> {
        let doing = "following a log";
        let mut statement = self
            .conn
            .prepare_cached(
                "SELECT r.hash, r.body FROM logs l JOIN records r ON r.log_no = l.log_no
                 WHERE l.device = ?1 AND l.log = ?2",
            )
            .doing(doing)?;
        let mut rows = statement
            .query((log.device.as_bytes(), log.log.as_bytes()))
            .doing(doing)?;
        let mut chain = BTreeMap::new();
        while let Some(row) = rows.next().doing(doing)? {
            let hash = Hash::from_bytes(row.get(0).doing(doing)?);
            let body = row.get_ref(1).doing(doing)?;
            let frame = body.as_blob().ok().and_then(|body| cbor::decode(body).ok());
            let frame: Frame = frame.ok_or(StoreError::Unreadable { what: "a record" })?;
            chain.insert(hash, frame.previous);
        }
        Ok(chain)
    }
}
