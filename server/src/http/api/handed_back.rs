//! Rows that devices handed back and that wait for the organizer's word.

use crate::http::answer::Json;
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Endpoint, get, post};
use crate::http::extract::{Body, PageQuery, Query};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::handed_back::{HandedBackDecision, HandedBackDone, HandedBackRow};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get(
            "/api/v1/handed-back",
            "List rows that devices handed back and that wait for a word",
            list,
        ),
        post(
            "/api/v1/handed-back/decision",
            "Take or refuse rows that devices handed back",
            decide,
        ),
    ]
}

async fn list(
    call: Call<Viewer>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<HandedBackRow>>, Failure> {
    let rows = call
        .service
        .handed_back(call.organizer, page.after, page.limit)
        .await?;
    Ok(Json(rows))
}

async fn decide(
    call: Call<Organizer>,
    Body(decision): Body<HandedBackDecision>,
) -> Result<Json<HandedBackDone>, Failure> {
    let done = call
        .service
        .decide_handed_back(call.organizer, decision)
        .await?;
    Ok(Json(done))
}
