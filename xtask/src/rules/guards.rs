//! What is always true is guarded by something: the tests and files that `ARCHITECTURE.md` names exist, and so
//! do those that `docs/threats.md` names for each of its lines.

use crate::house::House;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

const MAP: &str = "ARCHITECTURE.md";
const MARK: &str = "*Guards:*";

/// The page of who may be hostile. Each of its list items is one threat.
const THREATS: &str = "docs/threats.md";
/// Behind it an item names the tests that play the attack.
const TEST: &str = "*Test:*";
/// Behind it an item says why no test can play the attack.
const NO_TEST: &str = "*No test:*";

/// Every guard that is named and not there, and every threat that names none.
pub(super) fn breaches(house: &House) -> Result<Vec<String>> {
    let map = house.read(Path::new(MAP))?;
    let threats = house.read(Path::new(THREATS))?;
    let mut tests = BTreeSet::new();
    for path in house.rust_files("")? {
        tests.extend(functions(&house.read(&path)?));
    }
    let is_gone = |guard: &&str| match guard.contains(['/', '.']) {
        true => !house.has(Path::new(guard)),
        false => !tests.contains(*guard),
    };
    let mut breaches: Vec<String> = guards(&map)
        .filter(is_gone)
        .map(|guard| format!("{MAP} says that `{guard}` guards something, but it is gone"))
        .collect();
    for item in items(&threats) {
        match item.split_once(TEST) {
            Some((_, named)) if quoted(named).next().is_some() => {
                breaches.extend(
                    quoted(named)
                        .filter(is_gone)
                        .map(|test| format!("{THREATS} names the test `{test}`, but it is gone")),
                );
            }
            Some(_) | None if item.contains(NO_TEST) => {}
            Some(_) | None => {
                let start: String = item.chars().take(60).collect();
                breaches.push(format!("{THREATS} names no test for \"{start}…\""));
            }
        }
    }
    Ok(breaches)
}

/// What stands in backticks behind the mark.
fn guards(map: &str) -> impl Iterator<Item = &str> {
    map.lines()
        .filter_map(|line| line.trim_start().strip_prefix(MARK))
        .flat_map(quoted)
}

/// What stands in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The items of all lists of a page, each on one line.
fn items(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter_map(|line| line.strip_prefix("* "))
}

/// The names of all functions in a file.
fn functions(text: &str) -> Vec<String> {
    let name = |rest: &str| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        rest.get(..end).map(str::to_owned)
    };
    text.split("fn ").skip(1).filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threat_is_an_item_and_names_what_stands_behind_the_mark() {
        let page = "# Who\n\n* A `thief` may. *Test:* `a_test`, `other`\n  more\n* Nothing.\n";
        let items: Vec<_> = items(page).collect();
        assert_eq!(items.len(), 2);
        let named = items[0].split_once(TEST).map(|(_, named)| named);
        let named: Vec<_> = named.into_iter().flat_map(quoted).collect();
        assert_eq!(named, ["a_test", "other"]);
    }

    #[test]
    fn guards_are_the_names_behind_the_mark_and_functions_are_found() {
        let map = "1. `Record` is kept.\n   *Guards:* `a_test`, `fuzz/`; the lints.\n";
        assert_eq!(guards(map).collect::<Vec<_>>(), ["a_test", "fuzz/"]);
        let code = "#[test]\nfn a_test() {}\npub(crate) async fn other<T>(t: T) {}\n";
        assert_eq!(functions(code), ["a_test", "other"]);
    }
}
