//! One picture as a camera sees it: a first frame, and twelve that a moving hand makes of it.

use crate::reference::Reference;
use crate::{cpu, jitter};
use anyhow::Result;
use std::collections::HashMap;
use usher_core::camera::{Decoder as _, FRAME_BUDGET, LumaFrame, Scanner};

/// Frames of a scene after the first one.
const FRAMES: u64 = 12;

/// A picture and what it shows.
pub(crate) struct Picture {
    /// What it is called; the noise of its frames follows from it.
    pub name: String,
    /// The kind of pictures it belongs to.
    pub set: String,
    /// Its pixels.
    pub luma: LumaFrame,
    /// What its code says.
    pub expected: Expected,
}

/// What should be read in a picture.
pub(crate) enum Expected {
    /// There is no code.
    Nothing,
    /// There is a code, and nobody wrote down what it says.
    Unknown,
    /// There are several codes, and nobody wrote down what they say.
    UnknownSeveral,
    /// This, and maybe other codes.
    Text(String),
}

impl Expected {
    /// What the code says, empty where nobody wrote it down. None if there is no code.
    fn code(&self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Unknown | Self::UnknownSeveral => Some(String::new()),
            Self::Text(text) => Some(text.clone()),
        }
    }

    fn is_met(&self, texts: &[String]) -> bool {
        match self {
            Self::Nothing => false,
            Self::Unknown | Self::UnknownSeveral => !texts.is_empty(),
            Self::Text(expected) => texts.iter().any(|text| same(text, expected)),
        }
    }
}

/// Indexes were written by programs that end lines in their own ways.
fn same(a: &str, b: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    plain(a) == plain(b)
}

/// What a decoder made of a picture.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    /// Whether the first frame was read.
    pub first: bool,
    /// Whether one of the twelve was.
    pub twelve: bool,
    /// Milliseconds of the first frame.
    pub first_ms: f64,
    /// Milliseconds of each of the twelve.
    pub ms: Vec<f64>,
    /// Texts that the code does not say.
    pub wrong: Vec<String>,
    /// How often each text was read.
    texts: HashMap<String, usize>,
}

impl Tries {
    fn add(&mut self, number: u64, texts: Vec<String>, ms: f64, expected: &Expected) {
        let met = expected.is_met(&texts);
        if number == 0 {
            (self.first, self.first_ms) = (met, ms);
        } else {
            self.twelve |= met;
            self.ms.push(ms);
        }
        for text in texts {
            *self.texts.entry(text).or_default() += 1;
        }
    }

    /// Counts as wrong what nothing speaks for: neither the index, nor the other decoder, nor, where
    /// nobody wrote down what the code says, another frame.
    fn judge(&mut self, expected: &Expected, other: Option<&Self>) {
        let alone = self.texts.len() == 1;
        let doubtful = self.texts.iter().filter(|&(text, &times)| {
            let known = match expected {
                Expected::Nothing => false,
                Expected::Unknown => times > 1 || alone,
                Expected::UnknownSeveral => true,
                Expected::Text(expected) => same(text, expected),
            };
            !known && other.is_none_or(|other| !other.texts.contains_key(text))
        });
        self.wrong = doubtful.map(|(text, _)| text.clone()).collect();
        self.wrong.sort_unstable();
    }
}

/// A picture with what both decoders made of it.
pub(crate) struct Measured {
    /// What the picture is called.
    pub name: String,
    /// The kind of pictures it belongs to.
    pub set: String,
    /// What its code says, empty where nobody wrote it down. None if there is no code in it.
    pub code: Option<String>,
    /// What Usher reads.
    pub ours: Tries,
    /// What zxing-cpp reads, if it is there.
    pub theirs: Option<Tries>,
}

/// Measures all pictures, both decoders in turn on every frame.
pub(crate) fn measure(
    pictures: &[Picture],
    reference: &mut Option<Reference>,
) -> Result<Vec<Measured>> {
    pictures
        .iter()
        .map(|picture| measured(picture, reference))
        .collect()
}

fn measured(picture: &Picture, reference: &mut Option<Reference>) -> Result<Measured> {
    let mut ours = Tries::default();
    let mut theirs = reference.is_some().then(Tries::default);
    let mut scanner = Scanner::new(FRAME_BUDGET, cpu::now);
    for number in 0..=FRAMES {
        let frame = match number {
            0 => picture.luma.clone(),
            _ => jitter::frame(&picture.luma, &picture.name, number),
        };
        if number == 1 {
            // The twelve are a scene of their own.
            scanner = Scanner::new(FRAME_BUDGET, cpu::now);
        }
        let (seen, ms) = cpu::timed(|| scanner.decode(frame.as_frame()));
        let texts = seen?
            .iter()
            .map(|seen| seen.text.reveal().to_owned())
            .collect();
        ours.add(number, texts, ms, &picture.expected);
        if let (Some(reference), Some(theirs)) = (reference.as_mut(), &mut theirs) {
            let answer = reference.read(&frame)?;
            theirs.add(number, answer.texts, answer.ms, &picture.expected);
        }
    }
    ours.judge(&picture.expected, theirs.as_ref());
    if let Some(theirs) = &mut theirs {
        theirs.judge(&picture.expected, Some(&ours));
    }
    Ok(Measured {
        name: picture.name.clone(),
        set: picture.set.clone(),
        code: picture.expected.code(),
        ours,
        theirs,
    })
}
