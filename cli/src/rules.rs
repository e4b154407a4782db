//! Rules of a session from flags and files, and in words.

mod file;
mod words;

pub use file::Written;
pub use words::{Names, in_words};

use crate::error::CliError;
use crate::values::entry_mode;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use usher_domain::api::rules::{
    CapacityChange, CodePlaceChange, EntryChange, Patch, StaleChange, TypeRuleChange,
};
use usher_domain::rules::{
    Counted, EntryMode, IsolatedRule, OperatorRule, SilentRule, StaleAction, UnknownSignedRule,
};

/// Flags that change rules, and only what they name; they go before the file's.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rules")]
pub struct RuleFlags {
    /// Rules as a TOML or JSON file, such as `session show --json` prints; what it leaves out stays
    ///
    /// A file that `session show --json` printed is refused once somebody else changed the session.
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How often a ticket may enter: single, reentry (after an exit scan), or a number
    #[arg(long, value_name = "HOW", value_parser = entry_mode)]
    pub entry: Option<EntryMode>,
    /// How often tickets of a type may enter, as TYPE=HOW; nothing after the = for as often as all others
    #[arg(long, value_name = "TYPE=HOW", value_parser = entries)]
    pub entries: Vec<(String, Patch<EntryMode>)>,
    /// Zones that a type opens, as TYPE=ZONE,ZONE; nothing after the = for every zone
    #[arg(long, value_name = "TYPE=ZONES", value_parser = zones)]
    pub zones: Vec<(String, Vec<String>)>,
    /// What staff must check of a type, as TYPE=TEXT; nothing after the = for nothing
    #[arg(long, value_name = "TYPE=TEXT", value_parser = named)]
    pub instruction: Vec<(String, String)>,
    /// How many people may be in a zone at once, as ZONE=PEOPLE; nothing after the = for as many as come
    #[arg(long, value_name = "ZONE=PEOPLE", value_parser = capacity)]
    pub capacity: Vec<(String, Option<u32>)>,
    /// Over what entries of a pass are counted
    #[arg(long, value_enum)]
    pub counted: Option<Over>,
    /// Minutes before the doors open during which a ticket is already let in
    #[arg(long, value_name = "MINUTES")]
    pub early: Option<u32>,
    /// Minutes after the end during which a ticket is still let in
    #[arg(long, value_name = "MINUTES")]
    pub late: Option<u32>,
    /// Minutes after the end during which people are still let out; 180 if nobody says otherwise
    #[arg(long, value_name = "MINUTES")]
    pub leaving: Option<u32>,
    /// What a gate does that reaches no server
    #[arg(long, value_enum)]
    pub isolated: Option<Isolated>,
    /// What happens with a genuine code that is not in the ticket set
    #[arg(long, value_enum)]
    pub unknown_signed: Option<UnknownSigned>,
    /// Minutes from which a ticket set counts as old
    #[arg(long, value_name = "MINUTES")]
    pub stale_after: Option<u32>,
    /// What a gate does whose ticket set is old
    #[arg(long, value_enum)]
    pub stale: Option<Stale>,
    /// What the server answers a gate that asks while another device has gone silent
    #[arg(long, value_enum)]
    pub silent: Option<Silent>,
    /// Whether a badge must be scanned at a gate before it lets anybody in; people leave without one
    #[arg(long, value_enum)]
    pub operator: Option<Operator>,
    /// In what the shop's tickets show, the code begins after this text, such as `/check-in/`
    ///
    /// An empty text means that the code begins where the text begins. The text as it is goes before.
    #[arg(long, value_name = "TEXT")]
    pub code_after: Option<String>,
    /// In what the shop's tickets show, the code ends before this text; at the end if left out
    #[arg(long, value_name = "TEXT")]
    pub code_before: Option<String>,
}

/// Over what entries are counted.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Over {
    /// Each session by itself
    Session,
    /// All sessions of the pass together
    Pass,
}

/// What a gate does that reaches no server.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Isolated {
    /// It admits, and says that it is alone
    Admit,
    /// It admits only tickets whose home it is
    HomeOnly,
    /// It refers to a supervisor
    Refer,
}

/// What happens with a genuine code that is not in the ticket set.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum UnknownSigned {
    /// It is admitted, and the verdict says so
    Admit,
    /// It is referred to a supervisor
    Refer,
    /// It is refused as unknown
    Refuse,
}

/// What a gate does whose ticket set is old.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Stale {
    /// It admits, and says how old the set is
    Warn,
    /// It refers to a supervisor
    Refer,
}

/// Whether somebody must be signed in at a gate that lets people in.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Operator {
    /// Nobody must
    Optional,
    /// A gate refers until a badge is scanned
    Required,
}

/// What the server answers a gate that asks while another device has gone silent.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Silent {
    /// It admits, and says who is silent
    Admit,
    /// It refers to a supervisor
    Refer,
}

/// Splits `NAME=VALUE`.
fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        Some(_) | None => {
            Err("write it as NAME=VALUE; nothing after the = takes the rule away".to_owned())
        }
    }
}

fn entries(text: &str) -> Result<(String, Patch<EntryMode>), String> {
    let (kind, how) = named(text)?;
    let how = match how.as_str() {
        "" => Patch::Remove,
        how => Patch::Set(entry_mode(how)?),
    };
    Ok((kind, how))
}

fn zones(text: &str) -> Result<(String, Vec<String>), String> {
    let (kind, zones) = named(text)?;
    let zones = zones.split(',').map(str::trim);
    let zones = zones.filter(|zone| !zone.is_empty()).map(str::to_owned);
    Ok((kind, zones.collect()))
}

fn capacity(text: &str) -> Result<(String, Option<u32>), String> {
    let (zone, people) = named(text)?;
    let people = match people.as_str() {
        "" => None,
        people => Some(
            people
                .parse()
                .map_err(|_| "people are a number".to_owned())?,
        ),
    };
    Ok((zone, people))
}

impl RuleFlags {
    /// What flags and file change.
    ///
    /// # Errors
    /// [`CliError`] if the file is not readable as rules.
    pub fn change(self) -> Result<Written, CliError> {
        let Written {
            mut rules,
            revision,
        } = match &self.rules {
            Some(file) => Written::read(file)?,
            None => Written::default(),
        };
        if self.entry.is_some() || self.counted.is_some() {
            let entry = rules.entry.get_or_insert_default();
            replace(&mut entry.mode, self.entry);
            replace(&mut entry.counted, self.counted.map(Counted::from));
        }
        replace(&mut rules.early_minutes, self.early);
        replace(&mut rules.late_minutes, self.late);
        replace(&mut rules.leaving_minutes, self.leaving);
        replace(&mut rules.isolated, self.isolated.map(IsolatedRule::from));
        replace(
            &mut rules.unknown_signed,
            self.unknown_signed.map(UnknownSignedRule::from),
        );
        if self.stale_after.is_some() || self.stale.is_some() {
            let stale: &mut StaleChange = rules.stale.get_or_insert_default();
            replace(&mut stale.after_minutes, self.stale_after);
            replace(&mut stale.then, self.stale.map(StaleAction::from));
        }
        replace(&mut rules.silent, self.silent.map(SilentRule::from));
        replace(&mut rules.operator, self.operator.map(OperatorRule::from));
        if self.code_after.is_some() || self.code_before.is_some() {
            let mut place = match rules.code_place {
                Patch::Set(place) => place,
                Patch::Keep | Patch::Remove => CodePlaceChange::default(),
            };
            replace(&mut place.after, self.code_after);
            if let Some(before) = self.code_before {
                place.before = Patch::Set(before);
            }
            rules.code_place = Patch::Set(place);
        }
        let of = |kind| TypeRuleChange {
            kind: Some(kind),
            ..TypeRuleChange::default()
        };
        // What stands later counts.
        rules
            .types
            .extend(self.entries.into_iter().map(|(kind, mode)| {
                let entry = match mode {
                    Patch::Keep => Patch::Keep,
                    Patch::Remove => Patch::Remove,
                    Patch::Set(mode) => Patch::Set(EntryChange {
                        mode: Some(mode),
                        counted: None,
                    }),
                };
                TypeRuleChange { entry, ..of(kind) }
            }));
        rules
            .types
            .extend(self.zones.into_iter().map(|(kind, zones)| {
                let zones = Some(zones);
                TypeRuleChange { zones, ..of(kind) }
            }));
        rules.types.extend(
            self.instruction
                .into_iter()
                .map(|(kind, text)| TypeRuleChange {
                    instruction: Patch::Set(text),
                    ..of(kind)
                }),
        );
        let rooms = self.capacity.into_iter();
        rules
            .capacity
            .extend(rooms.map(|(zone, people)| CapacityChange { zone, people }));
        Ok(Written { rules, revision })
    }
}

fn replace<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

impl From<Over> for Counted {
    fn from(over: Over) -> Self {
        match over {
            Over::Session => Self::PerSession,
            Over::Pass => Self::PerPass,
        }
    }
}

impl From<Isolated> for IsolatedRule {
    fn from(rule: Isolated) -> Self {
        match rule {
            Isolated::Admit => Self::Admit,
            Isolated::HomeOnly => Self::HomeOnly,
            Isolated::Refer => Self::Refer,
        }
    }
}

impl From<UnknownSigned> for UnknownSignedRule {
    fn from(rule: UnknownSigned) -> Self {
        match rule {
            UnknownSigned::Admit => Self::Admit,
            UnknownSigned::Refer => Self::Refer,
            UnknownSigned::Refuse => Self::Refuse,
        }
    }
}

impl From<Operator> for OperatorRule {
    fn from(rule: Operator) -> Self {
        match rule {
            Operator::Optional => Self::Optional,
            Operator::Required => Self::Required,
        }
    }
}

impl From<Silent> for SilentRule {
    fn from(rule: Silent) -> Self {
        match rule {
            Silent::Admit => Self::Admit,
            Silent::Refer => Self::Refer,
        }
    }
}

impl From<Stale> for StaleAction {
    fn from(rule: Stale) -> Self {
        match rule {
            Stale::Warn => Self::Warn,
            Stale::Refer => Self::Refer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use usher_domain::rules::Rules;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        rules: RuleFlags,
    }

    fn flags(line: &[&str]) -> RuleFlags {
        Line::parse_from(std::iter::once(&"line").chain(line)).rules
    }

    #[test]
    fn flags_change_what_they_name_and_leave_the_rest() {
        let mut rules = Rules {
            late_minutes: 7,
            ..Rules::default()
        };
        let change = flags(&[
            "--entry", "reentry", "--stale", "refer", "--silent", "refer",
        ]);
        let change = change.change().unwrap().rules;
        change.apply_to_session(&mut rules);
        assert_eq!(rules.entry.mode, EntryMode::Reentry);
        assert_eq!(rules.stale.then, StaleAction::Refer);
        assert_eq!(rules.silent, SilentRule::Refer);
        assert_eq!(rules.late_minutes, 7);
        assert!(flags(&[]).change().unwrap().rules.is_empty());
    }

    #[test]
    fn flags_name_types_and_zones_and_nothing_after_the_sign_takes_a_rule_away() {
        let line = [
            "--entries",
            "vip=3",
            "--zones",
            "vip=floor, balcony",
            "--instruction",
            "student=check a=b",
            "--capacity",
            "floor=300",
        ];
        let change = flags(&line).change().unwrap().rules;
        let written = serde_json::to_value(&change).unwrap();
        assert_eq!(
            written,
            serde_json::json!({
                "types": [
                    {"type": "vip", "entry": {"mode": {"times": 3}}},
                    {"type": "vip", "zones": ["floor", "balcony"]},
                    {"type": "student", "instruction": "check a=b"}
                ],
                "capacity": [{"zone": "floor", "people": 300}]
            })
        );
        let line = [
            "--entries",
            "vip=",
            "--zones",
            "vip=",
            "--capacity",
            "floor=",
        ];
        let written = serde_json::to_value(flags(&line).change().unwrap().rules).unwrap();
        assert_eq!(
            written,
            serde_json::json!({
                "types": [{"type": "vip", "entry": null}, {"type": "vip", "zones": []}],
                "capacity": [{"zone": "floor", "people": null}]
            })
        );
        for line in [
            ["--zones", "floor"],
            ["--entries", "vip=often"],
            ["--capacity", "=3"],
        ] {
            let all = std::iter::once(&"line").chain(&line);
            assert!(Line::try_parse_from(all).is_err(), "{line:?}");
        }
    }

    #[test]
    fn a_file_of_either_format_holds_rules_and_names_what_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            (
                "rules.toml",
                "early_minutes = 3\n[entry]\nmode = { times = 2 }\ncounted = \"per_pass\"\n",
            ),
            (
                "rules.json",
                r#"{"early_minutes":3,"entry":{"mode":{"times":2},"counted":"per_pass"}}"#,
            ),
            (
                "session.json",
                r#"{"name":"Evening","revision":4,"rules":{"early_minutes":3,
                    "entry":{"mode":{"times":2},"counted":"per_pass"}}}"#,
            ),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let file = file.to_str().unwrap();
            let written = flags(&["--rules", file, "--late", "9"]).change().unwrap();
            let mut rules = Rules {
                operator: OperatorRule::Required,
                ..Rules::default()
            };
            written.rules.apply_to_session(&mut rules);
            assert_eq!((rules.early_minutes, rules.late_minutes), (3, 9), "{name}");
            assert_eq!(rules.entry.mode, EntryMode::Times(2));
            assert_eq!(rules.entry.counted, Counted::PerPass);
            assert_eq!(rules.operator, OperatorRule::Required);
            assert_eq!(written.revision.is_some(), name == "session.json");
        }
    }

    #[test]
    fn a_misspelt_rule_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("rules.toml", "erly_minutes = 3\n"),
            ("session.json", r#"{"rules": {"erly_minutes": 3}}"#),
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let error = flags(&["--rules", file.to_str().unwrap()])
                .change()
                .unwrap_err();
            assert_eq!(error.code(), "bad_file");
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.to_string().contains("erly_minutes"), "{error}");
        }
    }
}
