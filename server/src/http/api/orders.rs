//! What an organizer orders at the doors, and what was ordered.

use super::one_page;
use crate::http::answer::{Done, Json};
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Endpoint, delete, get, post};
use crate::http::extract::{Args, Body};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::orders::{NewHonour, NewNotice, Order};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/events/{event}/sessions/{session}/orders",
            "List what was ordered at a session",
            orders,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/notices",
            "Say something to the gates of a session for a time",
            notice,
        ),
        delete(
            "/api/v1/events/{event}/sessions/{session}/notices/{notice}",
            "Take back what was said to gates",
            take_notice_back,
        ),
        post(
            "/api/v1/events/{event}/sessions/{session}/honours",
            "Let tickets of another session in for a time",
            honour,
        ),
        delete(
            "/api/v1/events/{event}/sessions/{session}/honours/{other}",
            "Let tickets of another session in no longer",
            honour_no_more,
        ),
    ]
}

async fn orders(
    call: Call<Viewer>,
    Args((event, session)): Args<(String, String)>,
) -> Result<Json<Page<Order>>, Failure> {
    let orders = call.service.orders(call.organizer, event, session).await?;
    Ok(Json(one_page(orders)))
}

async fn notice(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewNotice>,
) -> Result<Done, Failure> {
    call.service
        .say_to_gates(call.organizer, call.by, event, session, new)
        .await?;
    Ok(Done)
}

async fn take_notice_back(
    call: Call<Organizer>,
    Args((event, session, notice)): Args<(String, String, String)>,
) -> Result<Done, Failure> {
    call.service
        .take_notice_back(call.organizer, event, session, notice)
        .await?;
    Ok(Done)
}

async fn honour(
    call: Call<Organizer>,
    Args((event, session)): Args<(String, String)>,
    Body(new): Body<NewHonour>,
) -> Result<Done, Failure> {
    call.service
        .honour(call.organizer, event, session, new)
        .await?;
    Ok(Done)
}

async fn honour_no_more(
    call: Call<Organizer>,
    Args((event, session, other)): Args<(String, String, String)>,
) -> Result<Done, Failure> {
    call.service
        .honour_no_more(call.organizer, event, session, other)
        .await?;
    Ok(Done)
}
