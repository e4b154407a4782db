//! Enrollments, devices and staff.

use super::one_page;
use crate::http::Shared;
use crate::http::answer::{Created, Json};
use crate::http::caller::{Call, Organizer, Viewer};
use crate::http::endpoint::{Describe, Endpoint, Sketch, delete, get, patch, post};
use crate::http::extract::{Args, Body, Query};
use crate::http::problem::Failure;
use crate::service::ServerAddress;
use axum::extract::FromRequestParts;
use http::header::HOST;
use http::request::Parts;
use usher_domain::api::Page;
use usher_domain::api::access::{
    Arrived, Device, DeviceChange, EnrollmentStatus, IssuedEnrollment, NewEnrollment, NewStaff,
    Staff, StaffChange,
};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post(
            "/api/v1/enrollments",
            "Create an enrollment code for devices",
            create_enrollment,
        ),
        get("/api/v1/enrollments", "List enrollment codes", enrollments),
        delete(
            "/api/v1/enrollments/{enrollment}",
            "Withdraw an enrollment code",
            withdraw_enrollment,
        ),
        get("/api/v1/devices", "List devices", devices),
        patch(
            "/api/v1/devices/{device}",
            "Confirm, rename, move or revoke a device, or take it off duty",
            change_device,
        ),
        get(
            "/api/v1/devices/{device}/arrived",
            "Count what arrived of a device since a time",
            arrived_since,
        ),
        post("/api/v1/staff", "Add a member of staff", add_staff),
        get("/api/v1/staff", "List staff", staff),
        patch(
            "/api/v1/staff/{staff}",
            "Change a member of staff",
            change_staff,
        ),
        delete("/api/v1/staff/{staff}", "Revoke a badge", revoke_staff),
        post(
            "/api/v1/staff/{staff}/retire",
            "Revoke a badge, and leave the person out of lists",
            retire_staff,
        ),
        post(
            "/api/v1/staff/{staff}/restore",
            "Have a retired person in lists again",
            restore_staff,
        ),
    ]
}

/// The address by which this request came, or the one that is configured.
struct Reached(ServerAddress);

impl FromRequestParts<Shared> for Reached {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Failure> {
        let host = || {
            let host = parts.headers.get(HOST)?.to_str().ok()?;
            let authority: http::uri::Authority = host.parse().ok()?;
            Some(format!("{}://{authority}", app.reach.scheme))
        };
        let url = app.reach.public_url.clone();
        Ok(Self(ServerAddress {
            url: url
                .or_else(host)
                .unwrap_or_else(|| app.reach.local_url.clone()),
            spki: app.reach.spki,
        }))
    }
}

impl Describe for Reached {
    /// Where a request came to is no part of it.
    fn describe(_: &mut Sketch) {}
}

async fn create_enrollment(
    call: Call<Organizer>,
    Reached(address): Reached,
    Body(new): Body<NewEnrollment>,
) -> Result<Created<IssuedEnrollment>, Failure> {
    let issued = call
        .service
        .create_enrollment(call.organizer, new, address)
        .await?;
    Ok(Created(issued))
}

async fn enrollments(call: Call<Viewer>) -> Result<Json<Page<EnrollmentStatus>>, Failure> {
    let codes = call.service.enrollments(call.organizer).await?;
    Ok(Json(one_page(codes)))
}

async fn withdraw_enrollment(
    call: Call<Organizer>,
    Args(code): Args<String>,
) -> Result<Json<EnrollmentStatus>, Failure> {
    let withdrawn = call
        .service
        .withdraw_enrollment(call.organizer, code)
        .await?;
    Ok(Json(withdrawn))
}

async fn devices(call: Call<Viewer>) -> Result<Json<Page<Device>>, Failure> {
    Ok(Json(one_page(call.service.devices(call.organizer).await?)))
}

async fn change_device(
    call: Call<Organizer>,
    Args(device): Args<String>,
    Body(change): Body<DeviceChange>,
) -> Result<Json<Device>, Failure> {
    let changed = call
        .service
        .change_device(call.organizer, device, change)
        .await?;
    Ok(Json(changed))
}

/// Since when.
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct SinceQuery {
    /// A time by the server's clock.
    #[param(value_type = String, format = DateTime)]
    since: jiff::Timestamp,
}

async fn arrived_since(
    call: Call<Viewer>,
    Args(device): Args<String>,
    Query(query): Query<SinceQuery>,
) -> Result<Json<Arrived>, Failure> {
    let arrived = call
        .service
        .arrived_since(call.organizer, device, query.since)
        .await?;
    Ok(Json(arrived))
}

async fn add_staff(
    call: Call<Organizer>,
    Body(new): Body<NewStaff>,
) -> Result<Created<Staff>, Failure> {
    Ok(Created(call.service.add_staff(call.organizer, new).await?))
}

/// Names of people: not for roles that only read figures.
async fn staff(call: Call<Organizer>) -> Result<Json<Page<Staff>>, Failure> {
    Ok(Json(one_page(call.service.staff(call.organizer).await?)))
}

async fn change_staff(
    call: Call<Organizer>,
    Args(staff): Args<String>,
    Body(change): Body<StaffChange>,
) -> Result<Json<Staff>, Failure> {
    let changed = call
        .service
        .change_staff(call.organizer, staff, change)
        .await?;
    Ok(Json(changed))
}

async fn revoke_staff(
    call: Call<Organizer>,
    Args(staff): Args<String>,
) -> Result<Json<Staff>, Failure> {
    let revoked = call.service.revoke_staff(call.organizer, staff).await?;
    Ok(Json(revoked))
}

async fn retire_staff(
    call: Call<Organizer>,
    Args(staff): Args<String>,
) -> Result<Json<Staff>, Failure> {
    let person = call.service.retire_staff(call.organizer, staff).await?;
    Ok(Json(person))
}

async fn restore_staff(
    call: Call<Organizer>,
    Args(staff): Args<String>,
) -> Result<Json<Staff>, Failure> {
    let person = call.service.restore_staff(call.organizer, staff).await?;
    Ok(Json(person))
}
