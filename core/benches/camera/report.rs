//! What was measured, as a table and as JSON, and whether it holds what it must.

use crate::camera::{Measured, Tries};
use fastrand::Rng;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Milliseconds that 95 of 100 first frames, and 999 of 1,000 frames, may take.
const FIRST_P95_MS: f64 = 33.0;
const P999_MS: f64 = 50.0;

/// Milliseconds for an empty frame of 1280 × 720.
const EMPTY_MS: f64 = 4.0;

/// How many times zxing-cpp's median a frame may take.
const TIMES: f64 = 1.5;

/// Drawn samples of the pictures, for the interval.
const RESAMPLES: usize = 2_000;

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    collections: Vec<Collection>,
    /// Frames without a code.
    pub empty: Vec<Empty>,
}

/// Pictures that are reported together.
#[derive(Debug, Serialize)]
struct Collection {
    name: String,
    sets: Vec<Row>,
    total: Row,
    ours: Times,
    theirs: Option<Times>,
    wrong: Vec<Wrong>,
    theirs_wrong: Option<usize>,
    /// Pictures whose first frame only zxing-cpp read.
    only_theirs: Vec<String>,
    /// Points by which more is read than by zxing-cpp: first frames, and twelve.
    first_difference: Option<Difference>,
    twelve_difference: Option<Difference>,
}

/// A text that was read and is not what the code says.
#[derive(Debug, Serialize)]
struct Wrong {
    picture: String,
    read: String,
    /// What the code says; empty where nobody wrote it down.
    expected: String,
}

/// Pictures of one kind, and in how many the code was read.
#[derive(Debug, Clone, Default, Serialize)]
struct Row {
    set: String,
    pictures: usize,
    first: usize,
    twelve: usize,
    theirs_first: usize,
    theirs_twelve: usize,
}

/// Milliseconds on the processor: of first frames, and of the twelve.
#[derive(Debug, Serialize)]
struct Times {
    first_p50: f64,
    first_p95: f64,
    p50: f64,
    p95: f64,
    p999: f64,
}

/// A paired difference in points, with the interval that holds it with 95 %.
#[derive(Debug, Clone, Copy, Serialize)]
struct Difference {
    points: f64,
    low: f64,
    high: f64,
}

/// Frames without a code, of one size.
#[derive(Debug, Serialize)]
pub(crate) struct Empty {
    pub size: String,
    pub p50: f64,
    pub p95: f64,
    pub theirs_p50: Option<f64>,
    /// Codes "read".
    pub read: usize,
}

impl Report {
    pub(crate) fn add(&mut self, name: &str, measured: &[Measured]) {
        let mut sets: BTreeMap<&str, Row> = BTreeMap::new();
        let mut total = Row {
            set: "all".to_owned(),
            ..Row::default()
        };
        for one in measured.iter().filter(|one| one.code.is_some()) {
            sets.entry(&one.set).or_default().add(one);
            total.add(one);
        }
        let all = |tries: fn(&Measured) -> Option<&Tries>| -> Option<Vec<&Tries>> {
            measured.iter().map(tries).collect()
        };
        let theirs = all(|one| one.theirs.as_ref());
        let difference = |read: fn(&Tries) -> bool| {
            let gains = measured.iter().filter(|one| one.code.is_some()).map(|one| {
                let theirs = one.theirs.as_ref()?;
                Some(f64::from(
                    i8::from(read(&one.ours)) - i8::from(read(theirs)),
                ))
            });
            Some(Difference::of(&gains.collect::<Option<Vec<f64>>>()?))
        };
        let named = sets.into_iter().map(|(set, row)| Row {
            set: set.to_owned(),
            ..row
        });
        self.collections.push(Collection {
            name: name.to_owned(),
            sets: named.collect(),
            total,
            ours: Times::of(&all(|one| Some(&one.ours)).unwrap_or_default()),
            theirs: theirs.as_deref().map(Times::of),
            wrong: measured.iter().flat_map(Wrong::all).collect(),
            theirs_wrong: theirs.map(|all| all.iter().map(|tries| tries.wrong.len()).sum()),
            only_theirs: measured.iter().filter_map(only_theirs).collect(),
            first_difference: difference(|tries| tries.first),
            twelve_difference: difference(|tries| tries.twelve),
        });
    }

    /// Whether everything is as promised.
    pub(crate) fn holds(&self) -> bool {
        let mut empty = self.empty.iter();
        let quick =
            empty.all(|empty| empty.read == 0 && (!empty.is_720() || empty.p50 <= EMPTY_MS));
        quick && self.collections.iter().all(Collection::holds)
    }
}

impl Collection {
    fn holds(&self) -> bool {
        let times = &self.ours;
        let as_quick = self
            .theirs
            .as_ref()
            .is_none_or(|theirs| times.p50 <= TIMES * theirs.p50);
        let better = self.first_difference.is_none_or(|gain| gain.points >= 0.0);
        times.first_p95 <= FIRST_P95_MS
            && times.p999 <= P999_MS
            && as_quick
            && better
            && self.wrong.is_empty()
    }
}

impl Wrong {
    fn all(one: &Measured) -> impl Iterator<Item = Self> + '_ {
        one.ours.wrong.iter().map(|read| Self {
            picture: one.name.clone(),
            read: read.clone(),
            expected: one.code.clone().unwrap_or_default(),
        })
    }
}

/// The name of a picture whose first frame zxing-cpp read and Usher did not.
fn only_theirs(one: &Measured) -> Option<String> {
    let theirs = one.theirs.as_ref()?;
    (one.code.is_some() && theirs.first && !one.ours.first).then(|| one.name.clone())
}

impl Empty {
    fn is_720(&self) -> bool {
        self.size.ends_with(" 720")
    }
}

impl Row {
    fn add(&mut self, one: &Measured) {
        self.pictures += 1;
        self.first += usize::from(one.ours.first);
        self.twelve += usize::from(one.ours.twelve);
        if let Some(theirs) = &one.theirs {
            self.theirs_first += usize::from(theirs.first);
            self.theirs_twelve += usize::from(theirs.twelve);
        }
    }
}

impl Times {
    fn of(all: &[&Tries]) -> Self {
        let first: Vec<f64> = all.iter().map(|tries| tries.first_ms).collect();
        let ms: Vec<f64> = all
            .iter()
            .flat_map(|tries| tries.ms.iter().copied())
            .collect();
        Self {
            first_p50: quantile(&first, 0.5),
            first_p95: quantile(&first, 0.95),
            p50: quantile(&ms, 0.5),
            p95: quantile(&ms, 0.95),
            p999: quantile(&ms, 0.999),
        }
    }
}

impl Difference {
    /// The mean of the gains, in points, and where it lies in 95 of 100 draws of as many pictures
    /// (bootstrap with a fixed seed).
    fn of(gains: &[f64]) -> Self {
        let mean = |sum: f64| 100.0 * sum / gains.len().max(1) as f64;
        let mut rng = Rng::with_seed(95);
        let draws: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let draw = (0..gains.len()).filter_map(|_| gains.get(rng.usize(..gains.len())));
                mean(draw.sum())
            })
            .collect();
        Self {
            points: mean(gains.iter().sum()),
            low: quantile(&draws, 0.025),
            high: quantile(&draws, 0.975),
        }
    }
}

/// The value that a share of all do not exceed.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((share * last as f64).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for collection in &self.collections {
            writeln!(f, "{collection}")?;
        }
        writeln!(
            f,
            "empty frames: ms p50, p95; zxing-cpp p50; codes \"read\""
        )?;
        for empty in &self.empty {
            let theirs = empty
                .theirs_p50
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"));
            writeln!(
                f,
                "  {:<12} {:>6.1} {:>6.1} {theirs:>6} {:>3}",
                empty.size, empty.p50, empty.p95, empty.read
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let compared = self.theirs.is_some();
        writeln!(
            f,
            "{}: read on the first frame, over 12 frames (zxing-cpp behind)",
            self.name
        )?;
        for row in self.sets.iter().chain([&self.total]) {
            let share = |read: usize| 100.0 * read as f64 / row.pictures.max(1) as f64;
            write!(
                f,
                "  {:<26} {:>4} pictures {:>6.1} % {:>6.1} %",
                row.set,
                row.pictures,
                share(row.first),
                share(row.twelve)
            )?;
            if compared {
                let (first, twelve) = (share(row.theirs_first), share(row.theirs_twelve));
                write!(f, "   ({first:>5.1} % {twelve:>5.1} %)")?;
            }
            writeln!(f)?;
        }
        for (name, gain) in [
            ("first", self.first_difference),
            ("12", self.twelve_difference),
        ] {
            if let Some(Difference { points, low, high }) = gain {
                writeln!(
                    f,
                    "  difference, {name}: {points:+.1} points [{low:+.1}, {high:+.1}]"
                )?;
            }
        }
        let times = |name: &str, times: &Times, f: &mut fmt::Formatter<'_>| {
            writeln!(
                f,
                "  {name:<10} ms: first p50 {:.1}, p95 {:.1}; frame p50 {:.1}, p95 {:.1}, p99.9 {:.1}",
                times.first_p50, times.first_p95, times.p50, times.p95, times.p999
            )
        };
        times("usher", &self.ours, f)?;
        if let Some(theirs) = &self.theirs {
            times("zxing-cpp", theirs, f)?;
        }
        for picture in &self.only_theirs {
            writeln!(f, "  only zxing-cpp read the first frame of {picture}")?;
        }
        write!(f, "  wrong texts: {}", self.wrong.len())?;
        match self.theirs_wrong {
            Some(theirs) => writeln!(f, " (zxing-cpp {theirs})")?,
            None => writeln!(f)?,
        }
        for Wrong {
            picture,
            read,
            expected,
        } in &self.wrong
        {
            writeln!(f, "    {picture}: read {read:?}, expected {expected:?}")?;
        }
        Ok(())
    }
}
