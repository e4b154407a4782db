//! How a command ends, as scripts see it.

use std::process::ExitCode;
use usher_domain::record::Outcome;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything went well; of a scan: admit.
    Done,
    /// A scan was refused.
    Refused,
    /// A scan was referred to a supervisor.
    Referred,
    /// Not everything is ready.
    NotReady,
    /// It failed.
    Failed,
    /// The command line was wrong, and nothing was done.
    Misused,
}

impl Exit {
    /// All ways to end, by the number that the shell sees.
    pub const ALL: [Self; 6] = [
        Self::Done,
        Self::Failed,
        Self::Misused,
        Self::Refused,
        Self::Referred,
        Self::NotReady,
    ];

    /// What it means, for people.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done; of a scan: admitted",
            Self::Failed => "failed: the error says why, with a code that stays the same",
            Self::Misused => "the command line is wrong, and nothing was done",
            Self::Refused => "a scan was refused",
            Self::Referred => "a scan was referred to a supervisor",
            Self::NotReady => "`usher readiness`: not everything is ready",
        }
    }

    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Misused => 2,
            Self::Refused => 10,
            Self::Referred => 11,
            Self::NotReady => 12,
        }
    }

    /// The worse of two: a failure before a referral, that before a refusal, that before an admission.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        self.max(other)
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Admit => Self::Done,
            Outcome::Refuse => Self::Refused,
            Outcome::Refer => Self::Referred,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_scans_the_worst_counts() {
        let all = [Outcome::Admit, Outcome::Refer, Outcome::Refuse];
        let worst = all.map(Exit::from).into_iter().reduce(Exit::worse);
        assert_eq!(worst.map(Exit::code), Some(11));
        assert_eq!(Exit::Refused.worse(Exit::Done).code(), 10);
        assert_eq!(Exit::Referred.worse(Exit::Failed).code(), 1);
    }
}
