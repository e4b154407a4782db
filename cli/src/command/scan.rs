//! `usher scan`: a gate at the command line.

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Output, Page};
use crate::pictures;
use crate::say::{Names, Scene};
use crate::shell::Shell;
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use usher_core::app::{App, EvidenceView, ScanInput, ScanView, SessionView};
use usher_core::sync::TokioTimer;
use usher_domain::ids::{DeviceId, GateId, SessionId, StaffId, ZoneId};
use usher_domain::secret::Private;
use usher_domain::time::UnixMillis;

/// How long a scan waits for the exchange before it; what does not come in time is not waited for.
const EXCHANGE_TIME: Duration = Duration::from_millis(1_000);
/// Pause between exchanges while codes come from standard input.
const EVERY: Duration = Duration::from_secs(2);
/// Bytes of the longest line read from a hand scanner; the rest of a longer one is no code anyway.
const LINE_BYTES_MAX: u64 = 8 * 1024;

/// Scan tickets on this device
///
/// Each verdict is written down before it shows. Exit codes: 0 admit, 10 refuse, 11 refer; of several
/// codes the worst.
#[derive(Debug, Args)]
pub struct Scan {
    /// The ticket's code as text
    #[arg(required_unless_present_any = ["images", "stdin"], conflicts_with_all = ["images", "stdin"])]
    pub code: Option<String>,
    /// Read codes from pictures (PNG, JPEG)
    #[arg(long = "image", value_name = "FILE", num_args = 1.., conflicts_with = "stdin")]
    pub images: Vec<PathBuf>,
    /// Read codes from standard input, one a line, as hand scanners type them
    #[arg(long)]
    pub stdin: bool,
    /// Whether people come in or go out
    #[arg(long, value_enum, default_value_t = Way::In)]
    pub direction: Way,
    /// The session that is served, by id or name, in place of the timetable's
    #[arg(long)]
    pub session: Option<String>,
    /// Let in everyone of the ticket's order, each with a verdict of their own
    #[arg(long)]
    pub group: bool,
    /// Do not try to reach the server
    #[arg(long)]
    pub offline: bool,
    /// Staff checked what the last verdict asked for
    #[arg(long)]
    pub confirm: bool,
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Way {
    /// They come in
    In,
    /// They go out
    Out,
}

impl From<Way> for usher_domain::record::Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::In => Self::Entry,
            Way::Out => Self::Exit,
        }
    }
}

impl Scan {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] before the first code; from then on there are verdicts.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let app = shell.device()?;
        let session = self
            .session
            .as_deref()
            .map(|named| find_session(&app, named))
            .transpose()?;
        let gate = CliGate {
            app: &app,
            session,
            scan: &self,
        };
        if self.stdin {
            return gate.lines(shell).await;
        }
        if !self.offline {
            gate.exchange().await;
        }
        let mut exit = Exit::Done;
        if let Some(code) = &self.code {
            exit = gate.show(shell, Private::new(code.as_str()))?;
        }
        for file in &self.images {
            match pictures::codes(file) {
                Ok(codes) => {
                    for code in codes {
                        exit = exit.worse(gate.show(shell, code)?);
                    }
                }
                // The other pictures are looked at all the same.
                Err(error) => {
                    shell.output.failure(&error)?;
                    exit = Exit::Failed;
                }
            }
        }
        if !self.offline {
            gate.exchange().await;
        }
        Ok(exit)
    }
}

/// A device with the flags of one command.
struct CliGate<'a> {
    app: &'a App,
    session: Option<SessionId>,
    scan: &'a Scan,
}

impl CliGate<'_> {
    /// Tells the other gates and hears of them, if that is quickly done. What fails is no concern of a
    /// scan: its verdict says how much was known.
    async fn exchange(&self) {
        let exchange = self.app.sync(&TokioTimer, &|_| {});
        match tokio::time::timeout(EXCHANGE_TIME, exchange).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::info!(code = error.code, "no exchange: {error}"),
            Err(_) => tracing::info!("no exchange in time"),
        }
    }

    /// Scans one code and shows its verdict, or those of its whole order.
    fn show(&self, shell: &mut Shell, text: Private) -> Result<Exit, CliError> {
        let input = ScanInput {
            text,
            direction: self.scan.direction.into(),
            session: self.session,
            attempt: None,
            instruction_checked: self.scan.confirm,
        };
        let views = if self.scan.group {
            self.app.scan_order(input)
        } else {
            vec![self.app.scan(input)]
        };
        let telling = Telling::of(self.app, shell.now())?;
        views.into_iter().try_fold(Exit::Done, |exit, view| {
            Ok(exit.worse(telling.show(&mut shell.output, view)?))
        })
    }

    /// Scans what comes in line by line, and exchanges beside it.
    async fn lines(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let ready = Ready {
            ready: true,
            session: self.app.status()?.serving,
        };
        shell.output.show(&ready, |page| {
            let serves = ready
                .session
                .as_ref()
                .map_or("no session", |session| &session.name);
            page.line(format_args!(
                "Ready, serving {serves}. One code a line; Ctrl-D ends."
            ));
        })?;
        tokio::select! {
            exit = self.read(shell) => exit,
            () = self.keep_in_step() => Ok(Exit::Failed),
        }
    }

    async fn read(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let mut input = BufReader::new(tokio::io::stdin());
        let mut exit = Exit::Done;
        while let Some(line) = next_line(&mut input).await? {
            exit = exit.worse(self.show(shell, line)?);
        }
        if !self.scan.offline {
            self.exchange().await;
        }
        Ok(exit)
    }

    /// Never ends.
    async fn keep_in_step(&self) {
        if !self.scan.offline {
            let mut go_on = |_| std::ops::ControlFlow::Continue(());
            let ended = self
                .app
                .watch(&TokioTimer, EVERY, &|_| {}, &mut go_on)
                .await;
            if let Err(error) = ended {
                tracing::warn!(code = error.code, "no exchange: {error}");
            }
        }
        std::future::pending::<()>().await;
    }
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    session: Option<SessionView>,
}

/// The next line that is not empty; none at the end. What is not UTF-8 stays wrong and gets its verdict.
async fn next_line(
    input: &mut (impl tokio::io::AsyncBufRead + Unpin),
) -> Result<Option<Private>, CliError> {
    loop {
        let mut line = Vec::new();
        let read = (&mut *input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        if read == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if !text.trim().is_empty() {
            return Ok(Some(Private::new(text)));
        }
    }
}

/// The session of this id or name that the device holds.
///
/// # Errors
/// [`CliError::Invalid`] if there is none, or several.
pub fn find_session(app: &App, named: &str) -> Result<SessionId, CliError> {
    let all = app.sessions()?;
    let is = |session: &&SessionView| {
        session.id.to_string() == named || session.name.eq_ignore_ascii_case(named)
    };
    let mut found = all.iter().filter(is);
    match (found.next(), found.next()) {
        (Some(session), None) => Ok(session.id),
        (Some(_), Some(_)) => Err(CliError::Invalid(format!(
            "several sessions are called {named}: give the id"
        ))),
        (None, _) => Err(CliError::Invalid(format!(
            "this device holds no session called {named}"
        ))),
    }
}

/// How verdicts are told on this device.
pub struct Telling {
    own: Option<DeviceId>,
    now: UnixMillis,
}

/// A verdict as it is printed: the gate's answer, with the sentences of this page.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    view: ScanView,
    /// How sure the gate is, in words.
    known: String,
}

impl Telling {
    /// For verdicts of this device at this time.
    ///
    /// # Errors
    /// [`CliError`] if the device cannot be read.
    pub fn of(app: &App, now: UnixMillis) -> Result<Self, CliError> {
        let own = app.status()?.device.map(|device| device.id);
        Ok(Self { own, now })
    }

    /// Shows a verdict.
    ///
    /// # Errors
    /// [`CliError`] if it cannot be written.
    pub fn show(&self, output: &mut Output, mut view: ScanView) -> Result<Exit, CliError> {
        let named = view
            .session
            .as_ref()
            .and_then(|session| TimeZone::get(&session.time_zone).ok());
        let zone = named.unwrap_or(TimeZone::UTC);
        let names = Evidence(view.evidence.as_ref());
        // A device that could not tell the time says its own.
        let now = if view.at.get() == 0 {
            self.now
        } else {
            view.at
        };
        let scene = Scene {
            names: &names,
            zone: &zone,
            now,
            own: self.own,
        };
        let said = scene.verdict(&view.verdict);
        let known = scene.certainty(&view.certainty);
        view.message.clone_from(&said.why);
        view.cautions.clone_from(&said.more);
        let exit = Exit::from(view.outcome);
        let told = Told { view, known };
        output.show(&told, |page| {
            page.headline(said.colour, said.word, &said.why);
            for line in &said.more {
                page.line(format_args!("  {line}"));
            }
            details(page, &told);
        })?;
        Ok(exit)
    }
}

fn details(page: &mut Page, told: &Told) {
    let view = &told.view;
    let ticket: Vec<&str> = [
        view.type_name.as_deref(),
        view.seat.as_deref(),
        view.holder.as_ref().map(Private::reveal),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !ticket.is_empty() {
        page.line(format_args!("  {}", ticket.join(", ")));
    }
    for line in &view.holder_lines {
        page.line(format_args!("  {}", line.reveal()));
    }
    match &view.session {
        Some(session) => page.line(format_args!(
            "  {}, {}; {}",
            session.name, session.event, told.known
        )),
        None => page.line(format_args!("  {}", told.known)),
    }
    if let Some(rather) = &view.rather {
        page.line(format_args!(
            "  Half of the last scans belong to {}: is this the right session?",
            rather.name
        ));
    }
    if let Some(record) = &view.record {
        page.line(format_args!("  record {record}"));
    }
}

/// Names of the earlier scan that a verdict rests on: the only one that its sentence speaks of.
struct Evidence<'a>(Option<&'a EvidenceView>);

impl Names for Evidence<'_> {
    fn gate(&self, _: GateId) -> Option<String> {
        self.0.and_then(|evidence| evidence.gate.clone())
    }

    fn device(&self, _: DeviceId) -> Option<String> {
        self.0.and_then(|evidence| evidence.device.clone())
    }

    fn zone(&self, _: ZoneId) -> Option<String> {
        None
    }

    fn staff(&self, _: StaffId) -> Option<String> {
        None
    }
}
