//! `usher enrollment`: codes by which new devices come in.

use super::ticket::Drawing;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::shell::Shell;
use crate::times::{Calendar, Tense, Time};
use crate::values::{DEVICE_ROLES, whole_id, word, words};
use crate::zone::Wall;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::path::PathBuf;
use usher_domain::api::access::{
    Confirmation, EnrollmentState, EnrollmentStatus, IssuedEnrollment, NewEnrollment,
};
use usher_domain::api::venue;
use usher_domain::table::rows::DeviceRole;

/// Enrollment codes, by which new devices come in
#[derive(Debug, Subcommand)]
pub enum Enrollment {
    /// Create an enrollment code: as text, in the terminal, or as a PNG file
    Create(Create),
    /// List enrollment codes that still bring devices in
    List {
        /// Also those that are used up, over or withdrawn
        #[arg(long)]
        all: bool,
    },
    /// Withdraw an enrollment code: nobody enrolls by it any more, and who did stays
    Withdraw {
        /// Its id, as the list shows it, or its beginning
        code: String,
    },
}

/// Create an enrollment code.
#[derive(Debug, Args)]
pub struct Create {
    /// Gate the devices will stand at, by slug or id; spares if left out
    #[arg(long)]
    pub gate: Option<String>,
    /// What the devices may do: scan, or search by name as well
    ///
    /// On a desk, box office staff and supervisors search, once they signed in (`usher sign-in`).
    #[arg(long, default_value = "gate", value_parser = words::<DeviceRole>(DEVICE_ROLES))]
    pub role: DeviceRole,
    /// How many devices may use it
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: u32,
    /// Until when, as 90m, 20:15 or "tomorrow 19:00"; an hour if left out
    #[arg(long, value_name = "TIME")]
    pub until: Option<Time>,
    /// A device waits until an organizer has compared six digits
    #[arg(long)]
    pub confirm: bool,
    /// An event whose sessions the devices hold, by slug or id; repeat it for each; all if left out
    #[arg(long = "event", value_name = "EVENT")]
    pub events: Vec<String>,
    /// Address under which devices reach the server, if it is not the one used here
    #[arg(long, value_name = "URL")]
    pub reach: Option<String>,
    /// Draw the code in the terminal as well
    #[arg(long)]
    pub qr: bool,
    /// Write the code's text to this file, readable by you alone, and do not show it
    #[arg(long, value_name = "FILE")]
    pub text_out: Option<PathBuf>,
    /// How it is drawn.
    #[command(flatten)]
    pub drawing: Drawing,
}

impl Enrollment {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`].
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        match self {
            Self::Create(create) => create.run(shell).await,
            Self::List { all } => {
                let client = shell.client()?;
                let mut codes: Vec<EnrollmentStatus> = client.list(&["enrollments"]).await?;
                codes.retain(|code| all || code.state == EnrollmentState::Open);
                list(shell, &client, &codes).await?;
                Ok(Exit::Done)
            }
            Self::Withdraw { code } => {
                let client = shell.client()?;
                let codes: Vec<EnrollmentStatus> = client.list(&["enrollments"]).await?;
                let ids = codes.iter().map(|code| code.id.clone()).collect();
                let id = whole_id(ids, &code)?;
                let withdrawn: EnrollmentStatus = client.delete(&["enrollments", &id]).await?;
                shell.output.show(&withdrawn, |page| {
                    page.line("The code is withdrawn: nobody enrolls by it any more.");
                })?;
                Ok(Exit::Done)
            }
        }
    }
}

async fn list(
    shell: &mut Shell,
    client: &Client,
    codes: &[EnrollmentStatus],
) -> Result<(), CliError> {
    let gates: Vec<venue::Gate> = client.list(&["gates"]).await?;
    let wall = Wall::of_events(client, &[]).await?;
    shell.output.list(
        codes,
        ["gate", "role", "used", "until", "state", "id"],
        "No enrollment code is open.",
        |code| {
            let gate = gates.iter().find(|gate| Some(gate.id) == code.gate);
            [
                gate.map_or_else(|| "spare".to_owned(), |gate| gate.slug.clone()),
                word(&code.role),
                format!("{} of {}", code.devices.len(), code.uses),
                wall.say(code.until),
                word(&code.state).replace('_', " "),
                code.id.clone(),
            ]
        },
    )?;
    Ok(())
}

impl Create {
    async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let client = shell.client()?;
        let wall = Wall::of_events(&client, &self.events).await?;
        let new = NewEnrollment {
            gate: self.gate,
            role: self.role,
            uses: self.uses,
            until: Calendar::by(shell, &wall)?.maybe(self.until, Tense::ToCome)?,
            confirmation: if self.confirm {
                Confirmation::Digits
            } else {
                Confirmation::None
            },
            events: self.events,
            server: self.reach,
        };
        let issued: IssuedEnrollment = client.post(&["enrollments"], &new).await?;
        let code = issued.code.reveal();
        if let Some(file) = &self.text_out {
            files::create_private(file, format!("{code}\n").as_bytes())?;
        }
        if let Some(file) = &self.drawing.out {
            files::create_private(file, &self.drawing.png(code, "")?)?;
        }
        let drawn = self.qr.then(|| self.drawing.terminal(code)).transpose()?;
        let told = Told {
            id: &issued.id,
            code: self.text_out.is_none().then_some(code),
            uses: issued.uses,
            until: issued.until,
        };
        shell.output.show(&told, |page| {
            if let Some(drawn) = &drawn {
                page.block(drawn);
            }
            if self.text_out.is_none() {
                page.line(code);
            }
        })?;
        let files = [&self.text_out, &self.drawing.out];
        for (said, file) in ["Written to", "Drawn in"].iter().zip(files) {
            if let Some(file) = file {
                shell
                    .output
                    .note(format_args!("{said} {}", file.display()))?;
            }
        }
        let devices = match issued.uses {
            1 => "one device".to_owned(),
            uses => format!("{uses} devices"),
        };
        shell.output.note(format_args!(
            "Good for {devices} until {}.",
            wall.say(issued.until)
        ))?;
        Ok(Exit::Done)
    }
}

/// What is told of a new code. One that was asked for as a file stands there alone.
#[derive(Serialize)]
struct Told<'c> {
    id: &'c str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'c str>,
    uses: u32,
    until: jiff::Timestamp,
}
