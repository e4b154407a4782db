//! Signed documents: what an organizer, its server and its devices say, each under its own content type.

pub mod batch;
pub mod enrollment;
pub mod sanction;
pub mod trust;
