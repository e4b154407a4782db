//! Which crate of ours may use which: `domain` ← `core` ← `cli`, `domain` ← `server` ← `cli`.

use cargo_metadata::Metadata;

/// Each crate of the workspace with the crates of the workspace it may use, in any way: also a test
/// of `core` must not need the server.
const ARROWS: [(&str, &[&str]); 7] = [
    ("usher-domain", &[]),
    ("usher-core", &["usher-domain"]),
    ("usher-server", &["usher-domain"]),
    ("usher-cli", &["usher-domain", "usher-core", "usher-server"]),
    (
        "usher-tests",
        &[
            "usher-domain",
            "usher-core",
            "usher-server",
            "usher-cli",
            "usher-vfs",
        ],
    ),
    ("usher-vfs", &[]),
    ("usher-xtask", &[]),
];

/// Every dependency between our crates that no arrow allows.
pub(super) fn breaches(metadata: &Metadata) -> Vec<String> {
    metadata
        .workspace_packages()
        .into_iter()
        .flat_map(|package| {
            // A dependency with a path is one of ours.
            let ours = package
                .dependencies
                .iter()
                .filter(|used| used.path.is_some());
            ours.filter_map(|used| judge(&package.name, &used.name))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn judge(user: &str, used: &str) -> Option<String> {
    match ARROWS.iter().find(|(name, _)| *name == user) {
        None => Some(format!(
            "{user} has no arrows: give it a line in xtask/src/rules/arrows.rs and in ARCHITECTURE.md"
        )),
        Some((_, allowed)) if allowed.contains(&used) => None,
        Some(_) => Some(format!(
            "{user} uses {used}: no arrow in ARCHITECTURE.md allows that"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_may_use_the_server() {
        assert_eq!(judge("usher-cli", "usher-server"), None);
    }

    #[test]
    fn the_server_never_links_the_core_of_a_device() {
        let breach = judge("usher-server", "usher-core");
        assert_eq!(
            breach.as_deref(),
            Some("usher-server uses usher-core: no arrow in ARCHITECTURE.md allows that")
        );
    }

    #[test]
    fn nothing_uses_the_tests_and_only_they_use_their_disks() {
        for (user, _) in ARROWS {
            assert!(judge(user, "usher-tests").is_some());
            assert_eq!(judge(user, "usher-vfs").is_none(), user == "usher-tests");
        }
    }

    #[test]
    fn a_new_crate_must_say_what_it_may_use() {
        let breach = judge("usher-robot", "usher-domain");
        assert!(breach.is_some_and(|text| text.starts_with("usher-robot has no arrows")));
    }
}
