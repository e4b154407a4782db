//! Joining an organizer's devices.

use super::{ApiError, App};
use crate::clock::random;
use crate::http::{Endpoint, HttpSync, InvalidEndpoint, PlainHttp};
use crate::store::ServerPin;
use crate::sync::{Access as _, Attempts, Next, Pauses, Timer};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use usher_domain::challenge::prove_enrollment;
use usher_domain::document::enrollment::{
    EnrollmentCode, InvalidEnrollmentCode, confirmation_digits, verify_enrollment,
};
use usher_domain::document::{TrustedKeys, accept_trust, pinned_root};
use usher_domain::ids::{DeviceId, GateId, OrganizerId};
use usher_domain::problem::Problem;
use usher_domain::protocol::{EnrollAnswer, EnrollRequest, SyncApi};
use usher_domain::secret::{Private, Seed};
use usher_domain::table::rows::DeviceRole;

const QUESTION_PAUSE_MIN: Duration = Duration::from_secs(1);
const QUESTION_PAUSE_MAX: Duration = Duration::from_secs(10);

/// What enrolling needs.
#[derive(Debug, Clone)]
pub struct EnrollInput {
    /// Text of the enrollment code.
    pub code: Private,
    /// Name of the device, for people.
    pub name: String,
    /// Whether plain HTTP to another machine is allowed, because a proxy keeps the secrets.
    pub plain: PlainHttp,
    /// How long to ask whether an organizer has confirmed the device, where one must. The server is
    /// asked once at least.
    pub patience: Duration,
}

/// What a person should see while a device enrolls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollStep {
    /// The organizer must compare these digits with their screen and confirm.
    Confirm {
        /// Six digits.
        digits: Private,
    },
    /// The server did not answer; it is asked again after this pause.
    Waiting {
        /// The pause.
        pause: Duration,
    },
}

/// How far a folder has come to be a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody enrolled it.
    New,
    /// An organizer must compare its digits first.
    Waiting {
        /// Six digits.
        digits: Private,
    },
    /// It is a device.
    Enrolled,
}

/// A device that is enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EnrolledView {
    /// The device's id.
    pub device: DeviceId,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: DeviceRole,
    /// Where it stands; a spare stands nowhere.
    pub gate: Option<GateId>,
    /// The organizer.
    pub organizer: OrganizerId,
}

/// The server that a code names. One that wrote a code has an address: a code with none was changed.
fn endpoint(code: &EnrollmentCode, plain: PlainHttp) -> Result<Endpoint, ApiError> {
    Endpoint::new(&code.server, code.spki, plain).map_err(|error| match error {
        InvalidEndpoint::Address => InvalidEnrollmentCode::Damaged.into(),
        InvalidEndpoint::NoPin | InvalidEndpoint::Plain => error.into(),
    })
}

impl App {
    /// How far this folder has come to be a device.
    ///
    /// # Errors
    /// What reading the store says.
    pub fn standing(&self) -> Result<Standing, ApiError> {
        let identity = self.heeding(self.device.with(|store| store.identity()))?;
        Ok(match identity {
            Some(identity) if identity.enrollment.is_some() => Standing::Enrolled,
            Some(identity) => match identity.waiting {
                Some(digits) => Standing::Waiting { digits },
                None => Standing::New,
            },
            None => Standing::New,
        })
    }

    /// Enrolls the device with a code. The key is kept before the server is asked, so that asking again
    /// with the same code is the same enrollment, whatever was cut. Dropping the future gives up.
    ///
    /// # Errors
    /// `not_confirmed` if no organizer confirmed the device in time: the same call goes on waiting.
    /// `invalid_enrollment_code`, `enrollment_refused`, `enrolled_elsewhere`, `server_not_trusted`,
    /// `unreachable`, and what is wrong with the documents that the server sent.
    pub async fn enroll(
        &self,
        input: &EnrollInput,
        timer: &impl Timer,
        tell: &(dyn Fn(EnrollStep) + Sync),
    ) -> Result<EnrolledView, ApiError> {
        let code = EnrollmentCode::parse(input.code.reveal())?;
        let endpoint = endpoint(&code, input.plain)?;
        let fresh = Seed::new(random(&*self.entropy)?);
        let pin = ServerPin {
            address: code.server.clone(),
            root: code.root,
            spki: code.spki,
        };
        let identity = self
            .device
            .with(|store| store.begin_enrollment(fresh, pin))?;
        let key = identity.signing_key();
        let request = EnrollRequest {
            token: code.token.clone(),
            key: key.public(),
            name: input.name.clone(),
            proof: prove_enrollment(&code.token, &key),
        };
        let api = HttpSync::new(
            endpoint,
            None,
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
        )?;
        let mut left = input.patience;
        loop {
            let answer = self.ask_enrollment(&api, &request, timer, tell).await?;
            let (pause, nonce) = match answer {
                EnrollAnswer::Enrolled {
                    document,
                    trust,
                    root,
                } => {
                    let root = pinned_root(root, &code.root)?;
                    return self.finish_enrollment(&document, &trust, root, &request);
                }
                EnrollAnswer::Waiting { retry_ms, nonce } => {
                    (Duration::from_millis(retry_ms.into()), nonce)
                }
            };
            let digits = confirmation_digits(&code.token, &request.key, &nonce);
            self.device
                .with(|store| store.wait_for_confirmation(digits.clone()))?;
            tell(EnrollStep::Confirm { digits });
            if left.is_zero() {
                return Err(ApiError::later(
                    "not_confirmed",
                    "no organizer has confirmed this device yet; the same command goes on waiting",
                ));
            }
            let pause = pause
                .clamp(QUESTION_PAUSE_MIN, QUESTION_PAUSE_MAX)
                .min(left);
            timer.sleep(pause).await;
            left -= pause;
        }
    }

    async fn ask_enrollment(
        &self,
        api: &HttpSync,
        request: &EnrollRequest,
        timer: &impl Timer,
        tell: &(dyn Fn(EnrollStep) + Sync),
    ) -> Result<EnrollAnswer, Problem> {
        let mut attempts = Attempts::new(Pauses::REQUEST);
        loop {
            match api.enroll(request.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(problem) => match attempts.failed(&problem, &*self.entropy) {
                    Next::GiveUp => return Err(problem),
                    Next::AskAgain(pause) => {
                        tell(EnrollStep::Waiting { pause });
                        timer.sleep(pause).await;
                    }
                },
            }
        }
    }

    /// Believes the server only what the root of the enrollment code signed for.
    fn finish_enrollment(
        &self,
        document: &[u8],
        trust: &[u8],
        root: usher_domain::cose::PublicKey,
        request: &EnrollRequest,
    ) -> Result<EnrolledView, ApiError> {
        let reading = self.clock.read();
        let enrolled = self.device.with(|store| {
            let clock = store.observe_clock(reading)?;
            let (now, proved) = (clock.corrected(reading), clock.trust());
            let held = store.held_trust()?;
            let trust = accept_trust(trust, &root, None, held, now, proved)?.into_accepted();
            let keys = TrustedKeys::from(trust.document());
            let enrollment = verify_enrollment(document, &keys, &request.key)?;
            store.finish_enrollment(root, &trust, &enrollment)?;
            store.set_gate(enrollment.value().gate)?;
            Ok::<_, ApiError>(enrollment.into_value())
        })?;
        self.forget_connection();
        Ok(EnrolledView {
            device: enrolled.device,
            name: enrolled.name,
            role: enrolled.role,
            gate: enrolled.gate,
            organizer: enrolled.organizer,
        })
    }
}
