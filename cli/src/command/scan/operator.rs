//! What an operator does between two scans, without ending the gate: confirming, taking back, overriding.

use super::commands::{self, COMMANDS, Command};
use super::input::{By, Hearing, Typed};
use super::past::{Admitted, Past, Person};
use super::{CliGate, Way};
use crate::command::correct;
use crate::command::inspect::{from_above, say, search};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::passphrase::{self, given_pin};
use crate::shell::Shell;
use crate::values;
use crate::zone::Wall;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use usher_core::app::{App, ConnectionView, OverrideInput, ScanView, Status};
use usher_core::claims::Line;
use usher_domain::code::unwrapped;
use usher_domain::document::badge;
use usher_domain::document::sanction::SanctionReason;
use usher_domain::secret::Private;
use usher_domain::verdict::Reason;

/// What the operator of a run said and what it waits for.
#[derive(Debug)]
pub(super) struct Operator {
    way: Cell<Way>,
    /// What the last scans were.
    pub(super) past: RefCell<Past>,
    awaits: RefCell<Awaits>,
    /// Whether the next code is for its whole order.
    pub(super) group: Cell<bool>,
    /// Tickets in a row with which nobody was inside.
    not_inside: Cell<u32>,
    /// Whether a PIN can be asked for at a terminal.
    pub(super) asks_at_terminal: Cell<bool>,
}

/// What the next line is.
#[derive(Debug, Default)]
enum Awaits {
    /// A code or a command.
    #[default]
    Anything,
    /// The badge of a supervisor.
    Badge(Decision),
    /// The supervisor's PIN.
    Pin(Decision, Private),
}

/// An override that was begun.
#[derive(Debug)]
struct Decision {
    against: Person,
    reason: SanctionReason,
}

/// Says what must come next.
#[derive(Serialize)]
struct Awaiting<'a> {
    /// `badge` or `pin`.
    awaiting: &'static str,
    /// The scan that is overridden.
    record: &'a str,
}

#[derive(Serialize)]
struct Turned {
    direction: Way,
}

/// How the device stands, and this run at it.
#[derive(Serialize)]
struct Standing<'a> {
    #[serde(flatten)]
    status: &'a Status,
    direction: Way,
    offline: bool,
}

#[derive(Serialize)]
struct Commands {
    commands: &'static [commands::Explained],
}

#[derive(Serialize)]
struct GroupNext {
    group: bool,
}

/// People whom a search at a running gate lists at most.
const SEARCH_MAX: usize = 20;
/// Tickets in a row with which nobody was inside, at a gate where people go out, from which the way seems to be
/// the wrong one.
const NOT_INSIDE_FROM: u32 = 3;

#[derive(Serialize)]
struct SignedOut {
    signed_out: bool,
}

impl Operator {
    /// At a gate through which people go this way.
    pub(super) fn new(way: Way) -> Self {
        Self {
            way: Cell::new(way),
            past: RefCell::default(),
            awaits: RefCell::default(),
            group: Cell::new(false),
            not_inside: Cell::new(0),
            asks_at_terminal: Cell::new(false),
        }
    }

    /// Whether people seem to come in where the operator said that they go out, after these verdicts.
    pub(super) fn seems_turned(&self, views: &[ScanView]) -> bool {
        let is_not_inside = |view: &ScanView| view.reason == Reason::NotInside;
        if self.way() == Way::In || !views.iter().all(is_not_inside) {
            self.not_inside.set(0);
            return false;
        }
        self.not_inside.set(self.not_inside.get().saturating_add(1));
        self.not_inside.get() >= NOT_INSIDE_FROM
    }

    /// Which way people go.
    pub(super) fn way(&self) -> Way {
        self.way.get()
    }
}

impl CliGate<'_> {
    /// Takes a line: as what is waited for, as a command of the operator, or as a code.
    pub(super) async fn take(&self, shell: &mut Shell, typed: Typed) -> Result<Exit, CliError> {
        let Typed { text, by } = typed;
        let command = match by {
            By::Operator => commands::read(text.reveal()),
            By::Scanner => None,
        };
        match (self.operator.awaits.take(), command) {
            (Awaits::Pin(decision, badge), None) if by == By::Operator => {
                let done = self.override_it(shell, decision, badge, text);
                let is_given_up = done.is_err();
                let exit = told(shell, done)?;
                if is_given_up {
                    let next = "The override is given up: begin it again with !override.";
                    shell.output.note(next)?;
                }
                Ok(exit)
            }
            (Awaits::Anything, None) => self.take_code(shell, text, by).await,
            (Awaits::Badge(decision), None) => {
                if let Some(badge) = badge_in(&text) {
                    return self.take_badge(shell, decision, badge).await;
                }
                let why = "that is no staff badge: the override is given up, and this is scanned";
                shell.output.failure(&CliError::Invalid(why.to_owned()))?;
                self.take_code(shell, text, by).await
            }
            (Awaits::Pin(..), None) => {
                let why = "that was scanned and is no PIN: the override is given up";
                shell.output.failure(&CliError::Invalid(why.to_owned()))?;
                self.take_code(shell, text, by).await
            }
            (awaits, Some(command)) => {
                if !matches!(awaits, Awaits::Anything) {
                    shell.output.note("The override is given up.")?;
                }
                let done = match command {
                    Ok(command) => self.heed(shell, command).await,
                    Err(why) => Err(CliError::Invalid(why)),
                };
                told(shell, done)
            }
        }
    }

    async fn take_code(&self, shell: &mut Shell, text: Private, by: By) -> Result<Exit, CliError> {
        let is_meant = by == By::Scanner && commands::looks_like_one(text.reveal());
        let exit = self.show(shell, text, None).await?;
        if is_meant {
            shell.output.note(
                "A scanner's text is never a command. Type commands where --commands says, or with --code-prefix \
                 on the keyboard a second after the last code.",
            )?;
        }
        Ok(exit)
    }

    /// From whom the next line may come.
    pub(super) fn hearing(&self) -> Hearing {
        let awaits = self.operator.awaits.borrow();
        match *awaits {
            Awaits::Badge(_) => Hearing::ScannerAlone,
            Awaits::Anything | Awaits::Pin(..) => Hearing::Anything,
        }
    }

    async fn heed(&self, shell: &mut Shell, command: Command) -> Result<Exit, CliError> {
        match command {
            Command::Confirm => return self.confirm(shell).await,
            Command::Undo => self.undo(shell)?,
            Command::Override(reason) => self.begin_override(shell, reason)?,
            Command::In => self.turn(shell, Way::In)?,
            Command::Out => self.turn(shell, Way::Out)?,
            Command::Group => {
                self.operator.group.set(true);
                let told = GroupNext { group: true };
                shell.output.show(&told, |page| {
                    page.line("The next code lets in everyone of its order.");
                })?;
            }
            Command::Search(words) => {
                let open = self.door.open()??;
                let words = Private::new(words);
                search(shell, &open.app, open.session, &words, SEARCH_MAX)?;
            }
            Command::SignOut => {
                self.app()?.sign_out()?;
                let told = SignedOut { signed_out: true };
                shell.output.show(&told, |page| page.line("Signed out"))?;
            }
            Command::Status => self.status(shell)?,
            Command::Help => {
                let told = Commands {
                    commands: &COMMANDS,
                };
                shell.output.show(&told, |page| {
                    for command in &COMMANDS {
                        page.line(command.line());
                    }
                })?;
            }
        }
        Ok(Exit::Done)
    }

    fn app(&self) -> Result<&App, CliError> {
        Ok(&self.door.open()??.app)
    }

    async fn confirm(&self, shell: &mut Shell) -> Result<Exit, CliError> {
        let input = self.operator.past.borrow().confirmed();
        let input = input.ok_or_else(|| {
            let why = "the last scan that was not let in asks for nothing to be checked";
            CliError::Invalid(why.to_owned())
        })?;
        let app = self.app()?;
        self.operator.past.borrow_mut().answered_anew();
        self.answer(shell, app, input, None).await
    }

    fn undo(&self, shell: &mut Shell) -> Result<(), CliError> {
        let app = self.app()?;
        let admitted = self.operator.past.borrow_mut().take_admitted();
        if admitted.is_empty() {
            let why = match app.last_admission()? {
                Some(last) => format!(
                    "nobody was let in since this program was started or the last undo. The last before: {}. \
                     If that is the one, say usher undo in a terminal of its own",
                    last.message
                ),
                None => "nobody was let in here yet".to_owned(),
            };
            return Err(CliError::Invalid(why));
        }
        for Admitted { record, holder } in admitted {
            let undone = correct::undo(shell, app, &record, holder.as_ref());
            told(shell, undone.map(|()| Exit::Done))?;
        }
        Ok(())
    }

    fn begin_override(&self, shell: &mut Shell, reason: SanctionReason) -> Result<(), CliError> {
        let against = self.operator.past.borrow().person().ok_or_else(|| {
            let why = "no scan of this run was refused or referred and is not let in by now";
            CliError::Invalid(why.to_owned())
        })?;
        let told = Awaiting {
            awaiting: "badge",
            record: &against.record,
        };
        shell.output.show(&told, |page| {
            page.line(format_args!(
                "To let in: {}. Scan the supervisor's badge; anything else ends this.",
                against.told.trim_end_matches('.')
            ));
        })?;
        self.operator
            .awaits
            .replace(Awaits::Badge(Decision { against, reason }));
        Ok(())
    }

    /// Asks for the PIN of a supervisor's badge; of any other badge it says why not, and waits for another one.
    async fn take_badge(
        &self,
        shell: &mut Shell,
        decision: Decision,
        badge: Private,
    ) -> Result<Exit, CliError> {
        if let Err(error) = self.app()?.check_supervisor(&badge) {
            shell.output.failure(&error.into())?;
            let again = Awaiting {
                awaiting: "badge",
                record: &decision.against.record,
            };
            shell.output.show(&again, |page| {
                page.line("Scan the supervisor's badge; anything else ends this.");
            })?;
            self.operator.awaits.replace(Awaits::Badge(decision));
            return Ok(Exit::Done);
        }
        let begun = self.ask_pin(shell, decision, badge).await;
        told(shell, begun)
    }

    /// Has the PIN come: from where it was given beforehand, from the terminal unseen, or as the next line.
    async fn ask_pin(
        &self,
        shell: &mut Shell,
        decision: Decision,
        badge: Private,
    ) -> Result<Exit, CliError> {
        let pin = match given_pin(self.scan.pin_file.as_deref())? {
            Some(pin) => pin,
            None if self.operator.asks_at_terminal.get() => {
                // The exchange beside this goes on while somebody types.
                let asked = tokio::task::spawn_blocking(|| passphrase::pin(None)).await;
                asked.map_err(|error| CliError::Output(std::io::Error::other(error)))??
            }
            None => {
                let told = Awaiting {
                    awaiting: "pin",
                    record: &decision.against.record,
                };
                shell
                    .output
                    .show(&told, |page| page.line("The supervisor's PIN, please."))?;
                self.operator.awaits.replace(Awaits::Pin(decision, badge));
                return Ok(Exit::Done);
            }
        };
        self.override_it(shell, decision, badge, pin)
    }

    fn override_it(
        &self,
        shell: &mut Shell,
        decision: Decision,
        badge: Private,
        pin: Private,
    ) -> Result<Exit, CliError> {
        let Decision { against, reason } = decision;
        let app = self.app()?;
        let view = app.override_verdict(OverrideInput {
            record: against.record.clone(),
            badge,
            pin,
            reason,
        })?;
        let mut past = self.operator.past.borrow_mut();
        past.overridden(&against.record, &view);
        let exit = super::tell(&mut shell.output, &view)?;
        super::note_shown(app, &view);
        Ok(exit)
    }

    fn turn(&self, shell: &mut Shell, direction: Way) -> Result<(), CliError> {
        self.operator.way.set(direction);
        shell.output.show(&Turned { direction }, |page| {
            page.line(match direction {
                Way::In => "People come in from now on.",
                Way::Out => "People go out from now on.",
            });
        })?;
        Ok(())
    }

    fn status(&self, shell: &mut Shell) -> Result<(), CliError> {
        let open = self.door.open()??;
        let mut status = open.app.status()?;
        if let Some(named) = open.session {
            let mut sessions = open.app.sessions()?.into_iter();
            status.serving = sessions.find(|session| session.id == named);
            status.also_open.clear();
            status.above = open.app.above(Some(named))?;
        }
        let standing = Standing {
            status: &status,
            direction: self.operator.way(),
            offline: self.scan.offline,
        };
        shell
            .output
            .show(&standing, |page| status_page(page, &standing))?;
        Ok(())
    }
}

/// The badge that was scanned, without what the scanner put around it; none if it is none.
fn badge_in(text: &Private) -> Option<Private> {
    let text = Private::new(unwrapped(text.reveal()));
    text.reveal().starts_with(badge::PREFIX).then_some(text)
}

/// Tells why something was not done; the gate goes on.
fn told(shell: &mut Shell, done: Result<Exit, CliError>) -> Result<Exit, CliError> {
    match done {
        Err(CliError::Output(error)) => Err(CliError::Output(error)),
        Err(error) => {
            shell.output.failure(&error)?;
            Ok(Exit::Done)
        }
        Ok(exit) => Ok(exit),
    }
}

fn status_page(page: &mut Page, standing: &Standing<'_>) {
    let status = standing.status;
    let wall = Wall::shared(status.serving.iter().map(|session| &session.time_zone));
    match &status.serving {
        Some(session) => page.field(
            "serves",
            format_args!("{}, {}", session.name, session.event),
        ),
        None => page.field("serves", "no session now"),
    }
    from_above(page, &status.above);
    let gate = status.gate.as_ref();
    page.field(
        "gate",
        gate.map_or_else(
            || "none".to_owned(),
            |gate| gate.name.clone().unwrap_or_else(|| gate.id.to_string()),
        ),
    );
    page.field("direction", values::word(&standing.direction));
    match &status.operator {
        Some(operator) => page.field(
            "signed in",
            format_args!(
                "{} ({})",
                operator.name.reveal(),
                values::word(&operator.role)
            ),
        ),
        None => page.field("signed in", "nobody"),
    }
    let connection = status.connection.as_ref();
    let known = connection.and_then(|connection| connection.peers_as_of);
    let known = known.map_or_else(
        || "nothing is known of other gates".to_owned(),
        |at| format!("other gates' scans are known until {}", say(&wall, at)),
    );
    let alone = connection.and_then(ConnectionView::alone_since);
    let duty = status.duty.as_ref();
    let is_asked = duty.is_none_or(|duty| duty.line == Line::Good);
    page.field(
        "network",
        match (standing.offline, alone) {
            (true, _) => format!("alone, as --offline says; {known}"),
            (false, Some(since)) => format!("alone since {}", say(&wall, since)),
            (false, None) if is_asked => format!("online; {known}"),
            (false, None) => format!("the server did not answer the last scan; {known}"),
        },
    );
    page.field("unsent", format_args!("{} scans", status.unsent));
}
