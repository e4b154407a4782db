//! What people type for a verb that is called otherwise here: tips by spelling alone would mislead, as from
//! "delete" to "delay".

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// Words for the same, in the order in which a noun's verbs are tried.
const SAME: &[(&[&str], &[&str])] = &[
    (
        &["delete", "remove", "rm", "del", "erase", "drop", "destroy"],
        &["retire", "revoke", "withdraw", "cancel", "close", "void"],
    ),
    (
        &["new", "make", "insert", "register"],
        &["create", "add", "enroll"],
    ),
    (&["add", "create"], &["create", "add"]),
    (
        &["edit", "update", "modify", "set", "rename"],
        &["change", "update", "rename"],
    ),
    (&["ls", "all", "index"], &["list"]),
    (&["get", "view", "info", "cat"], &["show", "list"]),
    (&["refund", "block", "invalidate"], &["cancel"]),
    (&["login", "log-in", "signin"], &["sign-in"]),
    (&["logout", "log-out", "signout"], &["sign-out"]),
    (&["start", "server", "run"], &["serve"]),
    (&["stats", "statistics", "summary"], &["report"]),
];

/// The error with a tip of the verb that is meant, or without one where the word means nothing here that is
/// only spelt alike.
pub(crate) fn corrected(mut error: Error, whole: &clap::Command, words: &[String]) -> Error {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return error;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let typed = typed.clone();
    let mut noun = whole;
    for word in words.iter().skip(1).take_while(|word| **word != typed) {
        noun = noun.find_subcommand(word).unwrap_or(noun);
    }
    let mut lists = SAME
        .iter()
        .filter(|(said, _)| said.contains(&typed.as_str()));
    let meant = lists.find_map(|(_, meant)| {
        let mut meant = meant.iter().filter(|verb| **verb != typed);
        meant.find(|verb| noun.find_subcommand(verb).is_some())
    });
    let is_synonym = SAME.iter().any(|(said, _)| said.contains(&typed.as_str()));
    match meant {
        Some(verb) => {
            let tip = ContextValue::Strings(vec![(*verb).to_owned()]);
            error.insert(ContextKind::SuggestedSubcommand, tip);
        }
        None if is_synonym => drop(error.remove(ContextKind::SuggestedSubcommand)),
        None => {}
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Usher;

    fn tip(line: &str) -> String {
        let mut whole = Usher::definition();
        let words: Vec<String> = std::iter::once("usher")
            .chain(line.split_whitespace())
            .map(str::to_owned)
            .collect();
        let error = whole.try_get_matches_from_mut(&words).unwrap_err();
        corrected(error, &whole, &words).to_string()
    }

    #[test]
    fn a_word_for_the_same_is_told_and_one_that_is_only_spelt_alike_is_not() {
        for (line, tip_of) in [
            ("ticket delete fair/1", "'cancel'"),
            ("token remove shop", "'revoke'"),
            ("enrollment rm 1", "'withdraw'"),
            ("ticket edit fair/1", "'update'"),
            ("gate new north", "'create'"),
            ("login", "'sign-in'"),
            ("incident delete 3", "'close'"),
            ("session lst fair", "'list'"),
        ] {
            let told = tip(line);
            assert!(told.contains(tip_of), "{line}: {told}");
        }
        let told = tip("organizer delete house");
        assert!(!told.contains("tip:"), "{told}");
    }
}
