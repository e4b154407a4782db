//! `usher token`: access for sales systems and people.

use crate::values::{TOKEN_ROLES, Until, words};
use clap::Subcommand;
use std::path::PathBuf;
use usher_domain::api::access::TokenRole;

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
        /// When it ends: a time (RFC 3339), or how long as 30d; never if left out
        #[arg(long)]
        until: Option<Until>,
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
