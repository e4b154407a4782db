//! `usher enroll`, `usher sign-in` and `usher sign-out`: a device and who works with it.

use crate::ask::confirm;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::passphrase::first_line;
use crate::pictures;
use crate::shell::Shell;
use crate::values::{span, word};
use clap::Args;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;
use usher_core::app::{EnrollInput, EnrollStep, OperatorView, Standing};
use usher_core::http::PlainHttp;
use usher_core::sync::TokioTimer;
use usher_domain::secret::Private;

/// Bytes of the longest secret code read from standard input.
const CODE_BYTES_MAX: u64 = 4096;

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
    /// How long to wait until an organizer has confirmed the device, as 90s, 10m or 1h; 0m asks once
    ///
    /// Only codes made with --confirm need it. The same command goes on waiting.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = span)]
    pub wait: Duration,
    /// Enroll a folder anew that is a device already, without asking
    #[arg(long)]
    pub yes: bool,
    /// Allow plain HTTP to another machine, because a proxy keeps the secrets
    #[arg(long)]
    pub allow_plain_http: bool,
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

impl CodeSource {
    /// The code.
    ///
    /// # Errors
    /// [`CliError`] if its file or picture is not readable.
    pub fn read(&self) -> Result<Private, CliError> {
        match (&self.code, &self.file, &self.image) {
            (Some(code), _, _) if code != "-" => Ok(Private::new(code.as_str())),
            (_, Some(file), _) => first_line(file),
            (_, _, Some(image)) => match pictures::codes(image)?.as_slice() {
                [code] => Ok(code.clone()),
                _ => Err(CliError::bad_file(
                    image,
                    "several codes are seen in the picture",
                )),
            },
            _ => {
                let mut text = String::new();
                std::io::stdin()
                    .take(CODE_BYTES_MAX)
                    .read_to_string(&mut text)?;
                Ok(Private::new(text.trim()))
            }
        }
    }
}

impl Enroll {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.new_device()?;
        if app.standing()? == Standing::Enrolled {
            let question = format!(
                "{} is a device already. Enroll it anew with this code?",
                shell.home()?.display()
            );
            confirm(&question, self.yes)?;
        }
        let name = self.name.clone();
        let wait = self.wait;
        let input = EnrollInput {
            code: self.code.read()?,
            name: self.name,
            plain: if self.allow_plain_http {
                PlainHttp::Anywhere
            } else {
                PlainHttp::OnLoopback
            },
            patience: wait,
        };
        let output = Mutex::new(&mut shell.output);
        let told = Mutex::new(false);
        let tell = |step: EnrollStep| {
            let (Ok(mut output), Ok(mut told)) = (output.lock(), told.lock()) else {
                return;
            };
            // Where it cannot be written, the enrollment goes on all the same.
            let _ = match step {
                EnrollStep::Confirm { .. } if *told => Ok(()),
                EnrollStep::Confirm { digits } => {
                    *told = true;
                    let digits = digits.reveal();
                    output.show(&serde_json::json!({ "confirm": digits }), |page| {
                        waiting_page(page, &name, digits, wait);
                    })
                }
                EnrollStep::Waiting { pause } => output.note(format_args!(
                    "The server does not answer; asking again in {} s",
                    pause.as_secs().max(1)
                )),
            };
        };
        let enrolled = app.enroll(&input, &TokioTimer, &tell).await?;
        shell.output.show(&enrolled, |page| {
            page.line(format_args!(
                "Enrolled as {} ({})",
                enrolled.name,
                word(&enrolled.role)
            ));
            page.field("id", enrolled.device);
        })?;
        let next = format!("Next: usher --home {} sync", shell.home()?.display());
        shell.output.note(next)?;
        Ok(Exit::Done)
    }
}

/// What a person at a device must know that an organizer has to confirm.
fn waiting_page(page: &mut Page, name: &str, digits: &str, wait: Duration) {
    page.line("An organizer must confirm this device.");
    page.line(format_args!("  Digits to compare: {digits}"));
    page.line("  The organizer sees the same digits in: usher device list");
    page.line(format_args!(
        "  and, if they match, says: usher device confirm {} {digits}",
        in_shell(name)
    ));
    let minutes = wait.as_secs().div_ceil(60);
    if minutes > 0 {
        page.line(format_args!(
            "Waiting for up to {minutes} min. Stopping is safe: the same command goes on."
        ));
    }
}

/// A word of a command line, quoted where a shell would read it otherwise.
fn in_shell(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.:/@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

impl SignIn {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let operator = shell.device()?.sign_in(&self.badge.read()?)?;
        show_signed_in(shell, &operator)?;
        Ok(Exit::Done)
    }
}

/// Says who is signed in from now on.
///
/// # Errors
/// [`CliError`] if it cannot be written.
pub fn show_signed_in(shell: &mut Shell, operator: &OperatorView) -> Result<(), CliError> {
    shell.output.show(operator, |page| {
        page.line(format_args!(
            "Signed in: {} ({})",
            operator.name.reveal(),
            word(&operator.role)
        ));
    })?;
    Ok(())
}

/// Signs out whoever is signed in.
///
/// # Errors
/// [`CliError`].
pub fn sign_out(shell: &mut Shell) -> Result<Exit, CliError> {
    shell.device()?.sign_out()?;
    shell
        .output
        .show(&serde_json::json!({ "signed_out": true }), |page| {
            page.line("Signed out")
        })?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_where_a_shell_would_cut_or_change_it() {
        for (name, quoted) in [
            ("till-2", "till-2"),
            ("Tür", "Tür"),
            ("till conf", "'till conf'"),
            ("Kim's", r"'Kim'\''s'"),
            ("$HOME", "'$HOME'"),
            ("", "''"),
        ] {
            assert_eq!(in_shell(name), quoted);
        }
    }
}
