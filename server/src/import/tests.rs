use super::*;

mod hostile;
mod lists;
mod pretix_files;

/// Options for sessions in Berlin.
fn berlin() -> Options {
    Options::new(TimeZone::get("Europe/Berlin").unwrap())
}

/// Options with rules of a mapping.
fn mapped(rules: &[&str]) -> Options {
    let mut options = berlin();
    for rule in rules {
        options.mapping.add(rule).unwrap();
    }
    options
}

fn list<'a>(bytes: &'a (impl AsRef<[u8]> + ?Sized)) -> NamedBytes<'a> {
    NamedBytes {
        name: "list.csv",
        bytes: bytes.as_ref(),
    }
}

fn read_list(text: &str) -> Import {
    read(&[list(text)], &berlin()).unwrap()
}

fn code(ticket: &ImportedTicket) -> &str {
    ticket.code.as_ref().map_or("", |code| code.reveal())
}

fn holder(ticket: &ImportedTicket) -> &str {
    ticket.holder.as_ref().map_or("", |name| name.reveal())
}

/// Line and code of every bad line.
fn bad(import: &Import) -> Vec<(String, &'static str)> {
    import
        .bad
        .iter()
        .map(|bad| (bad.place.to_string(), bad.reason.code()))
        .collect()
}

fn cancelled(reason: &str) -> State {
    State::Cancelled {
        reason: reason.into(),
    }
}
