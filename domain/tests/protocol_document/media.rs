//! What is presented: ticket codes, pretix secrets, opaque codes, and the holder data they open.

use crate::diagnostic::{cbor, hex};
use crate::world::{Examples, NOW, ORGANIZER, SESSION, TICKET, code_key, pretix_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use usher_domain::cbor::encode;
use usher_domain::code::{
    Identity, PretixCode, SignedCode, TicketCode, TicketCodeText, base45, pretix, usher,
};
use usher_domain::numbers::{AccessNumber, IssueNumber, TypeNumber};
use usher_domain::seal::{Holder, open, seal};
use usher_domain::secret::Private;

const FIELDS: &str = "ticket access_number issue type not_before not_after";

pub(crate) fn ticket_code() -> TicketCode {
    TicketCode {
        ticket: TICKET,
        access: AccessNumber::new(1),
        issue: IssueNumber::new(1),
        type_number: TypeNumber::new(2),
        not_before: None,
        not_after: None,
    }
}

/// The text of the ticket code of all examples.
pub(crate) fn code_text() -> TicketCodeText {
    usher::issue(&ticket_code(), &code_key())
}

/// The identity of the wristband of all examples.
pub(crate) fn identity() -> Identity {
    Identity::of(ORGANIZER, &TicketCodeText::new("4006381333931").unwrap())
}

pub(crate) fn examples() -> Examples {
    vec![
        ("ticket-code", our_code()),
        ("ticket-code-signed-bytes", signed_bytes()),
        ("ticket-code-with-window", with_window()),
        ("pretix-secret", pretix_secret()),
        ("opaque-code", opaque()),
        ("sealed-holder", sealed()),
    ]
}

fn envelope() -> Vec<u8> {
    let text = code_text();
    base45::decode(text.reveal().strip_prefix(usher::PREFIX).unwrap()).unwrap()
}

fn our_code() -> String {
    let text = code_text();
    format!(
        "text, {} characters:\n{}\nenvelope:\n{}payload:\n{}",
        text.reveal().len(),
        text.reveal(),
        hex(&envelope()),
        cbor(&encode(&ticket_code()), FIELDS),
    )
}

/// RFC 9052, section 4.4, written out by hand and held against the real signature.
fn signed_bytes() -> String {
    let payload = encode(&ticket_code());
    let mut bytes = b"\x84\x6aSignature1\x4d\xa2\x01\x32\x04\x48".to_vec();
    bytes.extend_from_slice(code_key().kid().as_bytes());
    bytes.extend_from_slice(b"\x4cusher/code/1\x58");
    bytes.push(u8::try_from(payload.len()).unwrap());
    if payload.len() < 24 {
        let at = bytes.len() - 2;
        bytes.truncate(at);
        bytes.push(0x40 | u8::try_from(payload.len()).unwrap());
    }
    bytes.extend_from_slice(&payload);
    let envelope = envelope();
    let signature = envelope.last_chunk::<64>().unwrap();
    assert!(code_key().public().accepts(&bytes, signature));
    cbor(&bytes, "context protected external_aad payload")
}

fn with_window() -> String {
    let code = TicketCode {
        not_before: None,
        not_after: Some(u32::try_from(NOW.get() / 1000).unwrap()),
        ..ticket_code()
    };
    let text = usher::issue(&code, &code_key());
    let read = SignedCode::parse(text.reveal()).unwrap();
    assert_eq!(read.verify(&code_key().public()), Ok(code));
    format!("{}\n\n{}", text.reveal(), cbor(&encode(&code), FIELDS))
}

fn pretix_secret() -> String {
    let code = PretixCode {
        seed: Private::new("example"),
        item: 12,
        variation: None,
        subevent: Some(3),
        valid_from: None,
        valid_until: None,
    };
    let text = pretix::sign(&code, &pretix_key()).unwrap();
    let reversed: String = text.reveal().chars().rev().collect();
    let raw = STANDARD.decode(reversed).unwrap();
    let payload = &raw[5..raw.len() - 64];
    format!(
        "{}\n\nraw:\n{}payload:\n{}",
        text.reveal(),
        hex(&raw),
        hex(payload)
    )
}

fn opaque() -> String {
    let identity = identity();
    format!(
        "text         4006381333931\nidentity     {}medium key   {}",
        hex(identity.as_bytes()),
        hex(identity.medium_key().as_bytes())
    )
}

fn sealed() -> String {
    let holder = Holder {
        name: Private::new("Ada Example"),
        lines: vec![Private::new("with one guest")],
    };
    let sealed = seal(&code_text(), SESSION, TICKET, &holder).unwrap();
    let opened = open([sealed.as_slice()], &code_text(), SESSION, TICKET);
    assert_eq!(opened.as_ref(), Ok(&holder));
    format!(
        "plain:\n{}\nsealed:\n{}",
        cbor(&encode(&holder), "name lines"),
        hex(&sealed)
    )
}
