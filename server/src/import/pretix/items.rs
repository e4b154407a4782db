//! Products, their variations and their names.

use super::super::ImportError;
use super::super::csv::{ATTENTION, VARIATION};
use super::super::fields::{Content, clean};
use super::files::Entry;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A text that comes in one language or several.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub(super) enum Name {
    One(String),
    Many(BTreeMap<String, Option<String>>),
    None(()),
}

impl Name {
    /// In the wanted language, else in English, else in any.
    pub(super) fn choose(&self, locale: Option<&str>) -> &str {
        match self {
            Self::One(name) => name,
            Self::None(()) => "",
            Self::Many(names) => {
                let filled = |name: &Option<String>| name.as_ref().is_some_and(|n| !n.is_empty());
                locale
                    .into_iter()
                    .chain(["en"])
                    .filter_map(|locale| names.get(locale))
                    .chain(names.values())
                    .find(|name| filled(name))
                    .and_then(|name| name.as_deref())
                    .unwrap_or_default()
            }
        }
    }
}

#[derive(Deserialize)]
struct Item {
    id: u64,
    name: Name,
    #[serde(default)]
    admission: bool,
    generate_tickets: Option<bool>,
    #[serde(default)]
    checkin_attention: bool,
    checkin_text: Option<String>,
    #[serde(default)]
    variations: Vec<Variation>,
}

#[derive(Deserialize)]
struct Variation {
    id: u64,
    value: Name,
    #[serde(default)]
    checkin_attention: bool,
    checkin_text: Option<String>,
}

/// A ticket type of pretix: a product, or a variation of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PretixItem {
    /// The product's number; it stands in signed secrets.
    pub item: u64,
    /// The variation's number.
    pub variation: Option<u64>,
    /// The name of both.
    pub name: String,
    /// Whether it gives admission (add-ons mostly do not).
    pub admission: bool,
    /// What the staff must do or say before admitting, whatever the order says.
    pub instruction: Option<String>,
}

impl PretixItem {
    /// Its number as it stands in [`super::super::ImportedTicket::type_id`].
    #[must_use]
    pub fn id(&self) -> String {
        match self.variation {
            Some(variation) => format!("{}/{variation}", self.item),
            None => self.item.to_string(),
        }
    }
}

/// What a position needs to know of its product.
pub(super) struct Product {
    pub(super) kind: PretixItem,
    /// Whether tickets are made of it; `None` leaves it to the event.
    pub(super) generate_tickets: Option<bool>,
    pub(super) attention: bool,
    /// Texts for the staff, the product's before the variation's.
    pub(super) texts: Vec<String>,
}

/// All products by number.
pub(super) struct Items {
    products: BTreeMap<(u64, Option<u64>), Product>,
    /// Products that have variations by now, for positions that were sold before.
    without_variation: BTreeMap<u64, Product>,
}

impl Items {
    pub(super) fn read(entries: &[Entry<'_>], locale: Option<&str>) -> Result<Self, ImportError> {
        let mut products = BTreeMap::new();
        let mut without_variation = BTreeMap::new();
        for entry in entries {
            let item: Item =
                serde_json::from_str(entry.json.get()).map_err(|_| ImportError::UnknownJson {
                    file: entry.file.to_string(),
                })?;
            if !item.variations.is_empty() {
                without_variation.insert(item.id, item.product(None, locale));
            }
            for product in item.products(locale) {
                products.insert((product.kind.item, product.kind.variation), product);
            }
        }
        Ok(Self {
            products,
            without_variation,
        })
    }

    pub(super) fn get(&self, item: u64, variation: Option<u64>) -> Option<&Product> {
        let sold_before = || self.without_variation.get(&item);
        let found = self.products.get(&(item, variation));
        found.or_else(|| sold_before().filter(|_| variation.is_none()))
    }

    /// All products, also those of which only earlier positions are.
    pub(super) fn all(&self) -> impl Iterator<Item = &Product> {
        self.products
            .values()
            .chain(self.without_variation.values())
    }

    pub(super) fn types(&self) -> Vec<PretixItem> {
        self.products
            .values()
            .map(|product| product.kind.clone())
            .collect()
    }
}

impl Item {
    fn product(&self, variation: Option<&Variation>, locale: Option<&str>) -> Product {
        let name = self.name.choose(locale);
        let attention = self.checkin_attention || variation.is_some_and(|v| v.checkin_attention);
        let texts = [
            self.checkin_text.as_ref(),
            variation.and_then(|v| v.checkin_text.as_ref()),
        ];
        let texts: Vec<String> = texts.into_iter().flatten().cloned().collect();
        Product {
            kind: PretixItem {
                instruction: instruction(attention.then_some(ATTENTION), &texts),
                item: self.id,
                variation: variation.map(|v| v.id),
                name: match variation.map(|v| v.value.choose(locale)) {
                    Some(value) if !value.is_empty() => format!("{name}{VARIATION}{value}"),
                    Some(_) | None => name.to_owned(),
                },
                admission: self.admission,
            },
            generate_tickets: self.generate_tickets,
            attention,
            texts,
        }
    }

    fn products(&self, locale: Option<&str>) -> Vec<Product> {
        let variations = self.variations.iter();
        if self.variations.is_empty() {
            return vec![self.product(None, locale)];
        }
        variations.map(|v| self.product(Some(v), locale)).collect()
    }
}

/// What a product asks of the staff; texts that cannot be shown are left out.
fn instruction(attention: Option<&str>, texts: &[String]) -> Option<String> {
    let texts = texts.iter().filter_map(|text| {
        let text = clean(text, Content::Prose).ok().flatten()?;
        Some(text.into_owned())
    });
    let attention = attention.map(str::to_owned).into_iter();
    let parts: Vec<String> = attention.chain(texts).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}
