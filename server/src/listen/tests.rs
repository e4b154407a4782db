//! Connections that end, and those that must.

use super::*;
use axum::routing::get;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

fn serve(bound: Bound, router: &Router) -> Connections {
    let bounds = ConnectionBounds {
        total: 100,
        strangers_per_address: 100,
        per_caller: 10,
    };
    let census = Census::new(bounds, ConnectionFigures::default());
    let serving = Serving::new(router.clone(), None, census, Proxies::none());
    Connections::serve(bound, &serving).unwrap()
}

fn loopback() -> Bound {
    Bound::to(&["127.0.0.1:0".parse().unwrap()]).unwrap()
}

#[tokio::test]
async fn a_stop_lets_a_running_request_finish_and_takes_no_new_one() {
    let (begun, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (begins, ends) = (begun.clone(), may_end.clone());
    let router = Router::new().route(
        "/",
        get(async move || {
            begins.add_permits(1);
            ends.acquire().await.unwrap().forget();
            "finished"
        }),
    );
    let bound = loopback();
    let address = bound.addresses()[0];
    let connections = serve(bound, &router);
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    begun.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(connections.stop(Duration::from_secs(60)));
    // The listener is gone as soon as nobody can connect any more.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    may_end.add_permits(1);
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("finished"), "{answer}");
    stopping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_longer_than_its_bound() {
    let begun = Arc::new(Semaphore::new(0));
    let begins = begun.clone();
    let router = Router::new().route(
        "/",
        get(async move || {
            begins.add_permits(1);
            std::future::pending::<()>().await;
        }),
    );
    let bound = loopback();
    let address = bound.addresses()[0];
    let connections = serve(bound, &router);
    let mut caller = TcpStream::connect(address).await.unwrap();
    caller
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    begun.acquire().await.unwrap().forget();
    connections.stop(Duration::from_secs(5)).await;
}

/// Paused time passes at once whenever nobody has anything else to do.
#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_closed() {
    let bound = loopback();
    let address = bound.addresses()[0];
    let router = Router::new().route("/", get(async || "answer"));
    let _connections = serve(bound, &router);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut said = Vec::new();
    assert_eq!(silent.read_to_end(&mut said).await.unwrap(), 0);
    // And so is one that asked, was answered and says nothing more.
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    idle.read_to_end(&mut said).await.unwrap();
    assert!(String::from_utf8_lossy(&said).ends_with("answer"));
}

#[tokio::test]
async fn what_makes_room_is_closed_whatever_it_waits_for() {
    let begun = Arc::new(Semaphore::new(0));
    let begins = begun.clone();
    let router = Router::new().route(
        "/",
        get(async move || {
            begins.add_permits(1);
            std::future::pending::<()>().await;
        }),
    );
    let bound = loopback();
    let address = bound.addresses()[0];
    let bounds = ConnectionBounds {
        total: 1,
        strangers_per_address: 1,
        per_caller: 1,
    };
    let census = Census::new(bounds, ConnectionFigures::default());
    let serving = Serving::new(router, None, census, Proxies::none());
    let _connections = Connections::serve(bound, &serving).unwrap();
    let mut first = TcpStream::connect(address).await.unwrap();
    first
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    begun.acquire().await.unwrap().forget();
    let _second = TcpStream::connect(address).await.unwrap();
    assert_eq!(
        first.read_u8().await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[test]
fn an_address_that_is_taken_is_named() {
    let bound = loopback();
    let error = Bound::to(&bound.addresses()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&bound.addresses()[0].to_string())
    );
}
