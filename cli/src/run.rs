//! From the command line to the exit code.

use crate::command::{Command, Usher, enroll};
use crate::error::CliError;
use crate::exit::Exit;
use crate::logs;
use crate::output::{Format, Output};
use crate::shell::Shell;
use crate::synonyms;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};
use std::process::ExitCode;
use tokio::runtime::Runtime;

/// Runs the command that the process's arguments say.
#[must_use]
pub fn main() -> ExitCode {
    let mut definition = Usher::definition();
    let parsed = definition
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Usher::from_arg_matches(&matches));
    let usher = match parsed {
        Ok(usher) => usher,
        Err(error) => {
            let words = std::env::args_os().filter_map(|word| word.into_string().ok());
            let error = synonyms::corrected(error, &definition, &words.collect::<Vec<_>>());
            return misused(&error).into();
        }
    };
    let mut shell = Shell::new(usher.globals);
    let exit = run(usher.command, &mut shell).unwrap_or_else(|error| failed(&mut shell, &error));
    exit.into()
}

/// Tells what is wrong with the command line, or shows the help that was asked for.
fn misused(error: &clap::Error) -> Exit {
    let asks_json = std::env::args_os().any(|argument| argument == "--json");
    if !error.use_stderr() || !asks_json {
        // Where even this cannot be written, the exit code says it.
        let _ = error.print();
        return if error.use_stderr() {
            Exit::Misused
        } else {
            Exit::Done
        };
    }
    let error = CliError::Usage(usage_sentence(error));
    let _ = Output::standard(Format::Json).failure(&error);
    Exit::Misused
}

/// What is wrong with the command line, on one line and without the usage that follows it.
fn usage_sentence(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command or an argument is missing: --help lists them".to_owned();
    }
    let text = error.to_string();
    let said = text.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    lines.join(" ")
}

fn failed(shell: &mut Shell, error: &CliError) -> Exit {
    if !error.is_nobody_reading() {
        // Where even this cannot be written, the exit code says it.
        let _ = shell.output.failure(error);
    }
    Exit::Failed
}

fn run(command: Command, shell: &mut Shell) -> Result<Exit, CliError> {
    if let Command::Serve(serve) = command {
        logs::start(&shell.globals, serve.config()?.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        return runtime.block_on(serve.run(shell));
    }
    logs::start(&shell.globals, logs::quiet())?;
    let runtime = single_thread()?;
    let ended = runtime.block_on(until_told_to_stop(command, shell));
    // Somebody may still be reading standard input: nobody waits for that.
    runtime.shutdown_background();
    ended
}

fn completions(shell: &mut Shell, of: clap_complete::Shell) -> Result<Exit, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(of, &mut Usher::command(), "usher", &mut script);
    shell.output.bytes(&script)?;
    Ok(Exit::Done)
}

/// Runs a command; Ctrl-C drops it at its next step, and everything it holds is closed in order. A command
/// that goes on until Ctrl-C hears it itself.
async fn until_told_to_stop(command: Command, shell: &mut Shell) -> Result<Exit, CliError> {
    let goes_on = command.goes_on_until_ctrl_c();
    // The future has room for every command, and is too large for the stack of a small thread.
    let running = Box::pin(dispatch(command, shell));
    if goes_on {
        return running.await;
    }
    tokio::select! {
        biased;
        ended = running => ended,
        _ = tokio::signal::ctrl_c() => Err(CliError::Stopped),
    }
}

/// One thread is enough for everything but serving: a device has few.
fn single_thread() -> Result<Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    Ok(runtime?)
}

async fn dispatch(command: Command, shell: &mut Shell) -> Result<Exit, CliError> {
    match command {
        Command::Init(init) => init.run(shell).await,
        Command::Organizer(verb) => verb.run(shell).await,
        Command::Event(verb) => verb.run(shell).await,
        Command::Session(verb) => verb.run(shell).await,
        Command::Kind(verb) => verb.run(shell).await,
        Command::Zone(verb) => verb.run(shell).await,
        Command::Gate(verb) => verb.run(shell).await,
        Command::Token(verb) => verb.run(shell).await,
        Command::Staff(verb) => verb.run(shell).await,
        Command::Import(import) => import.run(shell).await,
        Command::Ticket(verb) => verb.run(shell).await,
        Command::Enrollment(verb) => verb.run(shell).await,
        Command::Device(verb) => verb.run(shell).await,
        Command::Incident(verb) => verb.run(shell).await,
        Command::Readiness(readiness) => readiness.run(shell).await,
        Command::Report(report) => report.run(shell).await,
        Command::Enroll(enroll) => enroll.run(shell).await,
        Command::SignIn(sign_in) => sign_in.run(shell),
        Command::SignOut => enroll::sign_out(shell),
        Command::Sync(sync) => sync.run(shell).await,
        Command::OffDuty(off) => off.run(shell).await,
        Command::Scan(scan) => scan.run(shell).await,
        Command::Camera(verb) => verb.run(shell).await,
        Command::Undo(undo) => undo.run(shell),
        Command::Override(decision) => decision.run(shell).await,
        Command::Search(search) => search.run(shell),
        Command::Status(status) => status.run(shell),
        Command::Audit(audit) => audit.run(shell).await,
        Command::Doctor(verb) => verb.run(shell).await,
        Command::Wipe(wipe) => wipe.run(shell),
        Command::Serve(serve) => serve.run(shell).await,
        Command::Backup(backup) => backup.run(shell),
        Command::Restore(restore) => restore.run(shell).await,
        Command::Demo(demo) => demo.run(shell).await,
        Command::Man(man) => man.run(shell),
        Command::Completions { shell: of } => completions(shell, of),
    }
}
