//! What a whole run writes into its logs, at the most talkative level: no name, no code, no token, no key.
//!
//! A test of its own process, because what catches the logs hears everything in it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up fails at once, and says where"
)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;
use usher_core::gate::OverrideRequest;
use usher_domain::document::enrollment::EnrollmentCode;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::secret::Private;
use usher_domain::table::rows::StaffRole;
use usher_tests::office::usual;
use usher_tests::{Said as _, Venue};

#[derive(Clone, Default)]
struct Caught(Arc<Mutex<Vec<u8>>>);

impl Write for Caught {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Caught {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A secret and the forms in which it could be written.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    vec![
        bytes.to_vec(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        STANDARD_NO_PAD.encode(bytes).into_bytes(),
        URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
        format!("{bytes:?}")
            .trim_matches(['[', ']'])
            .as_bytes()
            .to_vec(),
    ]
}

/// Where a secret stands in the logs. A short one, a PIN, stands by chance within the hexadecimal digits of
/// some signature; by itself it stands between other characters.
fn place_of(logs: &[u8], form: &[u8]) -> Option<usize> {
    let is_short = form.len() < 16;
    let is_within = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| logs.get(before));
        let after = logs.get(at + form.len());
        [before, after]
            .into_iter()
            .flatten()
            .any(u8::is_ascii_alphanumeric)
    };
    let places = logs.windows(form.len()).enumerate();
    let mut found = places.filter(|(_, part)| *part == form).map(|(at, _)| at);
    found.find(|at| !(is_short && is_within(*at)))
}

#[tokio::test]
async fn no_name_code_token_or_key_is_in_the_logs() {
    let caught = Caught::default();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(caught.clone())
        .init();
    let mut secrets: Vec<(&str, Vec<u8>)> = Vec::new();
    let mut keep =
        |what, secret: &Private| secrets.push((what, secret.reveal().as_bytes().to_vec()));

    let venue = Venue::with_tls().await;
    keep("the admin token", &venue.admin_token);
    let mut new = usual();
    new.holder = Some(Private::new("Wilhelmine Sonderbar"));
    new.order = Some(Private::new("ORDER-4711-0815"));
    let named = venue.sell_this(new.clone()).await;
    new.media = vec![Private::new("QX7M2K9P4T8W3R6Z")];
    let opaque = venue.sell_this(new).await;
    let boss = venue.employ(2, "Ida Aufsicht", StaffRole::Supervisor).await;
    venue
        .import("barcode;name;type\nB4N8C2V6X9L5K3J7;Bernd Muster;regular\n")
        .await;
    for (what, secret) in [
        ("a signed code", &named.code),
        ("a barcode", &opaque.code),
        ("a badge", &boss.badge),
        ("a PIN", &boss.pin),
    ] {
        keep(what, secret);
    }
    for name in [
        "Wilhelmine",
        "Sonderbar",
        "ORDER-4711-0815",
        "Ida Aufsicht",
        "B4N8C2V6X9L5K3J7",
        "Bernd Muster",
    ] {
        keep("a name or number", &Private::new(name));
    }
    venue.place("north", None).await;
    let north = venue.fresh_device("north").await;
    let address = north.network.address();
    let issued = venue
        .enrollment("north", 1, Default::default(), address)
        .await;
    keep("an enrollment code", &issued.code);
    let token = EnrollmentCode::parse(issued.code.reveal()).unwrap().token;
    north.enroll(&issued.code).await.unwrap();
    let north = venue.keep(north).await;
    let seed = north.store(|store| store.identity().unwrap().unwrap().seed);

    north.at_work(|gate, means| gate.sign_in(means, boss.badge.reveal()).unwrap());
    assert!(north.scan(&named.code).is_admitted());
    assert!(north.scan(&opaque.code).is_admitted());
    let refused = north.scan(&named.code);
    let mut request = OverrideRequest {
        record: refused.record.unwrap(),
        badge: boss.badge.clone(),
        pin: Private::new("918273"),
        reason: SanctionReason::GateMistake,
    };
    keep("a wrong PIN", &request.pin);
    north.override_verdict(&request).unwrap_err();
    request.pin = boss.pin.clone();
    north.override_verdict(&request).unwrap();
    let forged = Private::new(named.code.reveal().replace('7', "8"));
    keep("a forged code", &forged);
    north.scan(&forged);
    let unknown = Private::new("UNKNOWN-CODE-99887766");
    keep("an unknown code", &unknown);
    north.scan(&unknown);
    let reissued = venue.reissue(&named).await;
    keep("a reissued code", &reissued.code);
    venue.sync_all().await;
    north.network.cut();
    north.try_sync().await.unwrap_err();
    north.network.heal();
    north.kill();
    north.start();
    venue.restart_server().await;
    venue.sync_all().await;

    secrets.push(("the device's seed", seed.reveal().to_vec()));
    secrets.push(("an enrollment token", token.reveal().to_vec()));
    let logs = caught.0.lock().unwrap();
    let text = String::from_utf8_lossy(&logs);
    assert!(
        text.contains("scanned"),
        "the gate's own lines are among the logs"
    );
    assert!(text.contains("usher_server"), "and the server's");
    for (what, secret) in &secrets {
        for form in forms(secret) {
            if let Some(at) = place_of(&logs, &form) {
                let around = &logs[at.saturating_sub(200)..(at + 200).min(logs.len())];
                panic!(
                    "{what} stands in the logs: {}",
                    String::from_utf8_lossy(around)
                );
            }
        }
    }
}
