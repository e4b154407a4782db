//! Ticket codes: what is presented at the door, in every format known here.
//!
//! A scan goes [`TicketCodeText::new`] → [`read`] → [`verify_code`] or [`PretixSecret::verify`]; every
//! step is total, so every input ends in a value that a verdict can be made of. A text that is unknown as it is
//! has other [`readings`], without what scanners put around it or changed in it.

pub mod base45;
pub mod pretix;
pub mod strength;
pub mod usher;

mod keyring;
mod layout;
mod opaque;
mod parts;
mod protobuf;
mod readings;
mod text;
mod wrapping;

pub use keyring::{CodeCheck, CodeKey, KeyStanding, Limit, verify_code};
pub use layout::Layout;
pub use opaque::{Identity, MediumKey};
pub use pretix::{PretixCode, PretixSecret};
pub use readings::{Reading, Repair, Use, readings};
pub use text::{InvalidText, MAX_TEXT_BYTES, Presented, TicketCodeText, read};
pub use usher::{Malformed, SignedCode, TicketCode};
pub use wrapping::unwrapped;
