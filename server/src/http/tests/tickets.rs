//! Tickets of sales systems, and imports by forms.

use super::*;
use usher_domain::api::imports::ImportReport;
use usher_domain::api::tickets::Ticket;
use usher_domain::api::{IDEMPOTENCY_KEY, Page};

const TICKETS: &str = "/api/v1/events/show/tickets";
const IMPORTS: &str = "/api/v1/events/show/imports";

/// A house with an event, a type `adult`, and tokens of the office and a shop.
async fn open() -> (House, String, String) {
    let house = House::new(Limits {
        import_bytes: 4_000,
        ..Limits::default()
    });
    let office = house.organizer().await;
    house.evening(&office).await;
    let new = json!({"slug": "adult", "name": "Adult"});
    let path = "/api/v1/events/show/types";
    let _: serde_json::Value = house.ok("POST", path, &office, &new).await;
    let new = json!({"name": "shop", "role": TokenRole::Sales});
    let shop: IssuedToken = house.ok("POST", "/api/v1/tokens", &office, &new).await;
    (house, office, shop.secret.reveal().to_owned())
}

fn adult() -> serde_json::Value {
    json!({"kind": "adult", "session": "first", "holder": "Grace Hopper"})
}

#[tokio::test]
async fn a_shop_sells_shows_and_cancels_a_ticket() {
    let (house, _, shop) = open().await;
    let sold: Ticket = house.ok("POST", TICKETS, &shop, &adult()).await;
    assert!(sold.code.is_some());
    let path = format!("{TICKETS}/{}", sold.id);
    let shown: Ticket = house.ok("GET", &path, &shop, &()).await;
    assert_eq!(shown.id, sold.id);
    let cancel = json!({"do": "cancel", "reason": "refunded"});
    let changes = format!("{path}/changes");
    let cancelled: Ticket = house.ok("POST", &changes, &shop, &cancel).await;
    assert!(cancelled.revision > sold.revision);
    let all: Page<Ticket> = house.ok("GET", TICKETS, &shop, &()).await;
    assert_eq!(all.items.len(), 1);
}

#[tokio::test]
async fn who_may_not_see_codes_finds_no_ticket_by_its_barcode() {
    let (house, office, shop) = open().await;
    let mut new = adult();
    new["media"] = json!(["4006381333931"]);
    let sold: Ticket = house.ok("POST", TICKETS, &shop, &new).await;
    let role = json!({"name": "n", "role": TokenRole::Viewer});
    let viewer: IssuedToken = house.ok("POST", "/api/v1/tokens", &office, &role).await;
    let viewer = viewer.secret.reveal();
    let signed = sold.code.as_ref().unwrap().reveal();
    for barcode in ["4006381333931", signed] {
        let path = format!("{TICKETS}/{barcode}");
        let found = house.call("GET", &path, viewer, &()).await;
        assert_eq!(found.status(), StatusCode::NOT_FOUND);
        let path = format!("{TICKETS}?text={barcode}");
        let found: Page<Ticket> = house.ok("GET", &path, viewer, &()).await;
        assert!(found.items.is_empty());
    }
    let path = format!("{TICKETS}/4006381333931");
    let found: Ticket = house.ok("GET", &path, &shop, &()).await;
    assert_eq!(found.id, sold.id);
    let path = format!("{TICKETS}/{}", sold.id);
    let shown: Ticket = house.ok("GET", &path, viewer, &()).await;
    assert!(shown.code.is_none() && shown.holder.is_none());
}

#[tokio::test]
async fn a_sale_repeated_with_its_key_is_the_same_sale_and_another_is_refused() {
    let (house, _, shop) = open().await;
    let sell = async |body: serde_json::Value| {
        let mut request = request("POST", TICKETS, "application/json", body.to_string());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, format!("Bearer {shop}").parse().unwrap());
        headers.insert(IDEMPOTENCY_KEY, "order-1".parse().unwrap());
        house.send(request).await
    };
    let first = bytes(sell(adult()).await).await;
    assert_eq!(first, bytes(sell(adult()).await).await);
    let mut other = adult();
    other["holder"] = "Ada Lovelace".into();
    let problem = problem(sell(other).await).await;
    assert_eq!(problem.code, Code::IdempotencyMismatch);
}

/// Parts of a form: name, file's name, content.
fn form(parts: &[(&str, Option<&str>, &str)]) -> String {
    let mut body = String::new();
    for (name, file, content) in parts {
        let file = file.map_or_else(String::new, |file| format!("; filename=\"{file}\""));
        body += &format!(
            "--edge\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{content}\r\n"
        );
    }
    body + "--edge--\r\n"
}

async fn import(house: &House, token: &str, media_type: &str, body: String) -> Response<Bytes> {
    let mut request = request("POST", IMPORTS, media_type, body);
    let header = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, header);
    house.send(request).await
}

const FORM: &str = "multipart/form-data; boundary=edge";
const LIST: &str =
    "barcode,name,type\nAAAA-1111-BBBB,Grace Hopper,adult\nCCCC-2222-DDDD,Ada Lovelace,adult\n";

#[tokio::test]
async fn a_list_is_tried_imported_and_imported_again() {
    let (house, office, _) = open().await;
    let send = async |options: &str| {
        let parts = [("options", None, options), ("file", Some("list.csv"), LIST)];
        let response = import(&house, &office, FORM, form(&parts)).await;
        let report: ImportReport = serde_json::from_slice(&bytes(response).await).unwrap();
        report
    };
    let tried = send(r#"{"mode": "dry_run"}"#).await;
    assert_eq!((tried.created, tried.written), (2, false));
    let done = send("{}").await;
    assert_eq!((done.created, done.written), (2, true));
    let again = send("{}").await;
    assert_eq!((again.created, again.unchanged), (0, 2));
}

#[tokio::test]
async fn a_form_that_is_none_too_long_or_broken_off_is_a_problem() {
    let (house, office, _) = open().await;
    let file = |content: &str| form(&[("file", Some("list.csv"), content)]);
    for (media_type, body, expected) in [
        (
            "application/json",
            "{}".to_owned(),
            Code::UnsupportedMediaType,
        ),
        (FORM, file(&"a".repeat(5_000)), Code::TooLarge),
        (FORM, file(LIST)[..100].to_owned(), Code::MalformedRequest),
        (
            FORM,
            "nothing of the kind".to_owned(),
            Code::MalformedRequest,
        ),
        (
            FORM,
            form(&[("options", None, "{")]),
            Code::MalformedRequest,
        ),
        (
            FORM,
            form(&[("options", None, r#"{"x": 1}"#)]),
            Code::InvalidValue,
        ),
        (FORM, form(&[]), Code::InvalidValue),
        (
            FORM,
            file("barcode,name,type\n,No Body,adult\n"),
            Code::ImportRefused,
        ),
    ] {
        let response = import(&house, &office, media_type, body).await;
        let problem = problem(response).await;
        assert_eq!(problem.code, expected, "{problem}");
        assert!(!format!("{problem:?}").contains("No Body"));
    }
}
