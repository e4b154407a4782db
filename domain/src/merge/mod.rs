//! Merging: folding records into what is known of every ticket, the same everywhere.

pub mod state;
