//! What comes in from outside: licences, banned crates and sources, as `deny.toml` says.
//!
//! The check is made here from `cargo metadata`, so that it is never skipped; cargo-deny, which knows
//! more cases, runs after it where it is installed.

use super::{metadata, report};
use crate::house::{House, run, succeeds};
use anyhow::{Context, Result};
use cargo_metadata::{Metadata, Package, PackageId};
use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};
use std::collections::HashMap;
use std::path::Path;

/// The parts of `deny.toml` that are checked here, named as cargo-deny names them.
#[derive(Deserialize)]
struct Deny {
    licenses: Licences,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licences {
    allow: Vec<String>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    #[serde(default)]
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    /// Crates that may bring the banned one all the same.
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct Sources {
    #[serde(rename = "allow-registry")]
    registries: Vec<String>,
}

/// Checks every package that any of our crates can build with, on any platform.
pub(crate) fn check(house: &House) -> Result<()> {
    let metadata = metadata(house)?;
    let text = house.read(Path::new("deny.toml"))?;
    let deny: Deny = toml::from_str(&text).context("read deny.toml")?;
    let mut breaches = Vec::new();
    for package in metadata
        .packages
        .iter()
        .filter(|package| !is_ours(&metadata, package))
    {
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        breaches.extend(deny.sources.judge(&package.name, source));
        breaches.extend(
            deny.licenses
                .judge(&package.name, package.license.as_deref()),
        );
    }
    breaches.extend(uses(&metadata)?.filter_map(|(user, used)| deny.bans.judge(user, used)));
    println!("{} packages checked", metadata.packages.len());
    report(breaches)?;
    if succeeds(&mut house.cargo(["deny", "--version"])) {
        run(&mut house.cargo(["deny", "check", "licenses", "bans", "sources"]))?;
    }
    Ok(())
}

fn is_ours(metadata: &Metadata, package: &Package) -> bool {
    metadata.workspace_members.contains(&package.id)
}

/// Who uses whom in the graph that is really built: what a crate could use but does not ask for is no
/// part of it.
fn uses(metadata: &Metadata) -> Result<impl Iterator<Item = (&str, &str)>> {
    let graph = metadata
        .resolve
        .as_ref()
        .context("cargo metadata gave no graph")?;
    let names: HashMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    Ok(graph
        .nodes
        .iter()
        .flat_map(|node| node.deps.iter().map(|used| (&node.id, &used.pkg)))
        .filter_map(move |(user, used)| Some((*names.get(user)?, *names.get(used)?))))
}

impl Licences {
    fn judge(&self, name: &str, licence: Option<&str>) -> Option<String> {
        let Some(text) = licence else {
            return Some(format!("{name} names no licence"));
        };
        // Old crates write `MIT/Apache-2.0`, which the lax mode reads as OR.
        let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else {
            return Some(format!("{name} has a licence nobody can read: {text}"));
        };
        let excepted = self
            .exceptions
            .iter()
            .filter(|exception| exception.name == name);
        let allowed: Vec<Licensee> = self
            .allow
            .iter()
            .chain(excepted.flat_map(|exception| &exception.allow))
            .filter_map(|licence| Licensee::parse(licence).ok())
            .collect();
        let good = expression.evaluate(|asked| allowed.iter().any(|ours| ours.satisfies(asked)));
        (!good).then(|| format!("{name} comes under {text}, which deny.toml does not allow"))
    }
}

impl Bans {
    fn judge(&self, user: &str, used: &str) -> Option<String> {
        let ban = self.deny.iter().find(|ban| ban.name == used)?;
        let wrapped = ban.wrappers.iter().any(|wrapper| wrapper == user);
        (!wrapped).then(|| format!("{user} uses {used}, which is banned: {}", ban.reason))
    }
}

impl Sources {
    fn judge(&self, name: &str, source: Option<&str>) -> Option<String> {
        let known = |source: &str| {
            let registry = source.strip_prefix("registry+").unwrap_or_default();
            self.registries.iter().any(|allowed| allowed == registry)
        };
        match source {
            Some(source) if known(source) => None,
            Some(source) => Some(format!("{name} comes from {source}, not from crates.io")),
            None => Some(format!(
                "{name} comes from a folder that is no member of the workspace"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Deny {
        toml::from_str(include_str!("../../../deny.toml")).unwrap()
    }

    #[test]
    fn a_choice_is_allowed_if_one_side_is_and_a_sum_if_both_are() {
        let licences = ours().licenses;
        assert_eq!(licences.judge("a", Some("MIT OR GPL-3.0-only")), None);
        assert_eq!(licences.judge("a", Some("MIT/Apache-2.0")), None);
        assert!(licences.judge("a", Some("MIT AND GPL-3.0-only")).is_some());
    }

    #[test]
    fn an_exception_holds_for_its_crate_alone() {
        let licences = ours().licenses;
        assert_eq!(licences.judge("minicbor", Some("BlueOak-1.0.0")), None);
        assert_eq!(
            licences.judge("other", Some("BlueOak-1.0.0")).as_deref(),
            Some("other comes under BlueOak-1.0.0, which deny.toml does not allow")
        );
    }

    #[test]
    fn no_licence_and_an_unreadable_one_are_breaches() {
        let licences = ours().licenses;
        assert!(licences.judge("a", None).is_some());
        assert!(licences.judge("a", Some("ask the author")).is_some());
    }

    #[test]
    fn a_banned_crate_may_come_by_its_wrapper_only() {
        let bans = ours().bans;
        assert_eq!(bans.judge("rxing", "chrono"), None);
        assert_eq!(
            bans.judge("usher-server", "chrono").as_deref(),
            Some("usher-server uses chrono, which is banned: dates and time zones are jiff's")
        );
    }

    #[test]
    fn code_comes_from_the_registry_and_from_nowhere_else() {
        let sources = ours().sources;
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        assert_eq!(sources.judge("a", Some(registry)), None);
        assert!(
            sources
                .judge("a", Some("git+https://example.org/a"))
                .is_some()
        );
        assert!(sources.judge("a", None).is_some());
    }
}
