//! Two organizers on one server: one addresses everything of the other's, by every route and every call of
//! a device, and changes and learns nothing. A route without a case here fails the test.

use super::devices::{North, north};
use super::*;
use crate::http::endpoint::{Access, Endpoint, parameters_of};
use futures_util::StreamExt as _;
use serde_json::Value;
use std::collections::BTreeMap;
use usher_domain::api::tickets::Ticket;
use usher_domain::api::venue::{Gate, Session, TicketType, Zone};
use usher_domain::cbor;
use usher_domain::challenge::prove_device;
use usher_domain::decide::Shown;
use usher_domain::document::batch::Batch;
use usher_domain::hash::Hash;
use usher_domain::ids::{AttemptId, DeviceId, LogId, OrganizerId};
use usher_domain::log::{LogEnd, sign_batch};
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest};
use usher_domain::protocol::{
    HandBack, Head, HeadsAnswer, Heartbeat, TableVersion, TrustHandBack, paths,
};
use usher_domain::record::{Abort, Body, Direction, LogRef, Subject};
use usher_domain::session::Authority;
use usher_domain::table::{BUCKETS, TableId};
use usher_domain::verdict::Verdict;
use usher_domain::wire::{Challenge, TokenRequest};

fn method(endpoint: &Endpoint) -> &'static str {
    use utoipa::openapi::path::HttpMethod;
    match endpoint.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Head | HttpMethod::Options | HttpMethod::Trace => {
            unreachable!("none is served")
        }
    }
}

/// What one organizer has, as paths and bodies name it.
struct Things {
    organizer: OrganizerId,
    office: String,
    /// Values of path parameters.
    named: BTreeMap<&'static str, String>,
    session: Session,
    device: DeviceId,
    device_key: SigningKey,
    device_token: String,
    server: DeviceId,
    /// Texts that nobody else may be told.
    secret: Vec<String>,
}

impl Things {
    /// An event with everything in it, of the organizer whose tokens these are.
    async fn of(
        house: &House,
        organizer: &Organizer,
        office: String,
        (device, device_key, device_token): (DeviceId, SigningKey, String),
        mark: &str,
    ) -> Self {
        let office = office.as_str();
        let event: Value = house
            .ok("GET", "/api/v1/events/show", office, &json!({}))
            .await;
        let session = "/api/v1/events/show/sessions/first";
        let session: Session = house.ok("GET", session, office, &json!({})).await;
        let new = json!({"slug": "hall", "name": format!("{mark} hall")});
        let zone: Zone = house.ok("POST", "/api/v1/zones", office, &new).await;
        let new = json!({"slug": "north", "name": format!("{mark} gate"), "zone": "hall"});
        let gate: Gate = house.ok("POST", "/api/v1/gates", office, &new).await;
        let new = json!({"slug": "normal", "name": format!("{mark} type")});
        let types = "/api/v1/events/show/types";
        let kind: TicketType = house.ok("POST", types, office, &new).await;
        let new = json!({"kind": "normal", "session": "first", "holder": format!("{mark} Ada"),
            "media": [format!("{mark}-7777-8888-9999")]});
        let tickets = "/api/v1/events/show/tickets";
        let ticket: Ticket = house.ok("POST", tickets, office, &new).await;
        let badge = SigningKey::from_seed(&Seed::new([mark.as_bytes()[0]; 32])).public();
        let new = json!({"name": format!("{mark} Grace"), "role": "steward", "badge": badge});
        let staff: Value = house.ok("POST", "/api/v1/staff", office, &new).await;
        let new = json!({"name": format!("{mark} shop"), "role": "sales"});
        let token: IssuedToken = house.ok("POST", "/api/v1/tokens", office, &new).await;
        let new = json!({"role": "gate", "uses": 1});
        let _: Value = house.ok("POST", "/api/v1/enrollments", office, &new).await;
        let codes: Value = house
            .ok("GET", "/api/v1/enrollments", office, &json!({}))
            .await;
        let code = codes["items"].as_array().unwrap().iter();
        let code = code.clone().find(|code| code["state"] == "open").unwrap();
        let until = "2027-10-30T23:00:00Z";
        let words = format!("{mark}: mind the step");
        let new = json!({"text": words, "until": until});
        let notices = "/api/v1/events/show/sessions/first/notices";
        house.call("POST", notices, office, &new).await;
        let beat = Heartbeat {
            tables: vec![TableVersion {
                table: TableId::Set(session.id),
                version: Version {
                    epoch: 99,
                    number: 1,
                },
            }],
            ..beat()
        };
        house.service.seal_now().await.unwrap();
        house.service.heartbeat(device, beat).await.unwrap();
        let incidents: Value = house
            .ok("GET", "/api/v1/incidents", office, &json!({}))
            .await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let named = BTreeMap::from([
            ("organizer", organizer.id.to_string()),
            ("event", text(&event["id"])),
            ("session", session.id.to_string()),
            ("other", session.id.to_string()),
            ("zone", zone.id.to_string()),
            ("gate", gate.id.to_string()),
            ("ticket", ticket.id.to_string()),
            ("type", kind.slug),
            ("device", device.to_string()),
            ("staff", text(&staff["id"])),
            ("token", token.token.id),
            ("enrollment", text(&code["id"])),
            ("notice", Hash::of(&[words.as_bytes()]).to_string()),
            ("incident", text(&incidents["items"][0]["id"])),
            ("scope", session.scope.to_string()),
            ("table", TableId::Set(session.id).to_string()),
            ("version", "1.1".to_owned()),
        ]);
        let mut secret: Vec<String> = [
            "event",
            "zone",
            "gate",
            "ticket",
            "staff",
            "token",
            "enrollment",
        ]
        .map(|name| named[name].clone())
        .into();
        secret.extend([
            session.id.to_string(),
            device.to_string(),
            format!("{mark} "),
        ]);
        Self {
            organizer: organizer.id,
            office: office.to_owned(),
            named,
            session,
            device,
            device_key,
            device_token,
            server: organizer.server,
            secret,
        }
    }

    /// A route with these things in place of its parameters.
    fn fill(&self, path: &'static str) -> String {
        let mut filled = path.to_owned();
        for name in parameters_of(path) {
            let value = self.named.get(name);
            let value = value.unwrap_or_else(|| panic!("{path}: no case for {{{name}}}"));
            filled = filled.replace(&format!("{{{name}}}"), value);
        }
        match path {
            "/api/v1/devices/{device}/arrived" => filled + "?since=2027-10-30T12:00:00Z",
            "/api/v1/events/{event}/sessions/{session}/quarantined" => {
                format!("{filled}?device={}", self.device)
            }
            _ => filled,
        }
    }

    /// All that the organizer can read of itself.
    async fn picture(&self, house: &House) -> String {
        let mut picture = String::new();
        for endpoint in endpoints() {
            let reads = matches!(endpoint.access, Access::Token(role) if role < TokenRole::Admin);
            if method(&endpoint) != "GET" || !reads {
                continue;
            }
            let path = self.fill(endpoint.path);
            let response = house.call("GET", &path, &self.office, &json!({})).await;
            let status = response.status();
            let body = String::from_utf8(bytes(response).await).unwrap();
            assert!(status.is_success(), "{path}: {body}");
            picture.push_str(&format!("{path}\n{body}\n"));
        }
        let scope = self.session.scope;
        let end = house.service.read(move |txn| Ok(txn.feed_end(scope)?));
        picture.push_str(&format!("{}", end.await.unwrap()));
        picture
    }
}

fn beat() -> Heartbeat {
    Heartbeat {
        device_time: NOON,
        heads: Vec::new(),
        tables: Vec::new(),
        program: "usher 0.1.0".to_owned(),
        clock_offset_ms: Some(0),
        storage_left: None,
        digests: None,
        acknowledged: None,
        heard: None,
        trust: None,
        instance: None,
    }
}

/// A body that every route with one takes, so that nothing but whose the things are is left to refuse.
/// The bodies name the other's things where they can.
fn body(route: &str, theirs: &Things) -> Value {
    let named = |name: &str| theirs.named[name].clone();
    let until = "2027-10-30T23:00:00Z";
    match route {
        "POST /api/v1/organizers" => json!({"slug": "third", "name": "Third"}),
        "POST /api/v1/organizers/{organizer}/tokens" | "POST /api/v1/tokens" => {
            json!({"name": "mine", "role": "organizer"})
        }
        "PUT /api/v1/organizer/trust" => {
            json!({"root": theirs.device_key.public(), "document": ""})
        }
        "PATCH /api/v1/organizer" => json!({"pin_digits": 9}),
        "POST /api/v1/events" => {
            json!({"slug": "mine", "name": "Mine", "time_zone": "Europe/Berlin"})
        }
        "POST /api/v1/events/{event}/sessions" => {
            json!({"slug": "mine", "name": "Mine", "doors": "2027-10-30 18:00",
                "ends": "2027-10-30 23:00"})
        }
        "PATCH /api/v1/events/{event}/sessions/{session}" => json!({"name": "Mine"}),
        "PATCH /api/v1/events/{event}"
        | "PATCH /api/v1/events/{event}/types/{type}"
        | "PATCH /api/v1/zones/{zone}" => json!({"name": "Mine"}),
        "PATCH /api/v1/gates/{gate}" => json!({"zone": named("zone")}),
        "PATCH /api/v1/staff/{staff}" => json!({"gates": [named("gate")]}),
        "POST /api/v1/events/{event}/types" => json!({"slug": "mine", "name": "Mine"}),
        "POST /api/v1/zones" => json!({"slug": "mine", "name": "Mine"}),
        "POST /api/v1/gates" => {
            json!({"slug": "mine", "name": "Mine", "zone": named("zone")})
        }
        "POST /api/v1/enrollments" => {
            json!({"role": "gate", "uses": 1, "gate": named("gate"), "events": [named("event")]})
        }
        "PATCH /api/v1/devices/{device}" => json!({"do": "revoke"}),
        "POST /api/v1/staff" => {
            let badge = SigningKey::from_seed(&Seed::new([99; 32])).public();
            json!({"name": "M", "role": "steward", "badge": badge, "gates": [named("gate")]})
        }
        "POST /api/v1/events/{event}/tickets" => {
            json!({"kind": "normal", "session": named("session"), "home": named("device")})
        }
        "POST /api/v1/events/{event}/tickets/{ticket}/changes" => json!({"do": "cancel"}),
        "POST /api/v1/events/{event}/sessions/{session}/notices" => {
            json!({"text": "go home", "until": until, "gate": named("gate")})
        }
        "POST /api/v1/events/{event}/sessions/{session}/honours" => {
            json!({"tickets_of": named("session"), "until": until})
        }
        "POST /api/v1/events/{event}/sessions/{session}/rulings" => {
            json!({"records": [Hash::ZERO.to_string()], "word": "accept"})
        }
        "POST /api/v1/events/{event}/sessions/{session}/everyone-out"
        | "POST /api/v1/events/{event}/sessions/{session}/everyone-out/take-back" => {
            json!({"everyone": true})
        }
        "POST /api/v1/events/{event}/sessions/{session}/free-flow" => {
            json!({"gate": named("gate"), "until": until})
        }
        "POST /api/v1/incidents/{incident}/notes" => json!({"text": "looked at"}),
        "POST /api/v1/handed-back/decision" => {
            json!({"word": "take", "table": named("table")})
        }
        route => panic!("{route}: no case for its body"),
    }
}

/// Sends a request as the other organizer would: JSON, or a form where the route takes one.
async fn ask(
    house: &House,
    endpoint: &Endpoint,
    path: &str,
    theirs: &Things,
    token: &str,
) -> Response<Bytes> {
    let verb = method(endpoint);
    let route = format!("{verb} {}", endpoint.path);
    if route == "POST /api/v1/events/{event}/imports" {
        let form = "--edge\r\ncontent-disposition: form-data; name=\"options\"\r\n\r\n{}\r\n\
            --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"l.csv\"\r\n\r\n\
            barcode,name,type\nAAAA-1111-BBBB,Grace,normal\n\r\n--edge--\r\n";
        let media_type = "multipart/form-data; boundary=edge";
        let mut request = request(verb, path, media_type, form);
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, header);
        return house.send(request).await;
    }
    let body = if endpoint.operation.request_body.is_some() {
        body(&route, theirs)
    } else {
        json!({})
    };
    house.call(verb, path, token, &body).await
}

/// Two organizers, each with an event, a device and everything else.
async fn two() -> (House, Things, Things) {
    let North {
        house,
        office,
        device,
        key,
        token,
    } = north().await;
    let mine: Organizer = house
        .ok("GET", "/api/v1/organizer", &office, &json!({}))
        .await;
    let theirs = Things::of(&house, &mine, office, (device, key, token), "alpha").await;

    let admin = house.admin().await;
    let new = json!({"slug": "neighbour", "name": "Neighbour"});
    let other: Organizer = house.ok("POST", "/api/v1/organizers", &admin, &new).await;
    let path = "/api/v1/organizers/neighbour/tokens";
    let new = json!({"name": "office", "role": TokenRole::Organizer});
    let issued: IssuedToken = house.ok("POST", path, &admin, &new).await;
    let office = issued.secret.reveal().to_owned();
    let path = "/api/v1/organizer/trust";
    let _: Organizer = house.ok("PUT", path, &office, &trust(&other)).await;
    let code = house.evening(&office).await;
    let key = SigningKey::from_seed(&Seed::new([2; 32]));
    let (device, token) = house.enrolled(&code, &key).await;
    let ours = Things::of(&house, &other, office, (device, key, token), "beta").await;
    (house, theirs, ours)
}

#[tokio::test]
async fn no_route_reaches_another_organizers_things() {
    let (house, theirs, ours) = two().await;
    // Twice: what is read for the first time may be interpreted by it.
    let _settled = theirs.picture(&house).await;
    let before = theirs.picture(&house).await;
    let mut wrong = Vec::new();
    for endpoint in endpoints() {
        let Access::Token(_) = endpoint.access else {
            continue;
        };
        let path = theirs.fill(endpoint.path);
        let names_theirs = path != endpoint.path;
        let response = ask(&house, &endpoint, &path, &theirs, &ours.office).await;
        let status = response.status();
        let text = String::from_utf8_lossy(&bytes(response).await).into_owned();
        let route = format!("{} {}", method(&endpoint), endpoint.path);
        let is_refused = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN].contains(&status);
        if names_theirs && !is_refused {
            wrong.push(format!("{route}: {status} {text}"));
        }
        // An answer may repeat what was asked for, and nothing else of theirs.
        let told = theirs.secret.iter().filter(|secret| text.contains(*secret));
        for secret in told.filter(|_| status.is_success()) {
            wrong.push(format!("{route} tells {secret}: {text}"));
        }
        // Among our own things their names mean nothing either.
        let own = ours.fill(endpoint.path);
        let needs_theirs = body_names_theirs(&route);
        if needs_theirs {
            let response = ask(&house, &endpoint, &own, &theirs, &ours.office).await;
            if !response.status().is_client_error() {
                wrong.push(format!(
                    "{route} took what is theirs: {}",
                    response.status()
                ));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    assert_eq!(theirs.picture(&house).await, before);
}

/// Whether the body of a route names things that must be the caller's own.
fn body_names_theirs(route: &str) -> bool {
    [
        "POST /api/v1/gates",
        "POST /api/v1/enrollments",
        "PATCH /api/v1/gates/{gate}",
        "PATCH /api/v1/staff/{staff}",
        "POST /api/v1/staff",
        "POST /api/v1/events/{event}/tickets",
        "POST /api/v1/events/{event}/sessions/{session}/notices",
        "POST /api/v1/events/{event}/sessions/{session}/honours",
        "POST /api/v1/events/{event}/sessions/{session}/free-flow",
    ]
    .contains(&route)
}

/// Everything that a device may ask for with another organizer's names, by route; none if a route names
/// nothing.
async fn asked(
    house: &House,
    route: &str,
    theirs: &Things,
    ours: &Things,
) -> Vec<(String, Vec<u8>)> {
    let tables = [
        TableId::Set(theirs.session.id),
        TableId::Directory(theirs.session.id),
        TableId::Roster(theirs.organizer),
    ];
    let of_tables = |path: &str, rest: &str, body: Vec<u8>| -> Vec<(String, Vec<u8>)> {
        let with = |table: &TableId| {
            let path = path.replace("{table}", &table.to_string());
            (path.replace("{version}", "1.1") + rest, body.clone())
        };
        tables.iter().map(with).collect()
    };
    let scope = theirs.session.scope;
    let log = LogRef {
        device: ours.device,
        log: LogId::from_bytes([7; 16]),
    };
    let record = |log| {
        let mut end = LogEnd::empty(log, scope);
        let abort = Abort {
            session: theirs.session.id,
            attempt: AttemptId::from_bytes([7; 16]),
            subject: Subject::Nothing,
        };
        end.append(NOON, Body::Abort(abort)).encoded
    };
    let batch = |log| -> Batch { sign_batch(&ours.device_key, vec![record(log)]).unwrap() };
    match route {
        paths::SNAPSHOT | paths::SNAPSHOT_BYTES | paths::BUCKETS => {
            of_tables(route, "", Vec::new())
        }
        paths::CHANGES => of_tables(route, "?since=0.0", Vec::new()),
        paths::ROWS => of_tables(route, "", cbor::encode(&vec![0_u16, 1])),
        paths::HAND_BACK => {
            let with = |table: &TableId| {
                let hand_back = HandBack {
                    table: *table,
                    manifest: Vec::new().into(),
                    digests: vec![Hash::ZERO; BUCKETS],
                    buckets: Vec::new(),
                    rows: Vec::new().into(),
                };
                (route.to_owned(), cbor::encode(&hand_back))
            };
            tables.iter().map(with).collect()
        }
        // Our root did not sign theirs.
        paths::HAND_BACK_TRUST => {
            let document = house.service.trust_document(theirs.organizer).await;
            let (_, document) = document.unwrap().unwrap();
            let request = TrustHandBack {
                document: document.into(),
            };
            vec![(route.to_owned(), cbor::encode(&request))]
        }
        paths::HEADS => {
            let path = route.replace("{scope}", &scope.to_string());
            vec![(format!("{path}?whose=everybody"), Vec::new())]
        }
        paths::FEED => {
            let path = route.replace("{scope}", &scope.to_string());
            vec![(format!("{path}?epoch=1&after=0"), Vec::new())]
        }
        paths::PUSH => {
            let of_theirs = LogRef {
                device: theirs.device,
                ..log
            };
            let of_their_server = LogRef {
                device: theirs.server,
                ..log
            };
            [log, of_theirs, of_their_server]
                .map(|log| (route.to_owned(), cbor::encode(&batch(log))))
                .into()
        }
        paths::TOKEN => {
            let asked = house.sync("POST", paths::CHALLENGE, "", Vec::new()).await;
            let challenge: Challenge = house.read(asked).await;
            let proof = prove_device(theirs.device, &challenge.nonce, &ours.device_key);
            let request = TokenRequest {
                device: theirs.device,
                signed: proof.into(),
            };
            vec![(route.to_owned(), cbor::encode(&request))]
        }
        // What they answer is looked at below.
        paths::CLAIM | paths::HEARTBEAT | paths::LIVE | paths::SIGN_OFF => Vec::new(),
        // A code is its bearer's, a challenge is anybody's, and an assignment is the device's own.
        paths::ENROLL | paths::CHALLENGE | paths::ASSIGNMENT => Vec::new(),
        route => panic!("{route}: no case"),
    }
}

#[tokio::test]
async fn no_call_of_a_device_reaches_another_organizers_things() {
    let (house, theirs, ours) = two().await;
    let _settled = theirs.picture(&house).await;
    let before = theirs.picture(&house).await;
    let mut wrong = Vec::new();
    for endpoint in endpoints() {
        if !endpoint.path.starts_with("/sync/") || endpoint.path.ends_with("/claim-plainly") {
            continue;
        }
        for (path, body) in asked(&house, endpoint.path, &theirs, &ours).await {
            let answer = house.sync(method(&endpoint), &path, &ours.device_token, body);
            let status = answer.await.status();
            if !status.is_client_error() {
                wrong.push(format!("{path}: {status}"));
            }
        }
    }
    assert_eq!(wrong, [""; 0]);

    // The device's own heads in a scope of theirs: there are none.
    let path = paths::HEADS.replace("{scope}", &theirs.session.scope.to_string());
    let own = house
        .sync("GET", &path, &ours.device_token, Vec::new())
        .await;
    let own: HeadsAnswer = house.read(own).await;
    assert_eq!(own.heads, []);
    // A sign of life that names their tables says something of its sender alone.
    let told = Heartbeat {
        tables: vec![TableVersion {
            table: TableId::Set(theirs.session.id),
            version: Version {
                epoch: 99,
                number: 99,
            },
        }],
        digests: Some(vec![Hash::ZERO]),
        ..beat()
    };
    let body = cbor::encode(&told);
    house
        .sync("POST", paths::HEARTBEAT, &ours.device_token, body)
        .await;
    for server in [theirs.server, ours.server] {
        let claim = ClaimRequest {
            attempt: AttemptId::from_bytes([7; 16]),
            session: theirs.session.id,
            authority: Authority { server, term: 1 },
            epoch: 1,
            set: Version {
                epoch: 1,
                number: 1,
            },
            trust: Version {
                epoch: 1,
                number: 1,
            },
            shown: Shown::Unreadable,
            direction: Direction::Entry,
            gate: None,
            operator: None,
            confirmed: None,
            unsent: Vec::new(),
            last_entry: None,
        };
        let body = cbor::encode(&claim);
        let answer = house
            .sync("POST", paths::CLAIM, &ours.device_token, body)
            .await;
        if answer.status().is_success() {
            let answer: ClaimAnswer = house.read(answer).await;
            if let ClaimAnswer::Decided(decided) = answer {
                assert!(!matches!(decided.verdict, Verdict::Admit(_)), "{decided:?}");
            }
        }
    }
    // Whoever listens to a scope of theirs is told what they are told without it.
    let of_theirs = format!("{}?scope={}:1:0", paths::LIVE, theirs.session.scope);
    assert_eq!(
        heard(&house, &of_theirs, &ours).await,
        heard(&house, paths::LIVE, &ours).await
    );
    // A device signs off itself, whatever heads it names.
    let head = Head {
        log: LogRef {
            device: theirs.device,
            log: LogId::from_bytes([6; 16]),
        },
        sequence: 1,
        hash: Hash::ZERO,
    };
    let body = cbor::encode(&vec![head]);
    let signed_off = house.sync("POST", paths::SIGN_OFF, &ours.device_token, body);
    assert!(signed_off.await.status().is_success());
    assert_eq!(theirs.picture(&house).await, before);
}

/// What a device that begins to listen is told first.
async fn heard(house: &House, path: &str, ours: &Things) -> axum::body::Bytes {
    let answer = house
        .sync("GET", path, &ours.device_token, Vec::new())
        .await;
    assert!(answer.status().is_success());
    let mut events = answer.into_body().into_data_stream();
    events.next().await.unwrap().unwrap()
}
