//! Scanning what a camera sees, or what a video or pictures show.

use super::telling::Sighting;
use super::{CliGate, Ready};
use crate::cameras::Origin;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Colour;
use crate::shell::Shell;
use serde::Serialize;
use std::time::Duration;
use usher_core::camera::presence::Act;
use usher_core::camera::{Detection, FrameSource, Reader, Scanner, Step};
use usher_core::sync::{Timer as _, TokioTimer};

/// How long the loop sleeps while the camera has nothing new: a tenth of what a frame takes.
const NAP: Duration = Duration::from_millis(3);

/// What was seen and done until now.
#[derive(Debug, Default, Serialize)]
struct Tally {
    /// Always true: this is the last line.
    ended: bool,
    frames: u64,
    /// Frames that the decoder failed on.
    unreadable_frames: u64,
    scans: u64,
    admitted: u64,
    refused: u64,
    referred: u64,
    /// How often people were asked to show one ticket at a time.
    asked_to_show_one: u64,
    #[serde(skip)]
    exit: Option<Exit>,
}

/// Several tickets in view and none the obvious one.
#[derive(Serialize)]
struct ShowOne {
    show_one: bool,
    message: &'static str,
    seen: Vec<Sighting>,
}

const SHOW_ONE: &str = "Several tickets are in view. Show one at a time.";

/// The showing that frames belong to.
#[derive(Debug, Default)]
struct Showing {
    /// The number of the picture, or of the only source.
    number: usize,
    /// When the last frame was captured.
    time: Duration,
    size: (u32, u32),
    scanned: bool,
    /// Whether it was asked to show one.
    asked: bool,
    /// Whether frames fail to come.
    failed: bool,
}

impl CliGate<'_> {
    /// Scans everything that is held up, until the source ends or somebody presses Ctrl-C, and exchanges
    /// beside it.
    pub(super) async fn watch(&self, shell: &mut Shell, origin: &Origin) -> Result<Exit, CliError> {
        let mut reader = Reader::new(origin.open()?, origin.scanner());
        let one_by_one = matches!(origin, Origin::Pictures(_));
        if let Origin::Camera { .. } = origin {
            Ready::of(self.door)?.show(shell, "Hold a ticket up to the camera; Ctrl-C ends.")?;
        }
        let mut tally = Tally::default();
        let ended = tokio::select! {
            ended = self.look(shell, &mut reader, origin, &mut tally) => ended,
            ended = self.keep_in_step() => ended,
            _ = tokio::signal::ctrl_c() => Ok(()),
        };
        tally.ended = true;
        if !one_by_one {
            shell
                .output
                .show(&tally, |page| page.line(tally.sentence()))?;
        }
        ended.map(|()| tally.exit.unwrap_or(Exit::Done))
    }

    async fn look(
        &self,
        shell: &mut Shell,
        reader: &mut Reader<impl FrameSource, Scanner>,
        origin: &Origin,
        tally: &mut Tally,
    ) -> Result<(), CliError> {
        let mut showing = Showing::default();
        loop {
            let step = reader.step();
            match step.map_err(|error| origin.error(showing.number, error))? {
                Step::Later => TokioTimer.sleep(NAP).await,
                Step::Frame(look) => {
                    tally.frames += 1;
                    tally.unreadable_frames += u64::from(look.seen.is_err());
                    (showing.time, showing.size) = (look.time, look.size);
                    if std::mem::take(&mut showing.failed)
                        && let Origin::Camera { .. } = origin
                    {
                        shell.output.note("The camera is back.")?;
                    }
                    self.act(shell, look.act, &mut showing, tally).await?;
                    // Others have something to do, too.
                    tokio::task::yield_now().await;
                }
                Step::Trouble(error) => {
                    let error = origin.error(showing.number, error);
                    shell.output.failure(&error)?;
                    showing.failed = true;
                    if origin.file(showing.number).is_some() {
                        tally.worse(Exit::Failed);
                    }
                }
                Step::Cut(act) => {
                    self.act(shell, act, &mut showing, tally).await?;
                    if let Origin::Pictures(_) = origin {
                        missing(shell, origin, &showing, tally)?;
                        showing = Showing {
                            number: showing.number + 1,
                            ..Showing::default()
                        };
                    }
                }
                Step::End(act) => {
                    self.act(shell, act, &mut showing, tally).await?;
                    return missing(shell, origin, &showing, tally);
                }
            }
        }
    }

    async fn act(
        &self,
        shell: &mut Shell,
        act: Option<Act>,
        showing: &mut Showing,
        tally: &mut Tally,
    ) -> Result<(), CliError> {
        let Some(act) = act else { return Ok(()) };
        let seen = |detection: &Detection| Sighting::of(detection, showing.time, showing.size);
        match act {
            Act::Scan(detection) => {
                showing.scanned = true;
                let seen = seen(&detection);
                let exit = self.show(shell, detection.text, Some(seen)).await?;
                tally.scanned(exit);
            }
            Act::ShowOne(detections) => {
                showing.asked = true;
                tally.asked_to_show_one += 1;
                let told = ShowOne {
                    show_one: true,
                    message: SHOW_ONE,
                    seen: detections.iter().map(seen).collect(),
                };
                shell.output.show(&told, |page| {
                    page.headline(Colour::Amber, "ONE AT A TIME", SHOW_ONE);
                })?;
            }
        }
        Ok(())
    }
}

/// Says that a file showed no code. One of which none was scanned is a failure in any case: an exit code of
/// 0 means that somebody was let in.
fn missing(
    shell: &mut Shell,
    origin: &Origin,
    showing: &Showing,
    tally: &mut Tally,
) -> Result<(), CliError> {
    let Some(file) = origin.file(showing.number) else {
        return Ok(());
    };
    if !showing.scanned {
        tally.worse(Exit::Failed);
        if !showing.asked && !showing.failed {
            shell.output.failure(&CliError::NoCode(file.to_owned()))?;
        }
    }
    Ok(())
}

impl Tally {
    fn worse(&mut self, exit: Exit) {
        self.exit = Some(self.exit.map_or(exit, |before| before.worse(exit)));
    }

    fn scanned(&mut self, exit: Exit) {
        self.scans += 1;
        match exit {
            Exit::Done => self.admitted += 1,
            Exit::Refused => self.refused += 1,
            Exit::Referred | Exit::NotReady | Exit::Failed | Exit::Misused => self.referred += 1,
        }
        self.worse(exit);
    }

    fn sentence(&self) -> String {
        let Self {
            frames,
            scans,
            admitted,
            refused,
            referred,
            asked_to_show_one: asked,
            ..
        } = self;
        format!(
            "{frames} frames, {scans} scans: {admitted} admitted, {refused} refused, {referred} referred; \
             asked {asked} times to show one."
        )
    }
}
