//! What the machine must have besides Rust, and how it gets it.

use crate::house::{run, succeeds};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// A program that a step needs, and the Debian and Ubuntu packages that bring it.
struct Need {
    program: &'static str,
    packages: &'static [&'static str],
    why: &'static str,
}

const NEEDS: [Need; 1] = [Need {
    program: "cc",
    packages: &["gcc", "libc6-dev"],
    why: "SQLite, zstd and ring are compiled from C",
}];

/// What the library of webcams needs to be built, where somebody wants it.
const LIBCLANG: &[&str] = &["libclang-dev"];

/// Where Debian and Ubuntu keep it, besides folders of its own for each version.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
];

/// The machine lacks something, and this program may not install it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .lines.join("\n"))]
pub(crate) struct Missing {
    /// What is missing and why, then the line that installs it.
    lines: Vec<String>,
}

/// Installs what is missing if that is possible without asking anybody.
///
/// # Errors
/// [`Missing`] when there is no apt, or neither root nor sudo without a password.
pub(crate) fn provide() -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !on_path(need.program)).collect();
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.packages)
        .copied()
        .collect();
    match installer() {
        Some(prefix) if !missing.is_empty() => install(prefix, &packages)?,
        None if !missing.is_empty() => {
            return Err(Missing {
                lines: explain(&missing, &packages),
            }
            .into());
        }
        Some(_) | None => {}
    }
    wish_for_libclang();
    Ok(())
}

/// Installs what checks the part that reads webcams. Nobody needs it who does not build that part, so
/// where it cannot be had, that part is left out.
fn wish_for_libclang() {
    if let Some(prefix) = installer().filter(|_| !has_libclang())
        && let Err(error) = install(prefix, LIBCLANG)
    {
        println!("{} could not be installed: {error}", LIBCLANG.join(" "));
    }
}

/// Whether the part that reads webcams can be built. Only Linux needs something for it that is not there
/// with the compiler.
pub(crate) fn has_libclang() -> bool {
    let versions = folders(Path::new("/usr/lib"), "llvm-").map(|folder| folder.join("lib"));
    let named = env::var_os("LIBCLANG_PATH").map(PathBuf::from);
    let places = LIBRARIES.iter().map(PathBuf::from);
    !cfg!(target_os = "linux")
        || places
            .chain(versions)
            .chain(named)
            .any(|folder| folders(&folder, "libclang.so").next().is_some())
}

/// What in a folder has a name that begins so.
fn folders(folder: &Path, beginning: &str) -> impl Iterator<Item = PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let named = move |entry: &fs::DirEntry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with(beginning)
    };
    entries.filter(named).map(|entry| entry.path())
}

fn install(prefix: &[&str], packages: &[&str]) -> Result<()> {
    println!("installing {}", packages.join(" "));
    run(&mut apt(prefix, &["update"]))?;
    let install = ["install", "-y", "--no-install-recommends"];
    run(&mut apt(prefix, &[&install[..], packages].concat()))
}

fn explain(missing: &[&Need], packages: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = missing
        .iter()
        .map(|need| format!("missing: {} ({})", need.program, need.why))
        .collect();
    lines.push("On Debian or Ubuntu run:".to_owned());
    lines.push(format!(
        "  sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    ));
    lines
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH")
        .is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// The words before `apt-get`, or nothing if this program may not use it.
fn installer() -> Option<&'static [&'static str]> {
    if !on_path("apt-get") {
        None
    } else if is_root() {
        Some(&[])
    } else if succeeds(Command::new("sudo").args(["-n", "true"])) {
        Some(&["sudo", "-n"])
    } else {
        None
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// `env` carries the setting through sudo, which drops the caller's environment.
fn apt(prefix: &[&str], arguments: &[&str]) -> Command {
    let apt_get = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let mut words = prefix.iter().chain(&apt_get).chain(arguments);
    let mut command = Command::new(words.next().copied().unwrap_or("env"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lacks_something_reads_what_why_and_the_line_to_run() {
        let need = Need {
            program: "psql",
            packages: &["postgresql"],
            why: "the second database",
        };
        let lines = explain(&[&need], need.packages);
        assert_eq!(
            Missing { lines }.to_string(),
            "missing: psql (the second database)\nOn Debian or Ubuntu run:\n  \
             sudo apt-get install -y --no-install-recommends postgresql"
        );
    }

    #[test]
    fn sudo_stands_before_the_environment_it_would_drop() {
        let command = apt(&["sudo", "-n"], &["update"]);
        assert_eq!(command.get_program(), "sudo");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(
            arguments,
            [
                "-n",
                "env",
                "DEBIAN_FRONTEND=noninteractive",
                "apt-get",
                "update"
            ]
        );
    }
}
