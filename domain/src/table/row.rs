//! Rows as bytes: kept, compared and repaired by their first two elements, without knowing the rest.

use super::digest::Bucket;
use super::rows::{DirectoryRow, RosterRow, TicketRow};
use crate::cbor::{self, CborError};
use crate::ids::{DeviceId, StaffId, TicketId};
use minicbor::{Decode, Decoder, Encode};
use std::fmt;

/// Bytes of the longest row.
pub const ROW_BYTES_MAX: usize = 4096;

/// The key of a row: the id of the ticket, device or member of staff it speaks of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey([u8; 16]);

impl RowKey {
    /// The key made of these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Ids of all kinds are written alike.
        write!(f, "RowKey({})", TicketId::from_bytes(self.0))
    }
}

impl From<TicketId> for RowKey {
    fn from(id: TicketId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<DeviceId> for RowKey {
    fn from(id: DeviceId) -> Self {
        Self(*id.as_bytes())
    }
}

impl From<StaffId> for RowKey {
    fn from(id: StaffId) -> Self {
        Self(*id.as_bytes())
    }
}

/// What every row begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHead {
    /// What the row speaks of.
    pub key: RowKey,
    /// Counts the changes; of two images the higher wins.
    pub revision: u64,
}

/// Why bytes are not a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Longer than [`ROW_BYTES_MAX`].
    #[error("a row of more than {ROW_BYTES_MAX} bytes")]
    TooLong,
    /// Not in the one encoding, or without key and revision in front.
    #[error(transparent)]
    Encoding(#[from] CborError),
    /// A stream of rows ends within a row.
    #[error("the rows end within a row")]
    Truncated,
    /// A stream of rows holds something that is not a row.
    #[error("a row does not begin where one must")]
    Framing,
    /// A snapshot's rows are not in the order of bucket and key, or one comes twice.
    #[error("the rows are not in order")]
    Order,
}

impl RowError {
    /// Stable code for logs, incidents and answers.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "row_too_long",
            Self::Encoding(_) => "row_malformed",
            Self::Truncated => "rows_truncated",
            Self::Framing => "rows_malformed",
            Self::Order => "rows_out_of_order",
        }
    }
}

/// The bytes of a row in the one encoding, with its head read. What follows the head is not yet
/// understood: [`decode_row`] does that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Row<'b> {
    bytes: &'b [u8],
    head: RowHead,
}

impl<'b> Row<'b> {
    /// Takes bytes in that come from elsewhere: bounds and checks all of them.
    ///
    /// # Errors
    /// [`RowError::TooLong`] or [`RowError::Encoding`].
    pub fn parse(bytes: &'b [u8]) -> Result<Self, RowError> {
        if bytes.len() > ROW_BYTES_MAX {
            return Err(RowError::TooLong);
        }
        cbor::check_canonical(bytes)?;
        let head = read_head(bytes).map_err(|e| CborError::Malformed(e.to_string()))?;
        Ok(Self { bytes, head })
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// Key and revision.
    #[must_use]
    pub const fn head(&self) -> RowHead {
        self.head
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> RowKey {
        self.head.key
    }

    /// The revision.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.head.revision
    }

    /// The bucket that the key falls into.
    #[must_use]
    pub fn bucket(&self) -> Bucket {
        Bucket::of(&self.head.key)
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The rest may hold names.
        write!(f, "Row({:?}, {} bytes)", self.head, self.bytes.len())
    }
}

fn read_head(bytes: &[u8]) -> Result<RowHead, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    match d.array()? {
        Some(2..) => Ok(RowHead {
            key: RowKey(cbor::byte_array(&mut d)?),
            revision: d.u64()?,
        }),
        Some(_) | None => Err(minicbor::decode::Error::message(
            "a row begins with its key and revision",
        )),
    }
}

/// A row of a table whose contents are known here.
pub trait TableRow: Encode<()> + for<'b> Decode<'b, ()> {
    /// Its key and revision.
    fn head(&self) -> RowHead;
}

impl TableRow for TicketRow {
    fn head(&self) -> RowHead {
        RowHead {
            key: self.ticket.into(),
            revision: self.revision,
        }
    }
}

impl TableRow for RosterRow {
    fn head(&self) -> RowHead {
        RowHead {
            key: RowKey(*self.key),
            revision: self.revision,
        }
    }
}

impl TableRow for DirectoryRow {
    fn head(&self) -> RowHead {
        RowHead {
            key: self.ticket.into(),
            revision: self.revision,
        }
    }
}

/// The one encoding of a row.
///
/// # Errors
/// [`RowError::TooLong`]: texts of that length must be refused where they come in.
pub fn encode_row<R: TableRow>(row: &R) -> Result<Vec<u8>, RowError> {
    let bytes = cbor::encode(row);
    if bytes.len() > ROW_BYTES_MAX {
        return Err(RowError::TooLong);
    }
    Ok(bytes)
}

/// Reads a row in the one encoding. Fields that a newer program added at the end are skipped.
///
/// # Errors
/// [`RowError::TooLong`] or [`RowError::Encoding`].
pub fn decode_row<R: TableRow>(bytes: &[u8]) -> Result<R, RowError> {
    if bytes.len() > ROW_BYTES_MAX {
        return Err(RowError::TooLong);
    }
    Ok(cbor::decode_canonical(bytes)?)
}

#[cfg(test)]
mod tests;
