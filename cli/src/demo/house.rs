//! The organizer's side of the demo: server, event, shop, sales and enrollment codes.

use super::cable::Cable;
use super::server::{DemoServer, connect};
use super::shop::{List, PASS};
use crate::client::Client;
use crate::error::CliError;
use crate::shell::random;
use crate::trust::{Signing, make_or_open_root};
use jiff::{SignedDuration, Timestamp};
use reqwest::multipart::{Form, Part};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use usher_domain::api::access::{
    Device, Duty, IssuedEnrollment, IssuedToken, NewEnrollment, NewToken, TokenRole,
};
use usher_domain::api::imports::{ImportOptions, ImportReport};
use usher_domain::api::reports::NewEveryoneOut;
use usher_domain::api::tickets::{NewTicket, Ticket, TicketChange};
use usher_domain::api::venue;
use usher_domain::hash::Hash;
use usher_domain::secret::Private;
use usher_domain::table::rows::{CancelReason, DeviceRole};
use usher_domain::time::UnixMillis;

/// Slug of the organizer.
const HOUSE: &str = "harbour";
/// Slug of the event.
const EVENT: &str = "festival";
/// Slug of the night that the gates serve.
pub const FIRST: &str = "first-night";
/// Slug of the night after.
pub const SECOND: &str = "second-night";
/// Name of the night after, as a gate names it.
pub const SECOND_NAME: &str = "Second night";
/// Days that the server's keys are trusted.
const DAYS: u32 = 30;

/// How long the server may take to seal what changed or to hear of gates, and how often it is asked.
const PATIENCE: Duration = Duration::from_secs(60);
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// The organizer's side of the demo.
#[derive(Debug)]
pub struct House {
    /// The server.
    pub server: DemoServer,
    /// What connects gates with it.
    pub cable: Cable,
    client: Client,
    pin: Hash,
    token: Private,
    correlation: String,
}

impl House {
    /// A server with an organizer whose root key was made here. `correlation` ties all requests together.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn build(
        folder: &Path,
        correlation: String,
        now: UnixMillis,
    ) -> Result<Self, CliError> {
        let mut server = DemoServer::prepare(folder).await?;
        let address = server.start().await?;
        let profile = server.profile()?;
        let pin = profile.pin.as_deref().and_then(|pin| pin.parse().ok());
        let (Some(pin), Some(admin)) = (pin, profile.admin_token) else {
            return Err(CliError::Missing("usher init wrote no pin or token"));
        };
        let admin = connect(address, pin, admin, correlation.clone())?;
        let new = venue::NewOrganizer {
            slug: HOUSE.to_owned(),
            name: "Harbour Hall".to_owned(),
        };
        let organizer: venue::Organizer = admin.post(&["organizers"], &new).await?;
        let new = NewToken {
            name: "demo".to_owned(),
            role: TokenRole::Organizer,
            until: None,
        };
        let issued: IssuedToken = admin.post(&["organizers", HOUSE, "tokens"], &new).await?;
        server.keep_token(HOUSE, &issued.secret)?;
        let client = connect(address, pin, issued.secret.clone(), correlation.clone())?;
        // Nobody needs this root key again, so nobody needs to know its passphrase.
        let passphrase = Private::new(Hash::of(&[&random::<32>()?]).to_string());
        let root = make_or_open_root(&folder.join("harbour.root"), &passphrase)?;
        let signing = Signing {
            root: &root,
            now,
            days: DAYS,
        };
        let document = signing.next_document(&organizer, &[], None, 1);
        let _: venue::Organizer = client.put(&["organizer", "trust"], &document).await?;
        let cable = Cable::lay().await?;
        cable.plug(address);
        Ok(Self {
            server,
            cable,
            client,
            pin,
            token: issued.secret,
            correlation,
        })
    }

    /// Starts the killed server again. The gates do not reach it until the cable is plugged in.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn start_again(&mut self) -> Result<(), CliError> {
        let address = self.server.start().await?;
        let (token, id) = (self.token.clone(), self.correlation.clone());
        self.client = connect(address, self.pin, token, id)?;
        Ok(())
    }

    /// What an organizer gets who asks at an address, by a new connection: `reached`, or the error's code.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn ask(&self, at: SocketAddr) -> Result<&'static str, CliError> {
        let (token, id) = (self.token.clone(), self.correlation.clone());
        let client = connect(at, self.pin, token, id)?;
        let asked: Result<venue::Organizer, _> = client.get(&["organizer"]).await;
        Ok(asked.map_or_else(|error| error.code(), |_| "reached"))
    }

    /// Announces the event: two nights of which the first has its doors open now, a pass for both, two
    /// zones and a gate to each.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn announce(&self, now: Timestamp) -> Result<(), CliError> {
        let event = venue::NewEvent {
            slug: EVENT.to_owned(),
            name: "Harbour Festival".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
        };
        let _: venue::Event = self.client.post(&["events"], &event).await?;
        for (slug, name, later_hours) in [(FIRST, "First night", 0), (SECOND, SECOND_NAME, 24)] {
            let at = |minutes: i64| {
                let after = SignedDuration::from_mins(later_hours * 60 + minutes);
                now.checked_add(after)
                    .map(|at| at.to_string())
                    .map_err(CliError::invalid)
            };
            let session = venue::NewSession {
                slug: slug.to_owned(),
                name: name.to_owned(),
                doors: at(-60)?,
                starts: Some(at(30)?),
                ends: at(240)?,
                rules: None,
            };
            let path = ["events", EVENT, "sessions"];
            let _: venue::Session = self.client.post(&path, &session).await?;
        }
        let pass = venue::NewType {
            slug: "pass".to_owned(),
            name: PASS.to_owned(),
            sessions: vec![FIRST.to_owned(), SECOND.to_owned()],
        };
        let path = ["events", EVENT, "types"];
        let _: venue::TicketType = self.client.post(&path, &pass).await?;
        for (zone, zone_name, gate, gate_name) in [
            ("hall", "Hall", "north", "North"),
            ("balcony", "Balcony", "south", "South"),
        ] {
            let new = venue::NewZone {
                slug: zone.to_owned(),
                name: zone_name.to_owned(),
            };
            let _: venue::Zone = self.client.post(&["zones"], &new).await?;
            let new = venue::NewGate {
                slug: gate.to_owned(),
                name: gate_name.to_owned(),
                zone: Some(zone.to_owned()),
            };
            let _: venue::Gate = self.client.post(&["gates"], &new).await?;
        }
        Ok(())
    }

    /// Imports an attendee list for one night.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn import(&self, list: &List, session: &str) -> Result<ImportReport, CliError> {
        let options = ImportOptions {
            session: Some(session.to_owned()),
            ..ImportOptions::default()
        };
        let options = serde_json::to_string(&options).map_err(CliError::invalid)?;
        let file = Part::bytes(list.csv.clone()).file_name(format!("{session}.csv"));
        let form = Form::new().text("options", options).part("file", file);
        self.client
            .upload(&["events", EVENT, "imports"], form)
            .await
    }

    /// Sells a ticket with a signed code.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn sell(&self, what: Offer, number: &str) -> Result<Ticket, CliError> {
        let (kind, session, zone) = match what {
            Offer::Night(session) => ("general-admission", Some(session), None),
            Offer::Zone(zone) => ("general-admission", Some(FIRST), Some(zone)),
            Offer::Pass => ("pass", None, None),
        };
        let new = NewTicket {
            kind: kind.to_owned(),
            session: session.map(str::to_owned),
            external: Some(number.to_owned()),
            order: None,
            channel: Some("box-office".to_owned()),
            holder: Some(Private::new(format!("Guest {number}"))),
            media: Vec::new(),
            seat: None,
            zone: zone.map(str::to_owned),
            valid_from: None,
            valid_until: None,
            instruction: None,
            entries: None,
            home: None,
        };
        self.client.post(&["events", EVENT, "tickets"], &new).await
    }

    /// Cancels a ticket: its money went back.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn cancel(&self, ticket: &Ticket) -> Result<Ticket, CliError> {
        let reason = CancelReason::Refunded;
        self.change(
            ticket,
            TicketChange::Cancel {
                reason: Some(reason),
            },
        )
        .await
    }

    /// Makes a new code for a ticket.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn reissue(&self, ticket: &Ticket) -> Result<Ticket, CliError> {
        let media = Vec::new();
        self.change(ticket, TicketChange::Reissue { media }).await
    }

    async fn change(&self, ticket: &Ticket, change: TicketChange) -> Result<Ticket, CliError> {
        let id = ticket.id.to_string();
        let path = ["events", EVENT, "tickets", &id, "changes"];
        self.client.post(&path, &change).await
    }

    /// Waits until the ticket set of a night is signed with this many tickets. Changes are sealed in the
    /// order in which they came, so everything before the last sale is in it too.
    ///
    /// # Errors
    /// [`CliError`] if that takes too long.
    pub async fn sealed(&self, session: &str, tickets: u64) -> Result<venue::SetStatus, CliError> {
        let asking = async {
            loop {
                let session: venue::Session = self
                    .client
                    .get(&["events", EVENT, "sessions", session])
                    .await?;
                match session.set {
                    Some(set) if set.tickets >= tickets => return Ok::<_, CliError>(set),
                    Some(_) | None => tokio::time::sleep(ASK_AGAIN).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .map_err(|_| CliError::Missing("the server did not seal the ticket set in time"))?
    }

    /// Waits until the server was told by these devices, since it started, that it has all their scans.
    ///
    /// # Errors
    /// [`CliError`] if that takes too long.
    pub async fn heard_of(&self, names: &[&str]) -> Result<(), CliError> {
        let asking = async {
            loop {
                let devices: Vec<Device> = self.client.list(&["devices"]).await?;
                let heard = |name: &&str| {
                    let known = |duty: Duty| duty.known_until.is_some();
                    let mut named = devices.iter().filter(|device| device.name == **name);
                    named.any(|device| device.duty.is_some_and(known))
                };
                if names.iter().all(heard) {
                    return Ok::<_, CliError>(());
                }
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking)
            .await
            .map_err(|_| CliError::Missing("the gates did not reach the server in time"))?
    }

    /// Says that everyone was sent out of the first night.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn everyone_out(&self) -> Result<(), CliError> {
        let out = NewEveryoneOut {
            zone: None,
            everyone: true,
            at: None,
        };
        let path = ["events", EVENT, "sessions", FIRST, "everyone-out"];
        self.client.post(&path, &out).await
    }

    /// An enrollment code for a device at a gate, which reaches the server by the cable.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn enrollment(&self, gate: &str) -> Result<Private, CliError> {
        let new = NewEnrollment {
            gate: Some(gate.to_owned()),
            role: DeviceRole::Gate,
            uses: 1,
            until: None,
            confirmation: usher_domain::api::access::Confirmation::None,
            events: Vec::new(),
            server: Some(format!("https://{}", self.cable.address())),
        };
        let issued: IssuedEnrollment = self.client.post(&["enrollments"], &new).await?;
        Ok(issued.code)
    }

    /// Reads a list of the organizer's.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn list<T: serde::de::DeserializeOwned>(&self, of: &str) -> Result<Vec<T>, CliError> {
        self.client.list(&[of]).await
    }

    /// Reads a report on the night that the gates serve.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn report<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, CliError> {
        self.client
            .get(&["events", EVENT, "sessions", FIRST, name])
            .await
    }

    /// The server's export of every scan of that night.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn scans_csv(&self) -> Result<String, CliError> {
        let path = ["events", EVENT, "sessions", FIRST, "scans.csv"];
        let mut answer = self.client.download(&path, &[]).await?;
        let mut bytes = Vec::new();
        while let Some(part) = answer.next().await? {
            bytes.extend(part);
        }
        String::from_utf8(bytes).map_err(CliError::invalid)
    }
}

/// What the box office sells.
#[derive(Debug, Clone, Copy)]
pub enum Offer {
    /// A ticket for one night.
    Night(&'static str),
    /// A ticket for one zone of the first night.
    Zone(&'static str),
    /// A pass for both nights.
    Pass,
}

/// The code of a sold ticket.
///
/// # Errors
/// [`CliError`] if the server does not show it.
pub fn code(ticket: &Ticket) -> Result<Private, CliError> {
    let missing = CliError::Missing("the server did not show the code of a sold ticket");
    ticket.code.clone().ok_or(missing)
}
