//! Every limit of every request: written down, and one more than it allows refused.

use super::access::method;
use super::devices::north;
use super::*;
use crate::http::endpoint::{Access, Weight};
use crate::limits::{Of, bytes as shown, list};
use usher_domain::ids::TicketId;
use usher_domain::protocol::MEDIA_TYPE;

/// A path that names something of every kind.
fn filled(path: &str) -> String {
    let id = TicketId::from_bytes([1; 16]).to_string();
    let parts = path.split('/').map(|part| match part {
        "{event}" => "show".to_owned(),
        "{session}" => "first".to_owned(),
        "{organizer}" => "house".to_owned(),
        "{table}" => format!("roster.{id}"),
        "{version}" => "1.1".to_owned(),
        part if part.starts_with('{') => id.clone(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

fn who(access: Access) -> &'static str {
    match access {
        Access::Open => "anybody",
        Access::Token(TokenRole::Viewer) => "viewer",
        Access::Token(TokenRole::Sales) => "sales",
        Access::Token(TokenRole::Organizer) => "organizer",
        Access::Token(TokenRole::Admin) => "administrator",
        Access::Device => "device",
        Access::DeviceEvenRevoked => "device, even revoked",
    }
}

/// The page about limits.
fn document() -> String {
    let limits = Limits::default();
    let mut page = String::from(
        "# Limits\n\nWhat a server takes of one caller, and in all, as it is configured if nobody says otherwise. \
         This page is made of the server's own tables; a test sends one more than each request may hold.\n\n\
         Settings stand below `[limits]` in `server.toml`, or in the environment as `USHER_LIMITS_…`.\n",
    );
    let all = list(&limits);
    for of in Of::ALL {
        page += &format!(
            "\n## {}\n\n| what | at most | setting | beyond |\n| --- | --- | --- | --- |\n",
            of.title()
        );
        for limit in all.iter().filter(|limit| limit.of == of) {
            let setting = limit
                .setting
                .map(|name| format!("`{name}`"))
                .unwrap_or_default();
            page += &format!(
                "| {} | {} | {setting} | {} |\n",
                limit.what, limit.most, limit.beyond
            );
        }
    }
    page += "\n## Each request\n\nA body is read once it is known who sends it; of a request without one nothing \
             is read. *Values* are the data items of CBOR, and the values of JSON, those within others too; \
             *depth* is how many lists and objects stand within each other. More is `too_large`, and nothing is \
             made of it; what takes longer is broken off with `unavailable`. JSON bodies have `body_bytes`, \
             imports `import_bytes`, and time is `request_s`, ten times as much for an import.\n\n\
             | request | who | body | values | depth | time |\n| --- | --- | --- | --- | --- | --- |\n";
    for endpoint in endpoints() {
        let budget = endpoint.weight.budget(&limits);
        let body = if endpoint.operation.request_body.is_some() {
            let (holds, size) = (budget.holds, shown(budget.bytes));
            format!("{size} | {} | {}", holds.items, holds.depth)
        } else {
            "– | – | –".to_owned()
        };
        page += &format!(
            "| `{} {}` | {} | {body} | {} s |\n",
            method(&endpoint),
            endpoint.path,
            who(endpoint.access),
            endpoint.weight.time(&limits).as_secs(),
        );
    }
    page
}

#[test]
fn the_page_about_limits_is_what_the_server_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/limits.md");
    let made = document();
    if std::env::var_os("USHER_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/limits.md is out of date: run the tests with USHER_BLESS=1 and look at the difference"
    );
}

/// A list of so many zeros, as JSON or CBOR.
fn list_of(media_type: &str, count: usize) -> Vec<u8> {
    if media_type == MEDIA_TYPE {
        return usher_domain::cbor::encode(&vec![0_u8; count]);
    }
    format!("{{\"a\":[{}0]}}", "0,".repeat(count.saturating_sub(1))).into_bytes()
}

/// Lists within each other.
fn nested(media_type: &str, depth: usize) -> Vec<u8> {
    if media_type == MEDIA_TYPE {
        let mut bytes = vec![0x81; depth];
        bytes.push(0);
        return bytes;
    }
    [vec![b'['; depth], vec![b']'; depth]].concat()
}

#[tokio::test]
async fn one_more_than_a_request_may_hold_is_refused_wherever_it_is_sent() {
    let north = north().await;
    let house = &north.house;
    let admin = house.admin().await;
    let limits = Limits::default();
    let send = async |endpoint: &Endpoint, token: &str, body: Vec<u8>| {
        let media_type = match endpoint.weight {
            Weight::Usual | Weight::Import => "application/json",
            Weight::Sync(_) => MEDIA_TYPE,
        };
        let mut request = request(method(endpoint), &filled(endpoint.path), media_type, body);
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, header);
        let response = house.send(request).await;
        if response.status().is_success() {
            None
        } else {
            Some(problem(response).await.code)
        }
    };
    let mut seen = 0;
    for endpoint in endpoints() {
        let media_type = match endpoint.weight {
            Weight::Usual => "application/json",
            Weight::Sync(_) => MEDIA_TYPE,
            // Its form has tests of its own.
            Weight::Import => continue,
        };
        if endpoint.operation.request_body.is_none() {
            continue;
        }
        seen += 1;
        let budget = endpoint.weight.budget(&limits);
        let token = match endpoint.access {
            Access::Open => "",
            Access::Token(TokenRole::Admin) => &admin,
            Access::Token(_) => &north.office,
            Access::Device | Access::DeviceEvenRevoked => &north.token,
        };
        let place = format!("{} {}", method(&endpoint), endpoint.path);
        let beyond = [
            vec![b' '; budget.bytes + 1],
            list_of(media_type, budget.holds.items),
            nested(media_type, budget.holds.depth + 1),
        ];
        for (body, what) in beyond.into_iter().zip(["bytes", "values", "depth"]) {
            // Of a stranger nothing is read.
            if endpoint.access != Access::Open {
                let code = send(&endpoint, "x", body.clone()).await;
                let refused = [Some(Code::Unauthenticated), Some(Code::RateLimited)];
                assert!(refused.contains(&code), "{place}, {what}: {code:?}");
            }
            let code = send(&endpoint, token, body).await;
            assert_eq!(code, Some(Code::TooLarge), "{place}, {what}");
        }
        let within = list_of(media_type, budget.holds.items.min(budget.bytes / 2) - 3);
        let code = send(&endpoint, token, within).await;
        assert_ne!(code, Some(Code::TooLarge), "{place}");
        let code = send(&endpoint, token, nested(media_type, budget.holds.depth)).await;
        assert_ne!(code, Some(Code::TooLarge), "{place}");
    }
    assert!(seen > 25, "the table lost its endpoints");
}

#[tokio::test]
async fn a_number_larger_than_any_is_refused_in_words_and_is_no_fault_of_ours() {
    let north = north().await;
    let house = &north.house;
    house.service.seal_now().await.unwrap();
    let asked = house.sync("GET", "/sync/v1/assignment", &north.token, Vec::new());
    let assignment: usher_domain::protocol::Assignment = house.read(asked.await).await;
    let (scope, table) = (assignment.scopes[0], assignment.tables[0].table);
    let most = u64::MAX;
    for path in [
        format!("/sync/v1/scopes/{scope}/feed?epoch=1&after={most}"),
        format!(
            "/sync/v1/scopes/{scope}/feed?epoch=1&after={}",
            i64::MAX as u64 + 1
        ),
        format!(
            "/sync/v1/scopes/{scope}/feed?epoch={}&after={most}",
            u32::MAX
        ),
        format!(
            "/sync/v1/scopes/{scope}/feed?epoch=1&after=0&limit={}",
            u32::MAX
        ),
        format!("/sync/v1/tables/{table}/changes?since=1.{most}"),
        format!("/sync/v1/tables/{table}/changes?since={}.{most}", u32::MAX),
        format!("/sync/v1/tables/{table}/snapshots/1.{most}"),
        format!("/sync/v1/live?scope={scope}:{}:{most}", u32::MAX),
        format!("/sync/v1/live?scope={scope}:1:{most}"),
    ] {
        let answer = house.sync("GET", &path, &north.token, Vec::new()).await;
        assert!(
            answer.status().as_u16() < 500,
            "{path}: {}",
            answer.status()
        );
        if path.contains("after=9") || path.contains(&format!("epoch=1&after={most}")) {
            assert_eq!(problem(answer).await.code, Code::InvalidValue, "{path}");
        }
    }
    for path in [
        format!("/api/v1/events?limit={}", u32::MAX),
        format!("/api/v1/events/show/tickets?limit={}", u32::MAX),
        format!("/api/v1/devices?limit={most}"),
        format!("/api/v1/incidents?limit={most}"),
    ] {
        let answer = house.call("GET", &path, &north.office, &()).await;
        assert!(
            answer.status().as_u16() < 500,
            "{path}: {}",
            answer.status()
        );
    }
}

#[tokio::test]
async fn no_number_of_a_device_makes_a_fault_of_ours() {
    let north = north().await;
    let house = &north.house;
    house.service.seal_now().await.unwrap();
    let head = usher_domain::protocol::Head {
        log: usher_domain::record::LogRef {
            device: north.device,
            log: usher_domain::ids::LogId::from_bytes([1; 16]),
        },
        sequence: u64::MAX,
        hash: usher_domain::hash::Hash::of(&[]),
    };
    let version = usher_domain::table::Version {
        epoch: u32::MAX,
        number: u64::MAX,
    };
    let table = usher_domain::protocol::TableVersion {
        table: usher_domain::table::TableId::Set(usher_domain::ids::SessionId::from_bytes([1; 16])),
        version,
    };
    let beat = usher_domain::protocol::Heartbeat {
        device_time: UnixMillis::new(u64::MAX),
        heads: vec![head],
        tables: vec![table],
        program: "x".repeat(10_000),
        clock_offset_ms: Some(i64::MIN),
        storage_left: Some(u64::MAX),
        digests: None,
        acknowledged: Some(vec![usher_domain::protocol::Acknowledged {
            log: head.log,
            sequence: u64::MAX,
            epoch: u32::MAX,
        }]),
        heard: Some(usher_domain::protocol::Heard {
            at: UnixMillis::new(u64::MAX),
            epoch: u32::MAX,
        }),
        trust: Some(version),
        instance: None,
    };
    for (path, body) in [
        ("/sync/v1/heartbeat", usher_domain::cbor::encode(&beat)),
        ("/sync/v1/heartbeat", usher_domain::cbor::encode(&beat)),
        ("/sync/v1/sign-off", usher_domain::cbor::encode(&vec![head])),
    ] {
        let answer = house.sync("POST", path, &north.token, body).await;
        assert!(
            answer.status().as_u16() < 500,
            "{path}: {}",
            answer.status()
        );
    }
}
