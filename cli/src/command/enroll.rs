//! `usher enroll`, `usher sign-in` and `usher sign-out`: a device and who works with it.

use clap::Args;
use std::path::PathBuf;

/// Make this folder a device: take a use of an enrollment code
///
/// Repeating it after a lost answer is the same enrollment.
#[derive(Debug, Args)]
pub struct Enroll {
    /// Where the code comes from.
    #[command(flatten)]
    pub code: CodeSource,
    /// Name of the device for people, such as till-2
    #[arg(long)]
    pub name: String,
}

/// Sign in with a staff badge
#[derive(Debug, Args)]
pub struct SignIn {
    /// Where the badge comes from.
    #[command(flatten)]
    pub badge: CodeSource,
}

/// Where a secret code comes from: a text, a file with the text, or a picture.
#[derive(Debug, Clone, Args)]
pub struct CodeSource {
    /// The code as text; - reads it from standard input
    #[arg(required_unless_present_any = ["file", "image"], conflicts_with_all = ["file", "image"])]
    pub code: Option<String>,
    /// Read the code from a text file
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub file: Option<PathBuf>,
    /// Read the code from a picture (PNG, JPEG)
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,
}
