//! What `usher demo` shows.

pub mod photo;
