//! The command line's definition: nouns with verbs, and what a device does. `docs/cli.md` is made of it.

pub mod audit;
pub mod backup;
pub mod camera;
pub mod correct;
pub mod demo;
pub mod device;
pub mod enroll;
pub mod enrollment;
pub mod event;
pub mod import;
pub mod incident;
pub mod inspect;
pub mod kind;
pub mod man;
pub mod organizer;
pub mod readiness;
pub mod report;
pub mod restore;
pub mod scan;
pub mod serve;
pub mod session;
pub mod staff;
pub mod sync;
pub mod ticket;
pub mod token;
pub mod venue;
pub mod wipe;

use crate::globals::Globals;
use clap::{CommandFactory as _, Parser, Subcommand};

/// Checks tickets at the door, with or without a network
///
/// The same program is the organizer's tool, a gate and the server.
#[derive(Debug, Parser)]
#[command(
    name = "usher",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Usher {
    /// Flags that every command understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Usher {
    /// The definition, in which the flags that every command understands are shown once: by `usher --help`, and
    /// not again by the help of each command.
    #[must_use]
    pub fn definition() -> clap::Command {
        Self::defined(Self::command())
    }

    /// The same without the commands called `help`, of which nobody needs a page.
    #[must_use]
    pub fn for_manual() -> clap::Command {
        Self::defined(without_help(Self::command()))
    }

    fn defined(mut whole: clap::Command) -> clap::Command {
        // Commands get the flags of the whole when they are built.
        whole.build();
        let global: Vec<clap::Id> = whole
            .get_arguments()
            .filter(|argument| argument.is_global_set())
            .map(|argument| argument.get_id().clone())
            .collect();
        whole.mut_subcommands(|command| without(command, &global))
    }
}

fn without_help(command: clap::Command) -> clap::Command {
    let command = command.disable_help_subcommand(true);
    command.mut_subcommands(without_help)
}

fn without(command: clap::Command, global: &[clap::Id]) -> clap::Command {
    let command = command.mut_args(|argument| {
        if global.contains(argument.get_id()) {
            argument.hide(true)
        } else {
            argument
        }
    });
    let command = command.after_help("Flags that every command understands: usher --help");
    command.mut_subcommands(|verb| without(verb, global))
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(missing_docs, reason = "what a variant holds says what it does")]
pub enum Command {
    Init(serve::Init),
    Serve(serve::Serve),
    Backup(backup::Backup),
    Restore(restore::Restore),
    #[command(subcommand)]
    Organizer(organizer::Organizer),
    #[command(subcommand)]
    Event(event::Event),
    #[command(subcommand)]
    Session(session::Session),
    #[command(subcommand, name = "type")]
    Kind(kind::Kind),
    #[command(subcommand)]
    Zone(venue::Zone),
    #[command(subcommand)]
    Gate(venue::Gate),
    #[command(subcommand)]
    Token(token::Token),
    #[command(subcommand)]
    Staff(staff::Staff),
    Import(import::Import),
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    #[command(subcommand)]
    Enrollment(enrollment::Enrollment),
    #[command(subcommand)]
    Device(device::Device),
    #[command(subcommand)]
    Incident(incident::Incident),
    Readiness(readiness::Readiness),
    Report(report::Report),
    Enroll(enroll::Enroll),
    SignIn(enroll::SignIn),
    /// Sign out
    SignOut,
    Sync(sync::Sync),
    OffDuty(sync::OffDuty),
    Scan(scan::Scan),
    #[command(subcommand)]
    Camera(camera::Camera),
    Undo(correct::Undo),
    Override(correct::Override),
    Search(inspect::Search),
    Status(inspect::ShowStatus),
    Audit(audit::Audit),
    #[command(subcommand)]
    Doctor(inspect::Doctor),
    Wipe(wipe::Wipe),
    Demo(demo::Demo),
    Man(man::Man),
    /// Print a script that completes commands in a shell
    ///
    /// Names of events, gates or devices are not completed: each press of Tab would ask the server.
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Whether it goes on until somebody presses Ctrl-C, and then ends in its own way.
    #[must_use]
    pub fn goes_on_until_ctrl_c(&self) -> bool {
        matches!(self, Self::Scan(scan) if scan.goes_on())
            || matches!(self, Self::Sync(sync) if sync.watch)
    }
}

#[cfg(test)]
mod tests;
