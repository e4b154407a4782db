//! `usher token`: access for sales systems and people.

use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{TOKEN_ROLES, word, words};
use crate::zone::Wall;
use clap::Subcommand;
use std::path::PathBuf;
use usher_domain::api::access::{self, IssuedToken, NewToken, TokenRole};

/// API tokens, for sales systems and people
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Create a token; its secret is shown this once
    Create {
        /// Name for people: who or what uses it
        name: String,
        /// What it may do
        #[arg(long, value_parser = words::<TokenRole>(TOKEN_ROLES))]
        role: TokenRole,
        /// When it ends, as 30d or "2027-05-01 20:15"; never if left out
        #[arg(long, value_name = "TIME")]
        until: Option<Time>,
        /// Write the secret to this file, readable by you alone, and do not show it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List tokens
    List,
    /// End a token at once
    Revoke {
        /// Its id, the part before the dot
        id: String,
    },
}

impl Token {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        match self {
            Self::Create {
                name,
                role,
                until,
                out,
            } => {
                let calendar = Calendar::of_all(shell, &client).await?;
                let until = calendar.maybe(until, Tense::ToCome)?;
                let new = NewToken { name, role, until };
                let issued: IssuedToken = client.post(&["tokens"], &new).await?;
                match out {
                    Some(file) => {
                        files::create_private(
                            &file,
                            format!("{}\n", issued.secret.reveal()).as_bytes(),
                        )?;
                        shell.output.show(&issued.token, |page| {
                            page.line(format_args!(
                                "Token {} ({}); its secret is in {}",
                                issued.token.name,
                                issued.token.id,
                                file.display()
                            ));
                        })?;
                    }
                    None => shell
                        .output
                        .show(&issued, |page| page.line(issued.secret.reveal()))?,
                }
            }
            Self::List => {
                let all: Vec<access::Token> = client.list(&["tokens"]).await?;
                let wall = Wall::of_events(&client, &[]).await?;
                shell.output.list(
                    &all,
                    ["id", "name", "role", "state"],
                    "No tokens yet.",
                    |token| {
                        [
                            token.id.clone(),
                            token.name.clone(),
                            word(&token.role),
                            state(token, &wall),
                        ]
                    },
                )?;
            }
            Self::Revoke { id } => {
                let token: access::Token = client.delete(&["tokens", &id]).await?;
                shell.output.show(&token, |page| {
                    page.line(format_args!(
                        "Token {} ({}) is revoked",
                        token.name, token.id
                    ));
                })?;
            }
        }
        Ok(Exit::Done)
    }
}

fn state(token: &access::Token, wall: &Wall) -> String {
    match (token.revoked, token.until) {
        (true, _) => "revoked".to_owned(),
        (false, Some(until)) => format!("until {}", wall.say(until)),
        (false, None) => "no end".to_owned(),
    }
}
