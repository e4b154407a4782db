//! What an operator types between codes: words that begin with `!`.

use crate::values::SANCTION_REASONS;
use serde::Serialize;
use serde::de::Deserialize as _;
use serde::de::value::{Error as ValueError, StrDeserializer};
use usher_domain::document::sanction::SanctionReason;

/// What a line begins with that is a word and no code.
const MARK: char = '!';

/// A word of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
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
    /// How the gate stands.
    Status,
    /// What can be said.
    Help,
}

/// A word and what it does, for who asks.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    say: &'static str,
    does: &'static str,
}

/// All words.
pub(super) const WORDS: [Explained; 7] = [
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
        does: "let in whom the last scan refused or referred: the supervisor's badge is the next line, \
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
        say: "!status",
        does: "which session, gate and direction, who is signed in, whether the gate is alone",
    },
    Explained {
        say: "!help",
        does: "list these words",
    },
];

impl Explained {
    /// As a line for a person.
    pub(super) fn line(&self) -> String {
        format!("{:<17} {}", self.say, self.does)
    }
}

/// The word of a line; none if it is a code. What begins as a word and is none says what can be said.
pub(super) fn read(line: &str) -> Option<Result<Word, String>> {
    let said = line.trim().strip_prefix(MARK)?;
    let mut parts = said.split_whitespace();
    let word = parts.next().unwrap_or_default().to_lowercase();
    let rest: Vec<&str> = parts.collect();
    Some(match (word.as_str(), rest.as_slice()) {
        ("ok", []) => Ok(Word::Confirm),
        ("undo", []) => Ok(Word::Undo),
        ("in", []) => Ok(Word::In),
        ("out", []) => Ok(Word::Out),
        ("status", []) => Ok(Word::Status),
        ("help", []) => Ok(Word::Help),
        ("override", [reason]) => reason_of(reason).map(Word::Override).ok_or_else(reasons),
        ("override", _) => Err(reasons()),
        // Not repeated: it may be a code or a PIN with a wrong key before it.
        _ => Err("there is no such word, and nothing was done: !help lists them".to_owned()),
    })
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
    fn a_code_is_no_word() {
        for line in ["", "QF3K7T2ZC5W8", "ok", "USH1:!ok", "Q!undo"] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn words_are_read_whatever_their_case_and_spaces() {
        assert_eq!(read("!ok"), Some(Ok(Word::Confirm)));
        assert_eq!(read(" !UNDO "), Some(Ok(Word::Undo)));
        let guest = Word::Override(SanctionReason::Guest);
        assert_eq!(read("!override guest"), Some(Ok(guest)));
        let checked = Word::Override(SanctionReason::IdentityChecked);
        assert_eq!(read("!Override identity-checked"), Some(Ok(checked)));
    }

    #[test]
    fn what_is_no_word_says_what_can_be_said_and_repeats_nothing() {
        for line in ["!", "!okay", "!ok 1", "!123456", "! undo it"] {
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
    fn every_word_that_is_explained_is_one() {
        for word in &WORDS {
            let line = word.say.replace("REASON", "guest");
            assert!(matches!(read(&line), Some(Ok(_))), "{line}");
        }
    }
}
