//! A measured figure, what it must reach, and the table of all.

use serde::Serialize;
use std::time::{Duration, Instant};

/// One measured figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    /// What was done.
    pub work: String,
    /// What was measured.
    pub measured: f64,
    /// The same work done in the plainest way, in turn with it; none where the limit is absolute.
    pub baseline: Option<f64>,
    /// Unit of both.
    pub unit: &'static str,
    /// What it must reach.
    pub limit: Limit,
}

/// What a figure must reach.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// At most this many times the baseline.
    TimesBaseline(f64),
    /// At most this.
    AtMost(f64),
    /// At least this many times the baseline.
    TimesBaselineOrMore(f64),
    /// At least this.
    AtLeast(f64),
    /// No limit; told for comparison.
    Told,
}

impl Figure {
    /// Whether it reaches what it must.
    pub(crate) fn holds(&self) -> bool {
        match self.limit {
            Limit::TimesBaseline(times) => self
                .baseline
                .is_some_and(|baseline| self.measured <= times * baseline),
            Limit::AtMost(most) => self.measured <= most,
            Limit::TimesBaselineOrMore(times) => self
                .baseline
                .is_some_and(|baseline| self.measured >= times * baseline),
            Limit::AtLeast(least) => self.measured >= least,
            Limit::Told => true,
        }
    }

    fn cells(&self) -> [String; 6] {
        let number = |value: f64| {
            let digits = if value < 10.0 {
                2
            } else {
                usize::from(value < 1000.0)
            };
            format!("{value:.digits$} {}", self.unit)
        };
        let ratio = self
            .baseline
            .filter(|baseline| *baseline > 0.0)
            .map_or_else(|| "-".to_owned(), |b| format!("{:.2}", self.measured / b));
        let limit = match self.limit {
            Limit::TimesBaseline(times) => format!("≤ {times} × baseline"),
            Limit::AtMost(most) => format!("≤ {}", number(most)),
            Limit::TimesBaselineOrMore(times) => format!("≥ {times} × baseline"),
            Limit::AtLeast(least) => format!("≥ {}", number(least)),
            Limit::Told => "-".to_owned(),
        };
        let verdict = match (self.limit, self.holds()) {
            (Limit::Told, _) => "",
            (_, true) => "holds",
            (_, false) => "MISSED",
        };
        [
            self.work.clone(),
            number(self.measured),
            self.baseline.map_or_else(|| "-".to_owned(), number),
            ratio,
            limit,
            verdict.to_owned(),
        ]
    }
}

/// All figures as a table of plain text.
pub(crate) fn table(figures: &[Figure]) -> String {
    let head = ["work", "measured", "baseline", "ratio", "must reach", ""].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(head)
        .chain(figures.iter().map(Figure::cells))
        .collect();
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 6]| {
        let cells: Vec<String> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = widths.map(|width| "-".repeat(width));
    rows.iter()
        .enumerate()
        .map(|(at, row)| {
            if at == 0 {
                line(row) + &line(&rule)
            } else {
                line(row)
            }
        })
        .collect()
}

/// Durations of one kind of work.
#[derive(Debug, Default)]
pub(crate) struct Sample(Vec<Duration>);

impl Sample {
    /// Runs work and notes how long it took.
    pub(crate) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = now();
        let done = work();
        self.0.push(begun.elapsed());
        done
    }

    /// Notes a duration measured elsewhere.
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.push(took);
    }

    /// The duration that `share` of all do not exceed, in milliseconds.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        sorted
            .get(at)
            .map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes in those of another sample.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The median in milliseconds.
    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

/// The middle one of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Now, by the clock that only counts.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
