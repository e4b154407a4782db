//! The kept parts of a snapshot, read as one stream.

use super::super::error::Doing as _;
use super::StoreError;
use rusqlite::{Connection, OptionalExtension as _};
use std::io::{self, Read};

/// Where in the kept parts unpacking stands.
#[derive(Default)]
pub(super) struct Place {
    next_start: u64,
    part: Vec<u8>,
    read: usize,
}

/// The kept parts of a snapshot, one after the other.
pub(super) struct Source<'c> {
    pub(super) conn: &'c Connection,
    pub(super) generation: i64,
    pub(super) place: &'c mut Place,
    pub(super) failed: Option<StoreError>,
}

impl Read for Source<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.place.read >= self.place.part.len() {
            let part: Option<Vec<u8>> = self
                .conn
                .prepare_cached("SELECT bytes FROM parts WHERE generation = ?1 AND start = ?2")
                .and_then(|mut statement| {
                    statement
                        .query_row((self.generation, self.place.next_start), |row| row.get(0))
                        .optional()
                })
                .doing("reading a part of a snapshot")
                .map_err(|error| {
                    self.failed = Some(error);
                    io::Error::other("the store failed")
                })?;
            let Some(part) = part else { return Ok(0) };
            self.place.next_start += part.len() as u64;
            self.place.part = part;
            self.place.read = 0;
        }
        let mut rest = self.place.part.get(self.place.read..).unwrap_or_default();
        let count = rest.read(to)?;
        self.place.read += count;
        Ok(count)
    }
}
