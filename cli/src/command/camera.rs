//! `usher camera`: which cameras there are, and what one of them sees.

use crate::cameras::{self, Frames, Origin};
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Page;
use crate::shell::Shell;
use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;
use std::time::{Duration, Instant};
use usher_core::camera::{
    CameraFound, DecodeError, Decoder, Detection, Frame, FrameSource, Look, Reader, Scanner, Step,
};
use usher_core::sync::{Timer as _, TokioTimer};
use usher_domain::code::{Presented, TicketCodeText, read};
use usher_domain::secret::Private;

/// How long the loop sleeps while the camera has nothing new.
const NAP: Duration = Duration::from_millis(3);

/// Find cameras, and see what they see
#[derive(Debug, Subcommand)]
pub enum Camera {
    /// List the cameras of this machine with their numbers
    List,
    /// Look through a camera without scanning: picture size, rate, time to decode, and what is read
    Test(Test),
}

/// Looks through a camera.
///
/// What codes say is not shown, only their kind. Nothing is written down.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("source").required(true)))]
pub struct Test {
    /// The camera's number
    #[arg(value_name = "N", group = "source")]
    pub camera: Option<u32>,
    /// Videos, pictures, and how a camera shall film.
    #[command(flatten)]
    pub frames: Frames,
    /// How long to look through a camera
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Show what the codes say: they are worth a ticket
    #[arg(long)]
    pub show_text: bool,
}

impl Camera {
    /// Does it.
    ///
    /// # Errors
    /// [`CliError`] if there is no such camera or file, or it cannot be read.
    pub async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        match self {
            Self::List => list(shell),
            Self::Test(test) => test.run(shell).await,
        }
    }
}

fn list(shell: &mut Shell) -> Result<Exit, CliError> {
    let found = cameras::list()?;
    let row = |one: &CameraFound| [one.index.to_string(), one.name.clone(), one.about.clone()];
    let empty = "No camera is plugged in.";
    shell
        .output
        .list(&found, ["number", "name", "device"], empty, row)?;
    Ok(Exit::Done)
}

impl Test {
    async fn run(self, shell: &mut Shell) -> Result<Exit, CliError> {
        let origin = Origin::of(self.camera, &self.frames)
            .ok_or(CliError::Missing("which camera, video or pictures?"))?;
        let mut reader = Reader::new(origin.open()?, Timed::new(origin.scanner()));
        let mut report = Report::default();
        let live = matches!(origin, Origin::Camera { .. });
        if live {
            shell.output.note("Looking. Ctrl-C ends early.")?;
        }
        let ended = tokio::select! {
            ended = look(shell, &mut reader, &origin, &mut report) => ended,
            () = TokioTimer.sleep(Duration::from_secs(self.seconds)), if live => Ok(()),
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        report.decode_ms = reader.decoder().spread();
        if !self.show_text {
            report.codes.iter_mut().for_each(|code| code.text = None);
        }
        shell.output.show(&report, |page| report.fill(page))?;
        ended.map(|()| report.exit)
    }
}

/// Looks until the source ends.
async fn look(
    shell: &mut Shell,
    reader: &mut Reader<impl FrameSource, Timed>,
    origin: &Origin,
    report: &mut Report,
) -> Result<(), CliError> {
    let mut picture = 0;
    loop {
        match reader
            .step()
            .map_err(|error| origin.error(picture, error))?
        {
            Step::Later => TokioTimer.sleep(NAP).await,
            Step::Frame(look) => {
                report.take_in(look);
                tokio::task::yield_now().await;
            }
            Step::Trouble(error) => {
                let error = origin.error(picture, error);
                shell.output.failure(&error)?;
                report.exit = Exit::Failed;
            }
            Step::Cut(_) => picture += 1,
            Step::End(_) => return Ok(()),
        }
    }
}

/// What was seen.
#[derive(Debug, Serialize)]
struct Report {
    /// Width and height of the last frame, upright.
    size: [u32; 2],
    frames: u64,
    /// Frames in which at least one code was read.
    frames_with_codes: u64,
    unreadable_frames: u64,
    /// Frames a second, by the times of capture; none of fewer than two.
    rate: Option<f64>,
    decode_ms: Option<Spread>,
    /// Every code that was read, in the order of its first frame.
    codes: Vec<Code>,
    #[serde(skip)]
    first: Option<Duration>,
    #[serde(skip)]
    exit: Exit,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            size: [0, 0],
            frames: 0,
            frames_with_codes: 0,
            unreadable_frames: 0,
            rate: None,
            decode_ms: None,
            codes: Vec::new(),
            first: None,
            exit: Exit::Done,
        }
    }
}

#[derive(Debug, Serialize)]
struct Code {
    kind: &'static str,
    /// In how many frames it was read.
    frames: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Private>,
}

impl Report {
    fn take_in(&mut self, look: Look) {
        self.frames += 1;
        self.size = [look.size.0, look.size.1];
        let first = *self.first.get_or_insert(look.time);
        let passed = look.time.saturating_sub(first).as_secs_f64();
        if passed > 0.0 {
            // Frames that were counted in this time: one less than frames that were seen.
            self.rate = Some((self.frames - 1) as f64 / passed);
        }
        let Ok(seen) = look.seen else {
            self.unreadable_frames += 1;
            return;
        };
        self.frames_with_codes += u64::from(!seen.is_empty());
        for Detection { text, .. } in seen {
            let mut known = self.codes.iter_mut();
            match known.find(|code| code.text.as_ref() == Some(&text)) {
                Some(code) => code.frames += 1,
                None => self.codes.push(Code {
                    kind: kind(&text),
                    frames: 1,
                    text: Some(text),
                }),
            }
        }
    }

    fn fill(&self, page: &mut Page) {
        let [width, height] = self.size;
        page.field("size", format_args!("{width} × {height}"));
        page.field(
            "frames",
            format_args!(
                "{}, of which {} with codes",
                self.frames, self.frames_with_codes
            ),
        );
        if let Some(rate) = self.rate {
            page.field("rate", format_args!("{rate:.1} frames a second"));
        }
        if let Some(Spread { p50, p95 }) = self.decode_ms {
            page.field(
                "decoding",
                format_args!("{p50:.1} ms a frame, 95 % within {p95:.1} ms"),
            );
        }
        let row = |code: &Code| {
            let text = code.text.as_ref().map_or("", Private::reveal);
            [
                code.kind.to_owned(),
                code.frames.to_string(),
                text.to_owned(),
            ]
        };
        let rows: Vec<[String; 3]> = self.codes.iter().map(row).collect();
        page.table(["code", "frames", ""], &rows, "No code was read.");
    }
}

/// Whose code it looks like.
fn kind(text: &Private) -> &'static str {
    let Ok(text) = TicketCodeText::new(text.reveal()) else {
        return "no ticket code";
    };
    match read(&text) {
        Presented::Usher(_) => "usher",
        Presented::MalformedUsher(_) => "usher, damaged",
        Presented::PretixLike(_) => "pretix",
        Presented::Opaque => "opaque",
    }
}

/// A decoder that notes how long it takes.
#[derive(Debug)]
struct Timed {
    decoder: Scanner,
    took: Vec<Duration>,
}

/// Milliseconds that half of the frames stayed within, and 95 in 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Spread {
    p50: f64,
    p95: f64,
}

/// Times that are kept: an hour of a fast camera.
const TIMES_MAX: usize = 60 * 60 * 60;

impl Decoder for Timed {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long this program's own work takes is no input"
    )]
    fn decode(&mut self, frame: Frame<'_>) -> Result<Vec<Detection>, DecodeError> {
        let start = Instant::now();
        let seen = self.decoder.decode(frame);
        if self.took.len() < TIMES_MAX {
            self.took.push(start.elapsed());
        }
        seen
    }
}

impl Timed {
    const fn new(decoder: Scanner) -> Self {
        Self {
            decoder,
            took: Vec::new(),
        }
    }

    fn spread(&self) -> Option<Spread> {
        let mut took = self.took.clone();
        took.sort_unstable();
        let within = |share: usize| {
            let place = (took.len() * share).div_ceil(100).saturating_sub(1);
            took.get(place).map(|time| time.as_secs_f64() * 1_000.0)
        };
        Some(Spread {
            p50: within(50)?,
            p95: within(95)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_frames_stay_within_the_median() {
        let timed = |ms: &[u64]| Timed {
            took: ms.iter().map(|ms| Duration::from_millis(*ms)).collect(),
            ..Timed::new(Scanner::patient())
        };
        assert_eq!(timed(&[]).spread(), None);
        let all: Vec<u64> = (1..=100).rev().collect();
        let spread = timed(&all).spread().unwrap();
        assert_eq!((spread.p50, spread.p95), (50.0, 95.0));
    }

    #[test]
    fn kinds_are_told_without_their_codes() {
        assert_eq!(kind(&Private::new("4006381333931")), "opaque");
        assert_eq!(kind(&Private::new("USH1:ABC")), "usher, damaged");
        assert_eq!(kind(&Private::new("a\u{1d}b")), "no ticket code");
    }
}
