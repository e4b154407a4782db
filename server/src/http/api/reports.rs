//! Statistics, incidents, audits and exports, and what an organizer orders at the doors.

use crate::http::answer::{CsvFile, Done, Json};
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Endpoint, delete, get, post};
use crate::http::extract::{Args, Body, Query, usual_page};
use crate::http::problem::Failure;
use crate::service::{ByteOrderMark, Names, QuarantineFilter};
use jiff::Timestamp;
use serde::Deserialize;
use usher_domain::api::Page;
use usher_domain::api::access::TokenRole;
use usher_domain::api::readiness::Readiness;
use usher_domain::api::reports::{
    Audit, Incident, IncidentState, NewEveryoneOut, NewFreeFlow, NewIncidentNote, NewOutTakenBack,
    NewRulings, QuarantinedRecord, Statistics,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/incidents",
            "List what a person must look at",
            incidents,
        ),
        post(
            "/api/v1/incidents/{incident}/close",
            "Close an incident that a person has looked at",
            close_incident,
        ),
        post(
            "/api/v1/incidents/{incident}/notes",
            "Write something down about an incident",
            note_incident,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/statistics",
            "Who is inside and what happened so far",
            statistics,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/readiness",
            "Whether every device at a gate is in step before the doors open",
            readiness,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/audit",
            "Check chains and signatures of all logs",
            audit,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/scans.csv",
            "Export all scans",
            export_scans,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/attendance.csv",
            "Export all tickets with who came",
            export_attendance,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/rulings",
            "Accept or void quarantined records",
            rule,
        ),
        get(
            "/api/v1/events/{event}/sessions/{session}/quarantined",
            "List records of a device that wait to be accepted or voided",
            quarantined,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/everyone-out",
            "Say that everyone left, so that each may enter again",
            everyone_out,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/everyone-out/take-back",
            "Take back that everyone left: who has not come back is inside again",
            take_everyone_out_back,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/free-flow",
            "Let a gate log scans without deciding for a while",
            free_flow,
        ),
        delete(
            "/api/v1/events/{event}/sessions/{session}/free-flow/{gate}",
            "Have a gate decide again before its free flow is over",
            free_flow_no_more,
        ),
    ]
}

async fn incidents(
    call: Call<Viewer>,
    Query(page): Query<IncidentQuery>,
) -> Result<Json<Page<Incident>>, Failure> {
    let incidents = match page.state {
        IncidentState::Open => {
            let open = call
                .service
                .incidents(call.organizer, page.after, page.limit);
            open.await?
        }
        IncidentState::Closed => {
            let closed = call
                .service
                .closed_incidents(call.organizer, page.after, page.limit);
            closed.await?
        }
    };
    Ok(Json(incidents))
}

async fn note_incident(
    call: Call<Organizer>,
    Args(incident): Args<String>,
    Body(new): Body<NewIncidentNote>,
) -> Result<Done, Failure> {
    call.service
        .note_incident(call.organizer, call.by, incident, new)
        .await?;
    Ok(Done)
}

async fn close_incident(
    call: Call<Organizer>,
    Args(incident): Args<String>,
) -> Result<Done, Failure> {
    call.service
        .close_incident(call.organizer, incident)
        .await?;
    Ok(Done)
}

/// Which incidents are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct IncidentQuery {
    /// The `next` of the page before; none for the first.
    #[serde(default)]
    after: Option<String>,
    /// Items wanted at most.
    #[serde(default = "usual_page")]
    limit: u32,
    /// Open ones by the time they were first seen, or closed ones by falling number; open ones if absent.
    #[serde(default)]
    #[param(inline)]
    state: IncidentState,
}

/// Which quarantined records are wanted.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct QuarantineQuery {
    /// The device, by id or name.
    device: String,
    /// Only what arrived at this time or later.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only what arrived before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The `next` of the page before; none for the first.
    #[serde(default)]
    after: Option<String>,
}

async fn quarantined(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
    Query(query): Query<QuarantineQuery>,
) -> Result<Json<Page<QuarantinedRecord>>, Failure> {
    let wanted = QuarantineFilter {
        device: query.device,
        from: query.from,
        until: query.until,
    };
    let page = call
        .service
        .quarantined(call.organizer, (event, session), wanted, query.after)
        .await?;
    Ok(Json(page))
}

/// Who may list staff knows their names.
fn staff_names(role: TokenRole) -> Names {
    if role >= TokenRole::Organizer {
        Names::Shown
    } else {
        Names::Hidden
    }
}

async fn statistics(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Statistics>, Failure> {
    let names = staff_names(call.role);
    let statistics = call
        .service
        .statistics(call.organizer, event, session, names)
        .await?;
    Ok(Json(statistics))
}

async fn readiness(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Readiness>, Failure> {
    let found = call.service.readiness(call.organizer, event, session);
    Ok(Json(found.await?))
}

async fn audit(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Audit>, Failure> {
    Ok(Json(
        call.service.audit(call.organizer, event, session).await?,
    ))
}

/// How a file is written.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct FileQuery {
    /// `present` begins the file with a byte order mark, which some spreadsheets need.
    #[serde(default)]
    #[param(value_type = String)]
    mark: Mark,
}

/// Whether a byte order mark begins a file.
#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Mark {
    #[default]
    Absent,
    Present,
}

impl From<Mark> for ByteOrderMark {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Absent => Self::Omitted,
            Mark::Present => Self::Written,
        }
    }
}

async fn export_scans(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
    Query(file): Query<FileQuery>,
) -> Result<CsvFile, Failure> {
    let names = staff_names(call.role);
    let export = call
        .service
        .export_scans(call.organizer, event, session, file.mark.into(), names)
        .await?;
    Ok(CsvFile(export))
}

/// Who sells knows the names; who only reads does not.
async fn export_attendance(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
    Query(file): Query<FileQuery>,
) -> Result<CsvFile, Failure> {
    let names = if call.role >= TokenRole::Sales {
        Names::Shown
    } else {
        Names::Hidden
    };
    let export = call
        .service
        .export_attendance(call.organizer, event, session, file.mark.into(), names)
        .await?;
    Ok(CsvFile(export))
}

async fn rule(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewRulings>,
) -> Result<Done, Failure> {
    call.service
        .rule(call.organizer, event, session, new)
        .await?;
    Ok(Done)
}

async fn everyone_out(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewEveryoneOut>,
) -> Result<Done, Failure> {
    call.service
        .everyone_out(call.organizer, event, session, new)
        .await?;
    Ok(Done)
}

async fn take_everyone_out_back(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewOutTakenBack>,
) -> Result<Done, Failure> {
    call.service
        .take_everyone_out_back(call.organizer, event, session, new)
        .await?;
    Ok(Done)
}

async fn free_flow(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewFreeFlow>,
) -> Result<Done, Failure> {
    call.service
        .free_flow(call.organizer, event, session, new)
        .await?;
    Ok(Done)
}

async fn free_flow_no_more(
    call: Call<Organizer>,
    Args((event, session, gate)): Args<(String, String, String)>,
) -> Result<Done, Failure> {
    call.service
        .free_flow_no_more(call.organizer, event, session, gate)
        .await?;
    Ok(Done)
}
