//! The organizer's and sales systems' endpoints: JSON under `/api/v1`.

mod access;
mod handed_back;
mod orders;
mod organizers;
mod reports;
mod tickets;
mod tokens;
mod venue;

use super::endpoint::Endpoint;
use usher_domain::api::Page;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = organizers::endpoints();
    all.extend(tokens::endpoints());
    all.extend(venue::endpoints());
    all.extend(access::endpoints());
    all.extend(tickets::endpoints());
    all.extend(reports::endpoints());
    all.extend(orders::endpoints());
    all.extend(handed_back::endpoints());
    all
}

/// A list that fits on one page.
fn one_page<T>(items: Vec<T>) -> Page<T> {
    Page { items, next: None }
}
