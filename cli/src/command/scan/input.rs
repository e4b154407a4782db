//! From where a running gate takes codes, and from where its operator's commands. What a scanner delivers is
//! a code and nothing else, whatever stands in it; commands come from an input of their own, or from the
//! keyboard beside a scanner that marks its codes.

use super::lines::Lines;
use crate::error::CliError;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{BufReader, Stdin};
use usher_core::sync::{Timer as _, TokioTimer};
use usher_domain::secret::Private;

/// How long an input shared with a scanner must have been silent before a line counts as typed by a person.
/// A line break inside a code makes a second line that comes sooner.
const PERSON_PAUSE: Duration = Duration::from_secs(1);

/// A line that came in.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) text: Private,
    pub(super) by: By,
}

/// Who typed a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A scanner, or somebody where only a scanner should: it is a code.
    Scanner,
    /// The operator, who may type a command, a PIN or a code.
    Operator,
}

/// The inputs of a run.
pub(super) struct Inputs<'a> {
    codes: Lines<BufReader<Stdin>>,
    /// What the scanner is set to send before each code, where the operator types into the same input.
    mark: Option<&'a str>,
    commands: Option<Commands>,
}

struct Commands {
    lines: Lines<BufReader<File>>,
    is_terminal: bool,
}

/// Whether a command may come now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// It may.
    Anything,
    /// Only what the scanner reads is waited for: a question at the terminal may follow, which nothing else
    /// must be reading then.
    ScannerAlone,
}

impl<'a> Inputs<'a> {
    /// Standard input for codes, and the operator's input.
    ///
    /// # Errors
    /// [`CliError`] if the operator's input cannot be opened.
    pub(super) fn open(commands: Option<&Path>, mark: Option<&'a str>) -> Result<Self, CliError> {
        let commands = match commands {
            None => None,
            Some(path) => {
                let file = open(path).map_err(|error| CliError::reading(path, error))?;
                Some(Commands {
                    is_terminal: file.is_terminal(),
                    lines: Lines::new(BufReader::new(File::from_std(file))),
                })
            }
        };
        Ok(Self {
            codes: Lines::new(BufReader::new(tokio::io::stdin())),
            mark,
            commands,
        })
    }

    /// Whether a supervisor's PIN can be asked for at a terminal without showing it.
    pub(super) fn asks_at_terminal(&self) -> bool {
        match &self.commands {
            Some(commands) => commands.is_terminal,
            None => io::stdin().is_terminal(),
        }
    }

    /// The next line; none at the end of the codes. Waiting for it may be given up.
    ///
    /// # Errors
    /// What the system says.
    pub(super) async fn next(&mut self, hearing: Hearing) -> io::Result<Option<Typed>> {
        let pause = TokioTimer.sleep(PERSON_PAUSE);
        let mut pause = std::pin::pin!(pause);
        let mut is_person = false;
        loop {
            tokio::select! {
                biased;
                code = self.codes.next() => {
                    return Ok(code?.map(|text| self.typed(text, is_person)));
                }
                command = next_command(&mut self.commands, hearing) => {
                    match command? {
                        Some(text) => return Ok(Some(Typed { text, by: By::Operator })),
                        // Nothing more comes from there; the gate goes on.
                        None => self.commands = None,
                    }
                }
                () = &mut pause, if !is_person => is_person = true,
            }
        }
    }

    /// What a line of the scanner's input is.
    fn typed(&self, text: Private, is_person: bool) -> Typed {
        let Some(mark) = self.mark else {
            return Typed {
                text,
                by: By::Scanner,
            };
        };
        match text.reveal().strip_prefix(mark) {
            Some(code) => Typed {
                text: Private::new(code),
                by: By::Scanner,
            },
            None if is_person => Typed {
                text,
                by: By::Operator,
            },
            None => Typed {
                text,
                by: By::Scanner,
            },
        }
    }
}

/// The next line of the operator's input; never, where there is none or none is waited for.
async fn next_command(
    commands: &mut Option<Commands>,
    hearing: Hearing,
) -> io::Result<Option<Private>> {
    match commands {
        Some(commands) if hearing == Hearing::Anything || !commands.is_terminal => {
            commands.lines.next().await
        }
        Some(_) | None => std::future::pending().await,
    }
}

/// Opens an input. A named pipe is held open for writing too, so that it does not end with each writer.
fn open(path: &Path) -> io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        options.write(std::fs::metadata(path)?.file_type().is_fifo());
    }
    options.open(path)
}
