//! Everything that a caller has only so much of, in one list: `docs/limits.md` is made of it, and of what each
//! request may hold (`http`).

use crate::config::Limits;
use crate::http::{
    FRESH_MS, LARGE_BODIES_PER_CALLER, ROOM_WITHIN, SMALL_BODIES_BYTES, SMALL_BODY_BYTES,
};
use crate::listen::{HANDSHAKE_WITHIN, HEAD_BYTES_MAX, HEAD_WITHIN, HEADERS_MAX, READ_WITHIN};
use crate::service::{PAGE_MAX, TICKETS_PAGE_MAX, USES_MAX};
use usher_domain::protocol::claim::CLAIM_UNSENT_MAX;
use usher_domain::protocol::live::{EVENT_BYTES_MAX, PLACES_MAX, TOLD_BYTES_MAX};
use usher_domain::protocol::{BATCH_RECORDS_MAX, FEED_PAGE_MAX, HEADS_MAX, TABLES_MAX};

/// What a limit is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// Connections, before anybody asked for anything.
    Connections,
    /// Requests in a time.
    Requests,
    /// Memory.
    Memory,
    /// Lists within requests and answers.
    Lists,
    /// The disk.
    Disk,
}

impl Of {
    /// All, in the order of the document.
    pub const ALL: [Self; 5] = [
        Self::Connections,
        Self::Requests,
        Self::Memory,
        Self::Lists,
        Self::Disk,
    ];

    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Connections => "Connections",
            Self::Requests => "Requests in a time",
            Self::Memory => "Memory",
            Self::Lists => "Lists",
            Self::Disk => "Disk",
        }
    }
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What it is of.
    pub of: Of,
    /// What is limited.
    pub what: &'static str,
    /// How much there may be, with its unit.
    pub most: String,
    /// The setting below `[limits]`, where there is one.
    pub setting: Option<&'static str>,
    /// What happens beyond it.
    pub beyond: &'static str,
}

/// A number with a blank between thousands.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(' ');
        }
        shown.push(digit);
    }
    shown
}

/// Bytes in the largest unit that fits.
#[must_use]
pub fn bytes(value: usize) -> String {
    let value = value as u64;
    if value >= 1 << 20 && value.is_multiple_of(1 << 20) {
        format!("{} MiB", number(value >> 20))
    } else if value.is_multiple_of(1_024) && value > 0 {
        format!("{} KiB", number(value >> 10))
    } else {
        format!("{} bytes", number(value))
    }
}

/// The limits of a server.
#[must_use]
pub fn list(limits: &Limits) -> Vec<Limit> {
    let mut all = connections(limits);
    all.extend(requests(limits));
    all.extend(memory(limits));
    all.extend(lists());
    all.push(Limit {
        of: Of::Disk,
        what: "records that one device writes",
        most: format!(
            "{} in an hour",
            bytes(usize::try_from(limits.device_bytes_per_hour).unwrap_or(usize::MAX))
        ),
        setting: Some("device_bytes_per_hour"),
        beyond: "`rate_limited` with `Retry-After`: nothing is stored or acknowledged, and a person is told",
    });
    all
}

fn connections(limits: &Limits) -> Vec<Limit> {
    let of = |what, most: String, setting, beyond| Limit {
        of: Of::Connections,
        what,
        most,
        setting,
        beyond,
    };
    let oldest = "the oldest of them is ended";
    vec![
        of(
            "connections",
            number(limits.connections as u64),
            Some("connections"),
            "the oldest on which nobody proved who asks is ended, else the new one is refused; fewer \
             where the system allows fewer open files",
        ),
        of(
            "connections of one address (of IPv6: one network of 64 bits) on which nobody proved who asks",
            format!(
                "{}, at most half of all",
                number(limits.strangers_per_address as u64)
            ),
            Some("strangers_per_address"),
            oldest,
        ),
        of(
            "connections of one device or token",
            number(limits.connections_per_caller as u64),
            Some("connections_per_caller"),
            oldest,
        ),
        of(
            "time to agree on the keys of TLS",
            format!("{} s", HANDSHAKE_WITHIN.as_secs()),
            None,
            "the connection is ended",
        ),
        of(
            "time to send the head of a request, and to be idle",
            format!("{} s", HEAD_WITHIN.as_secs()),
            None,
            "the connection is ended",
        ),
        of(
            "time in which nothing of an answer is read",
            format!("{} s", READ_WITHIN.as_secs()),
            None,
            "the connection is ended",
        ),
        of(
            "head of a request",
            format!("{}, {HEADERS_MAX} headers", bytes(HEAD_BYTES_MAX)),
            None,
            "431",
        ),
    ]
}

fn requests(limits: &Limits) -> Vec<Limit> {
    let of = |what, most: String, setting, beyond| Limit {
        of: Of::Requests,
        what,
        most,
        setting: Some(setting),
        beyond,
    };
    let later = "`rate_limited` with `Retry-After`";
    vec![
        of(
            "requests of one device; each 64 KiB of a body count as one more",
            format!(
                "{} in a minute",
                number(limits.device_per_minute.get().into())
            ),
            "device_per_minute",
            later,
        ),
        of(
            "claims of one device, beside its other requests",
            format!(
                "{} in a minute",
                number(limits.device_per_minute.get().into())
            ),
            "device_per_minute",
            later,
        ),
        of(
            "requests of one token; each 64 KiB of a body count as one more",
            format!(
                "{} in a minute",
                number(limits.token_per_minute.get().into())
            ),
            "token_per_minute",
            later,
        ),
        of(
            "failures to prove who asks, of one address",
            format!(
                "{} in a minute",
                number(limits.failed_sign_ins_per_minute.get().into())
            ),
            "failed_sign_ins_per_minute",
            "`rate_limited` in place of the reason; what proves who asks is heard all the same",
        ),
        of(
            "devices that listen to the live feed",
            number(limits.live_listeners as u64),
            "live_listeners",
            "`unavailable`: the device asks every few seconds",
        ),
    ]
}

fn memory(limits: &Limits) -> Vec<Limit> {
    let of = |what, most: String, setting, beyond| Limit {
        of: Of::Memory,
        what,
        most,
        setting,
        beyond,
    };
    vec![
        of(
            "bodies above 16 KiB that are in memory at once",
            bytes(limits.bodies_bytes),
            Some("bodies_bytes"),
            "the body waits, then `unavailable`",
        ),
        of(
            "such bodies of one caller",
            number(LARGE_BODIES_PER_CALLER as u64),
            None,
            "`rate_limited`",
        ),
        of(
            "smaller bodies that are in memory at once",
            format!(
                "{} of {} each",
                bytes(SMALL_BODIES_BYTES),
                bytes(SMALL_BODY_BYTES)
            ),
            None,
            "the body waits, then `unavailable`",
        ),
        of(
            "time that a body waits for room",
            format!("{} s", ROOM_WITHIN.as_secs()),
            None,
            "`unavailable`",
        ),
        of(
            "age of what `/readyz` and `/metrics` tell",
            format!("{FRESH_MS} ms"),
            None,
            "it is made anew",
        ),
    ]
}

fn lists() -> Vec<Limit> {
    let of = |what, most: usize, beyond| Limit {
        of: Of::Lists,
        what,
        most: number(most as u64),
        setting: None,
        beyond,
    };
    let refused = "`too_large`";
    let fewer = "fewer are answered";
    vec![
        of("records of a batch", BATCH_RECORDS_MAX, refused),
        of("unsent records of a claim", CLAIM_UNSENT_MAX, refused),
        of(
            "heads, and acknowledgements, of a sign of life",
            HEADS_MAX,
            refused,
        ),
        of("tables of a sign of life, each once", TABLES_MAX, refused),
        of(
            "scopes of a request to listen",
            PLACES_MAX,
            "`malformed_request`",
        ),
        of(
            "bytes of an event of the live feed",
            EVENT_BYTES_MAX,
            "it is announced, and asked for",
        ),
        of(
            "bytes of news in an event",
            TOLD_BYTES_MAX,
            "they are announced, and asked for",
        ),
        of(
            "batches of a page of the feed",
            FEED_PAGE_MAX as usize,
            fewer,
        ),
        of("tickets of a page", TICKETS_PAGE_MAX as usize, fewer),
        of("things of a page", PAGE_MAX as usize, fewer),
        of(
            "devices of an enrollment code",
            USES_MAX as usize,
            "`invalid_value`",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_in_groups_and_bytes_in_their_unit() {
        let shown = [1, 999, 1_000, 65_536, 10_000_000].map(number);
        assert_eq!(shown, ["1", "999", "1 000", "65 536", "10 000 000"]);
        let shown = [1, 1_024, 1 << 20, 64 << 20, 1_500].map(bytes);
        assert_eq!(
            shown,
            ["1 bytes", "1 KiB", "1 MiB", "64 MiB", "1 500 bytes"]
        );
    }

    #[test]
    fn every_setting_below_limits_stands_in_the_list_or_bounds_a_request() {
        let named: Vec<&str> = list(&Limits::default())
            .iter()
            .filter_map(|limit| limit.setting)
            .chain(["body_bytes", "import_bytes", "request_s"])
            .collect();
        let variables = crate::config::VARIABLES.iter();
        let settings = variables.filter_map(|(name, _)| name.strip_prefix("USHER_LIMITS_"));
        for setting in settings {
            let setting = setting.to_lowercase();
            assert!(named.contains(&setting.as_str()), "{setting}");
        }
    }
}
