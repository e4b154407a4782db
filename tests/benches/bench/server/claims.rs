//! Claims: how soon they are answered, that only one of many gets in, and how many there may be.

use super::device::{Device, Known, connect, prove};
use super::hall::Hall;
use super::process::Running;
use super::runtime;
use crate::figure::{Figure, Limit, Sample, median, now};
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::future::try_join_all;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use usher_domain::ids::TicketId;
use usher_domain::protocol::claim::ClaimAnswer;
use usher_domain::protocol::paths;
use usher_domain::record::Certainty;
use usher_domain::verdict::{Refusal, Verdict};

const TICKETS: usize = 500_000;
const CONNECTIONS: usize = 64;

/// Claims at a steady rate: one every so often, so many in all.
const EVERY: Duration = Duration::from_millis(2);
const STEADY: usize = 6_000;

/// Rounds in which all devices claim the same ticket.
const SAME: usize = 1_000;
/// Rounds after which the devices prove anew that the server has all of their records.
const SAME_PROVED: usize = 100;

/// Rounds of as many claims as there may be, in turn with the plainest answers, and claims of a round.
const ROUNDS: usize = 7;
const ROUND: usize = 6_400;
/// The plainest answer to a claim; the server has it only when it is built for this.
const PLAINLY: &str = "/sync/v1/claim-plainly";

pub(crate) fn measure() -> Result<Vec<Figure>> {
    runtime()?.block_on(async {
        let hall = Hall::of(TICKETS, CONNECTIONS).await?;
        let server = Running::start(&hall)?;
        let (known, devices) = connect(&hall, &server, &hall.devices).await?;
        let mut floor = Floor {
            server: &server,
            known,
            devices,
            unclaimed: hall.tickets.clone(),
        };
        let mut figures = Vec::new();
        figures.extend(floor.latency().await?);
        figures.push(floor.same_ticket().await?);
        figures.extend(floor.throughput().await?);
        Ok(figures)
    })
}

/// Devices that claim, and tickets that nobody claimed yet.
struct Floor<'a> {
    server: &'a Running,
    known: Arc<Known>,
    devices: Vec<Device>,
    unclaimed: Vec<TicketId>,
}

impl Floor<'_> {
    fn tickets(&mut self, count: usize) -> Result<Vec<TicketId>> {
        let from = self.unclaimed.len().checked_sub(count);
        Ok(self
            .unclaimed
            .split_off(from.context("no tickets are left")?))
    }

    async fn latency(&mut self) -> Result<Vec<Figure>> {
        let tickets = self.tickets(STEADY)?;
        prove(&self.known, &mut self.devices).await?;
        let all = Cell::new(false);
        let took = steadily(&self.known, &mut self.devices, &tickets, EVERY, &all).await?;
        let figure = |name, share, limit| Figure {
            work: format!(
                "one claim at {} a second, {name}",
                1_000 / EVERY.as_millis()
            ),
            measured: took.quantile(share),
            baseline: None,
            unit: "ms",
            limit,
        };
        Ok(vec![
            figure("p50", 0.5, Limit::AtMost(5.0)),
            figure("p99", 0.99, Limit::AtMost(25.0)),
            figure("slowest", 1.0, Limit::Told),
        ])
    }

    /// All devices claim one ticket at once, again and again.
    async fn same_ticket(&mut self) -> Result<Figure> {
        let mut good = 0_u32;
        for (round, ticket) in self.tickets(SAME)?.into_iter().enumerate() {
            if round % SAME_PROVED == 0 {
                prove(&self.known, &mut self.devices).await?;
            }
            let known = &self.known;
            let claims = self.devices.iter_mut();
            let claims = claims.map(|device| device.claim(paths::CLAIM, known, ticket));
            let answers = try_join_all(claims).await?;
            let admitted = answers.iter().filter(|answer| is_admitted(answer)).count();
            let refused = answers.iter().filter(|answer| is_held_back(answer)).count();
            good += u32::from(admitted == 1 && refused == CONNECTIONS - 1);
        }
        Ok(Figure {
            work: format!("rounds in which one of {CONNECTIONS} gets in, all others are refused"),
            measured: f64::from(good),
            baseline: None,
            unit: "rounds",
            limit: Limit::AtLeast(SAME as f64),
        })
    }

    async fn throughput(&mut self) -> Result<Vec<Figure>> {
        let (mut ours, mut plain) = (Rounds::default(), Rounds::default());
        // The first round of both warms up.
        for round in 0..=ROUNDS {
            let tickets = self.tickets(ROUND)?;
            let own = self.round(paths::CLAIM, &tickets).await?;
            let compared = self.round(PLAINLY, &tickets).await?;
            if round > 0 {
                ours.note(&own);
                plain.note(&compared);
            }
        }
        let (a_second, used) = (median(ours.a_second), median(ours.used_us));
        let (plain_a_second, plain_used) = (median(plain.a_second), median(plain.used_us));
        let figure = |work, measured, baseline, unit, limit| Figure {
            work,
            measured,
            baseline,
            unit,
            limit,
        };
        let work = format!("claims a second, {CONNECTIONS} connections, {TICKETS} tickets");
        let times = Limit::TimesBaselineOrMore(0.6);
        let least = Limit::AtLeast(5_000.0);
        let cost = "the server's time for one of them".to_owned();
        let sure = "of them confirmed, no device silent".to_owned();
        let confirmed = 100.0 * ours.confirmed as f64 / (ROUNDS * ROUND) as f64;
        Ok(vec![
            figure(work.clone(), a_second, Some(plain_a_second), "/s", times),
            figure(work, a_second, None, "/s", least),
            figure(cost, used, Some(plain_used), "µs", Limit::Told),
            figure(sure, confirmed, None, "%", Limit::Told),
        ])
    }

    /// Claims tickets over all connections as fast as they are answered.
    async fn round(&mut self, path: &str, tickets: &[TicketId]) -> Result<Round> {
        prove(&self.known, &mut self.devices).await?;
        let (known, confirmed) = (&self.known, &Cell::new(0));
        let shares = tickets.chunks(tickets.len() / CONNECTIONS);
        let (begun, used) = (now(), self.server.cpu()?);
        let claiming = self.devices.iter_mut().zip(shares);
        let claiming = claiming.map(|(device, share)| async move {
            for ticket in share {
                let answer = device.claim(path, known, *ticket).await?;
                ensure!(is_admitted(&answer), "not admitted: {answer:?}");
                confirmed.set(confirmed.get() + usize::from(is_confirmed(&answer)));
            }
            Ok(())
        });
        try_join_all(claiming).await?;
        let used = self.server.cpu()?.saturating_sub(used);
        Ok(Round {
            a_second: tickets.len() as f64 / begun.elapsed().as_secs_f64(),
            used_us: used.as_secs_f64() * 1e6 / tickets.len() as f64,
            confirmed: confirmed.get(),
        })
    }
}

/// One round of claims.
struct Round {
    a_second: f64,
    /// Microseconds of the server's processor for each.
    used_us: f64,
    confirmed: usize,
}

/// Rounds of one kind.
#[derive(Default)]
struct Rounds {
    a_second: Vec<f64>,
    used_us: Vec<f64>,
    confirmed: usize,
}

impl Rounds {
    fn note(&mut self, round: &Round) {
        self.a_second.push(round.a_second);
        self.used_us.push(round.used_us);
        self.confirmed += round.confirmed;
    }
}

/// Claims tickets by turns over connections, one every so often, until they are used up or it is `over`.
///
/// Each claim is due at its own moment and its time counts from then on, also when its connection still
/// waits for the answer before: a server that stands still is charged with everybody who stands in the
/// line (the "coordinated omission" of Gil Tene).
pub(crate) async fn steadily(
    known: &Known,
    devices: &mut [Device],
    tickets: &[TicketId],
    every: Duration,
    over: &Cell<bool>,
) -> Result<Sample> {
    let turns = devices.len();
    let begun = now();
    let claiming = devices.iter_mut().enumerate().map(|(turn, device)| {
        let own = tickets.iter().enumerate().skip(turn).step_by(turns);
        async move {
            let mut took = Sample::default();
            for (number, ticket) in own {
                let due = begun + every * u32::try_from(number)?;
                tokio::time::sleep_until(due.into()).await;
                if over.get() {
                    break;
                }
                let answer = device.claim(paths::CLAIM, known, *ticket).await?;
                took.note(due.elapsed());
                ensure!(is_admitted(&answer), "not admitted: {answer:?}");
            }
            anyhow::Ok(took)
        }
    });
    let mut all = Sample::default();
    for took in try_join_all(claiming).await? {
        all.extend(took);
    }
    if all.count() == 0 {
        bail!("no claim was made");
    }
    Ok(all)
}

const fn is_admitted(answer: &ClaimAnswer) -> bool {
    matches!(answer, ClaimAnswer::Decided(decided) if matches!(decided.verdict, Verdict::Admit(_)))
}

const fn is_confirmed(answer: &ClaimAnswer) -> bool {
    matches!(answer, ClaimAnswer::Decided(decided) if matches!(decided.certainty, Certainty::Confirmed))
}

/// Whether somebody else is being let in with the ticket.
const fn is_held_back(answer: &ClaimAnswer) -> bool {
    matches!(answer, ClaimAnswer::Decided(decided)
        if matches!(decided.verdict, Verdict::Refuse(Refusal::BeingAdmitted(_))))
}
