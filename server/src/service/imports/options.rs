//! The organizer's options as the readers take them.

use super::check_in;
use crate::import::{self, Mapping, Options, SlashDates};
use crate::service::error::{Error, Result};
use crate::service::times;
use usher_domain::api::imports::{ImportOptions, UsedTickets};
use usher_domain::api::venue::Event;

/// How to read the files of an event.
pub(super) fn reading(options: &ImportOptions, event: &Event) -> Result<Options> {
    let mut reading = Options::new(times::zone(&event.time_zone)?);
    let mut mapping = Mapping::default();
    for (field, place) in &options.mapping {
        // The contract calls the seller's number `external`; lists call it a number.
        let column = match field.as_str() {
            "external" => "number".to_owned(),
            other => other.replace('_', "-"),
        };
        mapping
            .add(&format!("{column}={place}"))
            .map_err(|error| Error::invalid("mapping", error.to_string()))?;
    }
    reading.mapping = mapping;
    for (word, state) in &options.status {
        let state = import::state_named(state).ok_or_else(|| {
            let why = "a status word means valid, pending, blocked, cancelled or refunded";
            Error::invalid("status", why)
        })?;
        reading.words.insert(word.clone(), state);
    }
    reading.used = match options.used {
        UsedTickets::Admit => import::UsedTickets::Admit,
        UsedTickets::Refuse => import::UsedTickets::Refuse,
    };
    let lists = options.check_in_lists.iter();
    let lists = lists.filter(|list| *list != check_in::NONE);
    reading.check_in_lists = lists.cloned().collect();
    reading.slash_dates = options
        .date_format
        .as_deref()
        .map(slash_dates)
        .transpose()?;
    Ok(reading)
}

/// Only dates with slashes can be read in two ways; the format says which part stands first.
fn slash_dates(format: &str) -> Result<SlashDates> {
    match (format.find("%d"), format.find("%m")) {
        (Some(day), Some(month)) if day < month => Ok(SlashDates::DayFirst),
        (Some(_), Some(_)) => Ok(SlashDates::MonthFirst),
        _ => Err(Error::invalid(
            "date_format",
            "with %d and %m, such as %d/%m/%Y or %m/%d/%Y",
        )),
    }
}
