//! A device whose key somebody has, and that says HTTP itself.

use crate::stranger::post;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use usher_domain::api::access::Confirmation;
use usher_domain::cbor;
use usher_domain::challenge::{prove_device, prove_enrollment};
use usher_domain::cose::SigningKey;
use usher_domain::document::enrollment::{Enrollment, EnrollmentCode};
use usher_domain::ids::DeviceId;
use usher_domain::protocol::{EnrollAnswer, EnrollRequest, paths};
use usher_domain::secret::Seed;
use usher_domain::wire::{Challenge, DeviceToken, TokenRequest};
use usher_tests::Venue;

/// A device that says HTTP itself.
pub(crate) struct Device {
    pub(crate) key: SigningKey,
    pub(crate) id: DeviceId,
}

/// Enrolls devices.
pub(crate) async fn devices(venue: &Venue, count: u16) -> Vec<Device> {
    let uses = u32::from(count);
    let issued = venue.enrollment("north", uses, Confirmation::None, venue.address());
    let code = EnrollmentCode::parse(issued.await.code.reveal()).unwrap();
    let mut devices = Vec::new();
    for number in 0..count {
        let mut seed = [7; 32];
        seed[..2].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_seed(&Seed::new(seed));
        let request = EnrollRequest {
            token: code.token.clone(),
            key: key.public(),
            name: format!("device {number}"),
            proof: prove_enrollment(&code.token, &key),
        };
        let EnrollAnswer::Enrolled { document, .. } =
            venue.service().enroll(request).await.unwrap()
        else {
            unreachable!("nobody has to confirm it");
        };
        let document = usher_domain::cose::parse(&document).unwrap();
        let enrollment: Enrollment = cbor::decode(document.unverified_payload()).unwrap();
        let id = enrollment.device;
        devices.push(Device { key, id });
    }
    devices
}

/// Sends a request and reads its answer's body, which has a length.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).await.unwrap();
    let mut said = Vec::new();
    loop {
        if let Some(head) = said.windows(4).position(|four| four == b"\r\n\r\n") {
            let text = std::str::from_utf8(&said[..head]).unwrap().to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.unwrap().trim().parse().unwrap();
            if said.len() >= head + 4 + length {
                return said.split_off(head + 4);
            }
        }
        assert_ne!(stream.read_buf(&mut said).await.unwrap(), 0, "it ended");
    }
}

impl Device {
    /// Signs in over a connection, and answers it with the token.
    pub(crate) async fn sign_in(&self, address: SocketAddr) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let challenge = exchange(&mut stream, &post(paths::CHALLENGE, "", &[])).await;
        let challenge: Challenge = cbor::decode(&challenge).unwrap();
        let proof = TokenRequest {
            device: self.id,
            signed: prove_device(self.id, &challenge.nonce, &self.key).into(),
        };
        let proof = post(paths::TOKEN, "", &cbor::encode(&proof));
        let token: DeviceToken = cbor::decode(&exchange(&mut stream, &proof).await).unwrap();
        (stream, token.token.reveal().to_owned())
    }
}
