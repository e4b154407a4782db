//! Dependencies that a crate names and never uses: build time and trust for nothing.

use crate::house::House;
use anyhow::{Context, Result};
use cargo_metadata::{Dependency, Metadata};

/// A notice for each dependency whose name no file of the crate begins a path with. (A path in a
/// comment counts as a use: this finds what was forgotten, not what is hidden.)
pub(super) fn notices(house: &House, metadata: &Metadata) -> Result<Vec<String>> {
    let mut notices = Vec::new();
    for package in metadata.workspace_packages() {
        let folder = package
            .manifest_path
            .parent()
            .context("a manifest stands in a folder")?;
        let folder = folder.strip_prefix(&metadata.workspace_root)?;
        let mut sources = String::new();
        for path in house.rust_files(folder.as_str())? {
            sources += &house.read(&path)?;
        }
        let unused = package
            .dependencies
            .iter()
            .map(word)
            .filter(|word| !sources.contains(&format!("{word}::")));
        notices.extend(unused.map(|word| format!("{} never says `{word}::`", package.name)));
    }
    Ok(notices)
}

/// What the code calls a dependency.
fn word(dependency: &Dependency) -> String {
    dependency
        .rename
        .as_ref()
        .unwrap_or(&dependency.name)
        .replace('-', "_")
}
