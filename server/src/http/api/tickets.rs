//! Tickets, as sales systems create and change them, and imports.

use crate::http::Shared;
use crate::http::answer::{Created, Json};
use crate::http::bodies::{too_large, too_much};
use crate::http::caller::{Call, Organizer, Sales, Viewer};
use crate::http::endpoint::{Budget, Describe, Endpoint, Sketch, Weight, get, post};
use crate::http::extract::{Args, Body, Idempotency, Query, RoomWanted, json, json_holds};
use crate::http::problem::Failure;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use usher_domain::api::Page;
use usher_domain::api::imports::{ImportOptions, ImportReport};
use usher_domain::api::tickets::{NewTicket, Ticket, TicketChange, TicketQuery};
use usher_domain::problem::Code;

/// Name of the form's part that holds the options.
const OPTIONS: &str = "options";
/// Files in one form at most.
const FILES_MAX: usize = 1_000;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/api/v1/events/{event}/tickets", "Create a ticket", create),
        get(
            "/api/v1/events/{event}/tickets",
            "List tickets, by session, state, type and text",
            list,
        ),
        get(
            "/api/v1/events/{event}/tickets/{ticket}",
            "Show a ticket",
            show,
        ),
        post(
            "/api/v1/events/{event}/tickets/{ticket}/changes",
            "Change a ticket: update, reissue, cancel, block, unblock or attach a medium",
            change,
        ),
        post(
            "/api/v1/events/{event}/imports",
            "Import tickets from files as shops export them",
            import,
        )
        .weighing(Weight::Import),
    ]
}

async fn create(
    call: Call<Sales>,
    Args(event): Args<String>,
    Idempotency(key): Idempotency,
    Body(new): Body<NewTicket>,
) -> Result<Created<Ticket>, Failure> {
    let ticket = call
        .service
        .create_ticket(call.organizer, event, new, key)
        .await?;
    Ok(Created(ticket))
}

async fn list(
    call: Call<Viewer>,
    Args(event): Args<String>,
    Query(query): Query<TicketQuery>,
) -> Result<Json<Page<Ticket>>, Failure> {
    let tickets = call
        .service
        .tickets(call.organizer, event, query, call.role)
        .await?;
    Ok(Json(tickets))
}

async fn show(
    call: Call<Viewer>,
    Args((event, ticket)): Args<(String, String)>,
) -> Result<Json<Ticket>, Failure> {
    let ticket = call
        .service
        .ticket(call.organizer, event, ticket, call.role)
        .await?;
    Ok(Json(ticket))
}

async fn change(
    call: Call<Sales>,
    Args((event, ticket)): Args<(String, String)>,
    Idempotency(key): Idempotency,
    Body(change): Body<TicketChange>,
) -> Result<Json<Ticket>, Failure> {
    let changed = call
        .service
        .change_ticket(call.organizer, event, ticket, change, key)
        .await?;
    Ok(Json(changed))
}

async fn import(
    call: Call<Organizer>,
    Args(event): Args<String>,
    form: ImportForm,
) -> Result<Json<ImportReport>, Failure> {
    let report = call
        .service
        .import(call.organizer, event, form.files, form.options)
        .await?;
    Ok(Json(report))
}

/// A form (RFC 7578): a part `options` with JSON, all others files.
struct ImportForm {
    options: ImportOptions,
    files: Vec<(String, Vec<u8>)>,
}

impl FromRequest<Shared> for ImportForm {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Failure> {
        let wanted = RoomWanted::of(&request)?;
        let budget = wanted.budget;
        wanted.take(app).await?;
        let broken = |error| broken(error, budget);
        let mut form = Multipart::from_request(request, app).await.map_err(|_| {
            Failure::new(
                Code::UnsupportedMediaType,
                "send the files as multipart/form-data",
            )
        })?;
        let mut read = Self {
            options: ImportOptions::default(),
            files: Vec::new(),
        };
        while let Some(part) = form.next_field().await.map_err(broken)? {
            read.take(part, budget).await?;
        }
        Ok(read)
    }
}

impl ImportForm {
    async fn take(&mut self, part: Field<'_>, budget: Budget) -> Result<(), Failure> {
        let is_options = part.name() == Some(OPTIONS);
        let name = part
            .file_name()
            .or(part.name())
            .unwrap_or("file")
            .to_owned();
        let bytes = part.bytes().await.map_err(|error| broken(error, budget))?;
        if is_options {
            if !json_holds(budget.holds, &bytes) {
                return Err(too_much(budget));
            }
            self.options = json(&bytes)?;
        } else if self.files.len() < FILES_MAX {
            self.files.push((name, bytes.into()));
        } else {
            let detail = format!("{FILES_MAX} files at most");
            return Err(Failure::new(Code::TooLarge, detail));
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature is map_err's")]
fn broken(error: MultipartError, budget: Budget) -> Failure {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large(budget)
    } else {
        Failure::new(Code::MalformedRequest, "the body broke off")
    }
}

impl Describe for ImportForm {
    fn describe(to: &mut Sketch) {
        to.takes::<ImportOptions>("multipart/form-data");
    }
}
