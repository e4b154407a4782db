//! A device from its enrollment code to its revocation.

use super::*;
use usher_domain::api::access::{Device, IssuedEnrollment};
use usher_domain::cbor;
use usher_domain::challenge::{prove_device, prove_enrollment};
use usher_domain::document::enrollment::{Enrollment, EnrollmentCode};
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{Assignment, EnrollAnswer, EnrollRequest, paths};
use usher_domain::wire::{
    Challenge, DeviceToken, EnrollBody, SNAPSHOT_MEDIA_TYPE, SnapshotHead, TOKEN_MS, TokenRequest,
};

const CBOR: &str = usher_domain::protocol::MEDIA_TYPE;

impl House {
    pub(super) async fn sync(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Vec<u8>,
    ) -> Response<Bytes> {
        let mut request = request(method, path, CBOR, body);
        let header = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, header);
        self.send(request).await
    }

    pub(super) async fn read<T: for<'b> minicbor::Decode<'b, ()>>(
        &self,
        response: Response<Bytes>,
    ) -> T {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], CBOR);
        cbor::decode(&bytes(response).await).unwrap()
    }

    /// An event tonight, and an enrollment code.
    pub(super) async fn evening(&self, office: &str) -> EnrollmentCode {
        let new = json!({"slug": "show", "name": "Show", "time_zone": "Europe/Berlin"});
        let _: serde_json::Value = self.ok("POST", "/api/v1/events", office, &new).await;
        let new = json!({"slug": "first", "name": "First", "doors": "2027-10-30 18:00",
            "ends": "2027-10-30 23:00"});
        let path = "/api/v1/events/show/sessions";
        let _: serde_json::Value = self.ok("POST", path, office, &new).await;
        let new = json!({"role": "gate", "uses": 1});
        let path = "/api/v1/enrollments";
        let issued: IssuedEnrollment = self.ok("POST", path, office, &new).await;
        EnrollmentCode::parse(issued.code.reveal()).unwrap()
    }

    async fn enroll(&self, code: &EnrollmentCode, key: &SigningKey) -> Response<Bytes> {
        let request = EnrollRequest {
            token: code.token.clone(),
            key: key.public(),
            name: "north".into(),
            proof: prove_enrollment(&code.token, key),
        };
        let body = cbor::encode(&EnrollBody::from(request));
        self.sync("POST", paths::ENROLL, "", body).await
    }

    /// Enrolls a device and signs it in.
    pub(super) async fn enrolled(
        &self,
        code: &EnrollmentCode,
        key: &SigningKey,
    ) -> (DeviceId, String) {
        let answer: EnrollAnswer = self.read(self.enroll(code, key).await).await;
        let EnrollAnswer::Enrolled { document, .. } = answer else {
            panic!("not enrolled: {answer:?}");
        };
        let payload = usher_domain::cose::parse(&document).unwrap();
        let enrollment: Enrollment = cbor::decode(payload.unverified_payload()).unwrap();
        let signed_in = self.sign_in(enrollment.device, key).await;
        let token: DeviceToken = self.read(signed_in).await;
        (enrollment.device, token.token.reveal().to_owned())
    }

    async fn sign_in(&self, device: DeviceId, key: &SigningKey) -> Response<Bytes> {
        let asked = self.sync("POST", paths::CHALLENGE, "", Vec::new()).await;
        let challenge: Challenge = self.read(asked).await;
        let request = TokenRequest {
            device,
            signed: prove_device(device, &challenge.nonce, key).into(),
        };
        let body = cbor::encode(&request);
        self.sync("POST", paths::TOKEN, "", body).await
    }
}

/// An enrolled device and its token.
pub(super) struct North {
    pub(super) house: House,
    pub(super) office: String,
    pub(super) device: DeviceId,
    pub(super) key: SigningKey,
    pub(super) token: String,
}

pub(super) async fn north() -> North {
    let house = House::new(Limits::default());
    let office = house.organizer().await;
    let code = house.evening(&office).await;
    assert_eq!(code.server, "http://localhost");
    let key = SigningKey::from_seed(&Seed::new([1; 32]));
    let (device, token) = house.enrolled(&code, &key).await;
    North {
        device,
        token,
        house,
        office,
        key,
    }
}

#[tokio::test]
async fn a_device_enrolls_signs_in_and_is_told_what_to_hold() {
    let north = north().await;
    north.house.service.seal_now().await.unwrap();
    let house = &north.house;
    let asked = house.sync("GET", paths::ASSIGNMENT, &north.token, Vec::new());
    let assignment: Assignment = house.read(asked.await).await;
    assert!(!assignment.tables.is_empty());
}

#[tokio::test]
async fn an_enrollment_code_used_up_is_refused_to_another_key_and_repeated_to_the_same() {
    let house = House::new(Limits::default());
    let office = house.organizer().await;
    let code = house.evening(&office).await;
    let key = |n| SigningKey::from_seed(&Seed::new([n; 32]));
    let first = bytes(house.enroll(&code, &key(1)).await).await;
    let again = bytes(house.enroll(&code, &key(1)).await).await;
    assert_eq!(first, again);
    let other = house.enroll(&code, &key(2)).await;
    assert_eq!(problem(other).await.code, Code::EnrollmentRefused);
}

#[tokio::test]
async fn a_device_is_heard_and_signs_in_however_many_fail_beside_it() {
    let north = north().await;
    let house = &north.house;
    let wrong = SigningKey::from_seed(&Seed::new([2; 32]));
    let too_often =
        async |response: Response<Bytes>| response.status() == StatusCode::TOO_MANY_REQUESTS;
    let mut refused = 0;
    for _ in 0..60 {
        let guess = house.sync("GET", paths::ASSIGNMENT, "ud1.AAAA", Vec::new());
        refused += usize::from(too_often(guess.await).await);
        refused += usize::from(too_often(house.sign_in(north.device, &wrong).await).await);
    }
    assert!(refused > 90, "only {refused} failures were limited");
    // A token of before the server's secret changed: whoever holds it must hear to sign in anew.
    let forged = format!("ud1.{}", "A".repeat(75));
    let asked = house.sync("GET", paths::ASSIGNMENT, &forged, Vec::new());
    assert_eq!(problem(asked.await).await.code, Code::Unauthenticated);
    house.service.seal_now().await.unwrap();
    let asked = house.sync("GET", paths::ASSIGNMENT, &north.token, Vec::new());
    assert_eq!(asked.await.status(), StatusCode::OK);
    let signed_in = house.sign_in(north.device, &north.key).await;
    assert_eq!(signed_in.status(), StatusCode::OK);
    let new = json!({"role": "gate", "uses": 1});
    let path = "/api/v1/enrollments";
    let issued: IssuedEnrollment = house.ok("POST", path, &north.office, &new).await;
    let code = EnrollmentCode::parse(issued.code.reveal()).unwrap();
    assert_eq!(house.enroll(&code, &wrong).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_token_ends_and_a_wrong_key_earns_none() {
    let north = north().await;
    let wrong = SigningKey::from_seed(&Seed::new([2; 32]));
    let refused = north.house.sign_in(north.device, &wrong).await;
    assert_eq!(problem(refused).await.code, Code::Unauthenticated);
    let stranger = DeviceId::from_bytes([9; 16]);
    let refused = north.house.sign_in(stranger, &north.key).await;
    assert_eq!(problem(refused).await.code, Code::Unauthenticated);
    north.house.clock.advance(TOKEN_MS);
    let asked = north
        .house
        .sync("GET", paths::ASSIGNMENT, &north.token, Vec::new());
    assert_eq!(problem(asked.await).await.code, Code::Unauthenticated);
}

#[tokio::test]
async fn a_revoked_device_is_refused_at_once_but_may_still_sign_in() {
    let north = north().await;
    let path = format!("/api/v1/devices/{}", north.device);
    let change = json!({"do": "revoke"});
    let _: Device = north.house.ok("PATCH", &path, &north.office, &change).await;
    let asked = north
        .house
        .sync("GET", paths::ASSIGNMENT, &north.token, Vec::new());
    assert_eq!(problem(asked.await).await.code, Code::DeviceRevoked);
    let signed_in = north.house.sign_in(north.device, &north.key).await;
    assert_eq!(signed_in.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_snapshot_comes_whole_or_by_range_and_is_the_same() {
    let north = north().await;
    let house = &north.house;
    house.service.seal_now().await.unwrap();
    let asked = house.sync("GET", paths::ASSIGNMENT, &north.token, Vec::new());
    let assignment: Assignment = house.read(asked.await).await;
    let table = assignment.tables[0].table.to_string();
    let path = paths::SNAPSHOT.replace("{table}", &table);
    let head = house.sync("GET", &path, &north.token, Vec::new()).await;
    let head: SnapshotHead = house.read(head).await;
    let path = paths::SNAPSHOT_BYTES
        .replace("{table}", &table)
        .replace("{version}", &head.version.to_string());
    let ask = async |range: Option<String>| {
        let mut request = request("GET", &path, "", "");
        let headers = request.headers_mut();
        headers.insert(
            AUTHORIZATION,
            format!("Bearer {}", north.token).parse().unwrap(),
        );
        if let Some(range) = range {
            headers.insert("range", range.parse().unwrap());
        }
        house.send(request).await
    };
    let whole = ask(None).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(whole.headers()[CONTENT_TYPE], SNAPSHOT_MEDIA_TYPE);
    assert_eq!(whole.headers()["etag"], format!("\"{}\"", head.version));
    let whole = bytes(whole).await;
    assert_eq!(whole.len() as u64, head.total);
    let (mut joined, half) = (Vec::new(), head.total / 2);
    for (first, last) in [(0, half - 1), (half, head.total + 5)] {
        let part = ask(Some(format!("bytes={first}-{last}"))).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        let said = format!("bytes {first}-{}/{}", last.min(head.total - 1), head.total);
        assert_eq!(part.headers()["content-range"], said);
        joined.extend(bytes(part).await);
    }
    assert_eq!(joined, whole);
    for beyond in [head.total, head.total + 1] {
        let refused = ask(Some(format!("bytes={beyond}-"))).await;
        assert_eq!(problem(refused).await.code, Code::RangeNotSatisfiable);
    }
    let gone = path.replace(&head.version.to_string(), "1.999");
    let gone = house.sync("GET", &gone, &north.token, Vec::new()).await;
    assert_eq!(problem(gone).await.code, Code::SnapshotGone);
}
