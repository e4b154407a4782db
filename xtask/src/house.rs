//! The workspace on disk, and cargo started in it.

use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that hold no source of ours.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

/// Variables that `cargo run` sets for this program and that must not reach another cargo: build
/// scripts watch some of them and would compile their C code again on every change of command.
const SET_BY_CARGO_RUN: [&str; 6] = [
    "CARGO_BIN_NAME",
    "CARGO_CRATE_NAME",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_PRIMARY_PACKAGE",
    "LD_LIBRARY_PATH",
];

/// The root of the workspace.
pub(crate) struct House {
    root: PathBuf,
}

impl House {
    /// Finds the root from what `cargo run` tells at run time. (The path known at compile time would
    /// be wrong in a copied target folder.)
    pub(crate) fn find() -> Result<Self> {
        let own = env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask`")?;
        let root = Path::new(&own)
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        Ok(Self { root })
    }

    /// The cargo that started this program, in the root, with a clean environment.
    pub(crate) fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let set_for_us = name
                .to_str()
                .is_some_and(|n| SET_BY_CARGO_RUN.contains(&n) || n.starts_with("CARGO_PKG_"));
            if set_for_us {
                command.env_remove(name);
            }
        }
        command
    }

    /// Where cargo puts a program built in release.
    pub(crate) fn release_program(&self, name: &str) -> PathBuf {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let folder = self.root.join(target).join("release");
        folder.join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Every Rust file under a folder of the workspace, with its path from the root, sorted.
    pub(crate) fn rust_files(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        collect(&self.root.join(folder), &mut found)?;
        found.sort();
        found
            .into_iter()
            .map(|path| Ok(path.strip_prefix(&self.root)?.to_path_buf()))
            .collect()
    }

    /// Whether a file or folder is there, by its path from the root.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.root.join(path).exists()
    }

    /// Reads a text file by its path from the root.
    pub(crate) fn read(&self, path: &Path) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("read {}", path.display()))
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if path.is_dir() {
            if !NOT_OURS.contains(&name) {
                collect(&path, found)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

/// Runs a command that writes to the terminal, and makes a failure an error that names it.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Whether a command can be started and succeeds; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    format!(
        "`{}`",
        words
            .map(OsStr::to_string_lossy)
            .collect::<Vec<_>>()
            .join(" ")
    )
}
