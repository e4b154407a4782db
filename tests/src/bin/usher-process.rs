//! A server or a gate as a process of its own, so that it can really be killed, with a clock that is set
//! apart from the others'.
//!
//! `usher-process server FOLDER SHIFT_MS` serves until its input ends. `usher-process gate FOLDER SHIFT_MS`
//! scans each line of its input and stays in step beside. Both say a line of JSON for all that happens.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a part of tests: what goes wrong ends it at once"
)]

use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, Stdin};
use usher_core::app::{App, ScanInput};
use usher_core::clock::{Clock, Reading, SystemClock, SystemEntropy};
use usher_core::sync::TokioTimer;
use usher_domain::record::Direction;
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;
use usher_server::clock::Clock as ServerClock;
use usher_tests::venue;

/// Pause between the exchanges of a gate.
const EVERY: Duration = Duration::from_millis(200);

/// The machine's clock, set apart by so many milliseconds.
struct Shifted {
    clock: SystemClock,
    by: i64,
}

impl Clock for Shifted {
    fn read(&self) -> Reading {
        let now = self.clock.read();
        Reading {
            wall: now.wall.shifted(self.by),
            ..now
        }
    }
}

impl ServerClock for Shifted {
    fn now(&self) -> UnixMillis {
        self.read().wall
    }
}

type Input = Lines<BufReader<Stdin>>;

fn say(line: &Value) {
    println!("{line}");
}

async fn serve(folder: &Path, clock: Shifted, mut input: Input) {
    let server = venue::serve(folder, &Arc::new(clock)).await;
    say(&json!({ "ready": server.addresses() }));
    while let Ok(Some(_)) = input.next_line().await {}
    server.stop().await;
}

async fn scan(folder: &Path, clock: Shifted, mut input: Input) {
    let app = App::open(folder, Arc::new(clock), Arc::new(SystemEntropy)).unwrap();
    say(&json!({ "ready": true }));
    let scanning = async {
        while let Ok(Some(line)) = input.next_line().await {
            let input = ScanInput {
                text: Private::new(line),
                direction: Direction::Entry,
                session: None,
                attempt: None,
                instruction_checked: false,
            };
            let view = app.claim_scan(input, &TokioTimer).await;
            say(&json!({ "scan": view }));
        }
    };
    let mut tell = |done: Result<_, _>| {
        let error: Option<usher_core::app::ApiError> = done.err();
        say(&json!({ "exchange": error.map(|error| error.code) }));
        ControlFlow::Continue(())
    };
    tokio::select! {
        () = scanning => {}
        ended = app.watch(&TokioTimer, EVERY, &|_| {}, &mut tell) => ended.unwrap(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [role, folder, shift] = words.as_slice() else {
        panic!("usher-process server|gate FOLDER SHIFT_MS");
    };
    let clock = Shifted {
        clock: SystemClock::new(),
        by: shift.parse().unwrap(),
    };
    let folder = Path::new(folder);
    let input = BufReader::new(tokio::io::stdin()).lines();
    match role.as_str() {
        "server" => serve(folder, clock, input).await,
        "gate" => scan(folder, clock, input).await,
        other => panic!("no role {other}"),
    }
}
