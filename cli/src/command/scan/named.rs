//! Sessions as people name them at a device: by slug as organizers do, by name or by id.

use crate::error::CliError;
use usher_core::app::{App, SessionView};
use usher_domain::ids::SessionId;

/// The session of this id or name that the device holds, also written as EVENT/SESSION.
///
/// # Errors
/// [`CliError::Invalid`] if there is none, or several; it says which there are.
pub fn find_session(app: &App, named: &str) -> Result<SessionId, CliError> {
    let held = app.sessions()?;
    let mut found = held.iter().filter(|session| is_called(session, named));
    match (found.next(), found.next()) {
        (Some(session), None) => Ok(session.id),
        (Some(_), Some(_)) => Err(CliError::Invalid(format!(
            "several sessions are called {named}: give the id; {}",
            listed(&held)
        ))),
        (None, _) => Err(CliError::Invalid(format!(
            "this device holds no session called {named}; {}. A sync brings the sessions of its events \
             from 14 days before their doors open until a day after they end",
            listed(&held)
        ))),
    }
}

fn is_called(session: &SessionView, named: &str) -> bool {
    let is_session = |said: &str| {
        session.id.to_string() == said
            || is_slug(session.slug.as_deref(), said)
            || is_name(&session.name, said)
    };
    let is_event =
        |said: &str| is_slug(session.event_slug.as_deref(), said) || is_name(&session.event, said);
    is_session(named)
        || named
            .split_once('/')
            .is_some_and(|(event, name)| is_event(event) && is_session(name))
}

fn is_slug(slug: Option<&str>, said: &str) -> bool {
    slug.is_some_and(|slug| slug.eq_ignore_ascii_case(said))
}

/// Whether people mean this name: letter by letter but for case, or as a slug is made of it.
fn is_name(name: &str, said: &str) -> bool {
    let slug = |text: &str| {
        let lower = text.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        words.join("-")
    };
    name.eq_ignore_ascii_case(said) || (!said.is_empty() && slug(name) == slug(said))
}

/// The sessions that may be named.
fn listed(held: &[SessionView]) -> String {
    if held.is_empty() {
        return "it holds none".to_owned();
    }
    let told = |session: &SessionView| match (&session.event_slug, &session.slug) {
        (Some(event), Some(slug)) => format!("{} ({event}/{slug})", session.name),
        _ => format!("{} ({}, {})", session.name, session.event, session.id),
    };
    let all: Vec<String> = held.iter().map(told).collect();
    format!("it holds {}", all.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_called_by_its_id_its_name_or_both_names() {
        let session = SessionView {
            id: SessionId::from_bytes([7; 16]),
            name: "Side show".to_owned(),
            event: "Fest".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            slug: Some("b2".to_owned()),
            event_slug: Some("fest-27".to_owned()),
        };
        let id = session.id.to_string();
        for named in [
            "Side show",
            "side SHOW",
            "side-show",
            "fest/side-show",
            "b2",
            "fest-27/b2",
            "FEST/B2",
            "fest-27/side-show",
            &id,
        ] {
            assert!(is_called(&session, named), "{named}");
        }
        for named in [
            "",
            "side",
            "show",
            "px/side-show",
            "fest/",
            "/",
            "b",
            "fest-27",
        ] {
            assert!(!is_called(&session, named), "{named}");
        }
    }
}
