//! Connections that are opened to be there, and not to be used.

use crate::device::devices;
use crate::stranger::get;
use crate::target::{PATIENCE, Start, Target};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use usher_domain::protocol::paths;
use usher_tests::Venue;

/// Opens connections that ask for much and read nothing.
async fn open(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    // Each is a file of this process, too.
    usher_server::listen::make_room(10_000);
    let request = get("/openapi.json", "").repeat(20);
    let mut open = Vec::new();
    for _ in 0..count {
        let connected = tokio::time::timeout(Duration::from_secs(5), TcpStream::connect(address));
        let Ok(Ok(mut stream)) = connected.await else {
            break;
        };
        // One that has to make room ends while it is asked.
        let _ended = stream.write_all(&request).await;
        open.push(stream);
    }
    open
}

#[tokio::test]
async fn connections_that_never_read_their_answers_take_nobody_off_line() {
    for files in [(1_024, 1_024), (1_024, 4_096)] {
        let files = Some(files);
        let mut target = Target::start_as(Start {
            files,
            ..Start::default()
        })
        .await;
        let first = open(target.address, 1_500).await;
        // One that has connections of before, one that comes anew, and all of it once more.
        target.claim().await;
        target.gate.restart();
        target.gate.sync().await;
        let second = open(target.address, 600).await;
        target.gate.restart();
        target.gate.sync().await;
        eprintln!(
            "{files:?}: {} and {} connections",
            first.len(),
            second.len()
        );
        let took = target.claim().await;
        assert!(took < Duration::from_secs(3), "{took:?}");
        drop((first, second));
        target.finish().await;
    }
}

/// Reads until the server says something with this word.
async fn hears(stream: &mut TcpStream, word: &str) {
    let mut said = Vec::new();
    let hearing = async {
        while !String::from_utf8_lossy(&said).contains(word) {
            let read = stream.read_buf(&mut said).await.unwrap();
            assert_ne!(read, 0, "it ended: {}", String::from_utf8_lossy(&said));
        }
    };
    tokio::time::timeout(PATIENCE, hearing)
        .await
        .expect("silence");
}

#[tokio::test]
async fn five_hundred_devices_behind_one_address_listen_while_a_neighbour_opens_what_he_can() {
    let venue = Venue::new().await;
    let gate = venue.gate("north").await;
    let tickets = venue.sell_many(20).await;
    let devices = devices(&venue, 500).await;
    venue.sync_all().await;
    let files = Some((1_024, 4_096));
    let start = Start {
        files,
        ..Start::default()
    };
    let mut target = Target::of(venue, gate, tickets, start).await;
    let mut listening = Vec::new();
    for device in &devices {
        let (mut stream, token) = device.sign_in(target.address).await;
        stream.write_all(&get(paths::LIVE, &token)).await.unwrap();
        listening.push(stream);
    }
    for stream in &mut listening {
        hears(stream, "event: hello").await;
    }
    let flood = open(target.address, 3_000).await;
    for stream in &mut listening {
        hears(stream, "event: ping").await;
    }
    target.claim().await;
    drop(flood);
    target.finish().await;
}
