//! A report in words and tables.

use super::night::{Night, Told, Total};
use crate::document::{Document, Part, Section};
use crate::values::{local, word};
use std::collections::{BTreeMap, BTreeSet};
use usher_domain::api::reports::{ForbiddenBy, QuarterCount, StaffCount, Statistics};
use usher_domain::verdict::Reason;

/// Gates in one table: more have a table below it, so that a line fits on paper.
const GATES_MAX: usize = 6;
/// Characters of an id that stand for somebody without a name.
const ID_SHOWN: usize = 8;

/// How entries are told over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// By quarter of an hour, each gate beside the other.
    QuartersAndGates,
    /// By minute.
    Minutes,
}

/// The report on one session, or on all of an event with totals first.
pub(super) fn document(night: &Night, by: By) -> Document {
    let zone = &night.event.time_zone;
    let as_of = format!("As of {}, times of {zone}", local(night.at, zone));
    match night.sessions.as_slice() {
        [told] => Document {
            title: format!("{}: {}", night.event.name, told.session.name),
            under: vec![dates(told, zone), as_of],
            sections: sections(told, zone, by, ""),
        },
        many => {
            let mut all = vec![totals(many, &night.total)];
            for told in many {
                let name = format!("{}: ", told.session.name);
                let mut of_session = sections(told, zone, by, &name);
                if let Some(first) = of_session.first_mut() {
                    first.parts.insert(0, Part::Sentence(dates(told, zone)));
                }
                all.extend(of_session);
            }
            Document {
                title: night.event.name.clone(),
                under: vec![as_of],
                sections: all,
            }
        }
    }
}

fn dates(told: &Told, zone: &str) -> String {
    let session = &told.session;
    format!(
        "Doors {}, start {}, end {}",
        local(session.doors, zone),
        local(session.starts, zone),
        local(session.ends, zone)
    )
}

fn totals(sessions: &[Told], total: &Total) -> Section {
    let head = [
        "session",
        "arrived",
        "inside",
        "entries",
        "exits",
        "refused",
        "overrides",
        "undos",
    ];
    let row = |name: &str, arrived: String, total: &Total| {
        let counts = [
            total.inside,
            total.entries,
            total.exits,
            total.refused,
            total.overrides,
            total.undos,
        ];
        let mut row = vec![name.to_owned(), arrived];
        row.extend(counts.map(|count| count.to_string()));
        row
    };
    let mut rows: Vec<Vec<String>> = sessions
        .iter()
        .map(|told| {
            let counted = &told.statistics;
            let arrived = format!("{} of {}", counted.arrived, counted.tickets);
            row(&told.session.name, arrived, &Total::of([counted]))
        })
        .collect();
    rows.push(row("All sessions", String::new(), total));
    Section {
        title: "All sessions".to_owned(),
        parts: vec![table(&head, rows)],
    }
}

/// The sections on one session; their headings begin with `name`.
fn sections(told: &Told, zone: &str, by: By, name: &str) -> Vec<Section> {
    let counted = &told.statistics;
    let missing = told.missing.iter();
    let missing = missing.map(|device| Part::Sentence(device.sentence(zone)));
    let all = [
        ("People", people(counted)),
        ("Gates", vec![gates(counted)]),
        ("Refused", figures(refused(counted))),
        ("Let in although", figures(forbidden(counted))),
        ("Entries by ticket type", figures(types(counted))),
        ("Overrides and undos", by_staff(counted)),
        match by {
            By::Minutes => ("Entries by minute", minutes(counted, zone)),
            By::QuartersAndGates => (
                "Entries by quarter of an hour",
                by_quarter(&counted.quarters, zone),
            ),
        },
        ("What this report may lack", missing.collect()),
    ];
    let all = all.into_iter().filter(|(_, parts)| !parts.is_empty());
    all.map(|(title, parts)| Section {
        title: format!("{name}{title}"),
        parts,
    })
    .collect()
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Part {
    Part::Table {
        head: head.iter().map(|&column| column.to_owned()).collect(),
        rows,
    }
}

fn figures(all: Vec<(String, u64)>) -> Vec<Part> {
    if all.is_empty() {
        return Vec::new();
    }
    let all = all.into_iter();
    let all = all.map(|(label, count)| (label, count.to_string()));
    vec![Part::Figures(all.collect())]
}

fn people(counted: &Statistics) -> Vec<Part> {
    let mut all = vec![
        ("tickets".to_owned(), counted.tickets),
        ("arrived".to_owned(), counted.arrived),
        (
            "not come".to_owned(),
            counted.tickets.saturating_sub(counted.arrived),
        ),
        ("entries".to_owned(), counted.entries),
        ("exits".to_owned(), counted.exits),
        ("inside".to_owned(), counted.inside),
    ];
    // With gates to the whole venue alone, the zones say nothing new.
    let zoned = counted.zones.iter().any(|count| count.zone.is_some());
    let zones = counted.zones.iter().filter(|_| zoned);
    all.extend(zones.map(|count| {
        let zone = count.zone.as_deref().unwrap_or("no zone");
        (format!("inside {zone}"), count.inside)
    }));
    figures(all)
}

fn gates(counted: &Statistics) -> Part {
    if counted.gates.is_empty() {
        return Part::Sentence("No scans yet.".to_owned());
    }
    let rows = counted.gates.iter().map(|gate| {
        vec![
            gate.gate.clone(),
            gate.entries.to_string(),
            gate.refused.to_string(),
        ]
    });
    table(&["gate", "entries", "refused"], rows.collect())
}

fn refused(counted: &Statistics) -> Vec<(String, u64)> {
    let all = counted.refused.iter();
    all.map(|(reason, count)| (plain(reason), *count)).collect()
}

fn forbidden(counted: &Statistics) -> Vec<(String, u64)> {
    let all = counted.forbidden.iter();
    all.map(|(by, count)| (although(*by).to_owned(), *count))
        .collect()
}

fn types(counted: &Statistics) -> Vec<(String, u64)> {
    counted.types.clone()
}

/// A reason in words: its name without the marks of programs.
fn plain(reason: &Reason) -> String {
    word(reason).replace('_', " ")
}

/// What a ticket was that was let in all the same.
const fn although(by: ForbiddenBy) -> &'static str {
    match by {
        ForbiddenBy::Cancelled => "the ticket was cancelled",
        ForbiddenBy::OtherSession => "the ticket was for another session",
        ForbiddenBy::Blocked => "the ticket was held back",
        ForbiddenBy::Superseded => "the ticket had a newer code",
        ForbiddenBy::RevokedKey => "the key of its code was revoked",
    }
}

/// Who let people in whatever the rules said, and who took scans back.
fn by_staff(counted: &Statistics) -> Vec<Part> {
    let mut people: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for by in &counted.overrides {
        people.entry(who(by)).or_default().0 += by.count;
    }
    for by in &counted.undos {
        people.entry(who(by)).or_default().1 += by.count;
    }
    if people.is_empty() {
        return Vec::new();
    }
    let rows = people
        .into_iter()
        .map(|(who, (overrides, undos))| vec![who, overrides.to_string(), undos.to_string()]);
    vec![table(&["who", "overrides", "undos"], rows.collect())]
}

fn who(by: &StaffCount) -> String {
    match (&by.name, by.staff) {
        (Some(name), _) => name.reveal().to_owned(),
        (None, Some(id)) => {
            let id: String = id.to_string().chars().take(ID_SHOWN).collect();
            format!("staff {id}…")
        }
        (None, None) => "nobody signed in".to_owned(),
    }
}

fn minutes(counted: &Statistics, zone: &str) -> Vec<Part> {
    if counted.minutes.is_empty() {
        return Vec::new();
    }
    let rows = counted.minutes.iter();
    let rows = rows.map(|count| vec![local(count.minute, zone), count.entries.to_string()]);
    vec![table(&["minute", "entries"], rows.collect())]
}

/// Tables of entries, with a row for each quarter of an hour and a column for each gate.
fn by_quarter(quarters: &[QuarterCount], zone: &str) -> Vec<Part> {
    let gates: BTreeSet<&str> = quarters.iter().map(|count| count.gate.as_str()).collect();
    let gates: Vec<&str> = gates.into_iter().collect();
    let times: BTreeSet<_> = quarters.iter().map(|count| count.quarter).collect();
    let counts: BTreeMap<_, u64> = quarters
        .iter()
        .map(|count| ((count.quarter, count.gate.as_str()), count.entries))
        .collect();
    let tables = gates.chunks(GATES_MAX).map(|some| {
        let mut head = vec!["from", "all gates"];
        head.extend(some);
        let rows = times.iter().map(|time| {
            let count = |gate: &str| counts.get(&(*time, gate)).copied().unwrap_or(0);
            let all: u64 = gates.iter().map(|gate| count(gate)).sum();
            let mut row = vec![local(*time, zone), all.to_string()];
            row.extend(some.iter().map(|gate| match count(gate) {
                0 => "·".to_owned(),
                some => some.to_string(),
            }));
            row
        });
        table(&head, rows.collect())
    });
    tables.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(quarter: &str, gate: &str, entries: u64) -> QuarterCount {
        QuarterCount {
            quarter: quarter.parse().unwrap(),
            gate: gate.to_owned(),
            entries,
        }
    }

    #[test]
    fn entries_stand_by_time_and_gate_and_more_gates_have_a_table_of_their_own() {
        let quarters = [
            count("2027-10-30T18:00:00Z", "north", 2),
            count("2027-10-30T18:00:00Z", "south", 1),
            count("2027-10-30T18:15:00Z", "north", 7),
        ];
        let tables = by_quarter(&quarters, "UTC");
        let [Part::Table { head, rows }] = tables.as_slice() else {
            panic!("a table");
        };
        assert_eq!(*head, ["from", "all gates", "north", "south"]);
        assert_eq!(rows[0], ["Sat 2027-10-30 18:00", "3", "2", "1"]);
        assert_eq!(rows[1], ["Sat 2027-10-30 18:15", "7", "7", "·"]);
        let many: Vec<QuarterCount> = (0..7)
            .map(|gate| count("2027-10-30T18:00:00Z", &format!("g{gate}"), 1))
            .collect();
        let tables = by_quarter(&many, "UTC");
        assert_eq!(tables.len(), 2);
        let all = |part: &Part| matches!(part, Part::Table { rows, .. } if rows[0][1] == "7");
        assert!(tables.iter().all(all), "{tables:?}");
        assert_eq!(by_quarter(&[], "UTC"), []);
    }
}
