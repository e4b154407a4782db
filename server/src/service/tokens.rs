//! API tokens. The server keeps SHA-256 of a token's 32 random bytes: nothing in a stolen database signs
//! anybody in, and random bytes need no slow hash.

use super::Service;
use super::error::{Error, Result};
use super::organizers::{NOBODY, StoredOrganizer};
use super::things::{self, Loaded, NAME_BYTES_MAX, Thing, check_text};
use super::times;
use crate::keys;
use crate::storage::{Id, Kind, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;
use usher_domain::api::access::{IssuedToken, NewToken, Token, TokenRole};
use usher_domain::hash::Hash;
use usher_domain::ids::{OrganizerId, TicketId};
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredToken {
    token: Token,
    /// SHA-256 of the secret part, in hex.
    hash: String,
}

impl Thing for StoredToken {
    const KIND: Kind = Kind::Token;
    const WORD: &'static str = "token";

    fn slug(&self) -> Option<&str> {
        None
    }
}

/// Who asks, as a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The token's id, for logs and limits.
    pub token: String,
    /// Its name for people.
    pub name: String,
    /// Whose token it is; an administrator's is nobody's.
    pub organizer: Option<OrganizerId>,
    /// What it may do.
    pub role: TokenRole,
}

impl Access {
    /// The organizer, if the role may do at least what `role` may.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn organizer(&self, role: TokenRole) -> Result<OrganizerId> {
        match self.organizer {
            Some(organizer) if self.role >= role => Ok(organizer),
            Some(_) | None => Err(Error::Forbidden),
        }
    }

    /// Whether it may create organizers.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn admin(&self) -> Result<()> {
        match (self.role, self.organizer) {
            (TokenRole::Admin, None) => Ok(()),
            _ => Err(Error::Forbidden),
        }
    }
}

fn hash_of(secret: &str) -> String {
    Hash::of(&[secret.as_bytes()]).to_string()
}

fn create(txn: &mut dyn Transaction, parent: Id, new: NewToken) -> Result<IssuedToken> {
    check_text("name", &new.name, NAME_BYTES_MAX)?;
    let (is_admin, of_nobody) = (new.role == TokenRole::Admin, parent == NOBODY);
    if is_admin != of_nobody {
        return Err(Error::invalid(
            "role",
            "an administrator's token belongs to no organizer, all others to one",
        ));
    }
    let id = things::new_id()?;
    let secret = URL_SAFE_NO_PAD.encode(keys::random::<32>()?);
    let token = Token {
        id: TicketId::from_bytes(id).to_string(),
        name: new.name,
        role: new.role,
        until: new.until,
        revoked: false,
    };
    let stored = Loaded {
        id,
        parent,
        value: StoredToken {
            hash: hash_of(&secret),
            token: token.clone(),
        },
    };
    things::put(txn, &stored)?;
    let secret = Private::new(format!("{}.{secret}", token.id));
    Ok(IssuedToken { token, secret })
}

fn authenticate(txn: &dyn Transaction, secret: &Private, now: UnixMillis) -> Result<Access> {
    let (id, secret) = secret
        .reveal()
        .split_once('.')
        .ok_or(Error::Unauthenticated)?;
    let id = things::parse_id(id).ok_or(Error::Unauthenticated)?;
    let stored = match things::get::<StoredToken>(txn, &id) {
        Err(Error::NotFound(_)) => return Err(Error::Unauthenticated),
        other => other?,
    };
    let matches: bool = hash_of(secret)
        .as_bytes()
        .ct_eq(stored.value.hash.as_bytes())
        .into();
    let token = stored.value.token;
    let over = token
        .until
        .is_some_and(|until| times::unix_millis(until).is_none_or(|until| until <= now));
    if !matches || token.revoked || over {
        return Err(Error::Unauthenticated);
    }
    Ok(Access {
        token: token.id,
        name: token.name,
        organizer: (stored.parent != NOBODY).then(|| OrganizerId::from_bytes(stored.parent)),
        role: token.role,
    })
}

impl Service {
    /// Creates an administrator's token; made at `usher init`.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn create_admin_token(&self, name: String) -> Result<IssuedToken> {
        let new = NewToken {
            name,
            role: TokenRole::Admin,
            until: None,
        };
        self.write(move |txn, _| create(txn, NOBODY, new)).await
    }

    /// Creates an administrator's token and revokes all that were before; made at a restore.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub async fn renew_admin_token(&self, name: String) -> Result<IssuedToken> {
        let new = NewToken {
            name,
            role: TokenRole::Admin,
            until: None,
        };
        self.write(move |txn, _| {
            for mut before in things::all::<StoredToken>(txn, &NOBODY)? {
                before.value.token.revoked = true;
                things::put(txn, &before)?;
            }
            create(txn, NOBODY, new)
        })
        .await
    }

    /// Creates a token of an organizer.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::NotFound`] for the organizer.
    pub async fn create_token(&self, organizer: OrganizerId, new: NewToken) -> Result<IssuedToken> {
        self.write(move |txn, _| {
            things::get::<StoredOrganizer>(txn, organizer.as_bytes())?;
            create(txn, *organizer.as_bytes(), new)
        })
        .await
    }

    /// All tokens of an organizer, without their secrets.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn tokens(&self, organizer: OrganizerId) -> Result<Vec<Token>> {
        self.read(move |txn| {
            let all = things::all::<StoredToken>(txn, organizer.as_bytes())?;
            Ok(all.into_iter().map(|stored| stored.value.token).collect())
        })
        .await
    }

    /// Revokes a token of an organizer; again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_token(&self, organizer: OrganizerId, token: String) -> Result<Token> {
        self.write(move |txn, _| {
            let mut stored: Loaded<StoredToken> = things::find(txn, organizer.as_bytes(), &token)?;
            stored.value.token.revoked = true;
            things::put(txn, &stored)?;
            Ok(stored.value.token)
        })
        .await
    }

    /// Who asks with this token.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`].
    pub async fn authenticate(&self, secret: Private) -> Result<Access> {
        let now = self.now();
        self.read(move |txn| authenticate(txn, &secret, now)).await
    }
}
