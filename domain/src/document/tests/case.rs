//! A case as files: what is offered, what is known already, and the answer.
//!
//! `case.toml` tells the circumstances, `document.hex` is the document offered, `trust.hex` the trust
//! document known before. The files are made by the tests that name the cases; with `USHER_BLESS=1` in
//! the environment they are written anew instead of compared.

use super::world::{NOW, ORGANIZER, device_key, root, trust};
use crate::cose::{KeyId, PublicKey};
use crate::document::{
    Acceptance, Held, Rejected, TrustedKeys, accept_manifest, accept_trust, sign,
    verify_enrollment, verify_trust,
};
use crate::hash::Hash;
use crate::ids::OrganizerId;
use crate::table::{TableId, Version};
use crate::time::{ClockTrust, UnixMillis};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// What kind of document is offered.
pub(crate) const TRUST: &str = "trust";
pub(crate) const ENROLLMENT: &str = "enrollment";

/// The circumstances of a case, as `case.toml` writes them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    /// What happens, for people.
    what: String,
    /// Code of the refusal, `new` or `same`.
    expect: String,
    /// `trust`, `enrollment`, or the name of a table.
    kind: String,
    organizer: OrganizerId,
    root: PublicKey,
    /// The device's own key.
    own: PublicKey,
    now_ms: UnixMillis,
    clock_is_proved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<HeldFile>,
    #[serde(skip)]
    document: Vec<u8>,
    #[serde(skip)]
    trust: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct HeldFile {
    version: String,
    hash: String,
    signer: KeyId,
}

impl Case {
    /// A case of a device that knows the usual trust document, holds nothing and has a proved clock.
    pub(crate) fn offering(kind: impl ToString, document: Vec<u8>) -> Self {
        Self {
            what: String::new(),
            expect: String::new(),
            kind: kind.to_string(),
            organizer: ORGANIZER,
            root: root().public(),
            own: device_key().public(),
            now_ms: NOW,
            clock_is_proved: true,
            held: None,
            document,
            trust: sign(&trust(), &root()),
        }
    }

    pub(crate) fn holding(mut self, held: Held) -> Self {
        self.held = Some(HeldFile {
            version: held.version.to_string(),
            hash: held.hash.to_string(),
            signer: held.signer,
        });
        self
    }

    pub(crate) fn at(mut self, now: UnixMillis) -> Self {
        self.now_ms = now;
        self
    }

    pub(crate) fn with_unproved_clock(mut self) -> Self {
        self.clock_is_proved = false;
        self
    }

    pub(crate) fn trusting(mut self, trust: Vec<u8>) -> Self {
        self.trust = trust;
        self
    }

    /// Compares the files with the case (or writes them) and the answer with what is expected.
    #[track_caller]
    pub(crate) fn gives(mut self, expect: &str, name: &str, what: &str) {
        self.what = what.to_owned();
        self.expect = expect.to_owned();
        let folder = folder().join(name);
        if is_blessing() {
            self.write(&folder);
        }
        assert_eq!(Self::read(&folder), self, "{name}: the files differ");
        assert_eq!(self.answer(), expect, "{name}: {what}");
    }

    fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("case.toml"), toml::to_string(self).unwrap()).unwrap();
        fs::write(folder.join("document.hex"), to_hex(&self.document)).unwrap();
        fs::write(folder.join("trust.hex"), to_hex(&self.trust)).unwrap();
    }

    fn read(folder: &Path) -> Self {
        let text = |file: &str| {
            fs::read_to_string(folder.join(file))
                .unwrap_or_else(|e| panic!("{}/{file}: {e}", folder.display()))
        };
        Self {
            document: from_hex(&text("document.hex")),
            trust: from_hex(&text("trust.hex")),
            ..toml::from_str(&text("case.toml")).unwrap()
        }
    }

    fn answer(&self) -> &'static str {
        let result = match self.kind.as_str() {
            TRUST => told(accept_trust(
                &self.document,
                &self.root,
                Some(self.organizer),
                self.held(),
                self.now_ms,
                self.clock(),
            )),
            ENROLLMENT => verify_enrollment(&self.document, &self.keys(), &self.own)
                .map(|_| "new")
                .map_err(Rejected::from),
            table => told(accept_manifest(
                &self.document,
                table.parse::<TableId>().unwrap(),
                &self.keys(),
                self.held(),
                self.now_ms,
                self.clock(),
            )),
        };
        result.unwrap_or_else(|rejected| rejected.code())
    }

    fn keys(&self) -> TrustedKeys {
        TrustedKeys::from(&verify_trust(&self.trust, &self.root, Some(self.organizer)).unwrap())
    }

    fn held(&self) -> Option<Held> {
        self.held.as_ref().map(|held| Held {
            version: held.version.parse::<Version>().unwrap(),
            hash: Hash::from_bytes(from_hex(&held.hash).try_into().unwrap()),
            signer: held.signer,
        })
    }

    fn clock(&self) -> ClockTrust {
        if self.clock_is_proved {
            ClockTrust::Proved
        } else {
            ClockTrust::Unproved
        }
    }
}

fn told<T>(answer: Result<Acceptance<T>, Rejected>) -> Result<&'static str, Rejected> {
    answer.map(|acceptance| match acceptance {
        Acceptance::New(_) => "new",
        Acceptance::Same(_) => "same",
    })
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/documents")
}

/// Hexadecimal digits, 32 bytes a line.
fn to_hex(bytes: &[u8]) -> String {
    let line = |line: &[u8]| line.iter().map(|b| format!("{b:02x}")).collect::<String>() + "\n";
    bytes.chunks(32).map(line).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
        .collect()
}

fn is_blessing() -> bool {
    std::env::var_os("USHER_BLESS").is_some()
}

#[test]
fn every_stored_case_gives_its_answer() {
    if is_blessing() {
        // The files are being written beside this test.
        return;
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let case = Case::read(&path);
            assert_eq!(case.answer(), case.expect, "{}", path.display());
        }
    }
}
