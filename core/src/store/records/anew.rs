//! Writing records anew that no server can take any more, because what stood before them is lost.

use super::super::error::Doing as _;
use super::own::{end_of, open_log};
use super::{Store, StoreError, insert, scope_no};
use crate::clock::Entropy;
use std::collections::BTreeMap;
use usher_domain::cbor;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, ScopeId};
use usher_domain::log::LogEnd;
use usher_domain::protocol::Head;
use usher_domain::record::{Body, LogRef, Record};

impl Store {
    /// Moves records of a broken log of `device` to the end of its open log, each with its own stamp, and
    /// says how many. A log that has a hole is no chain: a server takes nothing after it, and must have
    /// nothing after it, or what it has would count twice. Both happen in one transaction.
    ///
    /// # Errors
    /// What writing the file says; [`StoreError::NoEntropy`].
    pub fn write_anew(
        &mut self,
        scope: ScopeId,
        broken: LogRef,
        records: &[Vec<u8>],
        device: DeviceId,
        entropy: &dyn Entropy,
    ) -> Result<u64, StoreError> {
        if self.log_end(scope, device, entropy)?.head.log == broken {
            self.start_log(scope, device, entropy)?;
        }
        self.learn("writing records anew", |tx| {
            let (log_no, log) = open_log(tx, scope)?.ok_or(StoreError::BrokenChain)?;
            let (sequence, hash) = end_of(tx, log_no)?;
            let head = Head {
                log,
                sequence,
                hash,
            };
            let mut end = LogEnd { scope, head };
            let scope_no = scope_no(tx, scope)?;
            let mut moved = BTreeMap::new();
            for encoded in records {
                // What a newer program wrote stays where it is.
                let Ok(mut record) = cbor::decode::<Record>(encoded) else {
                    continue;
                };
                if let Body::Undo(undo) = &mut record.body {
                    undo.of = moved.get(&undo.of).copied().unwrap_or(undo.of);
                }
                let old = Hash::of(&[encoded]);
                let entry = end.append(record.stamp, record.body);
                moved.insert(old, entry.hash);
                insert(tx, log_no, scope_no, &entry)?;
                tx.execute(
                    "DELETE FROM records WHERE hash = ?3 AND log_no =
                         (SELECT log_no FROM logs WHERE device = ?1 AND log = ?2)",
                    (
                        broken.device.as_bytes(),
                        broken.log.as_bytes(),
                        old.as_bytes(),
                    ),
                )
                .doing("taking a record out of a broken log")?;
            }
            Ok(moved.len() as u64)
        })
    }
}
