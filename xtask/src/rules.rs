//! Rules no compiler checks: who may depend on whom, and where some words may stand.

mod arrows;
mod domain;
mod guards;
mod lengths;
mod mutants;
mod places;
pub(crate) mod supply;
mod unused;

use crate::house::House;
use anyhow::{Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};
use std::process::Stdio;

/// The rules about our own code. What a person should look at, but may be right, is only told.
///
/// # Errors
/// All breaches of all rules, one a line.
pub(crate) fn house(house: &House) -> Result<()> {
    let metadata = metadata(house)?;
    let mut breaches = arrows::breaches(&metadata);
    breaches.extend(domain::breaches(house, &metadata)?);
    breaches.extend(mutants::breaches(&metadata));
    breaches.extend(places::breaches(house)?);
    breaches.extend(guards::breaches(house)?);
    let notices = lengths::notices(house)?
        .into_iter()
        .chain(unused::notices(house, &metadata)?);
    for notice in notices {
        println!("notice: {notice}");
    }
    report(breaches)
}

/// What cargo knows about the whole graph, for every platform.
fn metadata(house: &House) -> Result<Metadata> {
    let question = [
        "metadata",
        "--locked",
        "--all-features",
        "--format-version",
        "1",
    ];
    let output = house.cargo(question).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("`cargo metadata` ended with {}", output.status);
    }
    Ok(MetadataCommand::parse(str::from_utf8(&output.stdout)?)?)
}

/// Makes an error of what was found, or nothing of nothing.
fn report(breaches: Vec<String>) -> Result<()> {
    if breaches.is_empty() {
        return Ok(());
    }
    bail!("{} broken:\n  {}", breaches.len(), breaches.join("\n  "));
}
