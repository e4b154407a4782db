//! The demonstration, from its start to its last line.

use crate::figure::{Figure, Limit, Sample};
use crate::program;
use anyhow::Result;

pub(crate) fn measure() -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let mut took = Sample::default();
    for seed in ["1", "2", "3"] {
        took.time(|| program::run(folder.path(), &["demo", "--seed", seed]))?;
    }
    Ok(vec![Figure {
        work: "usher demo".to_owned(),
        measured: took.median() / 1e3,
        baseline: None,
        unit: "s",
        limit: Limit::AtMost(15.0),
    }])
}
