//! `domain` decides and does not act: its dependencies must prove it.

use crate::house::House;
use anyhow::{Context, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata};

const DOMAIN: &str = "usher-domain";

/// What `domain` may name in its Cargo.toml: arithmetic, formats, words about errors and (behind a
/// feature) derived descriptions of its types. A new line here is a claim that the crate does no I/O,
/// reads no clock and makes no random numbers.
const PURE: [&str; 15] = [
    "aes-gcm-siv",
    "argon2",
    "base64",
    "ed25519-dalek",
    "hkdf",
    "hmac",
    "jiff",
    "minicbor",
    "serde",
    "serde_json",
    "sha2",
    "subtle",
    "thiserror",
    "utoipa",
    "zeroize",
];

/// What must not come in through any of them, however deep.
const NEVER: [&str; 13] = [
    "axum",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "rand",
    "reqwest",
    "rusqlite",
    "socket2",
    "time",
    "tokio",
];

/// Direct dependencies that nobody declared pure, and impure ones at any depth.
pub(super) fn breaches(house: &House, metadata: &Metadata) -> Result<Vec<String>> {
    let domain = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name == DOMAIN)
        .context("the workspace has no usher-domain")?;
    let normal = domain
        .dependencies
        .iter()
        .filter(|used| used.kind == DependencyKind::Normal);
    let direct = normal.filter_map(|used| judge_direct(&used.name));
    let tree = tree(house)?;
    Ok(direct.chain(judge_tree(&tree)).collect())
}

/// The crates that `domain` alone would build with, on any platform and with all its features. (The metadata would not do: it
/// adds up the features that all crates of the workspace ask for.)
fn tree(house: &House) -> Result<String> {
    let question = [
        "tree", "--locked", "-p", DOMAIN, "-e", "normal", "--target", "all", "--prefix", "none",
    ];
    let output = house.cargo(question).output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`cargo tree` failed: {errors}");
    Ok(String::from_utf8(output.stdout)?)
}

fn judge_direct(used: &str) -> Option<String> {
    (!PURE.contains(&used)).then(|| {
        format!(
            "domain/Cargo.toml names {used}, which is not on the list of pure crates: if it does no \
             I/O, reads no clock and makes no random numbers, add it to xtask/src/rules/domain.rs"
        )
    })
}

fn judge_tree(tree: &str) -> Vec<String> {
    let used = |name: &&str| {
        tree.lines()
            .any(|line| line.split(' ').next() == Some(name))
    };
    let breach = |name| {
        format!(
            "domain pulls in {name}: see `cargo tree -p {DOMAIN} -e normal --target all --all-features -i {name}` \
             and turn off the feature that brings it"
        )
    };
    NEVER.iter().copied().filter(used).map(breach).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_in_the_manifest_is_a_breach() {
        assert!(judge_direct("tokio").is_some_and(|text| text.contains("names tokio")));
        assert_eq!(judge_direct("sha2"), None);
    }

    #[test]
    fn randomness_that_comes_in_through_another_crate_is_a_breach() {
        let tree = "usher-domain v0.1.0 (/x/domain)\naead v0.6.1\ngetrandom v0.4.3 (*)\n";
        let breaches = judge_tree(tree);
        assert_eq!(breaches.len(), 1);
        assert!(
            breaches
                .iter()
                .all(|text| text.contains("pulls in getrandom"))
        );
    }

    #[test]
    fn a_crate_whose_name_only_begins_alike_is_none() {
        assert!(judge_tree("rand_core v0.10.1\ntime-core v0.1.0\n").is_empty());
    }
}
