//! Names in paths, and the bodies of all requests and answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use minicbor::{Decode, Encode};
use usher_domain::cbor::{decode, encode};
use usher_domain::ids::TicketId;
use usher_domain::protocol::claim::{ClaimAnswer, ClaimRequest, YieldRequest};
use usher_domain::protocol::{
    Assignment, BucketDigests, BucketRows, Changes, EnrollAnswer, FeedPage, HandBack,
    HandBackAnswer, Heads, HeadsAnswer, Heartbeat, HeartbeatAnswer, PushAnswer,
};
use usher_domain::table::{TableId, Version};
use usher_domain::wire::{Challenge, DeviceToken, EnrollBody, Proof, SnapshotHead, TokenRequest};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(table) = text.parse::<TableId>() {
            assert_eq!(table.to_string(), text);
        }
        if let Ok(version) = text.parse::<Version>() {
            assert_eq!(version.to_string(), text);
        }
        if let Ok(id) = text.parse::<TicketId>() {
            assert_eq!(id.to_string(), text);
        }
    }
    body::<EnrollBody>(data);
    body::<EnrollAnswer>(data);
    body::<Challenge>(data);
    body::<TokenRequest>(data);
    body::<Proof>(data);
    body::<DeviceToken>(data);
    body::<Assignment>(data);
    body::<SnapshotHead>(data);
    body::<Changes>(data);
    body::<BucketDigests>(data);
    body::<Vec<u16>>(data);
    body::<BucketRows>(data);
    body::<HandBack>(data);
    body::<HandBackAnswer>(data);
    body::<PushAnswer>(data);
    body::<Heads>(data);
    body::<HeadsAnswer>(data);
    body::<FeedPage>(data);
    body::<Heartbeat>(data);
    body::<HeartbeatAnswer>(data);
    body::<ClaimRequest>(data);
    body::<ClaimAnswer>(data);
    body::<YieldRequest>(data);
});

fn body<T: for<'b> Decode<'b, ()> + Encode<()>>(data: &[u8]) {
    if let Ok(value) = decode::<T>(data) {
        let once = encode(&value);
        let again = decode::<T>(&once).map(|value| encode(&value));
        assert_eq!(again.as_deref(), Ok(&once[..]));
    }
}
