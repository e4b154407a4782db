use super::*;
use crate::ids::StaffId;
use crate::table::rows::StaffRole;
use proptest::prelude::*;

/// The badge of the seed 32 × 01.
const EXAMPLE: &str = "USHB1:W50W50W50W50W50W50W50W50W50W50W50W50W50W50W50W50QQD$.M";

fn badge() -> Badge {
    Badge::new(Seed::new([1; 32]))
}

fn supervisor(badge: &Badge) -> StaffEntry {
    StaffEntry {
        staff: StaffId::from_bytes([1; 16]),
        name: Private::new("Ada"),
        role: StaffRole::Supervisor,
        gates: Vec::new(),
        badge: badge.key().public(),
        override_key: None,
        valid_from: None,
        valid_until: None,
        revoked_at: None,
    }
}

#[test]
fn the_documented_example_is_what_writing_gives() {
    assert_eq!(badge().text().reveal(), EXAMPLE);
    assert_eq!(Badge::parse(EXAMPLE), Ok(badge()));
    assert_eq!(Badge::parse(&format!("{EXAMPLE}\r\n")), Ok(badge()));
}

#[test]
fn what_is_not_a_badge_is_told_apart() {
    assert_eq!(Badge::parse("USH1:ABC"), Err(InvalidBadge::Prefix));
    assert_eq!(Badge::parse("USHB1:"), Err(InvalidBadge::Damaged));
    assert_eq!(
        Badge::parse(&EXAMPLE[..EXAMPLE.len() - 3]),
        Err(InvalidBadge::Damaged)
    );
    assert_eq!(
        Badge::parse(&format!("{EXAMPLE}000")),
        Err(InvalidBadge::Damaged)
    );
}

#[test]
fn debug_shows_no_seed_and_no_pin() {
    assert_eq!(format!("{:?}", badge()), "Badge(Seed(…))");
    assert_eq!(
        format!("{:?}", Pin::new("123456").unwrap()),
        "Pin(Private(…))"
    );
}

#[test]
fn a_new_pin_is_none_of_those_that_are_tried_first() {
    for text in [
        "111111",
        "123456",
        "987654",
        "890123",
        "246802",
        "121212",
        "123123",
        "471147",
        "112211",
        "000001",
        "123412341234",
    ] {
        let six = PinLength::try_from(6).unwrap();
        assert_eq!(Pin::choose(text, six), Err(UnfitPin::Guessable), "{text}");
    }
    for text in ["408217", "123457", "4711472", "90218834"] {
        let six = PinLength::try_from(6).unwrap();
        assert!(Pin::choose(text, six).is_ok(), "{text}");
    }
    let usual = PinLength::default();
    assert_eq!(
        Pin::choose("12345a", usual),
        Err(UnfitPin::Invalid(InvalidPin))
    );
}

#[test]
fn a_new_pin_has_as_many_digits_as_the_rule_asks_for() {
    let usual = PinLength::default();
    for short in ["4082173", "408", ""] {
        assert_eq!(Pin::choose(short, usual), Err(UnfitPin::TooShort(8)));
    }
    assert!(Pin::choose("40821735", usual).is_ok());
    // One that was chosen before the rule opens what it opened.
    assert!(Pin::new("408217").is_ok());
    for (digits, good) in [(5, false), (6, true), (12, true), (13, false)] {
        assert_eq!(PinLength::try_from(digits).is_ok(), good, "{digits}");
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what a guess costs is measured by the clock of this machine"
)]
fn all_pins_of_the_usual_length_cost_a_thousand_core_hours() {
    let pin = Pin::new("40821735").unwrap();
    let cost = || {
        let begun = std::time::Instant::now();
        badge().override_key(&pin).unwrap();
        begun.elapsed().as_secs_f64()
    };
    // The fastest of some: others work on this machine, too.
    let seconds = (0..4).map(|_| cost()).fold(f64::INFINITY, f64::min);
    let core_hours = |digits: u8| 10_f64.powi(digits.into()) * seconds / 3_600.0;
    for digits in 6..=12 {
        println!(
            "{digits} digits, {seconds:.3} s each: {:.0} core-hours",
            core_hours(digits)
        );
    }
    assert!(core_hours(PinLength::default().get()) >= 1_000.0);
}

#[test]
fn a_pin_has_six_to_twelve_digits() {
    for text in ["", "12345", "1234567890123", "12345a", "١٢٣", "123 456"] {
        assert_eq!(Pin::new(text), Err(InvalidPin), "{text}");
    }
    assert!(Pin::new("123456").is_ok());
    assert!(Pin::new("123456789012").is_ok());
}

#[test]
fn badge_and_pin_together_make_the_override_key() {
    let pin = Pin::new("123456").unwrap();
    let key = badge().override_key(&pin).unwrap().public();
    assert_eq!(
        key.to_string(),
        "d6b27463295dd9f44b0c0a9a34d8dff52aa64d78a4da540f04250b406dff0e03"
    );
    let staff = StaffEntry {
        override_key: Some(key),
        ..supervisor(&badge())
    };
    assert_eq!(badge().unlock(&pin, &staff).unwrap().public(), key);
    let wrong = Pin::new("123457").unwrap();
    assert_eq!(
        badge().unlock(&wrong, &staff).unwrap_err(),
        OverrideKeyError::WrongPin
    );
}

#[test]
fn who_may_not_override_needs_no_pin() {
    let pin = Pin::new("123456").unwrap();
    let steward = StaffEntry {
        role: StaffRole::Steward,
        override_key: Some(badge().key().public()),
        ..supervisor(&badge())
    };
    for staff in [steward, supervisor(&badge())] {
        assert_eq!(
            badge().unlock(&pin, &staff).unwrap_err(),
            OverrideKeyError::MayNotOverride
        );
    }
}

proptest! {
    #[test]
    fn a_badge_reads_back(seed: [u8; 32]) {
        let badge = Badge::new(Seed::new(seed));
        let text = badge.text();
        prop_assert_eq!(text.reveal().len(), CHARS);
        prop_assert_eq!(Badge::parse(text.reveal()), Ok(badge));
    }

    #[test]
    fn a_changed_character_is_seen(at in 6..CHARS, c in "[0-9A-Z $%*+./:-]") {
        let mut text = EXAMPLE.to_owned();
        text.replace_range(at..=at, &c);
        if text != EXAMPLE {
            prop_assert_eq!(Badge::parse(&text), Err(InvalidBadge::Damaged));
        }
    }

    #[test]
    fn any_text_is_a_badge_or_an_error(text in "(USHB1:)?[0-9A-Z $%*+./:-]{0,60}|.{0,40}") {
        let _ = Badge::parse(&text);
    }
}
