//! What is known of an event besides its names: sales channels, and the keys of other sellers.

use super::error::{Error, Result};
use super::things::{NAME_BYTES_MAX, check_text};
use super::tickets::said::Mark;
use crate::storage::{Space, Transaction};
use minicbor::{Decode, Encode};
use usher_domain::cbor;
use usher_domain::ids::EventId;
use usher_domain::numbers::TypeNumber;
use usher_domain::session::PretixTerms;
use usher_domain::time::UnixMillis;

fn place(what: &[u8], event: EventId) -> Vec<u8> {
    [what, event.as_bytes()].concat()
}

/// Names of an event's sales channels; rows refer to them by index.
pub(crate) fn names(txn: &dyn Transaction, event: EventId) -> Result<Vec<String>> {
    match txn.value(Space::Event, &place(b"channels ", event))? {
        None => Ok(Vec::new()),
        Some(bytes) => {
            cbor::decode(&bytes).map_err(|_| Error::Internal("stored channels are not readable"))
        }
    }
}

/// The index of a channel; a new name is added.
pub(crate) fn index(
    txn: &mut dyn Transaction,
    event: EventId,
    name: &str,
    now: UnixMillis,
) -> Result<u8> {
    let mut known = names(txn, event)?;
    let found = known.iter().position(|known| known == name);
    let index = u8::try_from(found.unwrap_or(known.len()))
        .map_err(|_| Error::invalid("channel", "an event has 256 sales channels at most"))?;
    if found.is_none() {
        check_text("channel", name, NAME_BYTES_MAX)?;
        known.push(name.to_owned());
        txn.put_value(
            Space::Event,
            &place(b"channels ", event),
            &cbor::encode(&known),
            now,
        )?;
    }
    Ok(index)
}

/// What is needed to read the event's pretix secrets, if it was imported from there.
pub(crate) fn pretix(txn: &dyn Transaction, event: EventId) -> Result<Option<PretixTerms>> {
    txn.value(Space::Event, &place(b"pretix ", event))?
        .map(|bytes| {
            cbor::decode(&bytes).map_err(|_| Error::Internal("stored pretix keys are not readable"))
        })
        .transpose()
}

/// Stores what is needed to read the event's pretix secrets.
pub(crate) fn put_pretix(
    txn: &mut dyn Transaction,
    event: EventId,
    terms: &PretixTerms,
    now: UnixMillis,
) -> Result<()> {
    txn.put_value(
        Space::Event,
        &place(b"pretix ", event),
        &cbor::encode(terms),
        now,
    )?;
    Ok(())
}

/// A product of a shop and the ticket type that it became.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SellerType {
    /// The list that told of it.
    #[n(0)]
    pub(crate) source: Mark,
    /// The shop's number of the product.
    #[n(1)]
    pub(crate) product: String,
    /// Its name there: lists may give the variations of a product one number.
    #[n(2)]
    pub(crate) name: String,
    /// The type here.
    #[n(3)]
    pub(crate) number: TypeNumber,
}

/// Which types the products of shops became.
pub(crate) fn seller_types(txn: &dyn Transaction, event: EventId) -> Result<Vec<SellerType>> {
    txn.value(Space::Event, &place(b"products ", event))?
        .map_or(Ok(Vec::new()), |bytes| {
            cbor::decode(&bytes).map_err(|_| Error::Internal("stored products are not readable"))
        })
}

/// Stores which types the products of shops became.
pub(crate) fn put_seller_types(
    txn: &mut dyn Transaction,
    event: EventId,
    types: &Vec<SellerType>,
    now: UnixMillis,
) -> Result<()> {
    let bytes = cbor::encode(types);
    txn.put_value(Space::Event, &place(b"products ", event), &bytes, now)?;
    Ok(())
}
