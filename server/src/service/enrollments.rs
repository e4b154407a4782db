//! Enrollment: codes that new devices scan, and the documents they get for them.

use super::devices::{self, StoredDevice};
use super::error::{Error, Result};
use super::organizers::{self, NOBODY};
use super::things::{self, Loaded, Thing};
use super::{Service, events, places, times};
use crate::keys::{self, KeyUse};
use crate::storage::{Kind, Transaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use usher_domain::api::access::{
    Confirmation, DeviceState, EnrollmentState, EnrollmentStatus, IssuedEnrollment, NewEnrollment,
};
use usher_domain::challenge::check_enrollment;
use usher_domain::cose::{ContentType, PublicKey};
use usher_domain::document::enrollment::{
    ConfirmationNonce, Enrollment, EnrollmentCode, confirmation_digits,
};
use usher_domain::document::sign;
use usher_domain::hash::Hash;
use usher_domain::ids::{DeviceId, EventId, GateId, OrganizerId, TicketId};
use usher_domain::protocol::{EnrollAnswer, EnrollRequest};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::DeviceRole;
use usher_domain::time::UnixMillis;

/// Devices that one code may enroll at most.
pub const USES_MAX: u32 = 10_000;
const USUAL_LIFE_MS: i64 = 3_600_000;
/// Nonces drawn for one device at most. With ten thousand devices that wait, one in a hundred is drawn in
/// vain.
const DRAWS_MAX: u32 = 16;
/// Milliseconds until asking again makes sense while a device waits for its confirmation.
const ASK_AGAIN_MS: u32 = 2_000;

/// Where devices reach this server, and how they know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Base address, such as `https://tickets.example:8443`.
    pub url: String,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo; none without TLS, or where the certificate is
    /// another machine's.
    pub spki: Option<Hash>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredEnrollment {
    /// SHA-256 of the code's secret in hex: what it is found by.
    hash: String,
    organizer: OrganizerId,
    gate: Option<GateId>,
    role: DeviceRole,
    uses: u32,
    until: UnixMillis,
    confirmation: Confirmation,
    events: Vec<EventId>,
    /// Uses belong to the key that took them.
    taken: Vec<(PublicKey, DeviceId)>,
    /// When somebody withdrew it.
    #[serde(default)]
    withdrawn_at: Option<UnixMillis>,
}

impl Thing for StoredEnrollment {
    const KIND: Kind = Kind::Enrollment;
    const WORD: &'static str = "enrollment code";

    fn slug(&self) -> Option<&str> {
        Some(&self.hash)
    }
}

impl StoredEnrollment {
    fn state(&self, now: UnixMillis) -> EnrollmentState {
        if self.withdrawn_at.is_some() && !usher_domain::mutated!(EnrollAfterWithdrawal) {
            EnrollmentState::Withdrawn
        } else if self.taken.len() >= self.uses as usize && !usher_domain::mutated!(EnrollAnyNumber)
        {
            EnrollmentState::UsedUp
        } else if self.until <= now && !usher_domain::mutated!(EnrollAfterEnd) {
            EnrollmentState::Over
        } else {
            EnrollmentState::Open
        }
    }
}

fn describe(code: &Loaded<StoredEnrollment>, now: UnixMillis) -> Result<EnrollmentStatus> {
    let stored = &code.value;
    Ok(EnrollmentStatus {
        id: TicketId::from_bytes(code.id).to_string(),
        gate: stored.gate,
        role: stored.role,
        uses: stored.uses,
        devices: stored.taken.iter().map(|(_, device)| *device).collect(),
        until: times::timestamp(stored.until)?,
        confirmation: stored.confirmation,
        state: stored.state(now),
    })
}

/// The codes of an organizer.
fn of_organizer(
    txn: &dyn Transaction,
    organizer: OrganizerId,
) -> Result<Vec<Loaded<StoredEnrollment>>> {
    let mut codes = things::all::<StoredEnrollment>(txn, &NOBODY)?;
    codes.retain(|code| code.value.organizer == organizer);
    Ok(codes)
}

/// Refuses what codes that still enroll devices for a gate stand in the way of.
pub(crate) fn check_none_for(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    gate: GateId,
    now: UnixMillis,
) -> Result<()> {
    let mut codes = of_organizer(txn, organizer)?.into_iter();
    let is_open = |code: &StoredEnrollment| {
        code.gate == Some(gate) && code.state(now) == EnrollmentState::Open
    };
    if codes.any(|code| is_open(&code.value)) {
        return Err(Error::InUse(
            "an enrollment code brings devices to this gate: withdraw it first".to_owned(),
        ));
    }
    Ok(())
}

/// Withdraws a code: it enrolls nobody any more. Devices that used it stay.
fn withdraw(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    code: &str,
    now: UnixMillis,
) -> Result<EnrollmentStatus> {
    let not_found = Error::NotFound(StoredEnrollment::WORD);
    let Some(id) = things::parse_id(code) else {
        return Err(not_found);
    };
    // Codes are kept apart from whose they are.
    let mut code = things::get::<StoredEnrollment>(txn, &id)?;
    if code.value.organizer != organizer {
        return Err(not_found);
    }
    if code.value.withdrawn_at.is_none() {
        code.value.withdrawn_at = Some(now);
        things::put(txn, &code)?;
    }
    describe(&code, now)
}

/// Withdraws all codes that are not withdrawn yet: of a restored server nobody knows which of them were.
pub(crate) fn withdraw_all(txn: &mut dyn Transaction, now: UnixMillis) -> Result<()> {
    for mut code in things::all::<StoredEnrollment>(txn, &NOBODY)? {
        if code.value.withdrawn_at.is_none() {
            code.value.withdrawn_at = Some(now);
            things::put(txn, &code)?;
        }
    }
    Ok(())
}

/// Refuses a device that waits by a code which was withdrawn meanwhile.
pub(crate) fn check_not_withdrawn(
    txn: &dyn Transaction,
    organizer: OrganizerId,
    device: DeviceId,
) -> Result<()> {
    let took = |code: &StoredEnrollment| code.taken.iter().any(|(_, taker)| *taker == device);
    let mut codes = of_organizer(txn, organizer)?.into_iter();
    if codes.any(|code| code.value.withdrawn_at.is_some() && took(&code.value)) {
        return Err(Error::Conflict(
            "its enrollment code was withdrawn: revoke the device, and enroll it with another code",
        ));
    }
    Ok(())
}

fn hash_of(token: &Seed) -> String {
    Hash::of(&[token.reveal()]).to_string()
}

fn create(
    txn: &mut dyn Transaction,
    organizer: OrganizerId,
    new: NewEnrollment,
    address: ServerAddress,
    now: UnixMillis,
) -> Result<IssuedEnrollment> {
    if !(1..=USES_MAX).contains(&new.uses) {
        return Err(Error::invalid("uses", format!("1 to {USES_MAX}")));
    }
    let until = match new.until {
        Some(until) => times::unix_millis(until).unwrap_or_default(),
        None => now.shifted(USUAL_LIFE_MS),
    };
    if until <= now {
        return Err(Error::invalid("until", "is over already"));
    }
    let trust = organizers::trust(txn, organizer)?.ok_or(Error::Conflict(
        "hand in a trust document first: devices pin the root key that signed it",
    ))?;
    let gate = new
        .gate
        .map(|gate| places::find_gate(txn, organizer, &gate))
        .transpose()?;
    let events = new
        .events
        .iter()
        .map(|event| Ok(events::find(txn, organizer, event)?.value.id))
        .collect::<Result<Vec<_>>>()?;
    let token = Seed::new(keys::random()?);
    let stored = Loaded {
        id: things::new_id()?,
        // A device knows only the secret, so codes are found among those of all organizers.
        parent: NOBODY,
        value: StoredEnrollment {
            hash: hash_of(&token),
            organizer,
            gate,
            role: new.role,
            uses: new.uses,
            until,
            confirmation: new.confirmation,
            events,
            taken: Vec::new(),
            withdrawn_at: None,
        },
    };
    things::put(txn, &stored)?;
    let code = EnrollmentCode {
        // Another address than the one this request came to has a certificate not known here, unless it
        // is this server's under another name.
        spki: address.spki.filter(|_| {
            new.server
                .as_ref()
                .is_none_or(|server| server.starts_with("https://"))
        }),
        server: new.server.unwrap_or(address.url),
        root: Hash::of(&[trust.root.as_bytes()]),
        token,
    };
    Ok(IssuedEnrollment {
        id: TicketId::from_bytes(stored.id).to_string(),
        code: code
            .text()
            .map_err(|_| Error::invalid("server", "not an address that devices can reach"))?,
        uses: stored.value.uses,
        until: times::timestamp(until)?,
    })
}

fn check_request(request: &EnrollRequest) -> Result<()> {
    devices::check_device_name(&request.name)?;
    check_enrollment(&request.proof, &request.token, &request.key)
        .map_err(|_| Error::NotAuthentic("the proof that the device has its key".to_owned()))
}

/// What an enrollment code is good for.
enum Found {
    /// The key took a use of it before.
    Taken(DeviceId),
    /// It has a use left.
    Usable(Loaded<StoredEnrollment>),
}

/// What a look at a request found.
enum Looked {
    /// Its answer: it was asked before.
    Known(EnrollAnswer),
    /// It takes a use of its code, or waits and has no nonce yet.
    New(EnrollRequest),
}

/// Looks for the code of a request.
fn look(txn: &dyn Transaction, request: &EnrollRequest, now: UnixMillis) -> Result<Found> {
    let code: Loaded<StoredEnrollment> =
        things::named(txn, &NOBODY, &hash_of(&request.token))?.ok_or(Error::EnrollmentRefused)?;
    let mut taken = code.value.taken.iter();
    let known = taken.find(|(key, _)| *key == request.key);
    let known = known.filter(|_| !usher_domain::mutated!(EnrollSameKeyTwice));
    if let Some((_, id)) = known {
        return Ok(Found::Taken(*id));
    }
    match code.value.state(now) {
        EnrollmentState::Open => Ok(Found::Usable(code)),
        EnrollmentState::UsedUp | EnrollmentState::Over | EnrollmentState::Withdrawn => {
            Err(Error::EnrollmentRefused)
        }
    }
}

fn enroll(
    txn: &mut dyn Transaction,
    request: &EnrollRequest,
    now: UnixMillis,
) -> Result<EnrollAnswer> {
    let mut code = match look(txn, request, now)? {
        Found::Taken(id) => return answer_or_draw(txn, id, &request.token),
        Found::Usable(code) => code,
    };
    let id = DeviceId::from_bytes(things::new_id()?);
    code.value.taken.push((request.key, id));
    things::put(txn, &code)?;
    let code = code.value;
    let state = match code.confirmation {
        Confirmation::None => DeviceState::Active,
        Confirmation::Digits => DeviceState::Waiting,
    };
    let device = Loaded {
        id: *id.as_bytes(),
        parent: *code.organizer.as_bytes(),
        value: StoredDevice {
            organizer: code.organizer,
            key: request.key,
            name: request.name.clone(),
            role: code.role,
            gate: code.gate,
            state,
            digits: None,
            nonce: None,
            events: code.events,
            enrolled_at: now,
            first_gate: code.gate,
            first_name: None,
            retired: false,
        },
    };
    things::put(txn, &device)?;
    if state == DeviceState::Active {
        devices::put_row(txn, &device, None)?;
    }
    answer_or_draw(txn, id, &request.token)
}

/// What a device is told, after the nonce of one that waits was drawn if it has none.
fn answer_or_draw(txn: &mut dyn Transaction, id: DeviceId, token: &Seed) -> Result<EnrollAnswer> {
    if let Some(answer) = answer(txn, id)? {
        return Ok(answer);
    }
    Ok(waiting(draw_nonce(txn, id, token)?))
}

const fn waiting(nonce: ConfirmationNonce) -> EnrollAnswer {
    EnrollAnswer::Waiting {
        retry_ms: ASK_AGAIN_MS,
        nonce,
    }
}

/// What a device is told. The same device always gets the same document, and until it is confirmed the same
/// nonce; none if it waits and its nonce was not drawn yet.
fn answer(txn: &dyn Transaction, id: DeviceId) -> Result<Option<EnrollAnswer>> {
    let device = things::get::<StoredDevice>(txn, id.as_bytes())?.value;
    match device.state {
        DeviceState::Revoked => return Err(Error::DeviceRevoked),
        DeviceState::Waiting => {
            let nonce = device.nonce.map(ConfirmationNonce::from_bytes);
            return Ok(nonce.map(waiting));
        }
        DeviceState::Active => {}
    }
    let trust = organizers::trust(txn, device.organizer)?.ok_or(Error::EnrollmentRefused)?;
    let key = keys::load(txn, device.organizer, KeyUse::Roster)?;
    organizers::may_sign(
        &trust,
        key.kid(),
        ContentType::ENROLLMENT,
        device.enrolled_at,
    )?;
    let document = Enrollment {
        organizer: device.organizer,
        device: id,
        key: device.key,
        name: device.first_name.unwrap_or(device.name),
        role: device.role,
        gate: device.first_gate,
        issued_at: device.enrolled_at,
    };
    Ok(Some(EnrollAnswer::Enrolled {
        document: sign(&document, &key).into(),
        trust: trust.bytes.into(),
        root: trust.root,
    }))
}

/// Draws the nonce of a device that waits, whose key is stored: only now is it decided which digits the
/// key has, and they are no other waiting device's.
fn draw_nonce(txn: &mut dyn Transaction, id: DeviceId, token: &Seed) -> Result<ConfirmationNonce> {
    let mut device = things::get::<StoredDevice>(txn, id.as_bytes())?;
    let shown: BTreeSet<String> = things::all::<StoredDevice>(txn, &device.parent)?
        .into_iter()
        .filter(|other| other.id != device.id && other.value.state == DeviceState::Waiting)
        .filter_map(|other| Some(other.value.digits?.reveal().to_owned()))
        .collect();
    let (nonce, digits) = unlike(&shown, &device.value.key, token, || {
        Ok(ConfirmationNonce::from_bytes(keys::random()?))
    })?;
    device.value.nonce = Some(*nonce.as_bytes());
    device.value.digits = Some(digits);
    things::put(txn, &device)?;
    Ok(nonce)
}

/// A nonce under which a key has digits that are not shown yet, and the digits.
fn unlike(
    shown: &BTreeSet<String>,
    key: &PublicKey,
    token: &Seed,
    mut draw: impl FnMut() -> Result<ConfirmationNonce>,
) -> Result<(ConfirmationNonce, Private)> {
    for _ in 0..DRAWS_MAX {
        let nonce = draw()?;
        let digits = confirmation_digits(token, key, &nonce);
        if !shown.contains(digits.reveal()) {
            return Ok((nonce, digits));
        }
    }
    Err(Error::Conflict(
        "too many devices wait to be confirmed: confirm or revoke some",
    ))
}

/// How many enrollment codes still enroll a device.
pub(crate) fn open(txn: &dyn Transaction, now: UnixMillis) -> Result<u64> {
    let codes = things::all::<StoredEnrollment>(txn, &NOBODY)?;
    let open = codes
        .iter()
        .filter(|code| code.value.state(now) == EnrollmentState::Open);
    Ok(open.count() as u64)
}

impl Service {
    /// All enrollment codes of an organizer, without their texts; those that end last come first.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn enrollments(&self, organizer: OrganizerId) -> Result<Vec<EnrollmentStatus>> {
        let now = self.now();
        self.read(move |txn| {
            let codes = of_organizer(txn, organizer)?;
            let mut all = codes
                .iter()
                .map(|code| describe(code, now))
                .collect::<Result<Vec<_>>>()?;
            all.sort_by(|one, other| (other.until, &other.id).cmp(&(one.until, &one.id)));
            Ok(all)
        })
        .await
    }

    /// Withdraws an enrollment code: it enrolls nobody any more. Devices that used it stay. Again changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn withdraw_enrollment(
        &self,
        organizer: OrganizerId,
        code: String,
    ) -> Result<EnrollmentStatus> {
        self.write(move |txn, now| withdraw(txn, organizer, &code, now))
            .await
    }

    /// Creates an enrollment code for devices that reach this server at `address`.
    ///
    /// # Errors
    /// [`Error::Conflict`] without a trust document, [`Error::Invalid`], [`Error::NotFound`].
    pub async fn create_enrollment(
        &self,
        organizer: OrganizerId,
        new: NewEnrollment,
        address: ServerAddress,
    ) -> Result<IssuedEnrollment> {
        self.write(move |txn, now| create(txn, organizer, new, address, now))
            .await
    }

    /// Takes a use of an enrollment code for a key. The same key may ask again and gets the same answer.
    ///
    /// # Errors
    /// [`Error::EnrollmentRefused`], [`Error::DeviceRevoked`], [`Error::NotAuthentic`] without proof of
    /// the key, [`Error::Invalid`] for the name, [`Error::KeyExpired`].
    pub async fn enroll(&self, request: EnrollRequest) -> Result<EnrollAnswer> {
        let now = self.now();
        // Whoever has no code that counts takes nobody's turn to write.
        let looked = self
            .read(move |txn| {
                check_request(&request)?;
                match look(txn, &request, now)? {
                    Found::Taken(id) => Ok(match answer(txn, id)? {
                        Some(answer) => Looked::Known(answer),
                        None => Looked::New(request),
                    }),
                    Found::Usable(_) => Ok(Looked::New(request)),
                }
            })
            .await?;
        match looked {
            Looked::Known(answer) => Ok(answer),
            Looked::New(request) => self.write(move |txn, now| enroll(txn, &request, now)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_domain::cose::SigningKey;

    fn nonce(number: u8) -> ConfirmationNonce {
        ConfirmationNonce::from_bytes([number; 32])
    }

    #[test]
    fn digits_that_another_device_shows_are_drawn_again() {
        let token = Seed::new([2; 32]);
        let key = SigningKey::from_seed(&Seed::new([1; 32])).public();
        let taken = confirmation_digits(&token, &key, &nonce(1));
        let shown = BTreeSet::from([taken.reveal().to_owned()]);
        let mut drawn = [nonce(1), nonce(1), nonce(2)].into_iter();
        let draw = || drawn.next().ok_or(Error::EnrollmentRefused);
        let (found, digits) = unlike(&shown, &key, &token, draw).unwrap();
        assert_eq!(found, nonce(2));
        assert_eq!(digits, confirmation_digits(&token, &key, &nonce(2)));
        let always = unlike(&shown, &key, &token, || Ok(nonce(1)));
        assert!(matches!(always, Err(Error::Conflict(_))));
    }
}
