//! Orders to the gates of a session: notices, tickets of another session, other times; and the list of all.

use crate::ask::confirm_if_somebody_is_there;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{InEvent, local, span};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::time::Duration;
use usher_domain::api::orders::{NewHonour, NewNotice, Order, OrderKind};
use usher_domain::api::reports::{NewFreeFlow, NewOutTakenBack};
use usher_domain::api::venue::{self, SessionChange, SessionTimes};
use usher_domain::hash::Hash;

/// Say something to gates.
#[derive(Debug, Args)]
pub struct SayToGates {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// The words: one line
    pub text: String,
    /// Only to this gate, by slug or id
    #[arg(long)]
    pub gate: Option<String>,
    /// Until when it is shown, as 15m, 20:15 or "tomorrow 19:00"
    #[arg(long, value_name = "TIME", required_unless_present = "take_back")]
    pub until: Option<Time>,
    /// Take the same words back
    #[arg(long, conflicts_with_all = ["until", "gate"])]
    pub take_back: bool,
}

/// Open a gate.
#[derive(Debug, Args)]
pub struct OpenGate {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// The gate, by slug or id
    #[arg(long)]
    pub gate: String,
    /// Until when, as 15m, 20:15 or "tomorrow 19:00"
    #[arg(long, value_name = "TIME", required_unless_present = "no_more")]
    pub until: Option<Time>,
    /// Have the gate check tickets again, before its time is over
    #[arg(long, conflicts_with = "until")]
    pub no_more: bool,
}

/// Let tickets of another session in.
#[derive(Debug, Args)]
pub struct HonourTickets {
    /// The session that lets them in, as EVENT/SESSION
    pub session: InEvent,
    /// The session of the same event whose tickets they are, by slug or id
    #[arg(long, value_name = "SESSION")]
    pub tickets_of: String,
    /// Until when, as 2h, 20:15 or "tomorrow 19:00"
    #[arg(long, value_name = "TIME", required_unless_present = "no_more")]
    pub until: Option<Time>,
    /// Let them in no longer
    #[arg(long, conflicts_with = "until")]
    pub no_more: bool,
}

/// Move a session to later.
#[derive(Debug, Args)]
pub struct Postpone {
    /// The session, as EVENT/SESSION
    pub session: InEvent,
    /// By how long, as 30m or 1h
    #[arg(long, value_name = "HOW LONG", value_parser = to_later, allow_hyphen_values = true)]
    pub by: Duration,
}

/// Reads by how long a session begins later.
fn to_later(text: &str) -> Result<Duration, String> {
    match span(text) {
        Ok(by) if !by.is_zero() => Ok(by),
        Ok(_) | Err(_) => Err(
            "write by how much later, as 30m or 1h; to begin earlier, give the new times: usher \
             session change EVENT/SESSION --doors TIME --starts TIME --ends TIME"
                .to_owned(),
        ),
    }
}

/// The path of something of a session.
fn below<'a>(session: &'a InEvent, what: &'a str) -> [&'a str; 5] {
    let [events, event, sessions, name] = session.path("sessions");
    [events, event, sessions, name, what]
}

/// Until when an order holds, by the clock of its event.
async fn until(
    shell: &Shell,
    client: &Client,
    session: &InEvent,
    time: Option<Time>,
) -> Result<Option<Timestamp>, CliError> {
    let calendar = Calendar::of_event(shell, client, &session.event).await?;
    calendar.maybe(time, Tense::ToCome)
}

fn done(shell: &mut Shell, sentence: &str) -> Result<Exit, CliError> {
    super::done(shell, sentence)?;
    Ok(Exit::Done)
}

impl SayToGates {
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<Exit, CliError> {
        let path = below(&self.session, "notices");
        let Some(until) = until(shell, client, &self.session, self.until).await? else {
            let hash = Hash::of(&[self.text.as_bytes()]).to_string();
            let [a, b, c, d, e] = path;
            let () = client.delete(&[a, b, c, d, e, &hash]).await?;
            return done(shell, "The gates are told no more.");
        };
        let new = NewNotice {
            text: self.text,
            gate: self.gate,
            until,
        };
        let () = client.post(&path, &new).await?;
        done(
            shell,
            "The gates are told, those without a network when they are back.",
        )
    }
}

impl OpenGate {
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<Exit, CliError> {
        let path = below(&self.session, "free-flow");
        let Some(until) = until(shell, client, &self.session, self.until).await? else {
            let [a, b, c, d, e] = path;
            let () = client.delete(&[a, b, c, d, e, &self.gate]).await?;
            return done(shell, "The gate checks tickets again.");
        };
        let new = NewFreeFlow {
            gate: self.gate,
            from: None,
            until,
        };
        let () = client.post(&path, &new).await?;
        done(
            shell,
            "The gate is open: scans are counted and not checked.",
        )
    }
}

impl HonourTickets {
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<Exit, CliError> {
        let path = below(&self.session, "honours");
        let Some(until) = until(shell, client, &self.session, self.until).await? else {
            let [a, b, c, d, e] = path;
            let () = client.delete(&[a, b, c, d, e, &self.tickets_of]).await?;
            return done(shell, "Their tickets are let in no longer.");
        };
        let new = NewHonour {
            tickets_of: self.tickets_of,
            from: None,
            until,
        };
        let () = client.post(&path, &new).await?;
        done(
            shell,
            "Their tickets are let in, each as often as at its own session.",
        )
    }
}

impl Postpone {
    pub(super) async fn run(self, shell: &mut Shell, client: &Client) -> Result<Exit, CliError> {
        let path = self.session.path("sessions");
        let now: venue::Session = client.get(&path).await?;
        let what = later(&now, self.by, shell.today()?)?;
        let doors_stay = what.doors.is_none();
        let changed = client.patch(&path, &what).await?;
        if doors_stay {
            shell.output.note(
                "The doors are open already and stay so: only start and end are moved to later.",
            )?;
        }
        super::show(shell, client, &self.session.event, &changed).await?;
        Ok(Exit::Done)
    }
}

fn beyond() -> CliError {
    CliError::invalid("that is beyond the year 9999: write by how much later, as 30m or 1h")
}

/// The times of a session moved by so long. Doors that are open stay so.
fn later(
    session: &venue::Session,
    by: Duration,
    now: Timestamp,
) -> Result<SessionChange, CliError> {
    let by = SignedDuration::try_from(by).map_err(|_| beyond())?;
    let moved = |at: Timestamp| -> Result<Option<String>, CliError> {
        let at = at.checked_add(by).map_err(|_| beyond())?;
        Ok(Some(at.to_string()))
    };
    Ok(SessionChange {
        doors: if session.doors > now {
            moved(session.doors)?
        } else {
            None
        },
        starts: moved(session.starts)?,
        ends: moved(session.ends)?,
        // Of two who delay it at once, the second is told what the first did.
        expects: Some(SessionTimes {
            doors: session.doors,
            starts: session.starts,
            ends: session.ends,
        }),
        ..SessionChange::default()
    })
}

pub(super) async fn list(
    session: &InEvent,
    shell: &mut Shell,
    client: &Client,
) -> Result<Exit, CliError> {
    let all: Vec<Order> = client.list(&below(session, "orders")).await?;
    let event: venue::Event = client.get(&["events", &session.event]).await?;
    let time = |at| local(at, &event.time_zone);
    shell.output.list(
        &all,
        ["given", "order", "until"],
        "Nothing was ordered yet.",
        |order| {
            [
                time(order.at),
                sentence(order, &time),
                order.until.map_or_else(|| "-".to_owned(), time),
            ]
        },
    )?;
    Ok(Exit::Done)
}

/// Takes back the last order to send everyone out that holds.
pub(super) async fn take_everyone_out_back(
    session: &InEvent,
    zone: Option<String>,
    (shell, client): (&mut Shell, &Client),
    yes: bool,
) -> Result<(), CliError> {
    let whom = match &zone {
        Some(zone) => format!("out of {zone} at {}/{}", session.event, session.name),
        None => format!("out of {}/{}", session.event, session.name),
    };
    let question = format!(
        "Take back that everyone is {whom}? Who was sent out and has not come back is inside again by the \
         scans, and is not let in once more."
    );
    confirm_if_somebody_is_there(&question, yes)?;
    let new = NewOutTakenBack {
        everyone: zone.is_none(),
        zone: zone.clone(),
    };
    let [events, event, sessions, name] = session.path("sessions");
    let path = [events, event, sessions, name, "everyone-out", "take-back"];
    let () = client.post(&path, &new).await?;
    let orders: Vec<Order> = client.list(&below(session, "orders")).await?;
    let Some(still) = out_in_force(&orders, zone.as_deref()) else {
        return super::done(
            shell,
            "Taken back: who was sent out and has not come back is inside again.",
        );
    };
    let of: venue::Event = client.get(&["events", &session.event]).await?;
    let at = local(still.at, &of.time_zone);
    super::done(
        shell,
        &format!(
            "Taken back. Everyone is still out by the order of {at}: say it once more to take that back, too."
        ),
    )
}

/// The last order to send everyone out of a zone, or of the whole venue, that nobody took back.
fn out_in_force<'o>(orders: &'o [Order], zone: Option<&str>) -> Option<&'o Order> {
    let of_zone = || orders.iter().filter(|order| order.zone.as_deref() == zone);
    let taken: BTreeSet<Timestamp> = of_zone()
        .filter(|order| order.kind == OrderKind::EveryoneOutTakenBack)
        .filter_map(|order| order.from)
        .collect();
    of_zone()
        .filter(|order| order.kind == OrderKind::EveryoneOut)
        .filter(|order| order.from.is_none_or(|from| !taken.contains(&from)))
        .max_by_key(|order| order.at)
}

/// An order in words.
fn sentence(order: &Order, time: &dyn Fn(Timestamp) -> String) -> String {
    let or = |name: &Option<String>, else_: &str| name.clone().unwrap_or_else(|| else_.to_owned());
    // What ends when it is said takes back what was said before.
    let over = order.until.is_some_and(|until| until <= order.at);
    let at = |moment: Option<Timestamp>| moment.map_or_else(|| "never".to_owned(), time);
    match order.kind {
        OrderKind::EveryoneOut => format!(
            "everyone out of {}",
            order.zone.as_ref().map_or_else(
                || "the whole venue".to_owned(),
                |zone| format!("zone {zone}")
            )
        ),
        OrderKind::EveryoneOutTakenBack => format!(
            "taken back that everyone was out of {} by {}",
            order.zone.as_ref().map_or_else(
                || "the whole venue".to_owned(),
                |zone| format!("zone {zone}")
            ),
            at(order.from)
        ),
        OrderKind::FreeFlow if over => format!("gate {} checks again", or(&order.gate, "?")),
        OrderKind::FreeFlow => format!("gate {} open", or(&order.gate, "?")),
        OrderKind::Honour if over => {
            format!("tickets of {} let in no longer", or(&order.session, "?"))
        }
        OrderKind::Honour => format!("tickets of {} let in", or(&order.session, "?")),
        OrderKind::Notice => format!(
            "{} told{}: {}{}",
            order
                .gate
                .as_ref()
                .map_or_else(|| "all gates".to_owned(), |gate| format!("gate {gate}")),
            if over { " no more" } else { "" },
            or(&order.text, "(words not kept)"),
            order
                .by
                .as_ref()
                .map_or_else(String::new, |by| format!(" ({by})")),
        ),
        OrderKind::Delay => format!(
            "doors {}, start {}, end {}",
            at(order.doors),
            at(order.starts),
            at(order.ends)
        ),
        OrderKind::StandDown => format!(
            "device {} off duty, its scans known up to: {}",
            or(&order.device, "?"),
            at(order.from)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(doors: &str) -> venue::Session {
        let id = "00000000000000000000000000";
        serde_json::from_value(serde_json::json!({
            "id": id, "event": id, "slug": "evening", "name": "Evening", "doors": doors,
            "starts": "2027-10-30T17:00:00Z", "ends": "2027-10-30T20:00:00Z", "access": 1, "scope": id,
            "rules": usher_domain::rules::Rules::default()
        }))
        .unwrap()
    }

    #[test]
    fn doors_that_are_open_stay_open_when_a_session_is_postponed() {
        let by = Duration::from_secs(1_800);
        let now = "2027-10-30T16:30:00Z".parse().unwrap();
        let open = later(&session("2027-10-30T16:00:00Z"), by, now).unwrap();
        assert_eq!(open.doors, None);
        assert_eq!(open.starts.as_deref(), Some("2027-10-30T17:30:00Z"));
        let closed = later(&session("2027-10-30T16:45:00Z"), by, now).unwrap();
        assert_eq!(closed.doors.as_deref(), Some("2027-10-30T17:15:00Z"));
        assert_eq!(closed.ends.as_deref(), Some("2027-10-30T20:30:00Z"));
    }
}
