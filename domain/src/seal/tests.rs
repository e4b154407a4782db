use super::*;
use proptest::prelude::*;

/// The documented example: code `8f14e45fceea167a5a36dedd4bea2543`, session 16 × 02, ticket 16 × 03, name
/// `Ada Lovelace`, one line `table 4`.
const EXAMPLE: &str =
    "bebb424fd3982331d3307ee6180a9d6fde51840dc9267cbbd7b5a9c4f1aa52428e472fc10c960d";

const SESSION: SessionId = SessionId::from_bytes([2; 16]);
const TICKET: TicketId = TicketId::from_bytes([3; 16]);

fn code() -> TicketCodeText {
    TicketCodeText::new("8f14e45fceea167a5a36dedd4bea2543").unwrap()
}

fn ada() -> Holder {
    Holder {
        name: Private::new("Ada Lovelace"),
        lines: vec![Private::new("table 4")],
    }
}

fn sealed() -> Vec<u8> {
    seal(&code(), SESSION, TICKET, &ada()).unwrap()
}

#[test]
fn the_documented_example_is_what_sealing_gives() {
    let hex: String = sealed().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, EXAMPLE);
}

#[test]
fn the_ticket_opens_its_holder_data() {
    assert_eq!(open([&sealed()[..]], &code(), SESSION, TICKET), Ok(ada()));
}

#[test]
fn every_medium_of_a_ticket_finds_its_own() {
    let wristband = TicketCodeText::new("04a2b3c4d5e6f708192a3b4c5d6e7f80").unwrap();
    let other = seal(&wristband, SESSION, TICKET, &ada()).unwrap();
    let both = [sealed(), other];
    for code in [code(), wristband] {
        let candidates = both.iter().map(Vec::as_slice);
        assert_eq!(open(candidates, &code, SESSION, TICKET), Ok(ada()));
    }
    assert_eq!(
        open([], &code(), SESSION, TICKET),
        Err(SealError::NotForThisCode)
    );
}

#[test]
fn another_code_session_or_ticket_opens_nothing() {
    let other_code = TicketCodeText::new("8f14e45fceea167a5a36dedd4bea2544").unwrap();
    let other_session = SessionId::from_bytes([9; 16]);
    let other_ticket = TicketId::from_bytes([9; 16]);
    for (code, session, ticket) in [
        (&other_code, SESSION, TICKET),
        (&code(), other_session, TICKET),
        (&code(), SESSION, other_ticket),
    ] {
        assert_eq!(
            open([&sealed()[..]], code, session, ticket),
            Err(SealError::NotForThisCode)
        );
    }
}

#[test]
fn holder_data_beyond_the_limit_are_refused_both_ways() {
    let long = Holder {
        name: Private::new("x".repeat(MAX_HOLDER_BYTES)),
        lines: vec![],
    };
    assert_eq!(
        seal(&code(), SESSION, TICKET, &long),
        Err(SealError::TooLong)
    );
    let long = vec![0; MAX_HOLDER_BYTES + TAG_BYTES + 1];
    assert_eq!(
        open([&long[..]], &code(), SESSION, TICKET),
        Err(SealError::NotForThisCode)
    );
}

#[test]
fn what_opens_but_is_no_holder_data_is_unreadable() {
    let bytes = cipher(&code(), SESSION)
        .unwrap()
        .encrypt(&Nonce::default(), bound_to(&TICKET, b"\x01"))
        .unwrap();
    assert_eq!(
        open([&bytes[..]], &code(), SESSION, TICKET),
        Err(SealError::Unreadable)
    );
}

#[test]
fn debug_shows_no_name() {
    assert!(!format!("{:?}", ada()).contains("Ada"));
}

proptest! {
    #[test]
    fn what_is_sealed_opens(text in "[!-~]{8,60}", name in ".{0,60}", lines in proptest::collection::vec(".{0,20}", 0..4)) {
        let code = TicketCodeText::new(&text).unwrap();
        let holder = Holder {
            name: Private::new(name),
            lines: lines.into_iter().map(Private::new).collect(),
        };
        let sealed = seal(&code, SESSION, TICKET, &holder).unwrap();
        prop_assert_eq!(open([&sealed[..]], &code, SESSION, TICKET), Ok(holder));
    }

    #[test]
    fn a_changed_or_truncated_byte_opens_nothing(at: prop::sample::Index, change in 1u8..) {
        let mut bytes = sealed();
        let at = at.index(bytes.len());
        let truncated = bytes[..at].to_vec();
        prop_assert_eq!(open([&truncated[..]], &code(), SESSION, TICKET), Err(SealError::NotForThisCode));
        bytes[at] ^= change;
        prop_assert_eq!(open([&bytes[..]], &code(), SESSION, TICKET), Err(SealError::NotForThisCode));
    }
}
