//! The demo's server: a process of its own that is killed and started again.

use super::process::Process;
use crate::client::{Access, Client};
use crate::error::CliError;
use crate::profile::{self, Profile};
use serde::Deserialize;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use usher_domain::hash::Hash;
use usher_domain::secret::Private;

/// A free port of this machine.
const ANYWHERE: &str = "127.0.0.1:0";

/// A prepared server and, while it runs, its process.
#[derive(Debug)]
pub struct DemoServer {
    data: PathBuf,
    log: PathBuf,
    running: Option<(Process, SocketAddr)>,
}

#[derive(Deserialize)]
struct Serving {
    addresses: Vec<SocketAddr>,
}

impl DemoServer {
    /// Prepares a server with TLS in a folder.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn prepare(folder: &Path) -> Result<Self, CliError> {
        let server = Self {
            data: folder.join("server"),
            log: folder.join("server.log"),
            running: None,
        };
        let mut init = Process::start(server.line("init"), &server.log)?;
        let _made: serde_json::Value = init.hear().await?;
        init.finish().await?;
        Ok(server)
    }

    fn line(&self, verb: &str) -> Vec<OsString> {
        let mut line: Vec<OsString> = vec![verb.into(), "--data".into(), self.data.clone().into()];
        line.extend(["--listen".into(), ANYWHERE.into()]);
        line
    }

    /// Starts it and waits until it serves; tells where.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn start(&mut self) -> Result<SocketAddr, CliError> {
        let mut process = Process::start(self.line("serve"), &self.log)?;
        let serving: Serving = process.hear().await?;
        let address = serving.addresses.first().copied();
        let address = address.ok_or(CliError::Missing("the server listens nowhere"))?;
        self.running = Some((process, address));
        Ok(address)
    }

    /// Kills it.
    ///
    /// # Errors
    /// [`CliError`] if it does not run.
    pub async fn kill(&mut self) -> Result<ExitStatus, CliError> {
        let gone = CliError::Missing("the server does not run");
        let (process, _) = self.running.take().ok_or(gone)?;
        process.kill().await
    }

    /// Where it serves.
    ///
    /// # Errors
    /// [`CliError`] if it does not run.
    pub fn address(&self) -> Result<SocketAddr, CliError> {
        let running = self.running.as_ref();
        Ok(running
            .ok_or(CliError::Missing("the server does not run"))?
            .1)
    }

    /// What `usher init` wrote of the way to it.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn profile(&self) -> Result<Profile, CliError> {
        Profile::read(&self.data.join(profile::FILE))
    }

    /// Keeps a token, as `usher organizer create` does.
    ///
    /// # Errors
    /// [`CliError`].
    pub fn keep_token(&self, organizer: &str, token: &Private) -> Result<(), CliError> {
        let mut profile = self.profile()?;
        profile.tokens.insert(organizer.to_owned(), token.clone());
        profile.organizer = Some(organizer.to_owned());
        profile.write(&self.data.join(profile::FILE))
    }
}

/// A connection to the demo's server at an address.
///
/// # Errors
/// [`CliError`].
pub fn connect(at: SocketAddr, pin: Hash, token: Private, id: String) -> Result<Client, CliError> {
    let access = Access {
        server: format!("https://{at}"),
        pin: Some(pin),
        token,
    };
    Client::new(access, id)
}
