//! What `usher demo` shows: a whole evening on this machine, with real processes, real pictures and a
//! network that really fails.
//!
//! The server and the scanning gates are this program started again, so killing one is what a power
//! failure is. Organizer and box office speak to the server as every other program would.

pub mod cable;
pub mod camera;
mod doors;
pub mod expect;
pub mod gate;
pub mod house;
pub mod photo;
pub mod play;
mod prepare;
pub mod process;
mod reckoning;
pub mod server;
pub mod shop;
pub mod story;
mod sure;
pub mod tickets;
mod together;
