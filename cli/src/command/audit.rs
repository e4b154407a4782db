//! `usher audit`: chains and signatures of logs, on a device or at the server.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use crate::values::InEvent;
use clap::Args;
use std::collections::BTreeMap;
use usher_core::app::AuditView;
use usher_core::sync::TokioTimer;
use usher_domain::api::{access, reports};
use usher_domain::ids::DeviceId;

/// Check the chains and signatures of all logs: on this device, or at the server with --session
///
/// On a device it checks the chains that the device holds, and the signatures of all batches at the
/// server. With --session and an organizer's access it checks what the server holds. Exit code 1 if
/// something is wrong.
#[derive(Debug, Args)]
pub struct Audit {
    /// Check the chains alone, without the server
    #[arg(long, conflicts_with = "session")]
    pub offline: bool,
    /// Check the server's copy of the logs of this session, as EVENT/SESSION; needs no device
    #[arg(long, value_name = "EVENT/SESSION")]
    pub session: Option<InEvent>,
}

impl Audit {
    /// Does it; what is wrong makes it fail.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        match &self.session {
            Some(session) => at_server(shell, session).await,
            None => self.on_device(shell).await,
        }
    }

    async fn on_device(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let audit = if self.offline {
            app.audit()?
        } else {
            app.audit_with_server(&TokioTimer).await?
        };
        shell
            .output
            .show(&audit, |page| device_page(page, &audit))?;
        Ok(exit_of(audit.ok))
    }
}

async fn at_server(shell: &mut Shell, session: &InEvent) -> Result<Exit, CliError> {
    let client = shell.client()?;
    let [events, event, sessions, name] = session.path("sessions");
    let audit: reports::Audit = client
        .get(&[events, event, sessions, name, "audit"])
        .await?;
    let devices: Vec<access::Device> = client.list(&["devices"]).await?;
    let names = devices.iter().map(|one| (one.id, one.name.as_str()));
    let names: BTreeMap<DeviceId, &str> = names.collect();
    shell
        .output
        .show(&audit, |page| server_page(page, &audit, &names))?;
    Ok(exit_of(audit.faults.is_empty()))
}

/// What is wrong makes the command fail, so that a script notices.
const fn exit_of(is_well: bool) -> Exit {
    if is_well { Exit::Done } else { Exit::Failed }
}

fn device_page(page: &mut Page, audit: &AuditView) {
    if audit.damaged {
        page.line("The store is damaged: run usher doctor repair");
    }
    for loss in &audit.losses {
        page.line(format_args!("Notice: {}", loss.message));
        page.line("  What it held before is in that file; usher status --heard ends this notice.");
    }
    for scope in &audit.scopes {
        page.line(format_args!("scope {}", scope.scope));
        for log in &scope.logs {
            page.line(format_args!(
                "  device {}: {} records, {} branches, {} gaps, {} altered",
                log.device, log.records, log.branches, log.gaps, log.altered
            ));
        }
        if let (Some(good), Some(bad)) = (scope.verified_batches, scope.unverified_batches) {
            page.line(format_args!(
                "  {good} batches are signed, {bad} are not vouched for"
            ));
        }
        if let Some(missing @ 1..) = scope.missing_here {
            page.line(format_args!(
                "  {missing} records that the server has are not held here: run usher sync"
            ));
        }
    }
    verdict(page, audit.ok);
}

/// One line for each log, then what is wrong.
fn server_page(page: &mut Page, audit: &reports::Audit, names: &BTreeMap<DeviceId, &str>) {
    for log in &audit.logs {
        let device = match names.get(&log.device) {
            Some(name) => format!("device {name}"),
            None => "server".to_owned(),
        };
        let faults = audit.faults.iter();
        let wrong = faults.filter(|fault| fault.device == Some(log.device));
        let state = match (wrong.count(), log.branches) {
            (0, 0 | 1) => "chain and signatures hold".to_owned(),
            (0, branches) => format!("signatures hold; forked, {branches} branches"),
            (faults, _) => format!("WRONG, {faults} faults"),
        };
        page.line(format_args!(
            "{device}, log {}: {} records, {state}",
            log.log, log.records
        ));
    }
    for fault in &audit.faults {
        let place = fault.position.map(|at| format!(" at position {at}"));
        page.line(format_args!(
            "fault{}: {} ({})",
            place.unwrap_or_default(),
            fault.detail,
            fault.code
        ));
    }
    page.line(format_args!(
        "{} batches, {} records; state {}",
        audit.batches, audit.records, audit.state_digest
    ));
    verdict(page, audit.faults.is_empty());
}

fn verdict(page: &mut Page, is_well: bool) {
    page.line(if is_well {
        "All is well."
    } else {
        "Something is WRONG."
    });
}
