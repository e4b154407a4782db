//! Against a server that says what the test tells it to, over real TLS.

use super::*;
use crate::clock::{SystemClock, SystemEntropy};
use minicbor::bytes::ByteVec;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Mutex;
use usher_domain::cbor;
use usher_domain::challenge::check_device;
use usher_domain::ids::{OrganizerId, ScopeId};
use usher_domain::protocol::{FeedRequest, HeadsAnswer, SnapshotRequest, SyncApi, Whose, paths};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;
use usher_domain::wire::{Challenge, DeviceToken, TokenRequest};

const DEVICE: DeviceId = DeviceId::from_bytes([7; 16]);
const SCOPE: ScopeId = ScopeId::from_bytes([8; 16]);
const TABLE: TableId = TableId::Roster(OrganizerId::from_bytes([9; 16]));

struct Request {
    line: String,
    headers: String,
    body: Vec<u8>,
}

struct Response {
    status: &'static str,
    headers: String,
    body: Vec<u8>,
}

fn ok(body: Vec<u8>) -> Response {
    Response {
        status: "200 OK",
        headers: String::new(),
        body,
    }
}

fn refuse(status: &'static str, body: &str) -> Response {
    Response {
        status,
        headers: String::new(),
        body: body.into(),
    }
}

type Script = Box<dyn FnMut(&Request) -> Response + Send>;

/// Serves one connection after the other until the test ends; says its address and its key's fingerprint.
fn serve(mut script: Script) -> (String, Hash) {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["elsewhere.example".into()])
        .unwrap()
        .self_signed(&pair)
        .unwrap();
    let pin = Hash::of(&[&rcgen::PublicKeyData::subject_public_key_info(&pair)]);
    let key = rustls::pki_types::PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            // A client that distrusts hangs up, and that is all there is to it.
            let Some(request) = read(&mut stream) else {
                continue;
            };
            let response = script(&request);
            let head = format!(
                "HTTP/1.1 {}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
                response.status,
                response.headers,
                response.body.len()
            );
            let _gone = stream.write_all(head.as_bytes());
            let _gone = stream.write_all(&response.body);
            stream.conn.send_close_notify();
            let _gone = stream.flush();
        }
    });
    (address, pin)
}

fn read(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let lower = header.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if header.trim().is_empty() {
            break;
        }
        headers.push_str(&lower);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        line,
        headers,
        body,
    })
}

fn key() -> SigningKey {
    SigningKey::from_seed(&Seed::new([5; 32]))
}

fn connect(address: &str, pin: Hash) -> HttpSync {
    let endpoint = Endpoint::new(address, Some(pin), PlainHttp::OnLoopback).unwrap();
    let caller = Caller {
        device: DEVICE,
        key: Arc::new(key()),
    };
    let clock = Arc::new(SystemClock::new());
    HttpSync::new(endpoint, Some(caller), clock, Arc::new(SystemEntropy)).unwrap()
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Signs the device in, and leaves the rest to `script`.
fn signed_in(mut script: impl FnMut(&Request) -> Response + Send + 'static) -> Script {
    let mut tokens = 0;
    Box::new(move |request| {
        if request.line.contains(paths::CHALLENGE) {
            return ok(cbor::encode(&Challenge {
                nonce: ByteVec::from(vec![3; 40]),
                server_time: UnixMillis::new(1),
            }));
        }
        if request.line.contains(paths::TOKEN) {
            let asked: TokenRequest = cbor::decode(&request.body).unwrap();
            check_device(&asked.signed, DEVICE, &[3; 40], &key().public()).unwrap();
            tokens += 1;
            return ok(cbor::encode(&DeviceToken {
                token: Private::new(format!("token-{tokens}")),
                expires_at: UnixMillis::new(900_001),
                server_time: UnixMillis::new(1),
            }));
        }
        script(request)
    })
}

#[test]
fn the_pinned_key_counts_and_the_certificates_name_does_not() {
    let heads = HeadsAnswer {
        heads: Vec::new(),
        epoch: 1,
    };
    let body = cbor::encode(&heads);
    let (address, pin) = serve(signed_in(move |request| {
        assert!(request.headers.contains("authorization: bearer token-1"));
        assert!(request.headers.contains("x-correlation-id: "));
        ok(body.clone())
    }));
    let line = connect(&address, pin);
    assert_eq!(line.channel(), Channel::Authentic);
    assert_eq!(wait(line.heads(SCOPE, Whose::Own)), Ok(heads));
}

#[test]
fn a_server_with_another_key_is_not_trusted_and_learns_nothing() {
    let (address, _) = serve(Box::new(|_| panic!("the server got a request")));
    let problem = wait(connect(&address, Hash::ZERO).heads(SCOPE, Whose::Own)).unwrap_err();
    assert_eq!(problem.code, Code::ServerNotTrusted);
    assert_eq!(problem.retry(), Retry::Never);
}

#[test]
fn a_token_that_counts_no_more_is_renewed_once() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let (address, pin) = serve(signed_in(move |request| {
        let token = request.headers.split("bearer ").nth(1).unwrap();
        log.lock()
            .unwrap()
            .push(token.split_whitespace().next().unwrap().to_owned());
        refuse("401 Unauthorized", "")
    }));
    let line = connect(&address, pin);
    let problem = wait(line.heads(SCOPE, Whose::Own)).unwrap_err();
    assert_eq!(problem.code, Code::Unauthenticated);
    assert_eq!(*seen.lock().unwrap(), ["token-1", "token-2"]);
}

#[test]
fn a_problem_keeps_its_code_and_what_is_none_gets_one() {
    let told = r#"{"code":"device_revoked","status":403,"detail":"revoked","correlation":"abc"}"#;
    let cases = [
        ("403 Forbidden", told, Code::DeviceRevoked),
        ("404 Not Found", "<html>", Code::BadAnswer),
        ("503 Service Unavailable", "<html>", Code::Unavailable),
        ("429 Too Many Requests", "", Code::RateLimited),
        ("302 Found", "", Code::BadAnswer),
        ("200 OK", "not cbor", Code::BadAnswer),
    ];
    for (status, body, code) in cases {
        let (address, pin) = serve(signed_in(move |_| refuse(status, body)));
        let problem = wait(connect(&address, pin).heads(SCOPE, Whose::Own)).unwrap_err();
        assert_eq!(problem.code, code, "{status}");
        assert!(problem.correlation.is_some(), "{status}");
    }
}

#[test]
fn an_endless_answer_is_cut() {
    let (address, pin) = serve(signed_in(|_| ok(vec![0; 17 * 1024 * 1024])));
    let request = FeedRequest {
        scope: SCOPE,
        epoch: 0,
        after: 0,
        limit: 1,
        last: None,
    };
    let problem = wait(connect(&address, pin).feed(request)).unwrap_err();
    assert_eq!(problem.code, Code::BadAnswer);
}

#[test]
fn a_part_of_a_snapshot_must_be_the_part_asked_for() {
    let request = SnapshotRequest {
        table: TABLE,
        of: Some(Version {
            epoch: 1,
            number: 2,
        }),
        from: 10,
        length: 5,
    };
    for (range, good) in [
        ("10-14/100", true),
        ("0-4/100", false),
        ("10-15/100", false),
    ] {
        let (address, pin) = serve(signed_in(move |asked| {
            assert!(asked.line.contains("/snapshots/1.2"), "{}", asked.line);
            assert!(asked.headers.contains("range: bytes=10-14"));
            Response {
                status: "206 Partial Content",
                headers: format!("content-range: bytes {range}\r\n"),
                body: vec![1; 5],
            }
        }));
        let part = wait(connect(&address, pin).snapshot(request));
        assert_eq!(part.is_ok(), good, "{range}");
        if let Ok(part) = part {
            assert_eq!((part.total, part.from, part.bytes.len()), (100, 10, 5));
        }
    }
}

#[test]
fn plain_http_is_for_this_machine_or_by_leave() {
    let pin = Some(Hash::ZERO);
    let new = |server, pin, plain| Endpoint::new(server, pin, plain).map(|e| e.channel());
    let home = PlainHttp::OnLoopback;
    assert_eq!(
        new("http://127.0.0.1:1", None, home),
        Ok(Channel::Authentic)
    );
    assert_eq!(new("http://[::1]:1", None, home), Ok(Channel::Authentic));
    assert_eq!(
        new("http://a.example", None, home),
        Err(InvalidEndpoint::Plain)
    );
    assert_eq!(
        new("http://a.example", None, PlainHttp::Anywhere),
        Ok(Channel::Open)
    );
    assert_eq!(
        new("https://a.example", None, home),
        Err(InvalidEndpoint::NoPin)
    );
    assert_eq!(new("https://a.example", pin, home), Ok(Channel::Authentic));
    for server in [
        "ftp://a",
        "a.example",
        "https://u@a.example",
        "https://a.example/?q",
    ] {
        assert_eq!(
            new(server, pin, home),
            Err(InvalidEndpoint::Address),
            "{server}"
        );
    }
}
