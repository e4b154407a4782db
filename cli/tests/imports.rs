//! Lists of shops at a real server: what the second import does to what the first one and people said.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "all of this file is tests"
)]

mod house;
mod imports {
    pub(crate) mod check_in;
    pub(crate) mod lists;
    pub(crate) mod merging;
    pub(crate) mod reasons;
    pub(crate) mod sessions;
    pub(crate) mod shop;
    pub(crate) mod status;
    pub(crate) mod types;
}
