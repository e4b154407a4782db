//! A device one release older is still served: what it sends was recorded and is sent again.
//!
//! `tests/data/messages/N` holds what devices of release N sent, in order, and the server's database as it
//! was before. `USHER_BLESS=1 cargo test -p usher-tests --test venue messages` records those of this
//! release anew; those of released ones are never written again.
//!
//! Only the answer to a challenge is made anew, because a challenge is another each time.

use std::fs;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use usher_domain::api::access::Confirmation;
use usher_domain::cbor;
use usher_domain::challenge::prove_device;
use usher_domain::cose::SigningKey;
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{PushAnswer, paths};
use usher_domain::secret::Seed;
use usher_domain::wire::{Challenge, DeviceToken, TokenRequest};
use usher_tests::Venue;

const NEWEST: &str = "1";
const DATABASE: &str = "server.db.zst";
const DEVICE: &str = "device.bin";
/// The headers that mean something to the server.
const HEADERS: [&str; 3] = ["content-type", "range", "accept"];

fn recorded(release: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/messages");
    data.join(release)
}

/// Splits what a connection carried into requests: head and body.
fn requests(mut bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let body = bytes[end + 4..end + 4 + length].to_vec();
        bytes = &bytes[end + 4 + length..];
        found.push((head, body));
    }
    found
}

/// The part of a head that is kept.
fn essence(head: &str) -> String {
    let kept = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        HEADERS.contains(&name) || line.ends_with(" HTTP/1.1")
    });
    kept.map(|line| format!("{line}\r\n")).collect()
}

async fn record(folder: &Path) {
    let venue = Venue::new().await;
    let tickets = venue.sell_many(3).await;
    venue.place("north", None).await;
    let north = venue.fresh_device("north").await;
    let address = north.network.address();
    let code = venue
        .enrollment("north", 1, Confirmation::None, address)
        .await;
    let device = north.enroll(&code.code).await.unwrap().device;
    venue.seal().await;
    venue.stop_server().await;
    let database = fs::read(venue.server_folder().join("usher.db")).unwrap();
    venue.start_server().await;
    north.network.lead_to(venue.address());
    north.sync().await;
    north.scan(&tickets[0].code);
    north.scan(&tickets[0].code);
    venue.cancel(&tickets[1]).await;
    venue.seal().await;
    north.sync().await;
    north.mend().await;

    let _none = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    let packed = zstd::encode_all(database.as_slice(), 19).unwrap();
    fs::write(folder.join(DATABASE), packed).unwrap();
    let seed = north.store(|store| store.identity().unwrap().unwrap().seed);
    let identity = [device.as_bytes().as_slice(), seed.reveal()].concat();
    fs::write(folder.join(DEVICE), identity).unwrap();
    let sent = north.network.sent();
    let all = sent.iter().flat_map(|connection| requests(connection));
    for (number, (head, body)) in all.enumerate() {
        let word = head.split(['/', ' ', '?']).nth(4).unwrap_or_default();
        let message = [essence(&head).as_bytes(), b"\r\n", &body].concat();
        fs::write(folder.join(format!("{number:03}-{word}.http")), message).unwrap();
    }
}

#[tokio::test]
async fn what_devices_of_every_earlier_release_send_is_served() {
    if std::env::var_os("USHER_BLESS").is_some() {
        record(&recorded(NEWEST)).await;
    }
    let mut releases = 0;
    for folder in fs::read_dir(recorded("")).unwrap() {
        replay(&folder.unwrap().path()).await;
        releases += 1;
    }
    assert!(releases > 0);
}

async fn replay(folder: &Path) {
    let packed = fs::read(folder.join(DATABASE)).unwrap();
    let database = zstd::decode_all(packed.as_slice()).unwrap();
    let venue = Venue::left_with("usher.db", &database).await;
    let identity = fs::read(folder.join(DEVICE)).unwrap();
    let (device, seed) = identity.split_first_chunk::<16>().unwrap();
    let device = DeviceId::from_bytes(*device);
    let key = SigningKey::from_seed(&Seed::new(seed.try_into().unwrap()));
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "http"))
        .collect();
    files.sort();
    let (mut nonce, mut token) = (Vec::new(), String::new());
    let mut stored = 0;
    for file in files {
        let message = fs::read(&file).unwrap();
        let (head, mut body) = requests_of_file(&message);
        let path = head.split(' ').nth(1).unwrap();
        if path == paths::TOKEN {
            body = cbor::encode(&TokenRequest {
                device,
                signed: prove_device(device, &nonce, &key).into(),
            });
        }
        let (status, answer) = send(&venue, &head, &token, &body).await;
        assert!((200..300).contains(&status), "{}: {status}", file.display());
        match path {
            paths::CHALLENGE => {
                let challenge: Challenge = cbor::decode(&answer).unwrap();
                nonce = challenge.nonce.to_vec();
            }
            paths::TOKEN => {
                let given: DeviceToken = cbor::decode(&answer).unwrap();
                token = given.token.reveal().to_owned();
            }
            paths::PUSH => {
                let pushed: PushAnswer = cbor::decode(&answer).unwrap();
                assert!(matches!(pushed, PushAnswer::Stored(_)), "{pushed:?}");
                stored += 1;
            }
            _ => {}
        }
    }
    assert!(stored > 0, "a push was recorded");
    let audit = venue.audit().await;
    assert_eq!(audit.records, 2);
    assert!(audit.faults.is_empty(), "{audit:?}");
}

fn requests_of_file(message: &[u8]) -> (String, Vec<u8>) {
    let end = message
        .windows(4)
        .position(|part| part == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(message[..end].to_vec()).unwrap();
    (head, message[end + 4..].to_vec())
}

/// Sends a request over a connection of its own.
async fn send(venue: &Venue, head: &str, token: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut connection = TcpStream::connect(venue.address()).await.unwrap();
    let mut request = format!(
        "{head}\r\nhost: server\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    if !token.is_empty() {
        request += &format!("authorization: Bearer {token}\r\n");
    }
    request += "\r\n";
    connection.write_all(request.as_bytes()).await.unwrap();
    connection.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let (head, body) = requests_of_file(&answer);
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body)
}
