//! Which file holds what.

use super::super::report::Warning;
use super::super::{ImportError, NamedBytes};
use super::items::Name;
use super::{PretixCheckInList, PretixDates, PretixSubevent};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use usher_domain::api::imports::ImportedFile;

/// An entry of a list, not read yet, and where it stands.
pub(super) struct Entry<'a> {
    pub(super) file: Arc<str>,
    /// The first is 1.
    pub(super) index: usize,
    pub(super) json: &'a RawValue,
}

/// The event's description.
#[derive(Deserialize)]
pub(super) struct Event {
    pub(super) slug: Option<String>,
    pub(super) timezone: Option<String>,
    #[serde(default)]
    pub(super) valid_keys: ValidKeys,
    #[serde(flatten)]
    dates: Dates,
}

impl Event {
    /// When it takes place.
    pub(super) fn dates(&self) -> PretixDates {
        self.dates.read()
    }
}

/// When an event, or one date of a series, takes place.
#[derive(Deserialize)]
struct Dates {
    date_admission: Option<String>,
    date_from: Option<String>,
    date_to: Option<String>,
}

impl Dates {
    /// What cannot be read is not known.
    fn read(&self) -> PretixDates {
        let moment = |text: &Option<String>| {
            let at = text.as_deref()?.parse::<Timestamp>().ok()?;
            Some(at.as_second())
        };
        PretixDates {
            admission: moment(&self.date_admission),
            begin: moment(&self.date_from),
            end: moment(&self.date_to),
        }
    }
}

/// The event's keys by kind of secret.
#[derive(Deserialize, Default)]
pub(super) struct ValidKeys {
    #[serde(default)]
    pub(super) pretix_sig1: Vec<String>,
}

#[derive(Deserialize)]
struct Page<'a> {
    count: Option<u64>,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Subevent {
    id: u64,
    name: Name,
    #[serde(flatten)]
    dates: Dates,
}

/// All files by what they hold.
#[derive(Default)]
pub(super) struct Files<'a> {
    pub(super) event: Option<Event>,
    pub(super) orders: Vec<Entry<'a>>,
    /// How many orders pretix counts, if a page says so.
    pub(super) order_count: Option<u64>,
    pub(super) items: Vec<Entry<'a>>,
    pub(super) revoked: Vec<Entry<'a>>,
    pub(super) blocked: Vec<Entry<'a>>,
    subevents: Vec<Entry<'a>>,
    check_in_lists: Vec<Entry<'a>>,
    pub(super) ignored: Vec<Warning>,
    /// Every file, and what it was used for.
    pub(super) used: Vec<ImportedFile>,
}

/// What the entries of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListOf {
    Orders,
    Items,
    Revoked,
    Blocked,
    Subevents,
    CheckInLists,
    /// Of no use here.
    Others,
    /// No list, but the event's description.
    Event,
    /// A page of orders without any.
    NoOrders,
    Nothing,
}

impl ListOf {
    /// What a file of it is used for, in a word that never changes.
    const fn used_as(self) -> Option<&'static str> {
        match self {
            Self::Orders | Self::NoOrders => Some("orders"),
            Self::Items => Some("items"),
            Self::Revoked => Some("revoked_secrets"),
            Self::Blocked => Some("blocked_secrets"),
            Self::Subevents => Some("subevents"),
            Self::CheckInLists => Some("check_in_lists"),
            Self::Event => Some("event"),
            Self::Others | Self::Nothing => None,
        }
    }
}

impl<'a> Files<'a> {
    /// Looks into every file.
    pub(super) fn sort(files: &[NamedBytes<'a>]) -> Result<Self, ImportError> {
        let mut sorted = Self::default();
        let mut empty_orders = false;
        for file in files {
            let kind = sorted.add(file)?;
            sorted.used.push(ImportedFile {
                name: file.name.to_owned(),
                used_as: kind.used_as().map(str::to_owned),
            });
            empty_orders |= kind == ListOf::NoOrders;
        }
        if sorted.orders.is_empty() && !empty_orders {
            return Err(ImportError::OrdersMissing);
        }
        if sorted.items.is_empty() && !sorted.orders.is_empty() {
            return Err(ImportError::ItemsMissing);
        }
        Ok(sorted)
    }

    /// Adds a file and tells what it is.
    fn add(&mut self, file: &NamedBytes<'a>) -> Result<ListOf, ImportError> {
        let bytes = file
            .bytes
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(file.bytes);
        let whole: &RawValue = parse(bytes, file.name)?;
        let text = whole.get().trim_start();
        if text.starts_with('[') {
            let results = parse::<Vec<&RawValue>>(bytes, file.name)?;
            return self.add_list(file.name, results, None);
        }
        let keys = keys_of(whole).ok_or_else(|| unknown(file.name))?;
        let has = |key: &str| keys.contains_key(key);
        if has("results") {
            let page =
                serde_json::from_str::<Page<'a>>(whole.get()).map_err(|_| unknown(file.name))?;
            return self.add_list(file.name, page.results, page.count);
        }
        if has("slug") && (has("valid_keys") || has("timezone")) {
            let event = serde_json::from_str(whole.get()).map_err(|_| unknown(file.name))?;
            self.event = Some(event);
            return Ok(ListOf::Event);
        }
        if list_of(whole) == ListOf::Orders {
            return self.add_list(file.name, vec![whole], None);
        }
        Err(unknown(file.name))
    }

    fn add_list(
        &mut self,
        name: &str,
        results: Vec<&'a RawValue>,
        count: Option<u64>,
    ) -> Result<ListOf, ImportError> {
        let kind = results.first().map_or(ListOf::Nothing, |f| list_of(f));
        let list = match kind {
            ListOf::Orders => {
                self.order_count = self.order_count.max(count);
                &mut self.orders
            }
            ListOf::Items => &mut self.items,
            ListOf::Revoked => &mut self.revoked,
            ListOf::Blocked => &mut self.blocked,
            ListOf::Subevents => &mut self.subevents,
            ListOf::CheckInLists => &mut self.check_in_lists,
            ListOf::Nothing if name.to_lowercase().contains("order") => {
                return Ok(ListOf::NoOrders);
            }
            ListOf::Event | ListOf::Nothing | ListOf::NoOrders => return Ok(kind),
            ListOf::Others => {
                self.ignored.push(Warning::FileIgnored {
                    file: name.to_owned(),
                });
                return Ok(kind);
            }
        };
        let file: Arc<str> = name.into();
        list.extend(results.into_iter().zip(1..).map(|(json, index)| Entry {
            file: Arc::clone(&file),
            index,
            json,
        }));
        Ok(kind)
    }

    /// The check-in lists that can be read.
    pub(super) fn check_in_lists(&self) -> Vec<PretixCheckInList> {
        self.check_in_lists
            .iter()
            .filter_map(|entry| serde_json::from_str(entry.json.get()).ok())
            .collect()
    }

    /// The dates of an event series; entries that cannot be read are left out, their numbers remain.
    pub(super) fn subevents(&self, locale: Option<&str>) -> Vec<PretixSubevent> {
        self.subevents
            .iter()
            .filter_map(|entry| serde_json::from_str::<Subevent>(entry.json.get()).ok())
            .map(|subevent| PretixSubevent {
                id: subevent.id,
                name: subevent.name.choose(locale).to_owned(),
                dates: subevent.dates.read(),
            })
            .collect()
    }
}

/// serde's own messages quote the input, which holds secrets and names: only the place is told.
fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], file: &str) -> Result<T, ImportError> {
    serde_json::from_slice(bytes).map_err(|error| ImportError::Json {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}

fn unknown(file: &str) -> ImportError {
    ImportError::UnknownJson {
        file: file.to_owned(),
    }
}

fn keys_of(json: &RawValue) -> Option<BTreeMap<Cow<'_, str>, IgnoredAny>> {
    serde_json::from_str(json.get()).ok()
}

/// Tells an entry by fields that only its kind has.
fn list_of(entry: &RawValue) -> ListOf {
    let Some(keys) = keys_of(entry) else {
        return ListOf::Others;
    };
    let has = |key: &str| keys.contains_key(key);
    if has("positions") && has("code") {
        ListOf::Orders
    } else if has("default_price") && has("admission") {
        ListOf::Items
    } else if has("secret") && has("blocked") && !has("order") {
        ListOf::Blocked
    } else if has("secret") && has("created") && !has("order") {
        ListOf::Revoked
    } else if has("date_from") && has("name") && has("event") {
        ListOf::Subevents
    } else if has("all_products") && has("limit_products") {
        ListOf::CheckInLists
    } else {
        ListOf::Others
    }
}
