use super::*;
use crate::clock::{SystemClock, SystemEntropy};
use crate::http::PlainHttp;
use crate::sync::TokioTimer;
use usher_domain::record::{Direction, Outcome};
use usher_domain::secret::{Private, Seed};
use usher_domain::verdict::Reason;

/// Waits for nothing.
struct AtOnce;

impl crate::sync::Timer for AtOnce {
    async fn sleep(&self, _: std::time::Duration) {}
}

fn open(home: &Path) -> Result<App, ApiError> {
    App::open(home, Arc::new(SystemClock::new()), Arc::new(SystemEntropy))
}

fn code(server: &str, spki: Option<usher_domain::hash::Hash>) -> Private {
    usher_domain::document::enrollment::EnrollmentCode {
        server: server.into(),
        root: usher_domain::hash::Hash::ZERO,
        spki,
        token: Seed::new([1; 32]),
    }
    .text()
    .unwrap()
}

fn enroll(app: &App, code: Private) -> ApiError {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let input = EnrollInput {
        code,
        name: "north".into(),
        plain: PlainHttp::OnLoopback,
        patience: std::time::Duration::ZERO,
    };
    runtime
        .block_on(app.enroll(&input, &AtOnce, &|_| {}))
        .unwrap_err()
}

#[test]
fn a_device_that_is_not_enrolled_answers_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let app = open(home.path()).unwrap();
    let answer = app.scan(ScanInput {
        text: Private::new("anything"),
        direction: Direction::Entry,
        session: None,
        attempt: None,
        instruction_checked: false,
    });
    assert_eq!(answer.outcome, Outcome::Refer);
    assert_eq!(answer.reason, Reason::DeviceTrouble);
    assert!(
        answer.message.contains("not_enrolled"),
        "{}",
        answer.message
    );
    let status = app.status().unwrap();
    assert!(status.device.is_none() && status.tables.is_empty() && status.unsent == 0);
    assert!(app.audit().unwrap().ok);
}

#[test]
fn one_program_at_a_time_works_in_a_folder() {
    let home = tempfile::tempdir().unwrap();
    let _first = open(home.path()).unwrap();
    let second = open(home.path()).unwrap_err();
    assert_eq!(
        (second.code, second.retry),
        ("store_in_use", ApiRetry::Later)
    );
}

#[test]
fn a_damaged_or_unsafe_enrollment_code_is_refused_before_anything_is_sent() {
    let home = tempfile::tempdir().unwrap();
    let app = open(home.path()).unwrap();
    let damaged = enroll(&app, Private::new("USHE1:ABC"));
    assert_eq!(damaged.code, "invalid_enrollment_code");
    let mistyped = enroll(&app, code("http://[tickets.example", None));
    assert_eq!(mistyped.code, "invalid_enrollment_code");
    assert!(mistyped.message.contains("copy it again"));
    for server in ["http://tickets.example:80", "https://tickets.example"] {
        let refused = enroll(&app, code(server, None));
        assert_eq!(refused.code, "invalid_server_address", "{server}");
    }
    assert!(app.status().unwrap().connection.is_none());
}

#[test]
fn an_enrollment_that_reaches_nobody_can_be_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let app = open(home.path()).unwrap();
    // Nobody listens on the port of a listener that is gone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = enroll(&app, code(&server, None));
    assert_eq!((error.code, error.retry), ("unreachable", ApiRetry::Later));
    assert!(error.correlation.is_some());
    assert_eq!(app.status().unwrap().connection.unwrap().server, server);
}

/// A shell with several threads may run an exchange on any of them.
#[test]
fn exchanges_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let home = tempfile::tempdir().unwrap();
    let app = open(home.path()).unwrap();
    is_send(&app);
    let progress = |_| {};
    is_send(&app.sync(&TokioTimer, &progress));
    is_send(&app.doctor_compare(&TokioTimer));
}

#[test]
fn a_record_is_named_by_its_first_digits_where_one_alone_begins_so() {
    use crate::fixture::{EVENING, Table, TestClock, TestEntropy, barcode, enrolled, roster};
    let home = tempfile::tempdir().unwrap();
    let mut store = enrolled(home.path());
    roster().install(&mut store).unwrap();
    Table::set(EVENING, 0..30).install(&mut store).unwrap();
    drop(store);
    let clock = Arc::new(TestClock::new());
    let app = App::open(home.path(), clock, Arc::new(TestEntropy::default())).unwrap();
    let scan = |text: &str| {
        let view = app.scan(ScanInput {
            text: Private::new(text),
            direction: Direction::Entry,
            session: None,
            attempt: None,
            instruction_checked: false,
        });
        view.record.unwrap()
    };
    let admitted = scan(&barcode(1));
    let whole = app.recorded(&admitted).unwrap();
    for digits in [4, 5, 12, 63] {
        let beginning = admitted[..digits].to_uppercase();
        assert_eq!(app.recorded(&beginning).unwrap(), whole, "{digits}");
    }
    let code = |record: &str| app.recorded(record).unwrap_err().code;
    assert_eq!(code(&admitted[..3]), "invalid_record");
    assert_eq!(code("quack"), "invalid_record");
    assert_eq!(code(&format!("{admitted}0")), "invalid_record");
    let mut known = std::collections::BTreeMap::new();
    let twins = (0..5_000).find_map(|number| {
        let record = scan(&format!("nobody-{number}"));
        let beginning = record[..4].to_owned();
        let other = known.insert(beginning, record.clone());
        other.map(|other| [other, record])
    });
    let twins = twins.unwrap();
    let error = app.undo(&twins[0][..4]).unwrap_err();
    assert_eq!(error.code, "ambiguous_record");
    for twin in &twins {
        assert!(error.message.contains(&twin[..12]), "{}", error.message);
    }
    let none = (0..=u16::MAX).map(|beginning| format!("{beginning:04x}"));
    let mut none = none.filter(|beginning| !known.contains_key(beginning));
    let none = none.find(|beginning| !admitted.starts_with(beginning.as_str()));
    assert_eq!(code(&none.unwrap()), "no_such_scan");
    assert!(app.undo(&admitted[..12]).is_ok());
}
