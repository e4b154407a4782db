//! Whether anybody is there to ask, before a scan that somebody waits for.

use reqwest::Url;
use std::time::Duration;
use tokio::net::TcpStream;
use usher_core::app::App;
use usher_core::sync::{Timer as _, TokioTimer};

/// How long a server may take to accept a connection before a scan does without it: a round trip over a poor
/// line, and little of what a person waits for.
const CONNECT_TIME: Duration = Duration::from_millis(200);

/// Whether the device's server accepts a connection. One that is gone is not asked again and again while
/// somebody stands at the gate.
pub(super) async fn is_there(app: &App) -> bool {
    let Some(address) = app.server() else {
        return false;
    };
    let Some((host, port)) = host_and_port(&address) else {
        return false;
    };
    let connected = TcpStream::connect((host.as_str(), port));
    let connected = TokioTimer.within(CONNECT_TIME, connected).await;
    connected.is_some_and(|connected| connected.is_ok())
}

fn host_and_port(address: &str) -> Option<(String, u16)> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_of_a_server_are_read() {
        for (address, host, port) in [
            ("http://127.0.0.1:8080", "127.0.0.1", 8080),
            ("https://tickets.example", "tickets.example", 443),
            ("https://[::1]:8443/usher", "::1", 8443),
        ] {
            let found = host_and_port(address).unwrap();
            assert_eq!(found, (host.to_owned(), port));
        }
        assert_eq!(host_and_port("nowhere"), None);
    }
}
