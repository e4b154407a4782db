//! The live feed over HTTP: server-sent events on a connection of its own, which has no bound of time.

use super::answer::{unreachable, unreadable};
use super::{HttpSync, Reply};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use std::fmt;
use usher_domain::problem::{Code, Problem};
use usher_domain::protocol::live::{
    EventReader, LiveApi, LiveEvent, LiveEvents, LiveRequest, MEDIA_TYPE,
};
use usher_domain::protocol::paths;

/// Events as they arrive.
pub struct HttpEvents {
    reply: Reply,
    reader: EventReader,
}

impl fmt::Debug for HttpEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEvents")
            .field("correlation", &self.reply.correlation)
            .finish_non_exhaustive()
    }
}

impl LiveApi for HttpSync {
    type Events = HttpEvents;

    async fn listen(&self, request: LiveRequest) -> Result<HttpEvents, Problem> {
        let mut url = self.endpoint.url(paths::LIVE);
        if !request.places.is_empty() {
            let places = request.places.iter();
            let places = places.map(|place| ("scope", place.to_string()));
            url.query_pairs_mut().extend_pairs(places);
        }
        let build = || {
            let (request, id) = self.lasting_request(Method::GET, url.clone())?;
            Ok((request.header(ACCEPT, MEDIA_TYPE), id))
        };
        let reply = self.send(build).await?;
        let kind = reply.response.headers().get(CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with(MEDIA_TYPE) {
            return Err(unreadable("no stream of events", &reply.correlation));
        }
        Ok(HttpEvents {
            reply,
            reader: EventReader::default(),
        })
    }
}

impl LiveEvents for HttpEvents {
    async fn next(&mut self) -> Result<LiveEvent, Problem> {
        loop {
            let read = self.reader.next_event();
            let odd = |_| unreadable("something that is no event", &self.reply.correlation);
            if let Some(event) = read.map_err(odd)? {
                return Ok(event);
            }
            let arrived = piece(&mut self.reply).await?;
            self.reader.push(arrived.as_ref());
        }
    }
}

/// The next bytes of the answer.
#[cfg(not(target_arch = "wasm32"))]
async fn piece(reply: &mut Reply) -> Result<impl AsRef<[u8]> + use<>, Problem> {
    let arrived = reply.response.chunk().await;
    let arrived = arrived.map_err(|error| unreachable(&error, &reply.correlation))?;
    arrived.ok_or_else(|| ended(&reply.correlation))
}

/// A browser hands answers on when they are whole, so there is nothing to listen to: the device asks.
#[cfg(target_arch = "wasm32")]
async fn piece(reply: &mut Reply) -> Result<Vec<u8>, Problem> {
    Err(ended(&reply.correlation))
}

fn ended(correlation: &str) -> Problem {
    let mut problem = Problem::new(Code::Unreachable, "the server tells nothing more");
    problem.correlation = Some(correlation.to_owned());
    problem
}
