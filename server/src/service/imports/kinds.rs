//! Ticket types of an import: those of the same product or name, or new ones. Two products of one shop are two
//! types, also where they bear one name: what one of them may enter, the other one may not.

use crate::service::channels::SellerType;
use crate::service::error::{Error, Result};
use crate::service::things::{NAME_BYTES_MAX, SLUG_CHARS_MAX, check_text};
use crate::service::tickets::desk::Desk;
use crate::service::tickets::said::Mark;
use crate::service::types;
use crate::storage::Transaction;
use icu_normalizer::DecomposingNormalizerBorrowed;
use std::collections::BTreeSet;
use usher_domain::api::venue::{NewType, TicketType};
use usher_domain::numbers::TypeNumber;

/// A kind of ticket as a list tells it.
#[derive(Clone, Copy)]
pub(super) struct Told<'a> {
    /// The list.
    pub(super) source: Mark,
    /// The shop's number of the product, if the list tells it.
    pub(super) product: Option<&'a str>,
    /// Its name.
    pub(super) name: &'a str,
}

/// The type that a list tells, created if the event has none; `created` collects the names of new ones.
pub(super) fn of_list(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    told: Told<'_>,
    created: &mut Vec<String>,
) -> Result<TicketType> {
    let Some(product) = told.product else {
        return of_name(txn, desk, told.name, created, |_| true);
    };
    if let Some(kind) = of_product(desk, told) {
        return Ok(kind);
    }
    // The type of this name may be that of another product already.
    let others: BTreeSet<TypeNumber> = desk
        .seller_types()
        .iter()
        .filter(|known| known.source == told.source && known.product != product)
        .map(|known| known.number)
        .collect();
    let is_free = |number| !others.contains(&number);
    let named = |kind: &TicketType| kind.name == told.name || kind.slug == told.name;
    let is_taken = desk
        .types()
        .iter()
        .any(|kind| named(kind) && !is_free(kind.number));
    let name = if is_taken {
        format!("{} ({product})", told.name)
    } else {
        told.name.to_owned()
    };
    check_text("type", &name, NAME_BYTES_MAX)?;
    let kind = of_name(txn, desk, &name, created, is_free)?;
    let known = SellerType {
        source: told.source,
        product: product.to_owned(),
        name: told.name.to_owned(),
        number: kind.number,
    };
    desk.add_seller_type(txn, known)?;
    Ok(kind)
}

/// The type that a product became before.
pub(super) fn of_product(desk: &Desk, told: Told<'_>) -> Option<TicketType> {
    let known = desk.seller_types().iter().find(|known| {
        known.source == told.source
            && told.product == Some(known.product.as_str())
            && known.name == told.name
    })?;
    let mut types = desk.types().iter();
    types.find(|kind| kind.number == known.number).cloned()
}

/// The type of this name, if it is one of those that count.
fn of_name(
    txn: &mut dyn Transaction,
    desk: &mut Desk,
    name: &str,
    created: &mut Vec<String>,
    counts: impl Fn(TypeNumber) -> bool,
) -> Result<TicketType> {
    let mut known = desk.types().iter();
    let named = |kind: &&TicketType| kind.name == name || kind.slug == name;
    if let Some(kind) = known.find(|kind| named(kind) && counts(kind.number)) {
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

/// The marks that Latin letters are decomposed into (Unicode block Combining Diacritical Marks).
const COMBINING_MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36f}';

/// Letters and digits of ASCII, letters with marks as they are written without, everything else a dash; room is
/// left for a number.
fn slug(name: &str) -> String {
    let lower: String = name.chars().flat_map(char::to_lowercase).collect();
    let spelled = lower
        .replace('ä', "ae")
        .replace('ö', "oe")
        .replace('ü', "ue")
        .replace('ß', "ss")
        .replace('æ', "ae")
        .replace(['ø', 'œ'], "oe")
        .replace('ł', "l");
    let mut slug = String::new();
    for c in DecomposingNormalizerBorrowed::new_nfd()
        .normalize(&spelled)
        .chars()
    {
        if COMBINING_MARKS.contains(&c) {
            continue;
        }
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
        assert_eq!(slug("Ermäßigt"), "ermaessigt");
        assert_eq!(slug("Réduit, régulier"), "reduit-regulier");
        assert_eq!(slug("票"), "type");
        assert!(slug(&"long ".repeat(40)).len() <= 40);
    }
}
