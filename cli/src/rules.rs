//! Rules of a session from flags and files.

use crate::error::CliError;
use crate::values::entry_mode;
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use usher_domain::rules::{
    CodePlace, Counted, EntryMode, IsolatedRule, OperatorRule, Rules, SilentRule, StaleAction,
    UnknownSignedRule,
};

/// Flags that set rules; they go before the file's, the file's before those that are in force.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Rules")]
pub struct RuleFlags {
    /// All rules, as a TOML or JSON file; `session show --json` prints them
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// How often a ticket may enter: single, reentry (after an exit scan), or a number
    #[arg(long, value_name = "HOW", value_parser = entry_mode)]
    pub entry: Option<EntryMode>,
    /// Over what entries of a pass are counted
    #[arg(long, value_enum)]
    pub counted: Option<Over>,
    /// Minutes before the doors open during which a ticket is already let in
    #[arg(long, value_name = "MINUTES")]
    pub early: Option<u32>,
    /// Minutes after the end during which a ticket is still let in
    #[arg(long, value_name = "MINUTES")]
    pub late: Option<u32>,
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

impl RuleFlags {
    /// Whether anything is said about rules.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(
            self,
            Self {
                rules: None,
                entry: None,
                counted: None,
                early: None,
                late: None,
                isolated: None,
                unknown_signed: None,
                stale_after: None,
                stale: None,
                silent: None,
                operator: None,
                code_after: None,
                code_before: None,
            }
        )
    }

    /// The rules: those in force, or the file's, changed by the other flags.
    ///
    /// # Errors
    /// [`CliError`] if the file is not readable as rules.
    pub fn apply(&self, in_force: Rules) -> Result<Rules, CliError> {
        let mut rules = match &self.rules {
            Some(file) => read(file)?,
            None => in_force,
        };
        set(&mut rules.entry.mode, self.entry);
        set(&mut rules.entry.counted, self.counted.map(Counted::from));
        set(&mut rules.early_minutes, self.early);
        set(&mut rules.late_minutes, self.late);
        set(&mut rules.isolated, self.isolated.map(IsolatedRule::from));
        set(
            &mut rules.unknown_signed,
            self.unknown_signed.map(UnknownSignedRule::from),
        );
        set(&mut rules.stale.after_minutes, self.stale_after);
        set(&mut rules.stale.then, self.stale.map(StaleAction::from));
        set(&mut rules.silent, self.silent.map(SilentRule::from));
        set(&mut rules.operator, self.operator.map(OperatorRule::from));
        if self.code_after.is_some() || self.code_before.is_some() {
            let mut place = rules.code_place.take().unwrap_or_default();
            set(&mut place.after, self.code_after.clone());
            if let Some(before) = &self.code_before {
                place.before = Some(before.clone()).filter(|before| !before.is_empty());
            }
            rules.code_place = Some(place).filter(|place| *place != CodePlace::default());
        }
        Ok(rules)
    }
}

/// How often a ticket may enter, in words.
#[must_use]
pub fn entry(rules: &Rules) -> String {
    let often = match rules.entry.mode {
        EntryMode::Single => "once".to_owned(),
        EntryMode::Reentry => "again after each exit scan".to_owned(),
        EntryMode::Times(times) => format!("{times} times"),
    };
    match rules.entry.counted {
        Counted::PerSession => often,
        Counted::PerPass => format!("{often}, over all sessions of a pass"),
    }
}

/// Where the code stands in what is shown, in words.
#[must_use]
pub fn place(place: &CodePlace) -> String {
    let after = match place.after.as_str() {
        "" => "from the beginning".to_owned(),
        after => format!("after {after}"),
    };
    match &place.before {
        Some(before) => format!("{after}, before {before}"),
        None => after,
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Reads a file as TOML if its name says so, else as JSON.
fn read<T: DeserializeOwned>(file: &Path) -> Result<T, CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::reading(file, error))?;
    let is_toml = file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
    if is_toml {
        toml::from_str(&text).map_err(|error| CliError::bad_file(file, error))
    } else {
        serde_json::from_str(&text).map_err(|error| CliError::bad_file(file, error))
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
        let in_force = Rules {
            late_minutes: 7,
            ..Rules::default()
        };
        let rules = flags(&[
            "--entry", "reentry", "--stale", "refer", "--silent", "refer",
        ])
        .apply(in_force)
        .unwrap();
        assert_eq!(rules.entry.mode, EntryMode::Reentry);
        assert_eq!(rules.stale.then, StaleAction::Refer);
        assert_eq!(rules.silent, SilentRule::Refer);
        assert_eq!(rules.late_minutes, 7);
    }

    #[test]
    fn no_flag_says_nothing() {
        assert!(flags(&[]).is_empty());
        assert!(!flags(&["--early", "0"]).is_empty());
    }

    #[test]
    fn a_file_of_either_format_holds_rules() {
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
        ] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            let file = file.to_str().unwrap();
            let rules = flags(&["--rules", file, "--late", "9"])
                .apply(Rules::default())
                .unwrap();
            assert_eq!((rules.early_minutes, rules.late_minutes), (3, 9), "{name}");
            assert_eq!(rules.entry.mode, EntryMode::Times(2));
            assert_eq!(rules.entry.counted, Counted::PerPass);
        }
    }

    #[test]
    fn a_misspelt_rule_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules.toml");
        std::fs::write(&file, "erly_minutes = 3\n").unwrap();
        let error = flags(&["--rules", file.to_str().unwrap()])
            .apply(Rules::default())
            .unwrap_err();
        assert_eq!(error.code(), "bad_file");
        assert!(error.to_string().contains("rules.toml"), "{error}");
    }
}
