//! API tokens of an organizer.

use super::one_page;
use crate::http::answer::{Created, Json};
use crate::http::caller::{Call, Organizer};
use crate::http::endpoint::{Endpoint, delete, get, post};
use crate::http::extract::{Args, Body};
use crate::http::problem::Failure;
use usher_domain::api::Page;
use usher_domain::api::access::{IssuedToken, NewToken, Token};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/api/v1/tokens", "Create a token", create),
        get("/api/v1/tokens", "List tokens without their secrets", list),
        delete("/api/v1/tokens/{token}", "Revoke a token", revoke),
    ]
}

async fn create(
    call: Call<Organizer>,
    Body(new): Body<NewToken>,
) -> Result<Created<IssuedToken>, Failure> {
    Ok(Created(
        call.service.create_token(call.organizer, new).await?,
    ))
}

async fn list(call: Call<Organizer>) -> Result<Json<Page<Token>>, Failure> {
    Ok(Json(one_page(call.service.tokens(call.organizer).await?)))
}

async fn revoke(call: Call<Organizer>, Args(token): Args<String>) -> Result<Json<Token>, Failure> {
    Ok(Json(
        call.service.revoke_token(call.organizer, token).await?,
    ))
}
