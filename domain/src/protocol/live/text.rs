//! Events and places as text.

use super::{LiveEvent, LivePlace};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

impl LiveEvent {
    /// The event as it travels: lines of `event`, `id` and `data` with an empty one at the end. Only what
    /// brings batches has an id: the place after them.
    #[must_use]
    pub fn to_text(&self) -> String {
        let id = match self {
            Self::Feed(news) if !news.batches.is_empty() => {
                let place = LivePlace {
                    scope: news.scope,
                    epoch: news.epoch,
                    position: news.end,
                };
                format!("id: {place}\n")
            }
            Self::Hello(_)
            | Self::Feed(_)
            | Self::Table(_)
            | Self::Trust(_)
            | Self::Yield(_)
            | Self::Ping(_)
            | Self::Bye(_) => String::new(),
        };
        let data = STANDARD.encode(self.encode());
        format!("event: {}\n{id}data: {data}\n\n", self.name())
    }
}

/// A text that names no place in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a place in a feed is written scope:epoch:position")]
pub struct NotAPlace;

impl fmt::Display for LivePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.scope, self.epoch, self.position)
    }
}

impl FromStr for LivePlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let mut parts = text.split(':');
        let (Some(scope), Some(epoch), Some(position), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAPlace);
        };
        Ok(Self {
            scope: scope.parse().map_err(|_| NotAPlace)?,
            epoch: epoch.parse().map_err(|_| NotAPlace)?,
            position: position.parse().map_err(|_| NotAPlace)?,
        })
    }
}
