//! What is always true is guarded by something: the tests and files that `ARCHITECTURE.md` names exist.

use crate::house::House;
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;

const MAP: &str = "ARCHITECTURE.md";
const MARK: &str = "*Guards:*";

/// Every guard that is named and not there.
pub(super) fn breaches(house: &House) -> Result<Vec<String>> {
    let map = house.read(Path::new(MAP))?;
    let mut tests = BTreeSet::new();
    for path in house.rust_files("")? {
        tests.extend(functions(&house.read(&path)?));
    }
    let gone = guards(&map).filter(|guard| match guard.contains(['/', '.']) {
        true => !house.has(Path::new(guard)),
        false => !tests.contains(*guard),
    });
    Ok(gone
        .map(|guard| format!("{MAP} says that `{guard}` guards something, but it is gone"))
        .collect())
}

/// What stands in backticks behind the mark.
fn guards(map: &str) -> impl Iterator<Item = &str> {
    map.lines()
        .filter_map(|line| line.trim_start().strip_prefix(MARK))
        .flat_map(|rest| rest.split('`').skip(1).step_by(2))
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
    fn guards_are_the_names_behind_the_mark_and_functions_are_found() {
        let map = "1. `Record` is kept.\n   *Guards:* `a_test`, `fuzz/`; the lints.\n";
        assert_eq!(guards(map).collect::<Vec<_>>(), ["a_test", "fuzz/"]);
        let code = "#[test]\nfn a_test() {}\npub(crate) async fn other<T>(t: T) {}\n";
        assert_eq!(functions(code), ["a_test", "other"]);
    }
}
