//! Disks in memory for SQLite: they lose power, fill up and fail when a test says so.
//!
//! [`install`] puts a virtual file system (<https://www.sqlite.org/vfs.html>) before the one that SQLite
//! comes with. Databases in the folder of a [`Disk`] live in memory; all others go where they always
//! went. The program under test opens them by path as ever.
//!
//! In the real folder stands an empty-looking marker for every file in memory, so that a program that
//! asks the system whether its database exists, or renames or removes it, is told the truth. What
//! the program itself writes into the folder (locks, notes) is real, and survives a loss of power.
//!
//! # What a loss of power does
//! A write that was not followed by a sync of its file may be there or not, each for itself, and may be
//! torn between sectors of 512 bytes. A file that was made and whose folder was not synced since may be gone. A file that was deleted
//! without a sync of its folder may be back. What was synced stays, unless the disk lies
//! ([`Faults::lying`]). Bytes beside a write are never touched: SQLite relies on that too
//! (<https://www.sqlite.org/psow.html>).

mod body;
mod calls;
mod disk;
mod sharing;

pub use calls::install;
pub use disk::{Disk, Faults, Image};
