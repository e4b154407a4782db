//! Signed documents: what an organizer, its server and its devices say, each under its own content type.
//!
//! A document goes in one order, which follows The Update Framework (section 5 of its specification):
//! signature, then version, then expiry, and only then the store. [`Verified`] is the result of the
//! first step, [`Accepted`] of all; the store takes nothing else, so skipping a step does not compile.
//!
//! [`accept_trust`] and [`accept_manifest`] take all steps at once.

mod accept;
pub mod approval;
pub mod badge;
pub mod batch;
pub mod enrollment;
mod envelope;
pub mod root_key;
pub mod sanction;
pub mod trust;
mod trusted;
pub mod undo;

pub use accept::{
    Acceptance, Accepted, Age, EPOCH_STEP_MAX, Held, Rejected, VERSION_NUMBER_MAX, Versioned,
    accept, accept_manifest, accept_trust,
};
pub use enrollment::verify_enrollment;
pub use envelope::{DOCUMENT_BYTES_MAX, Document, Untrusted, Verified, sign};
pub use trusted::{TrustedKeys, pinned_root, verify_trust};

#[cfg(test)]
mod tests;
