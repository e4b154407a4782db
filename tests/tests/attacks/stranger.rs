//! Somebody who connects and says what he likes.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a request and its answer may take a stranger, who then goes away.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request with a body.
pub(crate) fn post(path: &str, token: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/cbor\r\n\
         authorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A request without one.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// Sends bytes over a connection and reads the status of the first answer; none if the connection ended
/// before.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Option<u16> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        // The server may answer and close before it has read it all.
        let _closed = stream.write_all(request).await;
        let mut said = Vec::new();
        while said.len() < 12 {
            if stream.read_buf(&mut said).await.ok()? == 0 {
                return None;
            }
        }
        std::str::from_utf8(&said[9..12]).unwrap().parse().ok()
    };
    tokio::time::timeout(PATIENCE, asking).await.ok()?
}

/// Asks over one connection again and again; the statuses of the answers, which must have short bodies.
pub(crate) async fn ask_again(address: SocketAddr, request: &[u8], times: usize) -> Vec<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut statuses = Vec::new();
    let mut said: Vec<u8> = Vec::new();
    for _ in 0..times {
        stream.write_all(request).await.unwrap();
        let answer = loop {
            if let Some(end) = end_of_answer(&said) {
                break said.drain(..end).collect::<Vec<u8>>();
            }
            let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut said)).await;
            assert_ne!(read.expect("no answer").unwrap(), 0, "the connection ended");
        };
        statuses.push(
            std::str::from_utf8(&answer[9..12])
                .unwrap()
                .parse()
                .unwrap(),
        );
    }
    statuses
}

/// Where an answer ends, by its `Content-Length`.
fn end_of_answer(said: &[u8]) -> Option<usize> {
    let head = said.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&said[..head]).unwrap().to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let end = head + length.map_or(0, |length| length.trim().parse().unwrap());
    (said.len() >= end).then_some(end)
}
