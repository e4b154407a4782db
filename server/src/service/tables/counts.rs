//! Counts that stand in manifests, kept along with the rows so that sealing need not read them all.

use crate::service::error::{Error, Result};
use minicbor::{Decode, Encode};
use usher_domain::cbor;
use usher_domain::session::ChannelCount;
use usher_domain::table::rows::{TicketRow, TicketState};
use usher_domain::table::{TableId, decode_row};

/// Counts of one table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct Counts {
    /// Rows.
    #[n(0)]
    pub(crate) rows: u64,
    /// Tickets by channel and state; of ticket sets alone.
    #[n(1)]
    pub(crate) channels: Vec<ChannelCount>,
}

impl Counts {
    /// Reads the counts of the version before.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        cbor::decode(bytes).map_err(|_| Error::Internal("stored counts are not readable"))
    }

    /// Takes in that a row changed.
    pub(crate) fn change(&mut self, table: TableId, old: Option<&[u8]>, new: &[u8]) -> Result<()> {
        if old.is_none() {
            self.rows += 1;
        }
        if let TableId::Set(_) = table {
            if let Some(old) = old {
                let slot = self.slot(old)?;
                *slot = slot.saturating_sub(1);
            }
            *self.slot(new)? += 1;
        }
        Ok(())
    }

    /// The count that a ticket belongs to.
    fn slot(&mut self, row: &[u8]) -> Result<&mut u64> {
        let row: TicketRow =
            decode_row(row).map_err(|_| Error::Internal("a stored row is not readable"))?;
        let place = match self
            .channels
            .binary_search_by_key(&row.channel, |count| count.channel)
        {
            Ok(place) => place,
            Err(place) => {
                let none_yet = ChannelCount {
                    channel: row.channel,
                    valid: 0,
                    cancelled: 0,
                    blocked: 0,
                };
                self.channels.insert(place, none_yet);
                place
            }
        };
        let count = self
            .channels
            .get_mut(place)
            .ok_or(Error::Internal("a count is missing"))?;
        Ok(match row.state {
            TicketState::Valid => &mut count.valid,
            TicketState::Cancelled(_) => &mut count.cancelled,
            TicketState::Blocked => &mut count.blocked,
        })
    }
}
