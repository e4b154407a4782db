//! Whether the server lives and can work, its figures, and its own description.

use super::Shared;
use super::answer::Text;
use super::endpoint::{Describe, Endpoint, Sketch, get};
use super::problem::Failure;
use axum::extract::State;
use std::convert::Infallible;
use usher_domain::problem::{Code, Fault, Problem};

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

/// Ready means that a change would be durable now, reaches devices, and that the disk has room.
async fn readyz(State(app): State<Shared>) -> Result<Text, Failure> {
    let mut text = String::from("ready\n");
    let mut faults = Vec::new();
    // It writes: once a second is often enough for whoever watches, and for whoever only wants to harm.
    let now = app.service.now();
    let look = async { Ok::<_, Infallible>(app.service.checks().await) };
    let checks = app.checks.get(now, look).await.unwrap_or_default();
    for check in checks {
        let name = check.name.as_str();
        match check.found {
            Ok(told) => text += &format!("{name}: {told}\n"),
            Err(detail) => faults.push(Fault {
                at: name.to_owned(),
                code: Code::Unavailable.as_str().to_owned(),
                detail,
            }),
        }
    }
    if !faults.is_empty() {
        let names: Vec<&str> = faults.iter().map(|fault| fault.at.as_str()).collect();
        let detail = format!("not ready: {}", names.join(", "));
        let mut problem = Problem::new(Code::Unavailable, detail);
        problem.errors = faults;
        return Err(problem.into());
    }
    Ok(Text {
        media_type: "text/plain; charset=utf-8",
        text: text.into(),
    })
}

async fn metrics(State(app): State<Shared>) -> Result<Text, Failure> {
    let now = app.service.now();
    let door = app.door.get(now, app.service.door_figures()).await?;
    app.metrics.show(&door);
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
