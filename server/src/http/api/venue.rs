//! Events, sessions, ticket types, zones and gates.

use super::one_page;
use crate::http::answer::{Created, Json};
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Endpoint, delete, get, patch, post};
use crate::http::extract::{Args, Body};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::venue::{
    Event, EventChange, Gate, GateChange, NamesChange, NewEvent, NewGate, NewSession, NewType,
    NewZone, Session, SessionChange, TicketType, Zone,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/api/v1/events", "Create an event", create_event),
        get("/api/v1/events", "List events", events),
        get("/api/v1/events/{event}", "Show an event", event),
        patch(
            "/api/v1/events/{event}",
            "Change an event; absent fields stay",
            change_event,
        ),
        delete(
            "/api/v1/events/{event}",
            "Retire an event whose sessions were retired",
            retire_event,
        ),
        post(
            "/api/v1/events/{event}/restore",
            "Bring a retired event back",
            restore_event,
        ),
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
        delete(
            "/api/v1/events/{event}/sessions/{session}",
            "Retire a session without scans and tickets",
            retire_session,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/restore",
            "Bring a retired session back",
            restore_session,
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
        patch(
            "/api/v1/events/{event}/types/{type}",
            "Change what a ticket type is called",
            change_type,
        ),
        delete(
            "/api/v1/events/{event}/types/{type}",
            "Retire a ticket type without tickets",
            retire_type,
        ),
        post(
            "/api/v1/events/{event}/types/{type}/restore",
            "Bring a retired ticket type back, without what rules said of it",
            restore_type,
        ),
        post("/api/v1/zones", "Create a zone", create_zone),
        get("/api/v1/zones", "List zones", zones),
        patch(
            "/api/v1/zones/{zone}",
            "Change what a zone is called",
            change_zone,
        ),
        delete("/api/v1/zones/{zone}", "Retire a zone", retire_zone),
        post(
            "/api/v1/zones/{zone}/restore",
            "Bring a retired zone back",
            restore_zone,
        ),
        post("/api/v1/gates", "Create a gate", create_gate),
        get("/api/v1/gates", "List gates", gates),
        patch(
            "/api/v1/gates/{gate}",
            "Change a gate; absent fields stay",
            change_gate,
        ),
        delete(
            "/api/v1/gates/{gate}",
            "Retire a gate at which no device stands",
            retire_gate,
        ),
        post(
            "/api/v1/gates/{gate}/restore",
            "Bring a retired gate back",
            restore_gate,
        ),
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

async fn change_event(
    call: Call<Organizer>,
    Args(event): Args<String>,
    Body(change): Body<EventChange>,
) -> Result<Json<Event>, Failure> {
    let changed = call
        .service
        .change_event(call.organizer, event, change)
        .await?;
    Ok(Json(changed))
}

async fn retire_event(
    call: Call<Organizer>,
    Args(event): Args<String>,
) -> Result<Json<Event>, Failure> {
    let retired = call.service.retire_event(call.organizer, event).await?;
    Ok(Json(retired))
}

async fn retire_session(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Session>, Failure> {
    let retired = call
        .service
        .retire_session(call.organizer, event, session)
        .await?;
    Ok(Json(retired))
}

async fn change_type(
    call: Call<Organizer>,
    Args((event, kind)): Args<(String, String)>,
    Body(change): Body<NamesChange>,
) -> Result<Json<TicketType>, Failure> {
    let changed = call
        .service
        .change_type(call.organizer, event, kind, change)
        .await?;
    Ok(Json(changed))
}

async fn retire_type(
    call: Call<Organizer>,
    Args((event, kind)): Args<(String, String)>,
) -> Result<Json<TicketType>, Failure> {
    let retired = call
        .service
        .retire_type(call.organizer, event, kind)
        .await?;
    Ok(Json(retired))
}

async fn change_zone(
    call: Call<Organizer>,
    Args(zone): Args<String>,
    Body(change): Body<NamesChange>,
) -> Result<Json<Zone>, Failure> {
    let changed = call
        .service
        .change_zone(call.organizer, zone, change)
        .await?;
    Ok(Json(changed))
}

async fn retire_zone(
    call: Call<Organizer>,
    Args(zone): Args<String>,
) -> Result<Json<Zone>, Failure> {
    let retired = call.service.retire_zone(call.organizer, zone).await?;
    Ok(Json(retired))
}

async fn change_gate(
    call: Call<Organizer>,
    Args(gate): Args<String>,
    Body(change): Body<GateChange>,
) -> Result<Json<Gate>, Failure> {
    let changed = call
        .service
        .change_gate(call.organizer, gate, change)
        .await?;
    Ok(Json(changed))
}

async fn retire_gate(
    call: Call<Organizer>,
    Args(gate): Args<String>,
) -> Result<Json<Gate>, Failure> {
    let retired = call.service.retire_gate(call.organizer, gate).await?;
    Ok(Json(retired))
}

async fn restore_event(
    call: Call<Organizer>,
    Args(event): Args<String>,
) -> Result<Json<Event>, Failure> {
    let restored = call.service.restore_event(call.organizer, event).await?;
    Ok(Json(restored))
}

async fn restore_zone(
    call: Call<Organizer>,
    Args(zone): Args<String>,
) -> Result<Json<Zone>, Failure> {
    let restored = call.service.restore_zone(call.organizer, zone).await?;
    Ok(Json(restored))
}

async fn restore_gate(
    call: Call<Organizer>,
    Args(gate): Args<String>,
) -> Result<Json<Gate>, Failure> {
    let restored = call.service.restore_gate(call.organizer, gate).await?;
    Ok(Json(restored))
}

async fn restore_session(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Session>, Failure> {
    let restored = call
        .service
        .restore_session(call.organizer, event, session)
        .await?;
    Ok(Json(restored))
}

async fn restore_type(
    call: Call<Organizer>,
    Args((event, kind)): Args<(String, String)>,
) -> Result<Json<TicketType>, Failure> {
    let restored = call
        .service
        .restore_type(call.organizer, event, kind)
        .await?;
    Ok(Json(restored))
}
