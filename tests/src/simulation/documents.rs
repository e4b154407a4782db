//! What a device holds is replaced by something newer only.

use super::device::Program;
use super::story::Story;
use std::cell::RefCell;
use std::collections::BTreeMap;
use usher_domain::document::Held;
use usher_domain::table::TableId;

/// The signed documents that a device held when it was looked at last; the trust document belongs to no table.
#[derive(Debug, Default)]
pub struct Documents(RefCell<BTreeMap<Option<TableId>, Held>>);

impl Documents {
    /// The device went back to a copy, with what was held then.
    pub fn forget(&self) {
        self.0.borrow_mut().clear();
    }

    /// Looks at what is held now.
    pub fn check(&self, name: &str, story: &Story, program: &Program) {
        let (held, keys) = program.with(|store| {
            let mut held = Vec::new();
            held.extend(store.held_trust().ok().flatten().map(|trust| (None, trust)));
            for one in store.tables().unwrap_or_default() {
                let manifest = store.held_manifest(one.table).ok().flatten();
                held.extend(manifest.map(|manifest| (Some(one.table), manifest)));
            }
            (held, store.trusted_keys().ok())
        });
        let Some(keys) = keys else { return };
        for (what, now) in held {
            let Some(before) = self.0.borrow_mut().insert(what, now) else {
                continue;
            };
            // What a key signed that is revoked since binds nobody.
            let is_void = keys.revoked_at(before.signer).is_some();
            story.check(
                "every document that is taken in is newer",
                is_void || now.hash == before.hash || now.version > before.version,
                format_args!(
                    "{name}: {what:?} of {} after {}",
                    now.version, before.version
                ),
            );
        }
    }
}
