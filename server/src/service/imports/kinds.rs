//! Ticket types of an import: those of the same name, or new ones.

use crate::service::error::{Error, Result};
use crate::service::things::SLUG_CHARS_MAX;
use crate::service::tickets::desk::Desk;
use crate::service::types;
use crate::storage::Transaction;
use usher_domain::api::venue::{NewType, TicketType};

/// The type of this name, created if the event has none; `created` collects the names of new ones.
pub(super) fn of_name(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    name: &str,
    created: &mut Vec<String>,
) -> Result<TicketType> {
    let known = desk.types().iter();
    if let Some(kind) = known
        .clone()
        .find(|kind| kind.name == name || kind.slug == name)
    {
        return Ok(kind.clone());
    }
    let slug = free_slug(desk, name)?;
    let new = NewType {
        slug,
        name: name.to_owned(),
        sessions: Vec::new(),
    };
    let kind = types::create_in(txn, desk.organizer, &desk.event, new, desk.now)?;
    let kind = types::restrict(txn, desk.event.id, &kind)?;
    desk.add_type(kind.clone());
    created.push(name.to_owned());
    Ok(kind)
}

/// A name for paths made of a name for people, with a number if it is taken.
fn free_slug(desk: &Desk, name: &str) -> Result<String> {
    let base = slug(name);
    let taken = |slug: &str| desk.types().iter().any(|kind| kind.slug == slug);
    std::iter::once(base.clone())
        .chain((2..).map(|number: u16| format!("{base}-{number}")))
        .find(|slug| !taken(slug))
        .ok_or(Error::Conflict("the event has used up its type names"))
}

/// Letters and digits of ASCII, everything else a dash; room is left for a number.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= SLUG_CHARS_MAX - 6 {
            break;
        }
    }
    let trimmed = slug.trim_end_matches('-');
    if trimmed.is_empty() {
        "type".to_owned()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_name_for_people_becomes_one_for_paths() {
        assert_eq!(slug("VIP – Early Bird!"), "vip-early-bird");
        assert_eq!(slug("Ermäßigt"), "erm-igt");
        assert_eq!(slug("票"), "type");
        assert!(slug(&"long ".repeat(40)).len() <= 40);
    }
}
