//! Verdicts as sentences, the same on every shell.

use crate::gate::Evidence;
use usher_domain::table::rows::CancelReason;
use usher_domain::verdict::{AdmitWhy, Caution, Referral, Refusal, Verdict};

/// The verdict in words, with the evidence.
pub(super) fn sentence(verdict: &Verdict, evidence: Option<&Evidence>) -> String {
    let words = match verdict {
        Verdict::Admit(admit) => admitted(&admit.why).to_owned(),
        Verdict::Refuse(refusal) => refused(refusal),
        Verdict::Refer(referral) => referred(referral),
    };
    match evidence {
        Some(evidence) => format!("{words}{}", earlier(evidence)),
        None => words,
    }
}

fn admitted(why: &AdmitWhy) -> &'static str {
    match why {
        AdmitWhy::Listed => "Admitted",
        AdmitWhy::UnknownSigned => "Admitted: genuine, but newer than this device's ticket set",
        AdmitWhy::BackAfterEveryoneOut => "Admitted again after everyone was sent out",
        AdmitWhy::Override => "Admitted by a supervisor",
        AdmitWhy::FreeFlow => "The gate is open: counted, not checked",
        AdmitWhy::Exit => "Left",
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Malformed => "The code is damaged or incomplete".to_owned(),
        Refusal::Forged => "The code is not genuine".to_owned(),
        Refusal::Unknown => "No such ticket".to_owned(),
        Refusal::WrongEvent { right } => match right {
            Some(right) => format!("A ticket for another event: {right}"),
            None => "A ticket for another event".to_owned(),
        },
        Refusal::WrongSession { right } => {
            let names: Vec<_> = right.iter().map(|(_, name)| name.as_str()).collect();
            listed("A ticket for another session", &names)
        }
        Refusal::Superseded { valid, .. } => {
            format!("Replaced by a newer ticket (issue {valid})")
        }
        Refusal::Cancelled { reason } => format!("Cancelled: {}", cancelled(*reason)),
        Refusal::Blocked => "Held back: see the box office".to_owned(),
        Refusal::NotYetValid { .. } => "Too early".to_owned(),
        Refusal::NoLongerValid { .. } => "No longer valid".to_owned(),
        Refusal::WrongZone { gates } => {
            let names: Vec<_> = gates.iter().map(String::as_str).collect();
            listed("Another entrance", &names)
        }
        Refusal::AlreadyInside(_) => "Already inside".to_owned(),
        Refusal::ExitRequired(_) => "Must leave through an exit scan first".to_owned(),
        Refusal::EntriesUsedUp { allowed, .. } => format!("All entries used ({allowed})"),
        Refusal::NotInside => "Nobody is inside with this ticket".to_owned(),
        Refusal::Full { inside, .. } => format!("The zone is full ({inside} inside)"),
    }
}

const fn cancelled(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Refunded => "refunded",
        CancelReason::Exchanged => "exchanged",
        CancelReason::ChargedBack => "the payment was charged back",
        CancelReason::Mistake => "issued by mistake",
        CancelReason::Withdrawn => "withdrawn",
        CancelReason::Other => "no reason given",
    }
}

fn referred(referral: &Referral) -> String {
    match referral {
        Referral::Instruction { texts } => format!("Check first: {}", texts.join("; ")),
        Referral::ClockUnproved { refusal } => format!(
            "This device's clock is not certain; by it: {}",
            refused(refusal)
        ),
        Referral::Isolated { .. } => "No network: ask a supervisor".to_owned(),
        Referral::NotHome { .. } => "No network, and this ticket's device is another".to_owned(),
        Referral::StaleSet { .. } => "The ticket set is old: ask a supervisor".to_owned(),
        Referral::UnknownSigned => "Genuine, but not in this device's ticket set".to_owned(),
        Referral::RevokedKey => "Signed by a withdrawn key".to_owned(),
        Referral::DeviceTrouble { code } => format!("This device cannot decide ({code})"),
        Referral::NoSession => "No session is being served".to_owned(),
    }
}

fn listed(words: &str, names: &[&str]) -> String {
    if names.is_empty() {
        words.to_owned()
    } else {
        format!("{words}: {}", names.join(", "))
    }
}

fn earlier(evidence: &Evidence) -> String {
    let place = match (evidence.here, &evidence.gate, &evidence.device) {
        (true, ..) => " here".to_owned(),
        (false, Some(gate), _) => format!(" at {gate}"),
        (false, None, Some(device)) => format!(" at {device}"),
        (false, None, None) => String::new(),
    };
    format!(", scanned{place} {} ago", span(evidence.ago_ms))
}

/// A span of time in its two largest units.
pub(super) fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// What the operator should know although the answer is yes.
pub(super) fn cautions(verdict: &Verdict) -> Vec<String> {
    let Verdict::Admit(admit) = verdict else {
        return Vec::new();
    };
    admit.cautions.iter().map(caution).collect()
}

fn caution(caution: &Caution) -> String {
    match caution {
        Caution::Isolated { .. } => "no network: other gates' scans are unknown".to_owned(),
        Caution::StaleSet { .. } => "the ticket set is old".to_owned(),
        Caution::ExpiredSet { .. } => "the ticket set has expired".to_owned(),
        Caution::ClockUnproved => "this device's clock is not certain".to_owned(),
        Caution::OverCapacity { inside, .. } => format!("the zone is full ({inside} inside)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_names_its_two_largest_units() {
        let spans = [999, 59_999, 61_000, 3_661_000, 90_000_000].map(span);
        assert_eq!(spans, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }
}
