//! What was found, in sentences for the person who opens the doors, each with what to do about it.

use jiff::Timestamp;
use usher_domain::api::access::Device;
use usher_domain::api::readiness::{Finding, FindingKind, Weight};
use usher_domain::api::venue::TicketType;
use usher_domain::table::{TableId, Version};

const BRING_IN_STEP: &str = "bring it online and let it sync: usher sync";

fn blocking(what: FindingKind, detail: String, advice: impl Into<String>) -> Finding {
    Finding {
        what,
        weight: Weight::Blocks,
        detail,
        advice: advice.into(),
    }
}

fn remark(what: FindingKind, detail: String, advice: impl Into<String>) -> Finding {
    Finding {
        weight: Weight::Remark,
        ..blocking(what, detail, advice)
    }
}

/// A table as people call it.
pub(super) const fn table(table: TableId) -> &'static str {
    match table {
        TableId::Set(_) => "ticket set",
        TableId::Roster(_) => "list of devices and staff",
        TableId::Directory(_) => "directory of names",
    }
}

/// A span of time as people say it.
fn span(ms: u64) -> String {
    match ms / 1_000 {
        0..2 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        seconds @ 2..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

pub(super) fn no_devices() -> Finding {
    blocking(
        FindingKind::NoDevices,
        "no device stands at a gate".to_owned(),
        "enroll one: usher enrollment create --gate GATE",
    )
}

pub(super) fn no_set() -> Finding {
    blocking(
        FindingKind::NoSet,
        "the ticket set was never signed".to_owned(),
        "hand in a trust document: usher organizer trust",
    )
}

pub(super) fn types_not_allowed(event: &str, types: &[&TicketType]) -> Finding {
    let names: Vec<String> = types
        .iter()
        .map(|kind| format!("“{}”", kind.name))
        .collect();
    let slug = types.first().map_or("TYPE", |kind| &kind.slug);
    remark(
        FindingKind::TypesNotAllowed,
        format!(
            "new ticket types open no zone, for nobody said which: {}",
            names.join(", ")
        ),
        format!(
            "if one may go everywhere: usher type allow {event}/{slug}; else name its zones in the session's rules"
        ),
    )
}

pub(super) fn not_sealed() -> Finding {
    blocking(
        FindingKind::NotSealed,
        "changes wait to be signed, and no device has them".to_owned(),
        "ask again in a moment; if it stays, see the server's log: the keys may have run out",
    )
}

pub(super) fn counts_differ(counted: u64, told: u64) -> Finding {
    blocking(
        FindingKind::CountsDiffer,
        format!(
            "the signed list counts {told} tickets, the server holds {counted}, or other states of them"
        ),
        "do not open with it: restore the server from its backup",
    )
}

pub(super) fn set_expires() -> Finding {
    remark(
        FindingKind::SetExpires,
        "the ticket set's signature ends before the session does".to_owned(),
        "keep the server running until the day before, so that it signs anew",
    )
}

pub(super) fn too_early(from: Timestamp) -> Finding {
    blocking(
        FindingKind::TooEarly,
        format!("devices are given this session from {from} on"),
        "ask again then",
    )
}

pub(super) fn waiting(device: &Device) -> Finding {
    let digits = device.digits.as_deref().unwrap_or("DIGITS");
    blocking(
        FindingKind::Waiting,
        "it waits to be confirmed".to_owned(),
        format!(
            "if its screen shows {digits}: usher device confirm {} {digits}",
            device.id
        ),
    )
}

pub(super) fn never_heard() -> Finding {
    blocking(
        FindingKind::NeverHeard,
        "it was never heard of since it enrolled".to_owned(),
        BRING_IN_STEP,
    )
}

pub(super) fn copied(device: &Device, since: Timestamp) -> Finding {
    blocking(
        FindingKind::Copied,
        format!(
            "its folder is in use twice, as is known since {since}: nobody can tell what it admits"
        ),
        format!(
            "find both programs, enroll each anew with a code of its own, then: usher device revoke {}",
            device.name
        ),
    )
}

pub(super) fn silent(ms: u64) -> Finding {
    blocking(
        FindingKind::Silent,
        format!("it was last heard of {} ago", span(ms)),
        "switch it on and let it sync: usher sync",
    )
}

/// For longer than its proofs last, but maybe only between two signs of life.
pub(super) fn silent_a_while(ms: u64) -> Finding {
    remark(
        FindingKind::Silent,
        format!(
            "silent for {}: what is scanned now is confirmed except for it",
            span(ms)
        ),
        "see that its program runs and has a network",
    )
}

pub(super) fn table_missing(table: &str) -> Finding {
    blocking(
        FindingKind::TableMissing,
        format!("it does not hold the {table}"),
        BRING_IN_STEP,
    )
}

pub(super) fn table_behind(table: &str, held: Version, newest: Version) -> Finding {
    blocking(
        FindingKind::TableBehind,
        format!("its {table} is version {held}, the newest is {newest}"),
        BRING_IN_STEP,
    )
}

pub(super) fn table_differs(table: &str, held: Version, newest: Version) -> Finding {
    let detail = if held == newest {
        format!("its {table} has other rows than version {newest} has")
    } else {
        format!("its {table} is version {held}, and this server made none above {newest}")
    };
    let advice = if held == newest {
        "mend it: usher doctor repair"
    } else {
        "were the server's files put back from a backup? Stop it and run usher restore --in-place, before \
         anything else"
    };
    blocking(FindingKind::TableDiffers, detail, advice)
}

pub(super) fn table_unproved(table: &str) -> Finding {
    blocking(
        FindingKind::TableUnproved,
        format!("it does not say which rows of the {table} it holds"),
        "bring its program up to date",
    )
}

pub(super) fn trust_behind(held: Option<&str>, newest: &str) -> Finding {
    let detail = match held {
        Some(held) => format!("it goes by trust document {held}, the newest is {newest}"),
        None => format!("it does not say by which trust document it goes; the newest is {newest}"),
    };
    blocking(FindingKind::TrustBehind, detail, BRING_IN_STEP)
}

pub(super) fn trust_ahead(held: &str, newest: &str) -> Finding {
    blocking(
        FindingKind::TrustBehind,
        format!("it goes by trust document {held}, and this server has only {newest}"),
        "give the server the newest one: usher organizer renew",
    )
}

pub(super) fn clock_unproved() -> Finding {
    blocking(
        FindingKind::ClockUnproved,
        "its clock was not compared with the server's".to_owned(),
        "let it sync once more over a connection that proves the server",
    )
}

/// `ms` is the server's time minus the device's.
pub(super) fn clock_off(ms: i64) -> Finding {
    let side = if ms > 0 { "behind" } else { "ahead of" };
    blocking(
        FindingKind::ClockOff,
        format!(
            "its clock is {} {side} the server's",
            span(ms.unsigned_abs())
        ),
        "set its clock right, and let it sync",
    )
}

/// Megabytes, as disks are sold.
const fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

pub(super) fn storage_low(left: u64, needed: u64) -> Finding {
    blocking(
        FindingKind::StorageLow,
        format!(
            "its disk has {} MB left, and {} are needed",
            megabytes(left),
            megabytes(needed)
        ),
        "free some of its disk",
    )
}

pub(super) fn storage_unknown() -> Finding {
    remark(
        FindingKind::StorageUnknown,
        "it does not say how much room its disk has".to_owned(),
        "look at it yourself",
    )
}

pub(super) fn unsent(records: u64) -> Finding {
    blocking(
        FindingKind::Unsent,
        format!("it has {records} records that the server lacks"),
        BRING_IN_STEP,
    )
}

pub(super) fn other_program(theirs: &str) -> Finding {
    remark(
        FindingKind::OtherProgram,
        format!(
            "its program is version {theirs}, the server's is {}",
            env!("CARGO_PKG_VERSION")
        ),
        "bring both to the same version when there is time",
    )
}
