//! Events, sessions, ticket types, zones and gates.

use super::one_page;
use crate::http::answer::{Created, Json};
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Endpoint, get, patch, post};
use crate::http::extract::{Args, Body};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::venue::{
    Event, Gate, NewEvent, NewGate, NewSession, NewType, NewZone, Session, SessionChange,
    TicketType, Zone,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/api/v1/events", "Create an event", create_event),
        get("/api/v1/events", "List events", events),
        get("/api/v1/events/{event}", "Show an event", event),
        post(
            "/api/v1/events/{event}/sessions",
            "Create a session",
            create_session,
        ),
        get("/api/v1/events/{event}/sessions", "List sessions", sessions),
        get(
            "/api/v1/events/{event}/sessions/{session}",
            "Show a session",
            session,
        ),
        patch(
            "/api/v1/events/{event}/sessions/{session}",
            "Change a session; absent fields stay",
            change_session,
        ),
        post(
            "/api/v1/events/{event}/types",
            "Create a ticket type; with several sessions a pass",
            create_type,
        ),
        get("/api/v1/events/{event}/types", "List ticket types", types),
        post(
            "/api/v1/events/{event}/types/{type}/allow",
            "Let a ticket type that came with a list open every zone",
            allow_type,
        ),
        post("/api/v1/zones", "Create a zone", create_zone),
        get("/api/v1/zones", "List zones", zones),
        post("/api/v1/gates", "Create a gate", create_gate),
        get("/api/v1/gates", "List gates", gates),
    ]
}

async fn create_event(
    call: Call<Organizer>,
    Body(new): Body<NewEvent>,
) -> Result<Created<Event>, Failure> {
    Ok(Created(
        call.service.create_event(call.organizer, new).await?,
    ))
}

async fn events(call: Call<Viewer>) -> Result<Json<Page<Event>>, Failure> {
    Ok(Json(one_page(call.service.events(call.organizer).await?)))
}

async fn event(call: Call<Viewer>, Args(event): Args<String>) -> Result<Json<Event>, Failure> {
    Ok(Json(call.service.event(call.organizer, event).await?))
}

async fn create_session(
    call: Call<Organizer>,
    Args(event): Args<String>,
    Body(new): Body<NewSession>,
) -> Result<Created<Session>, Failure> {
    let session = call
        .service
        .create_session(call.organizer, event, new)
        .await?;
    Ok(Created(session))
}

async fn sessions(
    call: Call<Viewer>,
    Args(event): Args<String>,
) -> Result<Json<Page<Session>>, Failure> {
    let sessions = call.service.sessions(call.organizer, event).await?;
    Ok(Json(one_page(sessions)))
}

async fn session(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Session>, Failure> {
    let session = call.service.session(call.organizer, event, session).await?;
    Ok(Json(session))
}

async fn change_session(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(change): Body<SessionChange>,
) -> Result<Json<Session>, Failure> {
    let changed = call
        .service
        .change_session(call.organizer, event, session, change)
        .await?;
    Ok(Json(changed))
}

async fn create_type(
    call: Call<Organizer>,
    Args(event): Args<String>,
    Body(new): Body<NewType>,
) -> Result<Created<TicketType>, Failure> {
    let kind = call.service.create_type(call.organizer, event, new).await?;
    Ok(Created(kind))
}

async fn types(
    call: Call<Viewer>,
    Args(event): Args<String>,
) -> Result<Json<Page<TicketType>>, Failure> {
    Ok(Json(one_page(
        call.service.types(call.organizer, event).await?,
    )))
}

async fn allow_type(
    call: Call<Organizer>,
    Args((event, kind)): Args<(String, String)>,
) -> Result<Json<TicketType>, Failure> {
    let kind = call.service.allow_type(call.organizer, event, kind).await?;
    Ok(Json(kind))
}

async fn create_zone(
    call: Call<Organizer>,
    Body(new): Body<NewZone>,
) -> Result<Created<Zone>, Failure> {
    Ok(Created(
        call.service.create_zone(call.organizer, new).await?,
    ))
}

async fn zones(call: Call<Viewer>) -> Result<Json<Page<Zone>>, Failure> {
    Ok(Json(one_page(call.service.zones(call.organizer).await?)))
}

async fn create_gate(
    call: Call<Organizer>,
    Body(new): Body<NewGate>,
) -> Result<Created<Gate>, Failure> {
    Ok(Created(
        call.service.create_gate(call.organizer, new).await?,
    ))
}

async fn gates(call: Call<Viewer>) -> Result<Json<Page<Gate>>, Failure> {
    Ok(Json(one_page(call.service.gates(call.organizer).await?)))
}
