//! What stands against one device: pure, from what it told and what it should hold.

use super::words;
use crate::service::devices::{DeviceStatus, Held};
use usher_domain::api::access::{Device, DeviceState};
use usher_domain::api::readiness::{Finding, Weight};
use usher_domain::hash::Hash;
use usher_domain::protocol::claim::PROOF_MS;
use usher_domain::table::{TableId, Version};
use usher_domain::time::UnixMillis;

/// A device of which nothing was heard for longer may be switched off.
const HEARD_WITHIN_MS: u64 = 30_000;
/// Times of entry and stamps are right to this.
const CLOCK_MS: u64 = 2_000;
/// Room for the records of many sessions, and for a ticket set while it is swapped.
const STORAGE_BYTES: u64 = 200_000_000;

/// A table that a device must hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Which.
    pub(super) table: TableId,
    /// Its newest version.
    pub(super) version: Version,
    /// The digest of its rows.
    pub(super) digest: Hash,
    /// When that version was sealed.
    pub(super) sealed_at: UnixMillis,
}

impl Wanted {
    /// Whether a device that holds this version of the roster only had no time to take the next one: it asks every
    /// few seconds, and moving any device makes a new one. Whoever is further behind had. Of tickets every version
    /// counts.
    fn is_just_sealed_after(&self, held: Version, now: UnixMillis) -> bool {
        let is_roster = matches!(self.table, TableId::Roster(_));
        let is_next = held.epoch == self.version.epoch
            && held.number.checked_add(1) == Some(self.version.number);
        is_roster && is_next && now.since(self.sealed_at) <= PROOF_MS
    }
}

/// Whether something found should keep the doors closed.
pub(super) fn blocks(findings: &[Finding]) -> bool {
    let mut all = findings.iter();
    all.any(|finding| finding.weight == Weight::Blocks)
}

/// What stands against a device. `status` is what it last told, `trust` the version of the trust document
/// in force.
pub(super) fn judge(
    device: &Device,
    status: Option<&DeviceStatus>,
    wanted: &[Wanted],
    trust: Option<&str>,
    now: UnixMillis,
) -> Vec<Finding> {
    if device.state == DeviceState::Waiting {
        return vec![words::waiting(device)];
    }
    let Some(status) = status else {
        return vec![words::never_heard()];
    };
    let mut findings = Vec::new();
    findings.extend(device.copied.map(|since| words::copied(device, since)));
    let silent_ms = now.since(status.seen);
    if silent_ms > HEARD_WITHIN_MS {
        findings.push(words::silent(silent_ms));
    } else if silent_ms > PROOF_MS {
        findings.push(words::silent_a_while(silent_ms));
    }
    findings.extend(
        wanted
            .iter()
            .filter_map(|wanted| of_table(status, wanted, now)),
    );
    findings.extend(of_trust(status, trust));
    findings.extend(match status.clock_offset_ms {
        None => Some(words::clock_unproved()),
        Some(ms) if ms.unsigned_abs() > CLOCK_MS => Some(words::clock_off(ms)),
        Some(_) => None,
    });
    findings.extend(match status.storage_left {
        None => Some(words::storage_unknown()),
        Some(bytes) if bytes < STORAGE_BYTES => Some(words::storage_low(bytes, STORAGE_BYTES)),
        Some(_) => None,
    });
    let unsent = status.unsent.filter(|records| *records > 0);
    findings.extend(unsent.map(words::unsent));
    let program = status.program.as_deref().unwrap_or("unknown");
    if program != env!("CARGO_PKG_VERSION") {
        findings.push(words::other_program(program));
    }
    findings
}

fn of_table(status: &DeviceStatus, wanted: &Wanted, now: UnixMillis) -> Option<Finding> {
    let name = wanted.table.to_string();
    let word = words::table(wanted.table);
    let mut held = status.holds.iter().flatten();
    let Some(Held {
        version, digest, ..
    }) = held.find(|held| held.table == name)
    else {
        return Some(words::table_missing(word));
    };
    let Ok(version) = version.parse::<Version>() else {
        return Some(words::table_missing(word));
    };
    if wanted.is_just_sealed_after(version, now) {
        return None;
    }
    if version < wanted.version {
        return Some(words::table_behind(word, version, wanted.version));
    }
    match digest {
        None => Some(words::table_unproved(word)),
        Some(digest) if version > wanted.version || *digest != wanted.digest.to_string() => {
            Some(words::table_differs(word, version, wanted.version))
        }
        Some(_) => None,
    }
}

/// Whether a version is newer than another one.
fn is_newer(version: &str, other: &str) -> bool {
    version.parse::<Version>().ok() > other.parse::<Version>().ok()
}

fn of_trust(status: &DeviceStatus, trust: Option<&str>) -> Option<Finding> {
    match (&status.trust, trust) {
        (_, None) => None,
        (Some(held), Some(newest)) if held == newest => None,
        (Some(held), Some(newest)) if is_newer(held, newest) => {
            Some(words::trust_ahead(held, newest))
        }
        (held, Some(newest)) => Some(words::trust_behind(held.as_deref(), newest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::duty::Runs;

    use usher_domain::api::readiness::FindingKind::{self, *};
    use usher_domain::ids::{DeviceId, OrganizerId, SessionId};
    use usher_domain::table::rows::DeviceRole;

    const NOW: UnixMillis = UnixMillis::new(1_824_897_600_000);

    fn north(state: DeviceState) -> Device {
        Device {
            id: DeviceId::from_bytes([7; 16]),
            name: "north".to_owned(),
            role: DeviceRole::Gate,
            gate: None,
            gate_slug: None,
            state,
            digits: None,
            seen: None,
            clock_offset_ms: None,
            unsent: None,
            program: None,
            storage_left: None,
            duty: None,
            copied: None,
            retired: false,
        }
    }

    fn set() -> Wanted {
        Wanted {
            table: TableId::Set(SessionId::from_bytes([1; 16])),
            version: Version {
                epoch: 1,
                number: 7,
            },
            digest: Hash::of(&[b"rows"]),
            sealed_at: NOW.shifted(-60_000),
        }
    }

    fn good() -> DeviceStatus {
        DeviceStatus {
            seen: NOW.shifted(-15_000),
            clock_offset_ms: Some(-2_000),
            unsent: Some(0),
            program: Some(env!("CARGO_PKG_VERSION").to_owned()),
            storage_left: Some(STORAGE_BYTES),
            holds: Some(vec![Held {
                table: set().table.to_string(),
                version: "1.7".to_owned(),
                digest: Some(set().digest.to_string()),
            }]),
            trust: Some("1.1".to_owned()),
            runs: Runs::default(),
        }
    }

    fn found(status: &DeviceStatus) -> Vec<FindingKind> {
        let device = north(DeviceState::Active);
        let findings = judge(&device, Some(status), &[set()], Some("1.1"), NOW);
        findings.iter().map(|finding| finding.what).collect()
    }

    fn with(change: impl FnOnce(&mut DeviceStatus)) -> Vec<FindingKind> {
        let mut status = good();
        change(&mut status);
        found(&status)
    }

    fn holding(version: &str, digest: Option<Hash>) -> Vec<FindingKind> {
        with(|status| {
            status.holds = Some(vec![Held {
                table: set().table.to_string(),
                version: version.to_owned(),
                digest: digest.map(|digest| digest.to_string()),
            }]);
        })
    }

    fn judge_trust(held: &str) -> Finding {
        let status = DeviceStatus {
            trust: Some(held.to_owned()),
            ..good()
        };
        of_trust(&status, Some("1.1")).unwrap()
    }

    #[test]
    fn a_device_at_every_limit_is_ready() {
        assert_eq!(found(&good()), []);
    }

    #[test]
    fn whatever_is_past_its_limit_is_found() {
        assert_eq!(with(|s| s.seen = NOW.shifted(-15_001)), [Silent]);
        assert_eq!(with(|s| s.seen = NOW.shifted(-30_001)), [Silent]);
        assert_eq!(with(|s| s.clock_offset_ms = Some(2_001)), [ClockOff]);
        assert_eq!(with(|s| s.clock_offset_ms = Some(-2_001)), [ClockOff]);
        assert_eq!(with(|s| s.clock_offset_ms = None), [ClockUnproved]);
        assert_eq!(with(|s| s.storage_left = Some(199_999_999)), [StorageLow]);
        assert_eq!(with(|s| s.unsent = Some(1)), [Unsent]);
        assert_eq!(with(|s| s.trust = Some("1.0".to_owned())), [TrustBehind]);
        assert_eq!(with(|s| s.trust = None), [TrustBehind]);
        let newer = judge_trust("1.10");
        assert!(
            newer.detail.contains("this server has only 1.1"),
            "{newer:?}"
        );
        assert_eq!(with(|s| s.program = None), [OtherProgram]);
        assert_eq!(with(|s| s.holds = None), [TableMissing]);
    }

    #[test]
    fn a_table_is_proved_by_version_and_digest() {
        let rows = Some(set().digest);
        assert_eq!(holding("1.6", rows), [TableBehind]);
        assert_eq!(holding("0.9", rows), [TableBehind]);
        assert_eq!(holding("1.7", None), [TableUnproved]);
        assert_eq!(holding("1.7", Some(Hash::ZERO)), [TableDiffers]);
        assert_eq!(holding("1.8", rows), [TableDiffers]);
    }

    #[test]
    fn a_roster_sealed_a_moment_ago_need_not_be_there_yet() {
        let sealed = |table: TableId, ms: i64, number: u64| {
            let mut wanted = set();
            wanted.table = table;
            wanted.version.number = number;
            wanted.sealed_at = NOW.shifted(-ms);
            let mut status = good();
            for held in status.holds.iter_mut().flatten() {
                held.table = table.to_string();
            }
            let device = north(DeviceState::Active);
            let findings = judge(&device, Some(&status), &[wanted], Some("1.1"), NOW);
            let found = findings.iter().map(|finding| finding.what);
            found.collect::<Vec<_>>()
        };
        let roster = TableId::Roster(OrganizerId::from_bytes([3; 16]));
        assert_eq!(sealed(roster, 15_000, 8), []);
        assert_eq!(sealed(roster, 15_001, 8), [TableBehind]);
        // Whoever lacks the one before as well had the time to take it.
        assert_eq!(sealed(roster, 100, 9), [TableBehind]);
        assert_eq!(sealed(set().table, 100, 8), [TableBehind]);
    }

    #[test]
    fn a_copied_device_is_not_ready() {
        let mut device = north(DeviceState::Active);
        device.copied = Some(jiff::Timestamp::UNIX_EPOCH);
        let findings = judge(&device, Some(&good()), &[set()], Some("1.1"), NOW);
        assert_eq!(findings.first().map(|finding| finding.what), Some(Copied));
        assert!(blocks(&findings));
    }

    #[test]
    fn what_a_device_that_is_not_there_holds_does_not_matter() {
        let waiting = judge(&north(DeviceState::Waiting), None, &[set()], None, NOW);
        let unheard = judge(&north(DeviceState::Active), None, &[set()], None, NOW);
        let kinds: Vec<_> = [waiting, unheard].concat();
        let kinds: Vec<_> = kinds.iter().map(|finding| finding.what).collect();
        assert_eq!(kinds, [Waiting, NeverHeard]);
    }

    #[test]
    fn remarks_keep_no_doors_closed() {
        let mut status = good();
        (status.program, status.storage_left) = (Some("0.0.1".to_owned()), None);
        status.seen = NOW.shifted(-30_000);
        let device = north(DeviceState::Active);
        let findings = judge(&device, Some(&status), &[set()], Some("1.1"), NOW);
        assert_eq!(findings.len(), 3);
        assert!(!blocks(&findings));
    }
}
