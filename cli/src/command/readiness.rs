//! `usher readiness`: whether every device is in step before the doors open.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Colour, Page};
use crate::shell::Shell;
use crate::values::InEvent;
use clap::Args;
use usher_domain::api::access::Device;
use usher_domain::api::readiness::{self, ChannelTickets, DeviceReadiness, Finding, Weight};
use usher_domain::api::venue;

/// Ask before the doors open: does every device prove that it holds the newest tickets?
///
/// One line for each device at a gate, with what stands against it and what to do: ticket set, list of
/// staff and keys at their newest versions with the same rows, clock within 2 s of the server's, 200 MB of
/// disk, heard of within 30 s, no unsent records. Exit code 0 if all are ready, 12 if not, 1 if it could
/// not be found out. Spares and devices off duty are shown and not waited for; one that was silent for longer
/// than its proofs last (15 s) is shown as silent.
#[derive(Debug, Args)]
pub struct Readiness {
    /// The session, as EVENT/SESSION
    #[arg(long, value_name = "EVENT/SESSION")]
    pub session: InEvent,
}

impl Readiness {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let path = self.session.path("sessions");
        let session: venue::Session = client.get(&path).await?;
        let [events, event, sessions, name] = path;
        let path = [events, event, sessions, name, "readiness"];
        let found: readiness::Readiness = client.get(&path).await?;
        shell
            .output
            .show(&found, |page| show(page, &session.name, &found))?;
        Ok(if found.ready {
            Exit::Done
        } else {
            Exit::NotReady
        })
    }
}

fn show(page: &mut Page, name: &str, found: &readiness::Readiness) {
    if let Some(set) = &found.set {
        page.line(format_args!(
            "Session {name}, ticket set {}.{}: {}",
            set.epoch,
            set.number,
            tickets(set.tickets, &found.channels)
        ));
    } else {
        page.line(format_args!("Session {name}"));
    }
    findings(page, &found.findings);
    for one in &found.devices {
        device(page, one);
    }
    if !found.spares.is_empty() {
        page.line("Spares, which nobody waits for:");
        for one in &found.spares {
            device(page, one);
        }
    }
    if !found.off_duty.is_empty() {
        let told = |one: &Device| match &one.gate_slug {
            Some(gate) => format!("{}, at gate {gate}", one.name),
            None => one.name.clone(),
        };
        let told: Vec<String> = found.off_duty.iter().map(told).collect();
        page.line(format_args!(
            "Off duty, not to be scanned with before they have synced again: {}",
            told.join("; ")
        ));
    }
    if !found.revoked.is_empty() {
        let names: Vec<&str> = found.revoked.iter().map(|one| one.name.as_str()).collect();
        page.line(format_args!(
            "Revoked, must not be used: {}",
            names.join(", ")
        ));
    }
    let (colour, word) = verdict(found.ready);
    page.headline(colour, word, &summary(found));
}

const fn verdict(ready: bool) -> (Colour, &'static str) {
    if ready {
        (Colour::Green, "READY    ")
    } else {
        (Colour::Red, "NOT READY")
    }
}

fn tickets(all: u64, channels: &[ChannelTickets]) -> String {
    let of_channel = |count: &ChannelTickets| {
        let states = [
            (count.valid, "valid"),
            (count.cancelled, "cancelled"),
            (count.blocked, "blocked"),
        ];
        let states = states.iter().filter(|(number, _)| *number > 0);
        let states: Vec<String> = states
            .map(|(number, state)| format!("{number} {state}"))
            .collect();
        format!("{}: {}", count.channel, states.join(", "))
    };
    let channels: Vec<String> = channels.iter().map(of_channel).collect();
    if channels.is_empty() {
        format!("{all} tickets")
    } else {
        format!("{all} tickets ({})", channels.join("; "))
    }
}

fn device(page: &mut Page, one: &DeviceReadiness) {
    let place = match &one.device.gate_slug {
        Some(gate) => format!("at gate {gate}"),
        None => "spare".to_owned(),
    };
    let (colour, word) = verdict(one.ready);
    let blocking = one.findings.iter().filter(|f| f.weight == Weight::Blocks);
    let details: Vec<&str> = blocking.map(|f| f.detail.as_str()).collect();
    let rest = if details.is_empty() {
        format!("{}, {place}", one.device.name)
    } else {
        format!("{}, {place}: {}", one.device.name, details.join("; "))
    };
    page.headline(colour, word, &rest);
    let mut told: Vec<&str> = Vec::new();
    for finding in &one.findings {
        match finding.weight {
            // Several things are often mended by one.
            Weight::Blocks if told.contains(&finding.advice.as_str()) => {}
            Weight::Blocks => {
                told.push(&finding.advice);
                page.line(format_args!("           to do: {}", finding.advice));
            }
            Weight::Remark => page.line(format_args!("           note: {}", finding.detail)),
        }
    }
}

/// What concerns the session as a whole.
fn findings(page: &mut Page, all: &[Finding]) {
    for finding in all {
        match finding.weight {
            Weight::Blocks => {
                let (colour, word) = verdict(false);
                page.headline(colour, word, &finding.detail);
                page.line(format_args!("           to do: {}", finding.advice));
            }
            Weight::Remark => {
                page.line(format_args!("Note: {}; {}", finding.detail, finding.advice))
            }
        }
    }
}

fn summary(found: &readiness::Readiness) -> String {
    let ready = found.devices.iter().filter(|device| device.ready).count();
    let all = found.devices.len();
    let spares = match found.spares.len() {
        0 => String::new(),
        1 => ", 1 spare".to_owned(),
        more => format!(", {more} spares"),
    };
    let doors = if found.ready {
        "the doors may open"
    } else {
        "keep the doors closed"
    };
    format!("{ready} of {all} devices at gates are ready{spares}: {doors}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Paint;
    use serde_json::json;

    fn device(name: &str, ready: bool, findings: &serde_json::Value) -> serde_json::Value {
        json!({
            "device": {
                "id": "00000000000000000000000000", "name": name, "role": "gate",
                "gate_slug": name, "state": "active"
            },
            "ready": ready, "findings": findings
        })
    }

    fn page(paint: Paint) -> String {
        let late = json!([
            {"what": "table_behind", "weight": "blocks", "detail": "its ticket set is version 1.3, the newest is 1.4", "advice": "let it sync"},
            {"what": "unsent", "weight": "blocks", "detail": "it has 2 records that the server lacks", "advice": "let it sync"},
            {"what": "other_program", "weight": "remark", "detail": "its program is older", "advice": "later"}
        ]);
        let found = json!({
            "session": "00000000000000000000000000", "at": "2027-10-30T16:00:00Z",
            "ready": false,
            "set": {"epoch": 1, "number": 4, "tickets": 5, "digest": "00"},
            "channels": [{"channel": "shop", "valid": 4, "cancelled": 1, "blocked": 0}],
            "findings": [],
            "devices": [device("north", true, &json!([])), device("south", false, &late)],
            "spares": [], "revoked": [],
            "off_duty": [device("west", true, &json!([]))["device"]]
        });
        let found = serde_json::from_value(found).unwrap();
        let mut page = Page::new(paint);
        show(&mut page, "Evening", &found);
        page.text().to_owned()
    }

    #[test]
    fn every_device_has_a_line_with_what_differs_and_what_to_do() {
        let said = page(Paint::Plain);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(
            lines,
            [
                "Session Evening, ticket set 1.4: 5 tickets (shop: 4 valid, 1 cancelled)",
                "READY      north, at gate north",
                "NOT READY  south, at gate south: its ticket set is version 1.3, the newest is 1.4; \
                 it has 2 records that the server lacks",
                "           to do: let it sync",
                "           note: its program is older",
                "Off duty, not to be scanned with before they have synced again: west, at gate west",
                "NOT READY  1 of 2 devices at gates are ready: keep the doors closed",
            ]
        );
    }

    #[test]
    fn the_words_say_all_that_the_colours_say() {
        let coloured = page(Paint::Colours);
        assert!(coloured.contains("\x1b[1;97;41m NOT READY \x1b[0m"));
        assert!(coloured.contains("READY     \x1b[0m  north"), "{coloured}");
    }
}
