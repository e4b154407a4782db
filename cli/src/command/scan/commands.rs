//! The commands that an operator types at a running gate. They begin with `!`, and are never taken from what a
//! scanner delivers.

use crate::values::SANCTION_REASONS;
use serde::Serialize;
use serde::de::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use usher_domain::document::sanction::SanctionReason;

/// What a command begins with.
const MARK: char = '!';

/// Characters of the longest line that is taken for a command.
const CHARS_MAX: usize = 64;

/// What an operator can have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Staff checked what the last scan asked for.
    Confirm,
    /// The last admission is taken back.
    Undo,
    /// A supervisor lets the last one in who was not.
    Override(SanctionReason),
    /// People come in from now on.
    In,
    /// People go out from now on.
    Out,
    /// The next code lets in everyone of its order.
    Group,
    /// People are searched by name or order number.
    Search(String),
    /// Whoever is signed in is signed out.
    SignOut,
    /// How the gate stands.
    Status,
    /// What can be said.
    Help,
}

/// A command and what it does, for who asks.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    say: &'static str,
    does: &'static str,
}

/// All commands.
pub(super) const COMMANDS: [Explained; 10] = [
    Explained {
        say: "!ok",
        does: "staff checked what the last scan asked for: answer it anew",
    },
    Explained {
        say: "!undo",
        does: "take back what the last scan that admitted somebody admitted",
    },
    Explained {
        say: "!override REASON",
        does: "let in whom the last scan refused or referred: the supervisor's badge is scanned next, \
               then comes the PIN",
    },
    Explained {
        say: "!in",
        does: "people come in from now on",
    },
    Explained {
        say: "!out",
        does: "people go out from now on",
    },
    Explained {
        say: "!group",
        does: "the next code lets in everyone of its order, each with a verdict of their own",
    },
    Explained {
        say: "!search NAME",
        does: "search people by name or order number, at a desk and for who may",
    },
    Explained {
        say: "!sign-out",
        does: "sign out whoever is signed in; a scanned badge signs in",
    },
    Explained {
        say: "!status",
        does: "which session, gate and direction, who is signed in, whether the gate is alone",
    },
    Explained {
        say: "!help",
        does: "list these commands",
    },
];

impl Explained {
    /// As a line for a person.
    pub(super) fn line(&self) -> String {
        format!("{:<17} {}", self.say, self.does)
    }
}

/// The command of a line that an operator typed; none if it is a code. What begins as a command and is none
/// says what can be typed.
pub(super) fn read(line: &str) -> Option<Result<Command, String>> {
    let typed = line.strip_prefix(MARK)?;
    let unknown = || {
        // Not repeated: it may be a code or a PIN with a wrong key before it.
        Err("there is no such command, and nothing was done: !help lists them".to_owned())
    };
    if line.chars().count() > CHARS_MAX {
        return Some(unknown());
    }
    let mut parts = typed.split_whitespace();
    let name = parts.next().unwrap_or_default().to_lowercase();
    let rest: Vec<&str> = parts.collect();
    Some(match (name.as_str(), rest.as_slice()) {
        ("ok", []) => Ok(Command::Confirm),
        ("undo", []) => Ok(Command::Undo),
        ("in", []) => Ok(Command::In),
        ("out", []) => Ok(Command::Out),
        ("group", []) => Ok(Command::Group),
        ("search", [_, ..]) => Ok(Command::Search(rest.join(" "))),
        ("sign-out", []) => Ok(Command::SignOut),
        ("status", []) => Ok(Command::Status),
        ("help", []) => Ok(Command::Help),
        ("override", [reason]) => reason_of(reason).map(Command::Override).ok_or_else(reasons),
        ("override", _) => Err(reasons()),
        _ => unknown(),
    })
}

/// Whether a line would be a command if an operator had typed it.
pub(super) fn looks_like_one(line: &str) -> bool {
    matches!(read(line.trim()), Some(Ok(_)))
}

fn reason_of(text: &str) -> Option<SanctionReason> {
    let word = text.to_lowercase().replace('-', "_");
    SanctionReason::deserialize(StrDeserializer::<ValueError>::new(&word)).ok()
}

fn reasons() -> String {
    format!(
        "write !override and the reason, one of {}: nothing was done",
        SANCTION_REASONS.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_no_command() {
        for line in ["", "QF3K7T2ZC5W8", "ok", "USH1:!ok", "Q!undo", " !undo"] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn commands_are_read_whatever_their_case_and_spaces() {
        assert_eq!(read("!ok"), Some(Ok(Command::Confirm)));
        assert_eq!(read("!UNDO "), Some(Ok(Command::Undo)));
        let guest = Command::Override(SanctionReason::Guest);
        assert_eq!(read("!override guest"), Some(Ok(guest)));
        let checked = Command::Override(SanctionReason::IdentityChecked);
        assert_eq!(read("!Override identity-checked"), Some(Ok(checked)));
    }

    #[test]
    fn what_is_no_command_says_what_can_be_typed_and_repeats_nothing() {
        let padded = format!("!undo{}", " ".repeat(80));
        for line in ["!", "!okay", "!ok 1", "!123456", "! undo it", &padded] {
            let said = read(line).unwrap().unwrap_err();
            assert!(said.contains("!help"), "{line}: {said}");
            assert!(!said.contains("123456"), "{said}");
        }
        for line in ["!override", "!override because", "!override guest other"] {
            let said = read(line).unwrap().unwrap_err();
            assert!(said.contains("identity_checked"), "{line}: {said}");
        }
    }

    #[test]
    fn every_command_that_is_explained_is_one() {
        for command in &COMMANDS {
            let line = command.say.replace("REASON", "guest");
            let line = line.replace("NAME", "ada lovelace");
            assert!(matches!(read(&line), Some(Ok(_))), "{line}");
        }
    }
}
