//! How [`crate::protocol::SyncApi`] travels over HTTP: paths, the bodies that the contract itself does not
//! need, and how a device proves who it is.
//!
//! ```text
//! POST /sync/v1/enroll                                  EnrollBody      → EnrollAnswer
//! POST /sync/v1/challenge                               (empty)         → Challenge
//! POST /sync/v1/token                                   TokenRequest    → DeviceToken
//! GET  /sync/v1/assignment                                              → Assignment
//! GET  /sync/v1/tables/{table}/snapshot                                 → SnapshotHead
//! GET  /sync/v1/tables/{table}/snapshots/{version}      Range           → zstd, 206
//! GET  /sync/v1/tables/{table}/changes?since={version}                  → Changes
//! GET  /sync/v1/tables/{table}/buckets                                  → BucketDigests
//! POST /sync/v1/tables/{table}/rows                     [u16]           → BucketRows
//! POST /sync/v1/hand-back                               HandBack        → HandBackAnswer
//! POST /sync/v1/push                                    Batch           → PushAnswer
//! GET  /sync/v1/scopes/{scope}/heads                                    → Heads
//! GET  /sync/v1/scopes/{scope}/feed?epoch=&after=&limit=                → FeedPage
//! POST /sync/v1/heartbeat                               Heartbeat       → HeartbeatAnswer
//! ```
//!
//! All but the first three carry `Authorization: Bearer` with a [`DeviceToken`]. A device gets one by
//! signing the nonce of a [`Challenge`] with its key, under [`crate::cose::ContentType::CHALLENGE`].

use crate::cose::PublicKey;
use crate::ids::DeviceId;
use crate::protocol::EnrollRequest;
use crate::secret::Seed;
use crate::table::{TableId, Version};
use crate::time::UnixMillis;
use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

/// Media type of a snapshot's bytes.
pub const SNAPSHOT_MEDIA_TYPE: &str = "application/zstd";
/// How long a device's token counts, in milliseconds.
pub const TOKEN_MS: u64 = 15 * 60 * 1000;
/// Characters of a device's name at most.
pub const DEVICE_NAME_MAX: usize = 80;

/// [`EnrollRequest`] as it travels.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct EnrollBody {
    #[n(0)]
    token: ByteArray<32>,
    #[n(1)]
    key: PublicKey,
    #[n(2)]
    name: String,
    #[n(3)]
    proof: ByteVec,
}

impl fmt::Debug for EnrollBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token opens the door to whoever reads it first.
        write!(f, "EnrollBody({}, …)", self.key.kid())
    }
}

impl From<EnrollRequest> for EnrollBody {
    fn from(request: EnrollRequest) -> Self {
        Self {
            token: ByteArray::from(*request.token.reveal()),
            key: request.key,
            name: request.name,
            proof: request.proof.into(),
        }
    }
}

impl From<EnrollBody> for EnrollRequest {
    fn from(body: EnrollBody) -> Self {
        Self {
            token: Seed::new(body.token.into()),
            key: body.key,
            name: body.name,
            proof: body.proof.into(),
        }
    }
}

/// What the server asks a device to sign. The nonce is opaque, and good for a minute.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Challenge {
    /// What to sign.
    #[n(0)]
    pub nonce: ByteVec,
    /// The server's clock.
    #[n(1)]
    pub server_time: UnixMillis,
}

/// A device's answer to a [`Challenge`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TokenRequest {
    /// Who asks.
    #[n(0)]
    pub device: DeviceId,
    /// COSE_Sign1 (`usher/challenge/1`) of the encoded [`Proof`].
    #[n(1)]
    pub signed: ByteVec,
}

/// What a device signs to get a token. It names the device, so that an answer fits no other.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Proof {
    /// Who asks.
    #[n(0)]
    pub device: DeviceId,
    /// The challenge's nonce.
    #[n(1)]
    pub nonce: ByteVec,
}

/// What a device sends as `Authorization: Bearer …` from now on.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceToken {
    /// The token, printable ASCII without spaces.
    #[n(0)]
    pub token: crate::secret::Private,
    /// By the server's clock.
    #[n(1)]
    pub expires_at: UnixMillis,
    /// The server's clock.
    #[n(2)]
    pub server_time: UnixMillis,
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceToken(until {})", self.expires_at)
    }
}

/// What there is to know of a snapshot before taking its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SnapshotHead {
    /// Which snapshot.
    #[n(0)]
    pub version: Version,
    /// Size of the whole in bytes.
    #[n(1)]
    pub total: u64,
    /// The signed manifest of the snapshot.
    #[n(2)]
    pub manifest: ByteVec,
}

/// Why a text in a path or query is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not the name of a table.
    #[error("a table is named set., roster. or directory. and an id")]
    Table,
    /// Not a version.
    #[error("a version is written epoch.number")]
    Version,
}

/// A table is named `set.`, `roster.` or `directory.` and the id it belongs to.
impl fmt::Display for TableId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(id) => write!(f, "set.{id}"),
            Self::Roster(id) => write!(f, "roster.{id}"),
            Self::Directory(id) => write!(f, "directory.{id}"),
        }
    }
}

impl FromStr for TableId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (kind, id) = text.split_once('.').ok_or(InvalidName::Table)?;
        match kind {
            "set" => id.parse().map(Self::Set),
            "roster" => id.parse().map(Self::Roster),
            "directory" => id.parse().map(Self::Directory),
            _ => return Err(InvalidName::Table),
        }
        .map_err(|_| InvalidName::Table)
    }
}

/// A version is written `epoch.number`, both decimal without leading zeros.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.number)
    }
}

impl FromStr for Version {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (epoch, number) = text.split_once('.').ok_or(InvalidName::Version)?;
        let version = Self {
            epoch: epoch.parse().map_err(|_| InvalidName::Version)?,
            number: number.parse().map_err(|_| InvalidName::Version)?,
        };
        // One version has one name: `1.02` and `1.+2` are none.
        if version.to_string() == text {
            Ok(version)
        } else {
            Err(InvalidName::Version)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SessionId;
    use proptest::prelude::*;

    #[test]
    fn a_version_has_one_name() {
        for text in ["1.02", "1.+2", "01.2", "1.", ".1", "1", "1.2.3", "-1.2"] {
            assert_eq!(text.parse::<Version>(), Err(InvalidName::Version), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let body = EnrollBody {
            token: ByteArray::from([0x61; 32]),
            key: crate::cose::SigningKey::from_seed(&Seed::new([1; 32])).public(),
            name: "north".into(),
            proof: vec![0x61; 3].into(),
        };
        assert!(!format!("{body:?}").contains("97"));
    }

    proptest! {
        #[test]
        fn tables_and_versions_read_back(id: [u8; 16], epoch: u32, number: u64) {
            for table in [
                TableId::Set(SessionId::from_bytes(id)),
                TableId::Roster(crate::ids::OrganizerId::from_bytes(id)),
                TableId::Directory(SessionId::from_bytes(id)),
            ] {
                prop_assert_eq!(table.to_string().parse(), Ok(table));
            }
            let version = Version { epoch, number };
            prop_assert_eq!(version.to_string().parse(), Ok(version));
        }

        #[test]
        fn any_text_is_a_name_or_an_error(text in ".{0,60}") {
            if let Ok(table) = text.parse::<TableId>() {
                prop_assert_eq!(table.to_string(), text);
            } else if let Ok(version) = text.parse::<Version>() {
                prop_assert_eq!(version.to_string(), text);
            }
        }
    }
}
