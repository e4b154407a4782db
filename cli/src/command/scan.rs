//! `usher scan`: a gate at the command line.

mod above;
mod commands;
mod door;
mod input;
mod lines;
mod named;
mod operator;
mod past;
mod reach;
mod ready;
mod standing;
mod telling;
mod watching;

pub use named::find_session;
pub use ready::choice;
pub use telling::tell;

use crate::cameras::{Frames, Origin};
use crate::command::enroll;
use crate::error::CliError;
use crate::exit::Exit;
use crate::shell::Shell;
use above::{Run, Shown};
use clap::{ArgGroup, Args, ValueEnum};
use door::{Door, Line, Open};
use input::{Inputs, Typed};
use operator::Operator;
use ready::Ready;
use serde::Serialize;
use standing::Standing;
use std::cell::Cell;
use std::io;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::time::Duration;
use telling::{Beside, Confirming, OfOrder, Sighting, tell_beside, tell_total};
use usher_core::app::{ApiError, App, FOREIGN, PresentedView, ScanInput, ScanView};
use usher_core::gate::{Answer, Party};
use usher_core::sync::{Timer as _, TokioTimer};
use usher_domain::ids::AttemptId;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

/// How long a scan waits for the exchange before it; what does not come in time is not waited for.
const EXCHANGE_TIME: Duration = Duration::from_millis(1_000);
/// Pause between exchanges while codes come from standard input.
const EVERY: Duration = Duration::from_secs(2);
/// Pause between looks for what is said from above while nobody shows a ticket.
const LOOK: Duration = Duration::from_millis(500);

/// Scan tickets on this device
///
/// Each verdict is written down before it shows. While the server can be reached it is asked first, for
/// three tenths of a second at most: then the verdict says whether it is confirmed with all gates. Exit
/// codes: 0 admit, 10 refuse, 11 refer; of several codes the worst. A ticket that is held up to a camera is scanned once, and once more when it is shown
/// again after a second out of view. Of several in view the one clearly nearest the middle is scanned; if
/// there is none, nobody is let in, and the gate asks to show one.
///
/// What `--stdin` reads are codes and nothing else, whatever stands in them; a staff badge signs its owner in.
/// The operator's commands come from --commands, or, with --code-prefix, from the same keyboard: `!ok` (staff
/// checked what the last scan asked for), `!undo` (take back what the last scan that admitted somebody
/// admitted), `!override REASON` (let in whom the last scan refused or referred: the supervisor's badge is
/// scanned next, then comes the PIN, from --pin-file, the variable USHER_STAFF_PIN, a question at the terminal,
/// or else the operator's next line), `!in` and `!out` (which way people go), `!group` (the next code lets in its whole order), `!search NAME`,
/// `!sign-out`, `!status`, `!help`.
/// They print what `usher scan --confirm`, `usher undo`, `usher override` and `usher status` print.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("source").required(true)))]
pub struct Scan {
    /// The ticket's code as text
    #[arg(group = "source")]
    pub code: Option<String>,
    /// Read codes from the camera of this number (see `usher camera list`) until Ctrl-C
    #[arg(long, value_name = "N", group = "source")]
    pub camera: Option<u32>,
    /// Videos, pictures, and how a camera shall film.
    #[command(flatten)]
    pub frames: Frames,
    /// Read codes from standard input, one a line, as hand scanners type them
    #[arg(long, group = "source")]
    pub stdin: bool,
    /// Whether people come in or go out
    #[arg(long, value_enum, default_value_t = Way::In)]
    pub direction: Way,
    /// The session that is served, by its name or id in `usher status`, in place of the timetable's
    ///
    /// EVENT/SESSION is understood where these words are the names of the two, whatever their case.
    #[arg(long)]
    pub session: Option<String>,
    /// Let in everyone of the ticket's order, each with a verdict of their own, which says of which ticket
    #[arg(long)]
    pub group: bool,
    /// Do not try to reach the server: the gate decides alone, and by the session's rule for isolated gates
    #[arg(long)]
    pub offline: bool,
    /// Staff checked what the last verdict asked for: it must be the last scan here
    #[arg(long, conflicts_with_all = ["stdin", "camera"])]
    pub confirm: bool,
    /// Read the operator's commands from this file: a terminal (/dev/tty), a named pipe, or /dev/fd/3
    ///
    /// One command a line. What does not begin with `!` is a code typed by hand, or the PIN that was asked for.
    #[arg(long, value_name = "FILE", requires = "stdin")]
    pub commands: Option<PathBuf>,
    /// What the scanner is set to send before each code, where operator and scanner type into the same input
    ///
    /// A line without it is the operator's, if nothing was typed for a second before it: a line break inside a
    /// code makes no command. An input of its own (--commands) is safer.
    #[arg(long, value_name = "TEXT", requires = "stdin", conflicts_with = "commands",
          value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub code_prefix: Option<String>,
    /// File with the supervisor's PIN for `!override`
    #[arg(long, value_name = "FILE", requires = "stdin")]
    pub pin_file: Option<PathBuf>,
}

/// In or out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
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
    /// Whether it scans what is shown until somebody ends it.
    pub fn goes_on(&self) -> bool {
        self.code.is_none()
    }

    /// Whether what is delivered may be a badge that signs in: from a scanner or a camera it may, a picture
    /// that somebody names is looked at and no more.
    const fn takes_badges(&self) -> bool {
        self.stdin || self.camera.is_some()
    }

    /// Whether an operator can type commands.
    const fn takes_commands(&self) -> bool {
        self.commands.is_some() || self.code_prefix.is_some()
    }

    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] if no device or session is there that could scan; from then on there are verdicts.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let line = if self.offline {
            Line::Nobody
        } else {
            Line::Server
        };
        let door = Door::new(shell.globals.clone(), self.session.clone(), line);
        let gate = CliGate {
            door: &door,
            scan: &self,
            shown: Shown::new(if self.goes_on() {
                Run::GoesOn
            } else {
                Run::OneScan
            }),
            standing: Standing::default(),
            operator: Operator::new(self.direction),
            server: Cell::new(Server::MayAnswer),
        };
        // A device in trouble refers; that there is none is said at once.
        match door.open()? {
            Ok(open) => gate.shown.begins_with(open.app.serving().ok().flatten()),
            Err(error) if error.code == FOREIGN => return Err(error.into()),
            Err(error) => shell.output.note(&error)?,
        }
        if self.stdin {
            return gate.lines(shell).await;
        }
        if !self.offline {
            gate.exchange_once().await?;
        }
        let exit = match (Origin::of(self.camera, &self.frames), &self.code) {
            (Some(origin), _) => gate.watch(shell, &origin).await?,
            (None, Some(code)) => {
                let text = Private::new(code.as_str());
                gate.show(shell, text, None).await?
            }
            // The reader of arguments asks for one of them.
            (None, None) => return Err(CliError::Missing("a code, or where to read codes from")),
        };
        if !self.offline && gate.server.get() == Server::MayAnswer {
            gate.exchange().await?;
        }
        Ok(exit)
    }
}

/// Tells the other gates and hears of them, if that is quickly done.
pub async fn exchange(app: &App) {
    let exchange = app.sync(&TokioTimer, &|_| {});
    match tokio::time::timeout(EXCHANGE_TIME, exchange).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::info!(code = error.code, "no exchange: {error}"),
        Err(_) => tracing::info!("no exchange in time"),
    }
}

/// Whether a run may ask the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    /// It may answer.
    MayAnswer,
    /// It accepted no connection a moment ago: a scan that somebody waits for does without it.
    Gone,
}

/// A device with the flags of one command.
struct CliGate<'a> {
    door: &'a Door,
    scan: &'a Scan,
    /// What from above this run has shown.
    shown: Shown,
    /// How it stood when it was looked at last.
    standing: Standing,
    /// What its operator said.
    operator: Operator,
    server: Cell<Server>,
}

impl CliGate<'_> {
    /// Tells the other gates and hears of them, if that is quickly done. What fails is no concern of a
    /// scan: its verdict says how much was known.
    async fn exchange(&self) -> Result<(), CliError> {
        let Ok(Open { app, .. }) = self.door.open()? else {
            return Ok(());
        };
        exchange(app).await;
        Ok(())
    }

    /// The exchange before a scan that somebody waits for, if the server is there.
    async fn exchange_once(&self) -> Result<(), CliError> {
        let Ok(Open { app, .. }) = self.door.open()? else {
            return Ok(());
        };
        if self.scan.goes_on() || reach::is_there(app).await {
            exchange(app).await;
        } else {
            tracing::info!("the server accepts no connection");
            self.server.set(Server::Gone);
        }
        Ok(())
    }

    /// Scans one code, which a camera may have seen, and shows its verdict, or those of its whole order.
    /// The authority is asked unless the command says not to try.
    async fn show(
        &self,
        shell: &mut Shell,
        text: Private,
        seen: Option<Sighting>,
    ) -> Result<Exit, CliError> {
        let open = match self.door.open()? {
            Ok(open) => open,
            Err(error) => return trouble(shell, &error),
        };
        self.shown.show(shell, open)?;
        if self.scan.confirm && !is_asked(&open.app)? {
            return Err(CliError::Invalid(
                "the last scan here asked for nothing that staff could have checked: scan without --confirm first"
                    .into(),
            ));
        }
        let input = ScanInput {
            text,
            direction: self.operator.way().into(),
            session: open.session,
            attempt: None,
            instruction_checked: self.scan.confirm,
        };
        self.answer(shell, &open.app, input, seen).await
    }

    async fn answer(
        &self,
        shell: &mut Shell,
        app: &App,
        input: ScanInput,
        seen: Option<Sighting>,
    ) -> Result<Exit, CliError> {
        let again = input.clone();
        let timer = &TokioTimer;
        let is_group = self.operator.group.take() || self.scan.group;
        let party = if is_group { Party::Order } else { Party::One };
        let views = if self.scan.takes_badges() {
            match app.present(input, party, timer).await {
                PresentedView::Scanned(views) => views,
                PresentedView::SignedIn(operator) => {
                    enroll::show_signed_in(shell, &operator)?;
                    return Ok(Exit::Done);
                }
            }
        } else {
            match (party, self.server.get()) {
                (Party::One, Server::MayAnswer) => vec![app.claim_scan(input, timer).await],
                (Party::One, Server::Gone) => vec![app.scan(input)],
                (Party::Order, Server::MayAnswer) => app.claim_scan_order(input, timer).await,
                (Party::Order, Server::Gone) => app.scan_order(input),
            }
        };
        self.operator.past.borrow_mut().note(again, &views);
        let confirming = if self.scan.takes_commands() {
            Confirming::BySaying
        } else {
            Confirming::ByScanning
        };
        let of = views.len();
        let mut exit = Exit::Done;
        for (view, number) in views.iter().zip(1..) {
            let beside = Beside {
                seen: seen.as_ref(),
                confirming,
                of_order: is_group.then_some(OfOrder { number, of }),
            };
            exit = exit.worse(tell_beside(&mut shell.output, view, &beside)?);
        }
        if is_group && of > 1 {
            tell_total(&mut shell.output, &views)?;
        }
        if self.operator.seems_turned(&views) {
            shell.output.note(
                "People go out here, and nobody is inside with the last tickets: type !in if they come in.",
            )?;
        }
        if let Some(last) = views.last() {
            note_shown(app, last);
        }
        Ok(exit)
    }

    /// Scans what comes in line by line, and exchanges beside it.
    async fn lines(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let commands = self.scan.commands.as_deref();
        let mut inputs = Inputs::open(commands, self.scan.code_prefix.as_deref())?;
        self.operator
            .asks_at_terminal
            .set(inputs.asks_at_terminal());
        let how = if self.scan.takes_commands() {
            "One code a line; !help lists the operator's commands; Ctrl-D or Ctrl-C ends."
        } else {
            "One code a line; Ctrl-D or Ctrl-C ends. For commands start with --commands or --code-prefix."
        };
        // What the gate begins with is no news.
        if let Ok(open) = self.door.open()? {
            self.look_around(shell, open)?;
        }
        Ready::of(self.door)?.show(shell, how)?;
        // One for the whole run: who presses it while a verdict is made is heard as well.
        let stop = pin!(tokio::signal::ctrl_c());
        tokio::select! {
            exit = self.read(shell, &mut inputs, stop) => exit,
            ended = self.keep_in_step() => ended.map(|()| Exit::Failed),
        }
    }

    async fn read(
        &self,
        shell: &mut Shell,
        inputs: &mut Inputs<'_>,
        mut stop: Pin<&mut impl Future<Output = io::Result<()>>>,
    ) -> Result<Exit, CliError> {
        let mut exit = Exit::Done;
        while let Some(typed) = self.next(shell, inputs, stop.as_mut()).await? {
            exit = exit.worse(self.take(shell, typed).await?);
        }
        if !self.scan.offline {
            self.exchange().await?;
        }
        Ok(exit)
    }

    /// The next line; none at the end of the input, or at Ctrl-C. Until it comes, what is said from above
    /// shows as soon as it is here.
    async fn next(
        &self,
        shell: &mut Shell,
        inputs: &mut Inputs<'_>,
        mut stop: Pin<&mut impl Future<Output = io::Result<()>>>,
    ) -> Result<Option<Typed>, CliError> {
        let mut line = pin!(inputs.next(self.hearing()));
        loop {
            tokio::select! {
                biased;
                _ = stop.as_mut() => return Ok(None),
                line = &mut line => return Ok(line?),
                () = TokioTimer.sleep(LOOK) => {
                    if let Ok(open) = self.door.open()? {
                        self.shown.show(shell, open)?;
                        self.look_around(shell, open)?;
                    }
                }
            }
        }
    }

    /// Says what changed around the gate since the last look.
    fn look_around(&self, shell: &mut Shell, open: &Open) -> Result<(), CliError> {
        match open.app.status() {
            Ok(status) => self.standing.show(shell, &status),
            // The next verdict tells of a device in trouble.
            Err(_) => Ok(()),
        }
    }

    /// Ends only if there is no device any more.
    async fn keep_in_step(&self) -> Result<(), CliError> {
        if !self.scan.offline {
            let mut go_on = |_| std::ops::ControlFlow::Continue(());
            let ended = self
                .opened()
                .await?
                .watch(&TokioTimer, EVERY, &|_| {}, &mut go_on)
                .await;
            if let Err(error) = ended {
                tracing::warn!(code = error.code, "no exchange: {error}");
            }
        }
        std::future::pending().await
    }

    /// The device, as soon as it can be opened.
    async fn opened(&self) -> Result<&App, CliError> {
        loop {
            if let Ok(open) = self.door.open()? {
                return Ok(&open.app);
            }
            TokioTimer.sleep(EVERY).await;
        }
    }
}

/// Shows the verdict of a device whose store does not open: somebody stands there and waits.
fn trouble(shell: &mut Shell, error: &ApiError) -> Result<Exit, CliError> {
    let attempt = AttemptId::from_bytes(crate::shell::random()?);
    tracing::error!(%attempt, code = error.code, "no verdict: {error}");
    let now = shell.now();
    let view = ScanView::from(Answer::trouble(error.code, attempt, now));
    tell(&mut shell.output, &view)
}

/// Whether the last scan here asked staff to check something.
fn is_asked(app: &App) -> Result<bool, CliError> {
    let last = app.last_scan()?;
    Ok(last.is_some_and(|last| last.reason == Reason::Instruction))
}

/// Notes that a verdict was shown: after a crash people are told of one that was not. That it is not noted is no
/// matter of the verdict.
pub(super) fn note_shown(app: &App, view: &ScanView) {
    let shown = view.record.as_deref();
    if let Some(Err(error)) = shown.map(|record| app.verdict_shown(record)) {
        tracing::warn!(code = error.code, "not noted as shown: {error}");
    }
}
