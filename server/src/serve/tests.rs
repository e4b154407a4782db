//! A server as it runs: over TCP and TLS, on a free port.

use super::*;
use crate::clock::SystemClock;
use crate::config::{Settings, TransportKind};
use crate::init::{MadeServer, NewServer, init};
use crate::storage::{Space, Transaction};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use usher_domain::api::venue::{NewEvent, NewOrganizer, NewSession};

async fn make(data: &Path, transport: TransportKind) -> (MadeServer, Config) {
    let new = NewServer {
        listen: Some(vec!["127.0.0.1:0".parse().unwrap()]),
        transport: Some(transport),
        ..NewServer::default()
    };
    let made = init(data, new, Arc::new(SystemClock)).await.unwrap();
    let config = Config::load(data, Settings::default(), []).unwrap();
    (made, config)
}

fn get(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )
}

/// Connects by TLS, trusting nothing but the certificate in the data folder.
async fn tls(data: &Path, address: SocketAddr) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(data.join(config::CERTIFICATE)).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
        .connect(
            ServerName::try_from("localhost").unwrap(),
            TcpStream::connect(address).await.unwrap(),
        )
        .await
        .unwrap()
}

#[tokio::test]
async fn a_server_answers_by_tls_with_its_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (made, config) = make(folder.path(), TransportKind::Tls).await;
    let server = Server::start(&config, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(server.spki(), Some(made.spki));
    assert!(server.public_url().starts_with("https://127.0.0.1:"));
    let mut connection = tls(folder.path(), server.addresses()[0]).await;
    let request = get("/api/v1/organizers", made.token.reveal());
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(r#"{"items":[]}"#), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_server_stopped_gives_its_folder_free_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (_, config) = make(folder.path(), TransportKind::Plain).await;
    for _ in 0..2 {
        let server = Server::start(&config, Arc::new(SystemClock)).await.unwrap();
        let mut connection = TcpStream::connect(server.addresses()[0]).await.unwrap();
        let request = get("/healthz", "none");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_scope_that_cannot_be_interpreted_keeps_no_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let (_, config) = make(folder.path(), TransportKind::Plain).await;
    let server = Server::start(&config, Arc::new(SystemClock)).await.unwrap();
    let service = server.service();
    let organizer = NewOrganizer {
        slug: "house".to_owned(),
        name: "The House".to_owned(),
    };
    let organizer = service.create_organizer(organizer).await.unwrap().id;
    let event = NewEvent {
        slug: "show".to_owned(),
        name: "The Show".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
    };
    service.create_event(organizer, event).await.unwrap();
    let session = NewSession {
        slug: "first".to_owned(),
        name: "First".to_owned(),
        doors: "2027-10-30 18:00".to_owned(),
        starts: None,
        ends: "2027-10-30 22:00".to_owned(),
        rules: None,
    };
    let session = service
        .create_session(organizer, "show".to_owned(), session)
        .await
        .unwrap();
    let spoil = move |txn: &mut dyn Transaction, now| {
        let scope = session.scope.as_bytes();
        Ok(txn.put_value(Space::Interpreted, scope, b"not readable", now)?)
    };
    service.write(spoil).await.unwrap();
    server.stop().await;
    let server = Server::start(&config, Arc::new(SystemClock)).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_folder_without_a_server_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        listen: Some(vec!["127.0.0.1:0".parse().unwrap()]),
        ..Settings::default()
    };
    let config = Config::check(folder.path(), settings).unwrap();
    let refused = Server::start(&config, Arc::new(SystemClock)).await;
    assert!(matches!(refused, Err(ServeError::NotThere(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
