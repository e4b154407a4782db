//! Organizers and their trust documents.

use super::one_page;
use crate::http::answer::{Created, Json};
use crate::http::caller::{AdminCall, Call, Viewer};
use crate::http::endpoint::{Endpoint, get, patch, post, put};
use crate::http::extract::{Args, Body};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::access::{IssuedToken, NewToken};
use usher_domain::api::venue::{
    NewOrganizer, NewTrust, Organizer, OrganizerChange, OrganizerKeys, TrustHandedBack,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/api/v1/organizers", "Create an organizer", create),
        get("/api/v1/organizers", "List organizers", list),
        post(
            "/api/v1/organizers/{organizer}/tokens",
            "Create an organizer's first token, or another",
            create_token,
        ),
        get("/api/v1/organizer", "Show the token's organizer", show),
        patch(
            "/api/v1/organizer",
            "Change the rules of the token's organizer",
            change,
        ),
        put(
            "/api/v1/organizer/trust",
            "Hand in a trust document signed by the root",
            take_trust,
        ),
        get(
            "/api/v1/organizer/trust",
            "Show the trust document in force",
            show_trust,
        ),
        get(
            "/api/v1/organizer/trust/handed-back",
            "List trust documents that devices handed back",
            handed_back,
        ),
        post(
            "/api/v1/organizer/keys",
            "Make the keys that follow those in use, to be delegated by the root",
            make_keys,
        ),
    ]
}

async fn create(
    call: AdminCall,
    Body(new): Body<NewOrganizer>,
) -> Result<Created<Organizer>, Failure> {
    Ok(Created(call.service.create_organizer(new).await?))
}

async fn list(call: AdminCall) -> Result<Json<Page<Organizer>>, Failure> {
    Ok(Json(one_page(call.service.organizers().await?)))
}

async fn create_token(
    call: AdminCall,
    Args(organizer): Args<String>,
    Body(new): Body<NewToken>,
) -> Result<Created<IssuedToken>, Failure> {
    let organizer = call.service.organizer(organizer).await?.id;
    Ok(Created(call.service.create_token(organizer, new).await?))
}

async fn show(call: Call<Viewer>) -> Result<Json<Organizer>, Failure> {
    Ok(Json(
        call.service.organizer(call.organizer.to_string()).await?,
    ))
}

async fn change(
    call: Call<crate::http::caller::Organizer>,
    Body(change): Body<OrganizerChange>,
) -> Result<Json<Organizer>, Failure> {
    Ok(Json(
        call.service
            .change_organizer(call.organizer, change)
            .await?,
    ))
}

async fn show_trust(call: Call<Viewer>) -> Result<Json<NewTrust>, Failure> {
    Ok(Json(call.service.trust_in_force(call.organizer).await?))
}

async fn handed_back(call: Call<Viewer>) -> Result<Json<TrustHandedBack>, Failure> {
    Ok(Json(call.service.trust_handed_back(call.organizer).await?))
}

async fn make_keys(
    call: Call<crate::http::caller::Organizer>,
) -> Result<Json<OrganizerKeys>, Failure> {
    Ok(Json(call.service.make_next_keys(call.organizer).await?))
}

async fn take_trust(
    call: Call<crate::http::caller::Organizer>,
    Body(new): Body<NewTrust>,
) -> Result<Json<Organizer>, Failure> {
    Ok(Json(call.service.take_trust(call.organizer, new).await?))
}
