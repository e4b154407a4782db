//! `usher init` and `usher serve`: the server.

use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where the server keeps everything, if nothing else is said.
pub const DATA: &str = "usher-data";

/// The server's data folder.
#[derive(Debug, Clone, Args)]
pub struct Data {
    /// The server's folder: database, keys, certificate, settings
    #[arg(long, value_name = "DIR", env = "USHER_DATA", default_value = DATA)]
    pub data: PathBuf,
}

/// Prepare a server: folder, certificate, settings, an admin token and a profile for the commands here
#[derive(Debug, Args)]
pub struct Init {
    /// The folder.
    #[command(flatten)]
    pub data: Data,
    /// A host name or address under which devices reach the server; repeat it for each
    #[arg(long = "name", value_name = "HOST")]
    pub names: Vec<String>,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:8443")]
    pub listen: SocketAddr,
}

/// Run the server until it is told to stop (Ctrl-C or SIGTERM)
#[derive(Debug, Args)]
pub struct Serve {
    /// The folder.
    #[command(flatten)]
    pub data: Data,
    /// Address and port to listen on, in place of the settings'; repeat it for each
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Vec<SocketAddr>,
    /// Address under which others reach the server, in place of the settings'
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
}
