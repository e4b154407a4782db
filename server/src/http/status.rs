//! Whether the server lives and can work, its figures, and its own description.

use super::Shared;
use super::answer::Text;
use super::endpoint::{Describe, Endpoint, Sketch, get};
use super::problem::Failure;
use axum::extract::State;
use usher_domain::problem::Code;

pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/healthz", "Whether the process answers", healthz),
        get("/readyz", "Whether the server can do its work", readyz),
        get("/metrics", "Figures for Prometheus", metrics),
        get("/openapi.json", "This document", openapi),
    ]
}

impl Describe for State<Shared> {
    /// The server's own state says nothing about a request.
    fn describe(_: &mut Sketch) {}
}

async fn healthz(State(_): State<Shared>) -> Result<Text, Failure> {
    Ok(Text {
        media_type: "text/plain; charset=utf-8",
        text: "ok\n".into(),
    })
}

/// Ready means that a change would be durable now: the disk has room and the database takes it.
async fn readyz(State(app): State<Shared>) -> Result<Text, Failure> {
    app.service.check_writable().await?;
    Ok(Text {
        media_type: "text/plain; charset=utf-8",
        text: "ready\n".into(),
    })
}

async fn metrics(State(app): State<Shared>) -> Result<Text, Failure> {
    let text = app.metrics.text().map_err(|_| unwritable())?.into();
    Ok(Text {
        media_type: crate::metrics::MEDIA_TYPE,
        text,
    })
}

async fn openapi(State(app): State<Shared>) -> Result<Text, Failure> {
    Ok(Text {
        media_type: "application/json",
        text: app.openapi()?,
    })
}

pub(crate) fn unwritable() -> Failure {
    Failure::new(Code::Internal, "a fault of the server")
}
