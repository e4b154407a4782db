//! A folder of photographs and its `index.tsv`.

use crate::camera::{Expected, Picture};
use anyhow::{Context as _, Result};
use std::path::Path;
use usher_core::camera::picture;

/// The photographs on the odd lines of the index, or on the even ones. The first line is the head and
/// does not count.
pub(crate) fn open(folder: &Path, even: bool) -> Result<Vec<Picture>> {
    let index = folder.join("index.tsv");
    let index =
        std::fs::read_to_string(&index).with_context(|| format!("reading {}", index.display()))?;
    let lines = index.lines().skip(1).enumerate();
    lines
        .filter(|(place, line)| !line.is_empty() && (place % 2 == 1) == even)
        .map(|(_, line)| photo(folder, line))
        .collect()
}

fn photo(folder: &Path, line: &str) -> Result<Picture> {
    let mut cells = line.split('\t');
    let mut cell = || {
        cells
            .next()
            .with_context(|| format!("a cell is missing: {line}"))
    };
    let (path, text, set, codes) = (cell()?, cell()?, cell()?, cell()?);
    let bytes = std::fs::read(folder.join(path)).with_context(|| format!("reading {path}"))?;
    Ok(Picture {
        name: path.to_owned(),
        set: set.to_owned(),
        luma: picture::open(&bytes).with_context(|| format!("opening {path}"))?,
        expected: match (codes, text) {
            ("0", _) => Expected::Nothing,
            ("1", "?") => Expected::Unknown,
            (_, "?") => Expected::UnknownSeveral,
            _ => Expected::Text(unescaped(text)),
        },
    })
}

/// The text that a cell stands for: `\n`, `\t`, `\\` and `\u` with four digits.
fn unescaped(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell.chars();
    while let Some(next) = rest.next() {
        if next != '\\' {
            text.push(next);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('u') => {
                let digits: String = rest.by_ref().take(4).collect();
                let number = u32::from_str_radix(&digits, 16).ok();
                text.push(
                    number
                        .and_then(char::from_u32)
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                );
            }
            Some(other) => text.push(other),
            None => text.push('\\'),
        }
    }
    text
}
