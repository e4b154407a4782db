//! Devices of which a report may lack scans.

use crate::client::Client;
use crate::error::CliError;
use crate::values::local;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use usher_domain::api::access::{Device, DeviceState};
use usher_domain::api::venue::Session;
use usher_domain::problem::Code;

/// A device on duty says so every few seconds.
const SILENT: SignedDuration = SignedDuration::from_mins(5);

/// A device of which scans may be missing.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Silent {
    /// The device's name.
    name: String,
    /// When it was heard of last.
    seen: Option<Timestamp>,
    /// Scans that it had to send then.
    unsent: u64,
}

impl Silent {
    fn of(device: &Device, session: &Session, now: Timestamp) -> Option<Self> {
        let until = session.ends.min(now);
        let is_of_gate = device.state == DeviceState::Active && device.gate.is_some();
        let unsent = device.unsent.unwrap_or(0);
        let is_heard = device
            .seen
            .is_some_and(|seen| until.duration_since(seen) <= SILENT);
        (is_of_gate && now >= session.doors && (unsent > 0 || !is_heard)).then_some(Self {
            name: device.name.clone(),
            seen: device.seen,
            unsent,
        })
    }

    /// What is missing, for a person.
    pub(super) fn sentence(&self, zone: &str) -> String {
        let Self { name, seen, unsent } = self;
        let seen = seen.map(|seen| local(seen, zone));
        match (seen, unsent) {
            (None, _) => format!("not heard of yet: {name}. Its scans, if any, are missing here"),
            (Some(seen), 0) => {
                format!("not heard of since {seen}: {name}. Its later scans are missing here")
            }
            (Some(seen), unsent) => format!(
                "{name} had {unsent} scans to send when it was heard of last, at {seen}: they are missing here"
            ),
        }
    }
}

/// All devices; none for whoever may not list them.
///
/// # Errors
/// [`CliError`].
pub(super) async fn devices(client: &Client) -> Result<Vec<Device>, CliError> {
    match client.list::<Device>(&["devices"]).await {
        Err(CliError::Server(problem)) if problem.code == Code::Forbidden => Ok(Vec::new()),
        devices => devices,
    }
}

/// The devices at gates of which scans of a session may be missing; none before the doors open.
pub(super) fn of(devices: &[Device], session: &Session, now: Timestamp) -> Vec<Silent> {
    let devices = devices.iter();
    devices
        .filter_map(|device| Silent::of(device, session, now))
        .collect()
}
