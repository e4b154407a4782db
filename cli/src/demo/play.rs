//! The stage of the demo and the order of its scenes. Every expectation compares what a process really answered.

use super::expect::Expectations;
use super::gate::{DemoGate, Seen};
use super::house::House;
use super::shop::Shop;
use super::story::{Story, verdicts};
use crate::error::CliError;
use crate::shell::Shell;
use fastrand::Rng;
use std::path::Path;
use usher_domain::secret::Private;

/// How large the demo is and which one.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Tickets that the shop sold.
    pub tickets: u32,
    /// Which names, which people, which pictures.
    pub seed: u64,
}

/// What a gate says to one that is known to be inside.
pub(super) const INSIDE: &str = "refuse already_inside";

/// Everybody on the stage.
pub struct Play<'a> {
    pub(super) story: Story<'a>,
    pub(super) expect: &'a mut Expectations,
    pub(super) house: House,
    pub(super) north: DemoGate,
    pub(super) south: DemoGate,
    pub(super) shop: Shop,
    pub(super) rng: Rng,
    pub(super) size: Size,
}

/// At which gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    North,
    South,
}

pub(super) const BOTH: [At; 2] = [At::North, At::South];

/// Plays everything in a folder.
///
/// # Errors
/// [`CliError`] where the play cannot go on.
pub async fn play(
    folder: &Path,
    size: Size,
    shell: &mut Shell,
    expect: &mut Expectations,
) -> Result<(), CliError> {
    let (correlation, now, today) = (shell.correlation()?, shell.now(), shell.today()?);
    let mut story = Story::new(&mut shell.output);
    story.scene(
        "A server and an event",
        "A server starts as a process of its own, with TLS and an empty database. The organizer makes a\n\
         root key that never leaves this side, and announces two nights, a pass for both, and two gates.",
    )?;
    let house = House::build(folder, correlation, now).await?;
    house.announce(today).await?;
    let mut play = Play {
        story,
        expect,
        house,
        north: DemoGate::new("north", folder, size.seed),
        south: DemoGate::new("south", folder, size.seed ^ u64::from(u32::MAX)),
        shop: Shop::new(size.seed),
        rng: Rng::with_seed(size.seed),
        size,
    };
    let (tickets, counts) = play.sales().await?;
    play.enrollment(counts).await?;
    play.cut().await?;
    play.doors(&tickets).await?;
    play.power_failure(&tickets).await?;
    play.apart(&tickets).await?;
    let late = play.meanwhile(&tickets, counts).await?;
    play.network_back().await?;
    play.together(&tickets, &late).await?;
    play.sure(&tickets).await?;
    play.reckoning().await
}

impl Play<'_> {
    pub(super) fn gate(&mut self, at: At) -> &mut DemoGate {
        match at {
            At::North => &mut self.north,
            At::South => &mut self.south,
        }
    }

    /// One person holds up a code at one gate.
    pub(super) async fn show(
        &mut self,
        at: At,
        shown: &str,
        code: &Private,
    ) -> Result<Seen, CliError> {
        let seen = self.gate(at).show(code).await?;
        let name = self.gate(at).name;
        self.story.scan(name, shown, &seen)?;
        Ok(seen)
    }

    /// The same code at both gates, north first.
    pub(super) async fn show_both(
        &mut self,
        shown: &str,
        code: &Private,
    ) -> Result<[Seen; 2], CliError> {
        Ok([
            self.show(At::North, shown, code).await?,
            self.show(At::South, shown, code).await?,
        ])
    }

    /// Compares each verdict with the one wanted, and shows them together where they are the same.
    pub(super) fn expect_all(&mut self, name: &'static str, seen: &[Seen], wanted: &str) {
        let as_wanted = seen
            .iter()
            .filter(|seen| verdicts([*seen]) == wanted)
            .count();
        let others: Vec<&Seen> = seen
            .iter()
            .filter(|seen| verdicts([*seen]) != wanted)
            .collect();
        let all = format!("{wanted}: {} of {}", seen.len(), seen.len());
        let mut saw = format!("{wanted}: {as_wanted} of {}", seen.len());
        if !others.is_empty() {
            saw.push_str(&format!(", but {}", verdicts(others)));
        }
        self.expect.compare(name, saw, &all);
    }
}
