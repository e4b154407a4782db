//! By which clock people are told times that belong to no single event.

use crate::client::Client;
use crate::error::CliError;
use crate::values::local;
use jiff::Timestamp;
use usher_domain::api::venue::Event;

/// The clock by which people are told times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wall {
    /// The clock of all events concerned.
    Of(String),
    /// Events lie in several zones, or there are none.
    Utc,
}

impl Wall {
    /// The clock of the events named, by slug or id; of all events if none is named.
    ///
    /// # Errors
    /// [`CliError::Server`].
    pub async fn of_events(client: &Client, named: &[String]) -> Result<Self, CliError> {
        let events: Vec<Event> = client.list(&["events"]).await?;
        let is_meant = |event: &&Event| {
            if event.retired {
                return false;
            }
            named.is_empty() || named.contains(&event.slug) || named.contains(&event.id.to_string())
        };
        let zones = events.iter().filter(is_meant).map(|event| &event.time_zone);
        Ok(Self::shared(zones))
    }

    /// The clock that all these time zones share.
    #[must_use]
    pub fn shared<'z>(mut zones: impl Iterator<Item = &'z String>) -> Self {
        match zones.next() {
            Some(first) if zones.all(|zone| zone == first) => Self::Of(first.clone()),
            Some(_) | None => Self::Utc,
        }
    }

    /// The IANA name of the zone, where there is one.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        match self {
            Self::Of(zone) => Some(zone),
            Self::Utc => None,
        }
    }

    /// A time by this clock, to the minute.
    #[must_use]
    pub fn say(&self, at: Timestamp) -> String {
        match self {
            Self::Of(zone) => local(at, zone),
            Self::Utc => format!("{} UTC", local(at, "UTC")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_the_venues_unless_events_lie_in_several_zones() {
        let at = "2027-05-01T18:00:00.123Z".parse().unwrap();
        let say = |zones: &[&str]| {
            let zones: Vec<String> = zones.iter().map(|&zone| zone.to_owned()).collect();
            Wall::shared(zones.iter()).say(at)
        };
        let berlin = "Europe/Berlin";
        assert_eq!(say(&[berlin, berlin]), "Sat 2027-05-01 20:00");
        assert_eq!(say(&[berlin, "Asia/Tokyo"]), "Sat 2027-05-01 18:00 UTC");
        assert_eq!(say(&[]), "Sat 2027-05-01 18:00 UTC");
    }
}
