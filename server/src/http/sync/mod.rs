//! The devices' endpoints: CBOR under `/sync/v1`, as [`usher_domain::wire`] says.

#[cfg(feature = "baseline")]
mod baseline;
mod claims;
mod device;
mod live;
mod range;
mod records;
mod sign_in;
mod tables;

use super::endpoint::Endpoint;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = sign_in::endpoints();
    all.extend(tables::endpoints());
    all.extend(records::endpoints());
    all.extend(claims::endpoints());
    #[cfg(feature = "baseline")]
    all.extend(baseline::endpoints());
    all.extend(live::endpoints());
    all
}
