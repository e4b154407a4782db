//! The organizer's and sales systems' contract: JSON over HTTP under [`PATH_PREFIX`].
//!
//! A token belongs to one organizer, so paths begin at its events. Things are named in paths by their
//! id or by their slug; where something is created, repeating the request with the same slug and content
//! changes nothing.

pub mod access;
pub mod handed_back;
pub mod imports;
pub mod orders;
pub mod readiness;
pub mod reports;
pub mod rules;
pub mod tickets;
pub mod venue;

use serde::{Deserialize, Serialize};

/// First part of every path; the contract's version.
pub const PATH_PREFIX: &str = "/api/v1";
/// Header that makes a ticket change safe to repeat.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header that carries the correlation id of a request from end to end.
pub const CORRELATION_ID: &str = "x-correlation-id";

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Ask again with `after=` this for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
